package page

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Place says in words where an address is: "Berlin, Germany". It is "" where
// nothing could be known: no database of places answers, or w is nil.
func Place(w idp.Whereabouts, at netip.Addr) string {
	switch {
	case !at.IsValid():
		return ""
	case idp.IsInternal(at):
		return "Private network"
	case w == nil || !w.State().Places.Loaded():
		return ""
	}
	p, known := w.Place(at)
	if name := placeName(p); known && name != "" {
		return name
	}
	return "Unknown place"
}

func placeName(p idp.Place) string {
	var parts []string
	if p.City != "" {
		parts = append(parts, p.City)
	}
	switch {
	case p.Country != "" && Country(p.Country) != p.City: // Singapore is in Singapore
		parts = append(parts, Country(p.Country))
	case len(parts) == 0:
		return continents[p.Continent]
	}
	return strings.Join(parts, ", ")
}

// Network says in words whose network an address belongs to: "AS6805 Telefonica
// Germany", "" where that is not known.
func Network(w idp.Whereabouts, at netip.Addr) string {
	if w == nil || !at.IsValid() || idp.IsInternal(at) {
		return ""
	}
	n, known := w.Network(at)
	if !known || n.ASN == 0 && n.ASOrg == "" {
		return ""
	}
	if n.ASN == 0 {
		return n.ASOrg
	}
	return strings.TrimSpace(fmt.Sprintf("AS%d %s", n.ASN, n.ASOrg))
}

var (
	boundNetworks = map[idp.NetworkBinding]string{
		idp.BindASN: "provider", idp.BindASNNetwork: "network", idp.BindASNNetworkIP: "address",
	}
	boundPlaces = map[idp.GeoIPBinding]string{
		idp.BindContinent: "continent", idp.BindContinentCountry: "country", idp.BindContinentCountryCity: "city",
	}
)

// Bound says in words what a session may not leave: "Bound to its network and
// country"; "" when it is bound to nothing.
func Bound(b idp.SessionBinding) string {
	if !b.Bound() {
		return ""
	}
	var to []string
	for _, name := range []string{boundNetworks[b.Network], boundPlaces[b.GeoIP]} {
		if name != "" {
			to = append(to, name)
		}
	}
	text := "Bound to its " + strings.Join(to, " and ")
	if len(to) == 0 {
		text = "Bound to where it began"
	}
	if b.LogOnly {
		text += ", moves are only logged"
	}
	return text
}
