package lockout

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Digester makes keyed digests, of at least 16 bytes, with the server's own secret.
type Digester interface {
	Digest(purpose string, value []byte) []byte
}

// subject is whom an attempt is counted by.
type subject struct {
	id         idp.UUID
	account    idp.UUID // what an address fails at: the same for all browsers
	user       *idp.UserID
	device     *idp.KnownDeviceID
	identifier string
	// own says that no stranger shares it: a browser the account is known in, or a
	// session of it. Its owner may know how long to wait, and what others do from
	// the same address does not concern it.
	own bool
}

// standing selects its row.
func (s subject) standing() idp.Standing { return idp.Standing{Subject: s.id, UserID: s.user} }

// subject finds out by whom an attempt is counted: for second factors beside the one
// of passwords, so that a success of either gives nothing back of the other.
func (s *Service) subject(ctx context.Context, actor idp.Actor, a idp.Attempt) (subject, error) {
	sub, err := s.whose(ctx, actor, a)
	if err == nil && a.SecondFactor {
		sub.id = s.second(sub.id)
	}
	return sub, err
}

// second is the subject of second factors beside that of passwords.
func (s *Service) second(id idp.UUID) idp.UUID {
	return idp.SecondFactorSubject([16]byte(s.keys.Digest("lockout second factor", id[:])[:16]))
}

// whose is the subject of passwords.
func (s *Service) whose(ctx context.Context, actor idp.Actor, a idp.Attempt) (subject, error) {
	u := a.User
	if u == nil {
		id, name := s.nobody(a.Name)
		return subject{id: id, account: id, identifier: name}, nil
	}
	sub := subject{id: u.UUID, account: u.UUID, user: &u.ID, identifier: Canonical(u.Username)}
	if actor.Is(u.ID) && actor.Session != nil {
		sub.own, sub.id, sub.device = true, actor.Session.ID.UUID(), actor.Session.DeviceID
		if sub.device != nil {
			sub.id = sub.device.UUID()
		}
		return sub, nil
	}
	if a.Device == "" {
		return sub, nil
	}
	d, err := s.store.Repos().KnownDevices.Get(ctx, secret.DigestOf(a.Device).Bytes(), u.ID)
	switch {
	case idp.Is(err, idp.CodeNotFound):
	case err != nil:
		return sub, fmt.Errorf("asking whether a browser is known: %w", err)
	case d.Known:
		sub.own, sub.id, sub.device = true, d.ID.UUID(), &d.ID
	}
	return sub, nil
}

// nobody is the subject of a name that nobody has, and what it is called: the name
// itself is not kept, for people type passwords into the wrong field.
func (s *Service) nobody(name string) (idp.UUID, string) {
	digest := s.keys.Digest("lockout name", []byte(Canonical(name)))
	n := binary.BigEndian.Uint16(digest)
	return s.bucket(n), fmt.Sprintf("unknown-%04x", n)
}

// bucket is one of the subjects of names that nobody has, of 65,536: a million such
// names take no more room than these.
func (s *Service) bucket(n uint16) idp.UUID {
	var number [2]byte
	binary.BigEndian.PutUint16(number[:], n)
	return idp.UUID(s.keys.Digest("lockout bucket", number[:])[:16])
}

// place is the standing of an address; ok is false for an unknown one.
func (s *Service) place(ip netip.Addr) (idp.Standing, bool) {
	p := network(ip)
	if !p.IsValid() {
		return idp.Standing{}, false
	}
	return idp.Standing{Subject: idp.UUID(s.keys.Digest("lockout address", []byte(p.String()))[:16])}, true
}

// Canonical is the one spelling of a name, whatever its case, its Unicode form and
// the blanks around it.
func Canonical(name string) string {
	return strings.TrimSpace(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.ToValidUTF8(name, "")))))
}
