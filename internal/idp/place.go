package idp

import (
	"encoding/json"
	"net/netip"
	"time"
)

// Place is where an address is, as far as a database of places knows. The zero
// Place is an address that is not in it.
type Place struct {
	Continent string // two letters, such as EU
	Country   string // ISO 3166-1, two letters, such as DE
	City      string // in English; often unknown
	CityID    uint   // of the GeoNames database: two towns may have one name; 0 = unknown
	Located   bool   // Lat and Long are known
	Lat, Long float64
}

// Facts returns the place by the names that events, policies and the API use;
// empty for the zero Place.
func (p Place) Facts() map[string]any {
	if p == (Place{}) {
		return map[string]any{}
	}
	facts := map[string]any{"continent": p.Continent, "country": p.Country, "city": p.City, "lat": nil, "long": nil}
	if p.Located {
		facts["lat"], facts["long"] = p.Lat, p.Long
	}
	return facts
}

// MarshalJSON implements json.Marshaler with Facts.
func (p Place) MarshalJSON() ([]byte, error) { return json.Marshal(p.Facts()) }

// Network is whose network an address belongs to. The zero Network is an address
// that is not in the database of networks.
type Network struct {
	ASN    uint         // number of the autonomous system
	ASOrg  string       // who runs it
	Prefix netip.Prefix // the network of the database that holds the address
}

// Facts returns the network by the names that events, policies and the API use;
// empty for the zero Network.
func (n Network) Facts() map[string]any {
	if n == (Network{}) {
		return map[string]any{}
	}
	return map[string]any{"asn": n.ASN, "as_org": n.ASOrg, "network": n.Prefix.String()}
}

// MarshalJSON implements json.Marshaler with Facts.
func (n Network) MarshalJSON() ([]byte, error) { return json.Marshal(n.Facts()) }

// DatabaseStatus says whether a database of addresses answers.
type DatabaseStatus string

// The states of a database of addresses.
const (
	DatabaseUnset   DatabaseStatus = "unset"   // the operator named no file
	DatabaseMissing DatabaseStatus = "missing" // a file was named, but nothing could be read from it yet
	DatabaseLoaded  DatabaseStatus = "loaded"
)

// DatabaseState tells of one database of addresses. The zero value is one that
// nobody configured.
type DatabaseState struct {
	Status  DatabaseStatus // "" = DatabaseUnset
	Path    string         // as configured
	BuiltAt time.Time      // when its maker built the one in use
	Fault   string         // why the file as it is now is not in use; "" = it is
}

// Loaded reports whether the database answers: only then does an address that it
// does not find mean anything.
func (s DatabaseState) Loaded() bool { return s.Status == DatabaseLoaded }

// WhereaboutsState tells of both databases.
type WhereaboutsState struct {
	Places   DatabaseState
	Networks DatabaseState
}

// Whereabouts finds places and networks of addresses. It answers from memory and
// may be asked by many at once.
type Whereabouts interface {
	// Place returns where an address is. false: it is not in the database, or
	// there is none; State tells which.
	Place(netip.Addr) (Place, bool)
	// Network returns whose network an address belongs to; false as with Place.
	Network(netip.Addr) (Network, bool)
	// State tells which databases answer.
	State() WhereaboutsState
}

// Nowhere is Whereabouts without any database.
type Nowhere struct{}

// Place implements Whereabouts.
func (Nowhere) Place(netip.Addr) (Place, bool) { return Place{}, false }

// Network implements Whereabouts.
func (Nowhere) Network(netip.Addr) (Network, bool) { return Network{}, false }

// State implements Whereabouts.
func (Nowhere) State() WhereaboutsState {
	unset := DatabaseState{Status: DatabaseUnset}
	return WhereaboutsState{Places: unset, Networks: unset}
}
