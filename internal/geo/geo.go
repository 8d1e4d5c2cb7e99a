package geo

import (
	"log/slog"
	"net/netip"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Config says which files to read.
type Config struct {
	City string // path of a GeoLite2-City database; "" = none
	ASN  string // path of a GeoLite2-ASN database; "" = none
	Log  *slog.Logger
}

// Databases is idp.Whereabouts over files.
type Databases struct {
	places, networks *database
	log              *slog.Logger
	watch            *watch // nil until Start
}

var _ idp.Whereabouts = (*Databases)(nil)

// Open reads the files. One that cannot be read is told in the log and in State,
// and stops nothing: it may come later.
func Open(c Config) *Databases {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	d := &Databases{log: c.Log,
		places:   newDatabase("places", c.City, []string{"City", "Enterprise"}, func(r record) bool { return r.place() != idp.Place{} }, c.Log),
		networks: newDatabase("networks", c.ASN, []string{"ASN", "ISP"}, func(r record) bool { return r.ASN != 0 }, c.Log)}
	d.places.refresh()
	d.networks.refresh()
	return d
}

// record is what we read of a record of either database.
type record struct {
	Continent struct {
		Code string `maxminddb:"code"`
	} `maxminddb:"continent"`
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	City struct {
		ID    uint `maxminddb:"geoname_id"`
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
	Location struct {
		Lat  *float64 `maxminddb:"latitude"`
		Long *float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
	ASN   uint   `maxminddb:"autonomous_system_number"`
	ASOrg string `maxminddb:"autonomous_system_organization"`
}

func (r record) place() idp.Place {
	p := idp.Place{Continent: r.Continent.Code, Country: r.Country.Code, City: r.City.Names.English, CityID: r.City.ID}
	if r.Location.Lat != nil && r.Location.Long != nil {
		p.Located, p.Lat, p.Long = true, *r.Location.Lat, *r.Location.Long
	}
	return p
}

// Place implements idp.Whereabouts.
func (d *Databases) Place(addr netip.Addr) (idp.Place, bool) {
	r, _, ok := d.places.find(addr)
	if !ok {
		return idp.Place{}, false
	}
	p := r.place()
	return p, p != idp.Place{}
}

// Network implements idp.Whereabouts.
func (d *Databases) Network(addr netip.Addr) (idp.Network, bool) {
	r, prefix, ok := d.networks.find(addr)
	if !ok || r.ASN == 0 {
		return idp.Network{}, false
	}
	return idp.Network{ASN: r.ASN, ASOrg: r.ASOrg, Prefix: prefix}, true
}

// State implements idp.Whereabouts.
func (d *Databases) State() idp.WhereaboutsState {
	return idp.WhereaboutsState{Places: d.places.state(), Networks: d.networks.state()}
}
