package forward

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What browsers carry is sealed for one purpose each, so that none passes for another.
const (
	cookieUse = "forward-auth cookie"
	codeUse   = "forward-auth code"
)

// codeLifetime is how long a browser may take from one host to the other.
const codeLifetime = time.Minute

// maxCarried is more than anything sealed here is long, in characters.
const maxCarried = 4096

// Pass is somebody who may use an application.
type Pass struct {
	User        *idp.User
	Session     *idp.Session
	Application *idp.Application
}

// ticket is what is sealed: which session, known at which host.
type ticket struct {
	digest     [32]byte
	session    idp.SessionID
	generation int64
	host       string
}

// rest is what a code carries besides.
type rest struct {
	expires int64 // Unix seconds
	state   [32]byte
	back    string
}

func (t *ticket) bytes() []byte {
	out := make([]byte, 0, 32+16+8+2+len(t.host))
	out = append(append(out, t.digest[:]...), t.session[:]...)
	out = binary.BigEndian.AppendUint64(out, uint64(t.generation))
	out = binary.BigEndian.AppendUint16(out, uint16(len(t.host)))
	return append(out, t.host...)
}

const ticketHead = 32 + 16 + 8 + 2

func readTicket(raw []byte) (t ticket, left []byte, ok bool) {
	if len(raw) < ticketHead {
		return t, nil, false
	}
	copy(t.digest[:], raw)
	copy(t.session[:], raw[32:])
	t.generation = int64(binary.BigEndian.Uint64(raw[48:]))
	n := int(binary.BigEndian.Uint16(raw[56:]))
	if len(raw) < ticketHead+n {
		return t, nil, false
	}
	t.host = string(raw[ticketHead : ticketHead+n])
	return t, raw[ticketHead+n:], true
}

func (s *Service) seal(use string, raw []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.Sealer.Seal(use, raw))
}

func (s *Service) open(use, carried string) (ticket, []byte, bool) {
	if carried == "" || len(carried) > maxCarried {
		return ticket{}, nil, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(carried)
	if err != nil {
		return ticket{}, nil, false
	}
	plain, err := s.Sealer.Open(use, raw)
	if err != nil {
		return ticket{}, nil, false
	}
	return readTicket(plain)
}

// unknown is the error of what a browser carries and nobody gave it.
func unknown() error { return idp.Refuse(idp.DoorForwardAuth, idp.RefusedUnknown) }

// Check judges a request to the application of a host by what the browser carries. The
// error is CodeNotFound where the host is of no application; CodeRefused where the
// browser has to sign in, unless idp.Locked; CodeForbidden where policies say no, with
// what they say.
func (s *Service) Check(ctx context.Context, host, carried string, request idp.PolicyRequest) (*Pass, error) {
	a, err := s.Application(ctx, host)
	if err != nil {
		return nil, err
	}
	t, left, ok := s.open(cookieUse, carried)
	if !ok || len(left) > 0 || !strings.EqualFold(t.host, host) {
		return nil, unknown()
	}
	return s.judge(ctx, a, t, request)
}

// judge asks the gate and the policies about whoever has the session of a ticket.
func (s *Service) judge(ctx context.Context, a *idp.Application, t ticket, request idp.PolicyRequest) (*Pass, error) {
	p, err := s.admitted(ctx, a, t)
	if err != nil {
		return nil, err
	}
	return p, s.allowed(ctx, p, request)
}

// admitted asks the gate.
func (s *Service) admitted(ctx context.Context, a *idp.Application, t ticket) (*Pass, error) {
	var session *idp.Session
	var u *idp.User
	var credential idp.Credential
	err := idp.Steady(ctx, s.Gate, func() (*idp.User, idp.Credential, error) {
		var err error
		session, u, err = s.Sessions.Recall(ctx, t.digest)
		if idp.Is(err, idp.CodeNotFound) {
			return nil, credential, unknown()
		}
		if err != nil {
			return nil, credential, err
		}
		if session.ID != t.session || session.Generation != t.generation {
			return nil, credential, unknown()
		}
		credential = session.Credential()
		credential.Application = a.Slug
		return u, credential, s.Gate.Admit(ctx, idp.DoorForwardAuth, u, credential)
	})
	if err != nil {
		return nil, err
	}
	return &Pass{User: idp.Elevate(ctx, s.Gate, u, session, credential), Session: session, Application: a}, nil
}

// allowed asks the policies, or remembers what they said.
func (s *Service) allowed(ctx context.Context, p *Pass, request idp.PolicyRequest) error {
	a, u := p.Application, p.User
	q := question{a.ID, u.ID, request.ClientIP, having(p.Session.Elevations)}
	now := time.Now()
	said, ok, era := s.memory.get(q, now)
	if !ok {
		request.SignedIn = u
		result, err := s.Policies.MayUse(ctx, u, a, request)
		if err != nil {
			return err
		}
		said = verdict{passing: result.Passing, messages: result.Messages, until: now.Add(verdictFor)}
		s.memory.put(q, said, era)
	}
	if said.passing {
		return nil
	}
	if len(said.messages) > 0 {
		return idp.Forbidden("%s", strings.Join(said.messages, " "))
	}
	return idp.Forbidden("You may not use %s.", a.Name)
}

// Authorize makes a code with which the browser of a session comes by a pass at the
// host of an application: once, as the state is known there to that browser alone. back
// is where it goes then. The errors are those of Check.
func (s *Service) Authorize(ctx context.Context, session *idp.Session, host, back string, state [32]byte, request idp.PolicyRequest) (string, error) {
	a, err := s.Application(ctx, host)
	if err != nil {
		return "", err
	}
	t := ticket{session: session.ID, generation: session.Generation, host: strings.ToLower(host)}
	if len(session.Digest) != len(t.digest) {
		return "", unknown()
	}
	copy(t.digest[:], session.Digest)
	if _, err := s.judge(ctx, a, t, request); err != nil {
		return "", err
	}
	now, err := s.Store.Now(ctx)
	if err != nil {
		return "", err
	}
	raw := binary.BigEndian.AppendUint64(t.bytes(), uint64(now.Add(codeLifetime).Unix()))
	raw = append(append(raw, state[:]...), back...)
	return s.seal(codeUse, raw), nil
}

// Redeem exchanges a code for what the browser carries at the host from now on. nonce is
// what that browser was given there before. The errors are CodeRefused
// and CodeNotFound.
func (s *Service) Redeem(ctx context.Context, host, code, nonce string) (carried, back string, err error) {
	t, left, ok := s.open(codeUse, code)
	if !ok || len(left) < 8+32 || !strings.EqualFold(t.host, host) {
		return "", "", unknown()
	}
	r := rest{expires: int64(binary.BigEndian.Uint64(left)), back: string(left[40:])}
	copy(r.state[:], left[8:])
	state := State(nonce)
	if nonce == "" || subtle.ConstantTimeCompare(state[:], r.state[:]) != 1 {
		return "", "", unknown()
	}
	now, err := s.Store.Now(ctx)
	if err != nil {
		return "", "", err
	}
	if now.Unix() >= r.expires {
		return "", "", idp.Refuse(idp.DoorForwardAuth, idp.RefusedExpired)
	}
	a, err := s.Application(ctx, host)
	if err != nil {
		return "", "", err
	}
	if _, err := s.admitted(ctx, a, t); err != nil {
		return "", "", err
	}
	return s.seal(cookieUse, t.bytes()), r.back, nil
}

// State is what is told of a nonce that only the browser knows.
func State(nonce string) [32]byte { return sha256.Sum256([]byte("forward-auth state " + nonce)) }
