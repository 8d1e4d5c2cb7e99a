package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// moving is one lock, which goes to another kind of key just before it is compared.
type moving struct {
	from, to   idp.LockKey
	generation uint64
	restless   bool // it never comes to rest, where nobody has the keys
}

func (m *moving) Names(kind idp.LockKind) bool { return kind == m.from.Kind }

func (m *moving) Generation() uint64 { return m.generation }

func (m *moving) Check(keys []idp.LockKey, _ bool) error {
	if m.from != m.to || m.restless {
		m.from = m.to
		m.generation++
	}
	for _, key := range keys {
		if key == m.from {
			return idp.Refuse(idp.DoorSession, idp.RefusedLocked)
		}
	}
	return nil
}

// A lock that moves between kinds of keys while somebody is judged is not missed.
func TestALockThatMovesIsNotMissed(t *testing.T) {
	t.Parallel()
	u := &idp.User{ID: 7, Username: "mia", IsActive: true}
	device := idp.NewID[idp.KnownDevice]()
	cred := idp.Credential{Session: idp.NewID[idp.Session](), Device: &device}
	of := func(kind idp.LockKind, value string) idp.LockKey { return idp.LockKey{Kind: kind, Value: value} }
	session, browser := of(idp.LockSession, cred.Session.String()), of(idp.LockDevice, device.String())
	for name, m := range map[string]*moving{
		"to the device":  {from: session, to: browser},
		"to the session": {from: browser, to: session},
		"to the user":    {from: session, to: of(idp.LockUser, "mia")},
	} {
		gate := access.New(access.Deps{Locks: m})
		require.Error(t, gate.Admit(t.Context(), idp.DoorSession, u, cred), name)
	}
	restless := &moving{from: session, to: of(idp.LockUser, "somebody"), restless: true}
	require.NoError(t, access.New(access.Deps{Locks: restless}).Admit(t.Context(), idp.DoorSession, u, cred), "it ends")
}
