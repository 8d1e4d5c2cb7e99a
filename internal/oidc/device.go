package oidc

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// How devices are let in (RFC 8628).
const (
	deviceLifetime = 10 * time.Minute
	deviceInterval = 5 * time.Second

	// userAlphabet has no vowels, so that no code is a word, and nothing that is read
	// as something else (RFC 8628, section 6.1). 20⁸ are 34 bits, for ten minutes.
	userAlphabet   = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength = 8
)

// Device is what a device is told (RFC 8628, section 3.2).
type Device struct {
	DeviceCode string
	UserCode   string // as people read it, such as BCDF-GHJK
	Lifetime   time.Duration
	Interval   time.Duration
}

// Device begins to let a device in: it shows the user code to somebody, and polls.
func (s *Service) Device(ctx context.Context, c *Client, scope *string) (*Device, error) {
	if err := c.allows(idp.GrantDevice); err != nil {
		return nil, err
	}
	var scopes []string
	if scope != nil {
		asked := ScopesOf(*scope)
		var err error
		if _, scopes, err = s.offered(ctx, c.Provider, asked); err != nil {
			return nil, err
		}
		if len(scopes) == 0 && len(asked) > 0 {
			return nil, Fault(ErrInvalidScope, "None of the scopes asked for is offered to this application.")
		}
	}
	var err error
	for range 3 { // a code that somebody has already is not to be expected, but possible
		key, code := secret.Token(), userCode()
		row := &idp.OAuthDevice{Digest: secret.DigestOf(key).Bytes(), UserCode: s.UserCodeDigest(code), ProviderID: c.Provider.ID, Scopes: scopes, Interval: deviceInterval}
		if err = s.Store.Repos().OAuthRequests.CreateDevice(ctx, row, deviceLifetime); err == nil {
			return &Device{DeviceCode: key, UserCode: code[:4] + "-" + code[4:], Lifetime: deviceLifetime, Interval: deviceInterval}, nil
		}
	}
	return nil, err
}

// userCode draws a code, each letter with the same chance.
func userCode() string {
	const fair = 256 - 256%len(userAlphabet)
	out := make([]byte, 0, userCodeLength)
	for len(out) < userCodeLength {
		var b [1]byte
		rand.Read(b[:])
		if int(b[0]) < fair {
			out = append(out, userAlphabet[int(b[0])%len(userAlphabet)])
		}
	}
	return string(out)
}

// UserCodeDigest is what a user code is found by, however people type it. It is keyed:
// a copy of the database alone does not tell the codes.
func (s *Service) UserCodeDigest(typed string) []byte {
	return s.Sealer.Digest("oauth user code", []byte(plainCode(typed)))
}

// plainCode is what people type without what codes have none of.
func plainCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(userAlphabet, r) {
			return r
		}
		return -1
	}, strings.ToUpper(typed))
}

// poll answers a device that asks whether somebody let it in (RFC 8628, section 3.4).
func (s *Service) poll(ctx context.Context, actor idp.Actor, origin Origin, c *Client, r TokenRequest) (*Tokens, error) {
	if r.DeviceCode == "" {
		return nil, Fault(ErrInvalidRequest, "device_code is missing.")
	}
	var device *idp.OAuthDevice
	var user *idp.User
	if err := s.decide(ctx, func(tx idp.Repos) (refusal, err error) {
		device, err = tx.OAuthRequests.Poll(ctx, secret.DigestOf(r.DeviceCode).Bytes())
		if idp.Is(err, idp.CodeNotFound) {
			return shut(ErrInvalidGrant, idp.DoorDevicePoll, idp.RefusedUnknown), nil
		}
		if err != nil {
			return nil, err
		}
		if refusal := standing(c, device); refusal != nil {
			return refusal, nil
		}
		user, refusal, err = s.judgeDevice(ctx, tx, c, device)
		return refusal, err
	}); err != nil {
		return nil, err
	}
	if err := s.mayUse(ctx, actor, c, user, idp.GrantDevice, device.Scopes); err != nil {
		return nil, err
	}
	o := &order{client: c, user: user, fresh: true, scopes: device.Scopes, refreshed: refreshable(c, device.Scopes), grant: idp.OAuthGrant{
		ID: idp.NewID[idp.OAuthGrant](), ProviderID: c.Provider.ID, ApplicationID: c.Application.ID, UserID: user.ID, Kind: idp.GrantDevice,
		Scopes: device.Scopes, Issuer: origin.Issuer(c), Subject: Subject(c, user), Methods: device.Methods}}
	if device.AuthTime != nil {
		o.grant.AuthTime = *device.AuthTime
	}
	if err := s.mint(ctx, o); err != nil {
		return nil, err
	}
	if err := s.decide(ctx, func(tx idp.Repos) (refusal, err error) {
		used, err := tx.OAuthRequests.UseDevice(ctx, device.ID)
		if err != nil {
			return nil, err
		}
		if !used {
			return shut(ErrInvalidGrant, idp.DoorDevicePoll, idp.RefusedEnded), nil
		}
		u, refusal, err := s.judgeDevice(ctx, tx, c, device)
		if refusal != nil || err != nil {
			return refusal, err
		}
		return nil, s.keep(ctx, tx, o, u)
	}); err != nil {
		return nil, err
	}
	return &o.tokens, nil
}

// standing says how far the device's request has come; nil = somebody let it in.
func standing(c *Client, d *idp.OAuthDevice) error {
	const door = idp.DoorDevicePoll
	switch {
	case d.ProviderID != c.Provider.ID:
		return shut(ErrInvalidGrant, door, idp.RefusedIntent)
	case d.State == idp.DeviceUsed:
		return shut(ErrInvalidGrant, door, idp.RefusedEnded)
	case d.Expired:
		return &Error{Code: ErrExpiredToken, Description: "Nobody let the device in in time. Begin again.", Err: idp.Refuse(door, idp.RefusedExpired)}
	case d.State == idp.DeviceDenied:
		return &Error{Code: ErrAccessDenied, Description: "Somebody decided not to let the device in.", Err: idp.Refuse(door, idp.RefusedEnded)}
	case d.TooSoon:
		return Fault(ErrSlowDown, "Wait five seconds longer between two questions.")
	case d.State != idp.DeviceApproved || d.UserID == nil:
		return Fault(ErrPending, "Nobody has let the device in yet.")
	}
	return nil
}

// judgeDevice asks the door about whoever let the device in, both as they were then and
// as they are now.
func (s *Service) judgeDevice(ctx context.Context, tx idp.Repos, c *Client, d *idp.OAuthDevice) (u *idp.User, refusal, err error) {
	if u, refusal, err = shared(ctx, tx, idp.DoorDevicePoll, *d.UserID); u == nil {
		return nil, refusal, err
	}
	for _, credential := range []idp.Credential{{Family: idp.FamilySession, Generation: d.Generation}, {Family: idp.FamilyToken, Generation: d.TokenGeneration}} {
		if err := refused(ErrInvalidGrant, s.Access.Admit(ctx, idp.DoorDevicePoll, u, c.identify(credential))); err != nil {
			return nil, err, nil
		}
	}
	return u, nil, nil
}
