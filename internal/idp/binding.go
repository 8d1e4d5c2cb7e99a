package idp

import (
	"net/netip"
	"slices"
)

// BreakReason says which part of a session's binding a change of address broke.
type BreakReason string

// The reasons, by their names in events.
const (
	BreakNetworkMissing BreakReason = "network.missing"     // one of the addresses is in no known network
	BreakNetworkASN     BreakReason = "network.asn"         // the autonomous system is another one
	BreakNetworkPrefix  BreakReason = "network.asn_network" // the network is another one of the same system
	BreakNetworkIP      BreakReason = "network.ip"          // the address is another one of the same network
	BreakPlaceMissing   BreakReason = "geoip.missing"       // one of the addresses is at no known place
	BreakPlaceContinent BreakReason = "geoip.continent"
	BreakPlaceCountry   BreakReason = "geoip.country"
	BreakPlaceCity      BreakReason = "geoip.city"
)

// BreakReasons lists every reason, in the order in which they are looked for.
func BreakReasons() []BreakReason {
	return []BreakReason{BreakNetworkMissing, BreakNetworkASN, BreakNetworkPrefix, BreakNetworkIP,
		BreakPlaceMissing, BreakPlaceContinent, BreakPlaceCountry, BreakPlaceCity}
}

// Break is how a session's binding was broken. The values are of the kind that
// the reason is about: facts of a network or a place, a number, a text.
type Break struct {
	Reason        BreakReason
	Previous, New any
}

// AddressDatabase names one of the databases behind Whereabouts.
type AddressDatabase string

// The databases.
const (
	DatabasePlaces   AddressDatabase = "places"
	DatabaseNetworks AddressDatabase = "networks"
)

// Option is the configuration option that names the database's file.
func (d AddressDatabase) Option() string {
	if d == DatabasePlaces {
		return "geoip_city"
	}
	return "geoip_asn"
}

// shared is what networks of carriers use within (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// IsInternal reports whether an address means something only where it is used:
// private and unique local ones, loopback, link-local, and those that carriers
// share among their customers. No database can say where it is.
func IsInternal(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// SameAddress reports whether two addresses are one, however they are written.
func SameAddress(a, b netip.Addr) bool {
	return a.Unmap().WithZone("") == b.Unmap().WithZone("")
}

// Needs lists the databases that the binding cannot be checked without.
func (b SessionBinding) Needs() []AddressDatabase {
	var out []AddressDatabase
	if level(NetworkBindings(), b.Network) > 0 {
		out = append(out, DatabaseNetworks)
	}
	if level(GeoIPBindings(), b.GeoIP) > 0 {
		out = append(out, DatabasePlaces)
	}
	return out
}

// Missing lists those of the databases that do not answer.
func (s WhereaboutsState) Missing(needed []AddressDatabase) []AddressDatabase {
	return slices.DeleteFunc(slices.Clone(needed), func(d AddressDatabase) bool { return s.Of(d).Loaded() })
}

// Of returns the state of one database.
func (s WhereaboutsState) Of(d AddressDatabase) DatabaseState {
	if d == DatabasePlaces {
		return s.Places
	}
	return s.Networks
}

// level is how much a binding asks for: 0 nothing. What nobody knows asks for
// everything.
func level[T ~string](all []T, one T) int {
	if one == "" {
		return 0
	}
	if i := slices.Index(all, one); i >= 0 {
		return i
	}
	return len(all) - 1
}

// Check judges a session's move from its last address to another: nil, or the
// first reason that breaks the binding. What needs a database that does not
// answer is not checked, and the database is listed in unchecked: that nobody is
// found then says nothing. An address that is not known at all is one that no
// database holds. Moves between internal addresses pass unless the binding says
// otherwise.
func (b SessionBinding) Check(w Whereabouts, from, to netip.Addr) (broken *Break, unchecked []AddressDatabase) {
	if !b.Bound() || SameAddress(from, to) || !b.Private && IsInternal(from) && IsInternal(to) {
		return nil, nil
	}
	m := look(w, from, to)
	unchecked = m.state.Missing(b.Needs())
	if broken = b.checkNetwork(m); broken == nil {
		broken = b.checkPlace(m)
	}
	return broken, unchecked
}

// move is what is known of two addresses.
type move struct {
	from, to           netip.Addr
	network, toNetwork Network
	place, toPlace     Place
	state              WhereaboutsState
}

// look asks about both addresses. Databases are replaced while they are asked:
// answers count only when the state was the same before and after.
func look(w Whereabouts, from, to netip.Addr) move {
	m := move{from: from.Unmap().WithZone(""), to: to.Unmap().WithZone("")}
	for range 3 {
		m.state = w.State()
		m.network, _ = w.Network(m.from)
		m.toNetwork, _ = w.Network(m.to)
		m.place, _ = w.Place(m.from)
		m.toPlace, _ = w.Place(m.to)
		if after := w.State(); after == m.state {
			return m
		}
	}
	m.state = WhereaboutsState{} // they do not come to rest: not checked this time
	return m
}

func (b SessionBinding) checkNetwork(m move) *Break {
	asked := level(NetworkBindings(), b.Network)
	if asked == 0 {
		return nil
	}
	if m.state.Networks.Loaded() {
		was, is := m.network, m.toNetwork
		switch {
		case was == Network{}, is == Network{}:
			return &Break{BreakNetworkMissing, was.Facts(), is.Facts()}
		case was.ASN != is.ASN:
			return &Break{BreakNetworkASN, was.ASN, is.ASN}
		case asked >= 2 && was.Prefix != is.Prefix:
			return &Break{BreakNetworkPrefix, was.Prefix.String(), is.Prefix.String()}
		}
	}
	if asked >= 3 { // needs no database
		return &Break{BreakNetworkIP, AddressText(m.from), AddressText(m.to)}
	}
	return nil
}

func (b SessionBinding) checkPlace(m move) *Break {
	asked := level(GeoIPBindings(), b.GeoIP)
	if asked == 0 || !m.state.Places.Loaded() {
		return nil
	}
	was, is := m.place, m.toPlace
	switch {
	case was == Place{}, is == Place{}:
		return &Break{BreakPlaceMissing, was.Facts(), is.Facts()}
	case was.Continent != is.Continent:
		return &Break{BreakPlaceContinent, was.Continent, is.Continent}
	case asked >= 2 && was.Country != is.Country:
		return &Break{BreakPlaceCountry, was.Country, is.Country}
	case asked >= 3 && !sameCity(was, is):
		return &Break{BreakPlaceCity, was.City, is.City}
	}
	return nil
}

// sameCity compares by number where both have one: two towns of a country may
// share a name. Two addresses of which only the country is known are in no
// different cities as far as anybody can tell.
func sameCity(a, b Place) bool {
	if a.CityID != 0 && b.CityID != 0 {
		return a.CityID == b.CityID
	}
	return a.City == b.City
}

// AddressText is an address as events show it; "" for none.
func AddressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().WithZone("").String()
}
