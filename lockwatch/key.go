package lockwatch

import (
	"net/netip"
	"strconv"
	"strings"
)

// Kind is an attribute of an interaction that a lock can name, as the API names
// it.
type Kind string

// The kinds. Servers may know more.
const (
	KindUser           Kind = "user"            // a username, regardless of case
	KindRole           Kind = "role"            // a role by its name
	KindGroup          Kind = "group"           // a group by its name
	KindLogin          Kind = "login"           // a login of an operating system
	KindServer         Kind = "server_id"       // an agent by its UUID
	KindMFADevice      Kind = "mfa_device"      // a second factor by its UUID
	KindDevice         Kind = "device"          // a known device by its ID
	KindWindowsDesktop Kind = "windows_desktop" // a desktop by its name
	KindAccessRequest  Kind = "access_request"  // an access request by its UUID
	KindSession        Kind = "session"         // a session by its UUID
	KindApplication    Kind = "application"     // an application by its slug or client ID
	KindToken          Kind = "token"           // a token by its identifier
	KindIP             Kind = "ip"              // an address; in a lock also a network
	KindSourceASN      Kind = "source_asn"      // an autonomous system by its number
)

// Key is one attribute of an interaction.
type Key struct {
	Kind  Kind
	Value string
}

// User is the key of a username.
func User(name string) Key { return Key{KindUser, name} }

// Role is the key of a role.
func Role(name string) Key { return Key{KindRole, name} }

// Group is the key of a group.
func Group(name string) Key { return Key{KindGroup, name} }

// Login is the key of a login of an operating system.
func Login(name string) Key { return Key{KindLogin, name} }

// Server is the key of an agent, by its UUID.
func Server(id string) Key { return Key{KindServer, id} }

// MFADevice is the key of a second factor, by its UUID.
func MFADevice(id string) Key { return Key{KindMFADevice, id} }

// AccessRequest is the key of an access request, by its UUID.
func AccessRequest(id string) Key { return Key{KindAccessRequest, id} }

// IP is the key of an address.
func IP(address string) Key { return Key{KindIP, address} }

// canonical returns the key as it is compared: what may be written in several
// ways is written in one.
func (k Key) canonical() Key {
	if k.Kind == "node" {
		k.Kind = KindServer
	}
	switch k.Kind {
	case KindUser, KindServer, KindMFADevice, KindAccessRequest, KindSession:
		k.Value = strings.ToLower(k.Value)
	case KindDevice:
		if len(k.Value) == 36 && strings.Count(k.Value, "-") == 4 {
			k.Value = strings.ToLower(k.Value)
		}
	case KindIP:
		if p, err := parsePrefix(k.Value); err == nil {
			k.Value = p.String()
			if p.IsSingleIP() {
				k.Value = p.Addr().String()
			}
		}
	case KindSourceASN:
		if n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(k.Value), "AS"), 10, 32); err == nil {
			k.Value = strconv.FormatUint(n, 10)
		}
	}
	return k
}

// parsePrefix reads an address or a network.
func parsePrefix(s string) (netip.Prefix, error) {
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

// carried returns the keys that say something, as they are compared.
func carried(keys []Key) []Key {
	out := make([]Key, 0, len(keys))
	for _, k := range keys {
		if k.Value != "" {
			out = append(out, k.canonical())
		}
	}
	return out
}
