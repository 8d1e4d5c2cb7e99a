package access

import (
	"context"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Locks is this server's view of the locks in force; see lock.View.
type Locks interface {
	// Check returns nil, or an *idp.Error with CodeRefused: for the lock in force
	// that all keys of are among these, or when strict and the view may be out of
	// date. It keeps nothing of keys. Keys are canonical (idp.LockKey.Canonical).
	Check(keys []idp.LockKey, strict bool) error
	// Names reports whether a lock in force has a key of the kind, so that what
	// is costly to find out need not be.
	Names(kind idp.LockKind) bool
	// Generation is another one after every change of the locks.
	Generation() uint64
}

// maxTries bounds how often an interaction is judged anew, should locks change all
// the time.
const maxTries = 16

// usualKeys is how many keys an interaction has at most in most cases; more cost
// an allocation.
const usualKeys = 24

// Admit implements idp.Gate.
func (c *Checker) Admit(ctx context.Context, door idp.Door, u *idp.User, cred idp.Credential) error {
	if err := idp.MayAct(door, u, cred); err != nil {
		return err
	}
	if c.d.Locks == nil {
		return nil
	}
	for tries := 0; ; tries++ {
		generation := c.d.Locks.Generation()
		if err := c.unlocked(ctx, u, cred); err != nil {
			return err
		}
		// A lock that went from one kind of key to another meanwhile may name what
		// was not found out for want of locks that did.
		if c.d.Locks.Generation() == generation || tries == maxTries {
			return nil
		}
	}
}

// Settled implements idp.Gate.
func (c *Checker) Settled(ctx context.Context, u *idp.User, cred idp.Credential) (bool, error) {
	if c.d.Heralds.Quiet() {
		return true, nil
	}
	all := func(idp.LockKind) bool { return true }
	return c.d.Heralds.Settled(ctx, u.ID, keysOf(nil, u, cred, all))
}

// unlocked asks for locks in force once.
func (c *Checker) unlocked(ctx context.Context, u *idp.User, cred idp.Credential) error {
	var room [usualKeys]idp.LockKey
	keys := c.network(ctx, keysOf(room[:0], u, cred, c.d.Locks.Names))
	return c.d.Locks.Check(keys, c.d.Roles.Strict(u.RoleNames))
}

// keysOf are the keys of an interaction but for its address, as far as it is asked for
// such.
func keysOf(keys []idp.LockKey, u *idp.User, cred idp.Credential, asked func(idp.LockKind) bool) []idp.LockKey {
	keys = append(keys, idp.LockKey{Kind: idp.LockUser, Value: strings.ToLower(u.Username)})
	for _, name := range u.RoleNames {
		keys = append(keys, idp.LockKey{Kind: idp.LockRole, Value: name})
	}
	for _, name := range u.GroupNames {
		keys = append(keys, idp.LockKey{Kind: idp.LockGroup, Value: name})
	}
	if !cred.Session.IsZero() && asked(idp.LockSession) {
		keys = append(keys, idp.LockKey{Kind: idp.LockSession, Value: cred.Session.String()})
	}
	if cred.Device != nil && asked(idp.LockDevice) {
		keys = append(keys, idp.LockKey{Kind: idp.LockDevice, Value: cred.Device.String()})
	}
	if cred.Token != "" {
		keys = append(keys, idp.LockKey{Kind: idp.LockToken, Value: cred.Token})
	}
	if cred.Factor != nil && asked(idp.LockMFADevice) {
		keys = append(keys, idp.LockKey{Kind: idp.LockMFADevice, Value: cred.Factor.String()})
	}
	if len(cred.AccessRequests) > 0 && asked(idp.LockAccessRequest) {
		for _, id := range cred.AccessRequests {
			keys = append(keys, idp.LockKey{Kind: idp.LockAccessRequest, Value: id.String()})
		}
	}
	if cred.Application != "" && asked(idp.LockApplication) {
		keys = append(keys, idp.LockKey{Kind: idp.LockApplication, Value: cred.Application})
		if cred.Client != "" {
			keys = append(keys, idp.LockKey{Kind: idp.LockApplication, Value: cred.Client})
		}
	}
	return keys
}

// network adds the address that the interaction comes from, and whose network
// that is.
func (c *Checker) network(ctx context.Context, keys []idp.LockKey) []idp.LockKey {
	asks, asksASN := c.d.Locks.Names(idp.LockIP), c.d.Locks.Names(idp.LockSourceASN)
	if !asks && !asksASN {
		return keys
	}
	address := idp.ClientOf(ctx).Unmap().WithZone("")
	if !address.IsValid() {
		return keys
	}
	if asks {
		keys = append(keys, idp.LockKey{Kind: idp.LockIP, Value: address.String()})
	}
	if asksASN {
		if n, known := c.d.Networks.Network(address); known {
			keys = append(keys, idp.LockKey{Kind: idp.LockSourceASN, Value: strconv.FormatUint(uint64(n.ASN), 10)})
		}
	}
	return keys
}
