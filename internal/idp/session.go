package idp

import (
	"context"
	"net/netip"
	"time"
)

// NetworkBinding says how far a session may move between networks. The zero
// value is NetworkUnbound's equal.
type NetworkBinding string

// The network bindings, by their names on the wire. Each asks for what the one
// before it asks for, and more.
const (
	NetworkUnbound   NetworkBinding = "no_binding"
	BindASN          NetworkBinding = "bind_asn"
	BindASNNetwork   NetworkBinding = "bind_asn_network"
	BindASNNetworkIP NetworkBinding = "bind_asn_network_ip"
)

// NetworkBindings lists every network binding, the loosest first.
func NetworkBindings() []NetworkBinding {
	return []NetworkBinding{NetworkUnbound, BindASN, BindASNNetwork, BindASNNetworkIP}
}

// GeoIPBinding says how far a session may move about the world. The zero value
// is GeoUnbound's equal.
type GeoIPBinding string

// The bindings to places, by their names on the wire. Each asks for what the
// one before it asks for, and more.
const (
	GeoUnbound               GeoIPBinding = "no_binding"
	BindContinent            GeoIPBinding = "bind_continent"
	BindContinentCountry     GeoIPBinding = "bind_continent_country"
	BindContinentCountryCity GeoIPBinding = "bind_continent_country_city"
)

// GeoIPBindings lists every binding to places, the loosest first.
func GeoIPBindings() []GeoIPBinding {
	return []GeoIPBinding{GeoUnbound, BindContinent, BindContinentCountry, BindContinentCountryCity}
}

// SessionBinding is where a session may be used, copied from the stage when it
// began. The zero value binds it to nothing.
type SessionBinding struct {
	Network NetworkBinding
	GeoIP   GeoIPBinding
	LogOnly bool // a broken binding is written down, and the session goes on
	Private bool // moving between private addresses breaks it too
}

// Bound reports whether there is anything to check.
func (b SessionBinding) Bound() bool {
	return b.Network != "" && b.Network != NetworkUnbound || b.GeoIP != "" && b.GeoIP != GeoUnbound
}

// KnownDevice is a browser that an account has signed in with. The cookie's
// value is kept as a digest only; people who share a browser share the value
// and have a row each. It is no credential: it proves only that somebody has
// signed in there before.
type KnownDevice struct {
	ID         KnownDeviceID
	UserID     UserID
	Username   string // derived
	Digest     []byte // SHA-256 of the cookie's value
	Generation int64  // User.SessionGeneration when it was last signed in with
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
	IP         netip.Addr // where it last signed in from
	UserAgent  string
	RevokedAt  *time.Time
	// Known is whether it still counts, as the database sees it: neither
	// revoked nor expired nor of an old generation.
	Known bool
}

// KnownDeviceFilter selects known devices.
type KnownDeviceFilter struct {
	Paging
	UserID *UserID
	Known  *bool
}

// KnownDevices stores the browsers that accounts have signed in with.
type KnownDevices interface {
	// Get returns the row of a browser and an account, whatever became of it;
	// CodeNotFound when they never met.
	Get(ctx context.Context, digest []byte, user UserID) (*KnownDevice, error)
	// GetByID returns a row whatever became of it.
	GetByID(ctx context.Context, id KnownDeviceID) (*KnownDevice, error)
	// Sessions returns the live sessions that were begun in the browser, the oldest
	// first: at most CountLimit.
	Sessions(ctx context.Context, id KnownDeviceID) ([]SessionID, error)
	Find(ctx context.Context, filter KnownDeviceFilter) (Page[KnownDevice], error)
	// Until returns how long the browser is known to somebody besides the user;
	// zero when to nobody.
	Until(ctx context.Context, digest []byte, besides UserID) (time.Time, error)
	// Remember makes or renews the row of d.Digest and d.UserID for a lifetime
	// from now on, and assigns ID, CreatedAt, LastSeenAt and ExpiresAt. A row
	// that was revoked or is of another generation than d stays so:
	// CodeConflict; the browser needs a new value.
	Remember(ctx context.Context, d *KnownDevice, lifetime time.Duration) error
	// Seen notes that the browser was used, from where and with what, at most
	// once a minute.
	Seen(ctx context.Context, id KnownDeviceID, ip netip.Addr, userAgent string) error
	// Forget revokes one; forgotten is false when it was revoked already.
	Forget(ctx context.Context, id KnownDeviceID) (forgotten bool, err error)
	// ForgetAll revokes every one of a user but those named, and returns how many
	// those were.
	ForgetAll(ctx context.Context, user UserID, except ...KnownDeviceID) (int, error)
	// Carry lifts the user's known devices from a generation to the present
	// one: sessions ended, and nobody is to be a stranger for it.
	Carry(ctx context.Context, user UserID, from int64) error
}

// SessionUse is one use of a session.
type SessionUse struct {
	ID        SessionID
	IP        netip.Addr // invalid = unknown
	UserAgent string
}

// Visit is a session with its user, as they are found together.
type Visit struct {
	Session Session
	User    User
}

// Visits reads many sessions at once.
type Visits interface {
	// Find returns the sessions of cookie digests with their users, in one
	// statement and in no order; those there are none of are left out. It does
	// not judge: call MayAct.
	Find(ctx context.Context, digests [][]byte) ([]Visit, error)
	// Expire makes tombstones of sessions whose time is over, as of when it was,
	// and returns them: at most limit. Of their users it knows ID, username and
	// e-mail address.
	Expire(ctx context.Context, limit int) ([]Visit, error)
}
