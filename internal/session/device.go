package session

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Device is the browser of a sign-in that is to be remembered.
//
// What is remembered counts under the user's session generation. So a lockdown,
// a new password and the end of all sessions make every browser unknown without
// touching a row: whoever was let in once and must not be any more shall not
// find their browser trusted more than a stranger's. Two acts raise the
// generation and mean no harm to browsers: who ends their other sessions stays
// known in the browser they do it in (Sessions.Carry), and a stage that allows
// one session at a time ends sessions at every sign-in, which would leave nobody
// known anywhere (KnownDevices.Carry).
type Device struct {
	Value    string        // the cookie's, from now on
	Known    bool          // the account had signed in there before
	Lifetime time.Duration // above 0
	// Until is how long the browser is known to others who use it.
	Until time.Time
	// Met is what the account knows or knew the browser by that sent the value, whatever
	// became of that: a lock on it may be in force. See Begin.Met.
	Met *idp.KnownDeviceID
}

// Expires returns when the browser may drop the cookie, for a sign-in at that
// time: not before the last of those who share it is forgotten.
func (d Device) Expires(signedIn time.Time) time.Time {
	own := signedIn.Add(d.Lifetime)
	if d.Until.After(own) {
		return d.Until
	}
	return own
}

// Device says as what to remember a browser that sent the value, "" for none.
// People who share a browser share its value. It is a new one where the browser
// sent none that anybody is known by, so that nobody can be made to take over a
// value that somebody else has chosen, and where the user was known by it and is
// not to be any more, so that a copy of the old one stays worthless.
func (s *Service) Device(ctx context.Context, u *idp.User, value string, lifetime time.Duration) (Device, error) {
	fresh := Device{Value: secret.Token(), Lifetime: lifetime}
	if value == "" {
		return fresh, nil
	}
	devices, digest := s.store.Repos().KnownDevices, secret.DigestOf(value).Bytes()
	until, err := devices.Until(ctx, digest, u.ID)
	if err != nil {
		return fresh, err
	}
	same := Device{Value: value, Lifetime: lifetime, Until: until}
	old, err := devices.Get(ctx, digest, u.ID)
	if err == nil {
		fresh.Met, same.Met = &old.ID, &old.ID
	}
	switch {
	case idp.Is(err, idp.CodeNotFound) && !until.IsZero():
		return same, nil
	case idp.Is(err, idp.CodeNotFound):
		return fresh, nil
	case err != nil:
		return fresh, err
	case old.RevokedAt == nil && old.Generation == u.SessionGeneration:
		same.Known = old.Known
		return same, nil
	}
	return fresh, nil
}

// remember keeps the session's browser. One that was forgotten since it was
// asked for is not kept: the sign-in does not depend on it.
func remember(ctx context.Context, tx idp.Repos, d Device, in *idp.Session) error {
	row := &idp.KnownDevice{UserID: in.UserID, Digest: secret.DigestOf(d.Value).Bytes(), Generation: in.Generation,
		IP: in.IP, UserAgent: in.UserAgent}
	err := tx.KnownDevices.Remember(ctx, row, d.Lifetime)
	if idp.Is(err, idp.CodeConflict) {
		return nil
	}
	if err == nil {
		in.DeviceID = &row.ID
	}
	return err
}
