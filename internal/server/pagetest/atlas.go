package pagetest

import (
	"net/netip"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Atlas knows where some of the addresses for documentation are: 203.0.113.0/24
// is in Berlin, 198.51.100.0/24 somewhere in Brazil, and nobody knows of
// 192.0.2.0/24.
type Atlas struct{}

// Place implements idp.Whereabouts.
func (Atlas) Place(at netip.Addr) (idp.Place, bool) {
	switch text := at.String(); {
	case strings.HasPrefix(text, "203.0.113."):
		return idp.Place{Continent: "EU", Country: "DE", City: "Berlin"}, true
	case strings.HasPrefix(text, "198.51.100."):
		return idp.Place{Continent: "SA", Country: "BR"}, true
	}
	return idp.Place{}, false
}

// Network implements idp.Whereabouts.
func (Atlas) Network(at netip.Addr) (idp.Network, bool) {
	switch text := at.String(); {
	case strings.HasPrefix(text, "203.0.113."):
		return idp.Network{ASN: 6805, ASOrg: "Telefonica Germany", Prefix: netip.MustParsePrefix("203.0.113.0/24")}, true
	case strings.HasPrefix(text, "198.51.100."):
		return idp.Network{ASN: 28573, ASOrg: "Claro NXT Telecomunicacoes Ltda", Prefix: netip.MustParsePrefix("198.51.100.0/24")}, true
	}
	return idp.Network{}, false
}

// State implements idp.Whereabouts.
func (Atlas) State() idp.WhereaboutsState {
	loaded := idp.DatabaseState{Status: idp.DatabaseLoaded}
	return idp.WhereaboutsState{Places: loaded, Networks: loaded}
}

// The User-Agents of other browsers.
const (
	Windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0"
	IPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
	Pixel   = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.6613.88 Mobile Safari/537.36"
)
