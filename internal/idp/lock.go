package idp

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// LockKind is one of the attributes of an interaction that a lock can name.
type LockKind uint8

// The kinds, in the order in which texts name them.
const (
	LockUser           LockKind = iota + 1 // a username, regardless of case
	LockRole                               // a role by its name
	LockGroup                              // a group by its name
	LockLogin                              // a login of an operating system
	LockServer                             // an agent by its UUID
	LockMFADevice                          // a second factor by its UUID
	LockDevice                             // a known device by its ID
	LockWindowsDesktop                     // a desktop by its name
	LockAccessRequest                      // an access request by its UUID
	LockSession                            // a session by its UUID
	LockApplication                        // an application by its slug or client ID
	LockToken                              // a token by its identifier
	LockIP                                 // an address, or a network in CIDR notation
	LockSourceASN                          // an autonomous system by its number
)

// lockNames are the names on the wire and in the refusal's text.
var lockNames = [...]struct{ wire, title string }{
	LockUser: {"user", "User"}, LockRole: {"role", "Role"}, LockGroup: {"group", "Group"}, LockLogin: {"login", "Login"},
	LockServer: {"server_id", "ServerID"}, LockMFADevice: {"mfa_device", "MFADevice"}, LockDevice: {"device", "Device"},
	LockWindowsDesktop: {"windows_desktop", "WindowsDesktop"}, LockAccessRequest: {"access_request", "AccessRequest"},
	LockSession: {"session", "Session"}, LockApplication: {"application", "Application"}, LockToken: {"token", "Token"},
	LockIP: {"ip", "IP"}, LockSourceASN: {"source_asn", "SourceASN"},
}

// LockKinds lists every kind.
func LockKinds() []LockKind {
	kinds := make([]LockKind, 0, len(lockNames)-1)
	for k := LockUser; int(k) < len(lockNames); k++ {
		kinds = append(kinds, k)
	}
	return kinds
}

// String returns the name on the wire.
func (k LockKind) String() string {
	if int(k) < len(lockNames) {
		return lockNames[k].wire
	}
	return ""
}

// Title returns the name in the text of a refusal.
func (k LockKind) Title() string {
	if int(k) < len(lockNames) {
		return lockNames[k].title
	}
	return ""
}

// ParseLockKind reads a name on the wire; "node" is an old name of server_id.
// known is false for every other text.
func ParseLockKind(name string) (kind LockKind, known bool) {
	if name == "node" {
		return LockServer, true
	}
	for _, k := range LockKinds() {
		if k.String() == name {
			return k, true
		}
	}
	return 0, false
}

// LockKey is one attribute: of a lock's target, or of an interaction.
type LockKey struct {
	Kind  LockKind
	Value string
}

// String returns the key as refusals show it.
func (k LockKey) String() string { return k.Kind.Title() + ":" + strconv.Quote(k.Value) }

// Canonical returns the key as it is compared: what may be written in several
// ways is written in one. It does not judge.
func (k LockKey) Canonical() LockKey {
	switch k.Kind {
	case LockUser:
		k.Value = strings.ToLower(k.Value)
	case LockServer, LockMFADevice, LockDevice, LockAccessRequest, LockSession:
		if id, err := ParseID[Lock](k.Value); err == nil {
			k.Value = id.String()
		}
	case LockIP:
		if p, err := ParseLockPrefix(k.Value); err == nil {
			k.Value = p.String()
			if p.IsSingleIP() {
				k.Value = p.Addr().String()
			}
		}
	case LockSourceASN:
		if n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(k.Value), "AS"), 10, 32); err == nil {
			k.Value = strconv.FormatUint(n, 10)
		}
	}
	return k
}

// ParseLockPrefix reads an address or a network, of which only the part in front
// counts; an IPv4 address inside an IPv6 one is the IPv4 address.
func ParseLockPrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// LockTarget is what a lock is about: an interaction that has all the keys. Every
// kind occurs once at most; the order is that of the kinds.
type LockTarget []LockKey

// String returns the target as refusals show it.
func (t LockTarget) String() string {
	parts := make([]string, len(t))
	for i, k := range t {
		parts[i] = k.String()
	}
	return strings.Join(parts, " ")
}

// Get returns the value of a kind, "" when the target has none.
func (t LockTarget) Get(kind LockKind) string {
	for _, k := range t {
		if k.Kind == kind {
			return k.Value
		}
	}
	return ""
}

// Map returns the target by the names on the wire.
func (t LockTarget) Map() map[string]string {
	m := make(map[string]string, len(t))
	for _, k := range t {
		m[k.Kind.String()] = k.Value
	}
	return m
}

// Lock is a standing rule: while it is in force, every interaction that has all
// keys of its target is refused. It ends nothing: what it refused is allowed
// again afterwards.
type Lock struct {
	ID        LockID
	Target    LockTarget
	Message   string // shown to whoever is refused
	ExpiresAt *time.Time
	CreatedAt time.Time
	CreatedBy string // a username, or how the system came to make it

	LiftedAt *time.Time
	LiftedBy string

	// InForce is decided by the database's clock when the lock is read.
	InForce bool
}

// Text is what whoever is refused is told (seed: Session and Identity Locking,
// "lock targeting …").
func (l *Lock) Text() string {
	text := "lock targeting " + l.Target.String() + " is in force"
	if l.Message != "" {
		text += ": " + l.Message
	}
	return text
}

// Facts returns the lock by the names that events, refusals and the API use.
func (l *Lock) Facts() map[string]any {
	facts := map[string]any{"name": l.ID.String(), "target": l.Target.Map(), "message": l.Message, "expires": nil,
		"created_at": l.CreatedAt, "created_by": l.CreatedBy}
	if l.ExpiresAt != nil {
		facts["expires"] = *l.ExpiresAt
	}
	return facts
}

// Refusal is the error of an interaction that the lock refuses.
func (l *Lock) Refusal() *Error {
	return &Error{Code: CodeRefused, Reason: RefusedLocked, Message: l.Text(), Lock: l}
}

// Outranks decides which of several locks an interaction is told of: the one
// that ends last, then the oldest, then the one with the lowest ID.
func (l *Lock) Outranks(other *Lock) bool {
	switch {
	case (l.ExpiresAt == nil) != (other.ExpiresAt == nil):
		return l.ExpiresAt == nil
	case l.ExpiresAt != nil && !l.ExpiresAt.Equal(*other.ExpiresAt):
		return l.ExpiresAt.After(*other.ExpiresAt)
	case !l.CreatedAt.Equal(other.CreatedAt):
		return l.CreatedAt.Before(other.CreatedAt)
	}
	return l.ID.String() < other.ID.String()
}

// StaleRefusal is the error of every interaction that is judged strictly while
// this server cannot be sure to know of every lock.
func StaleRefusal() *Error {
	return &Error{Code: CodeRefused, Reason: RefusedStale, Message: "preventive lock-out due to local lock view becoming unreliable"}
}

// LockingMode says what counts while a server's view of the locks may be out of
// date.
type LockingMode string

// The modes, by their names on the wire.
const (
	BestEffort LockingMode = "best_effort" // the last view
	Strict     LockingMode = "strict"      // nothing: every interaction is refused
)

// LockFilter selects locks, newest first.
type LockFilter struct {
	Paging
	InForce *bool
	// Target selects locks that have all these keys, and perhaps others.
	Target []LockKey
	// Kind selects locks whose target has a key of the kind; 0 = all.
	Kind LockKind
	// Before continues a listing behind a lock, however long the list is; nil =
	// Paging.Offset counts. See LockMark.
	Before *LockMark
	// Uncounted leaves Page.Total at -1: counting reads every row.
	Uncounted bool
}

// LockHits is whom a lock hits.
type LockHits struct {
	Users     []User
	UserTotal int
	Sessions  int
	Tokens    int
	// Unknown says that the target names something that only programs outside
	// know: the numbers are 0.
	Unknown bool
}

// LockMark is a place in a listing of locks: behind that lock.
type LockMark struct {
	CreatedAt time.Time
	ID        LockID
}

// Locks stores locks. Those that are lifted or past their time stay as history.
type Locks interface {
	Get(ctx context.Context, id LockID) (*Lock, error)
	Find(ctx context.Context, filter LockFilter) (Page[Lock], error)
	// Create stores a lock, in place of an earlier one with its ID that is not in
	// force; CodeConflict when one is. CreatedAt is set.
	Create(ctx context.Context, l *Lock) error
	// Update changes target, message and expiry of a lock in force, and makes
	// everybody else who changes it wait until the transaction ends.
	Update(ctx context.Context, l *Lock) error
	// Lift ends a lock; lifted is false when it was not in force any more.
	Lift(ctx context.Context, id LockID, by string) (lifted bool, err error)
	// Load calls each with every lock in force, in no order.
	Load(ctx context.Context, each func(*Lock)) error
	// Hits tells whom a target names, as far as this installation can know: accounts,
	// live sessions and live tokens. At most limit users are listed.
	Hits(ctx context.Context, target LockTarget, limit int) (LockHits, error)
	// AdministratorsLeft counts the active superusers that can sign in and that no
	// lock in force refuses wherever they come from, beside those named.
	AdministratorsLeft(ctx context.Context, without ...UserID) (int, error)
	// Purge forgets up to limit locks whose end is that long ago, and returns how
	// many.
	Purge(ctx context.Context, age time.Duration, limit int) (int, error)
}
