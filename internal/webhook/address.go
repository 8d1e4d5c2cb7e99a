package webhook

import (
	"net/netip"
)

// closed are networks that are not the public internet, or that clouds keep secrets in
// (IANA's special-purpose registries, RFC 6890 and what followed).
var closed = []struct {
	network netip.Prefix
	what    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by a provider's customers"}, // RFC 6598
	{netip.MustParsePrefix("127.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's own service"}, // Azure, to its machines
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds keep credentials"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "reserved"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved or broadcast"},

	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "this machine"},
	{netip.MustParsePrefix("fc00::/7"), "private"}, // unique local, RFC 4193
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("2001::/23"), "reserved for protocols"}, // Teredo, benchmarks and others
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation"}, // RFC 9637
}

var (
	public6 = netip.MustParsePrefix("2000::/3")     // what is given out of IPv6
	nat64   = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the last four bytes
	sixTo4  = netip.MustParsePrefix("2002::/16")    // RFC 3056: the third to sixth byte
)

// closedFor says why nothing may connect to an address; "" = it is public, or allowed.
func closedFor(a netip.Addr, allow []netip.Prefix) string {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return "not an address"
	}
	for _, p := range allow {
		if p.Contains(a) {
			return ""
		}
	}
	for _, c := range closed {
		if c.network.Contains(a) {
			return c.what
		}
	}
	if a.Is4() {
		return ""
	}
	inner, raw := netip.Addr{}, a.As16()
	switch {
	case nat64.Contains(a):
		inner = netip.AddrFrom4([4]byte(raw[12:]))
	case sixTo4.Contains(a):
		inner = netip.AddrFrom4([4]byte(raw[2:6]))
	case public6.Contains(a):
		return ""
	default:
		return "not public"
	}
	if what := closedFor(inner, nil); what != "" {
		return what + ", as " + inner.String()
	}
	return ""
}
