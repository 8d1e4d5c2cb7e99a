package session

import (
	"net/netip"
	"time"

	"github.com/portcullis-idp/portcullis/internal/herald"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	// View answers for sessions in use; nil = the database is asked each time.
	View *View
	// Whereabouts judges where bound sessions are used from; nil = nothing is
	// known of any address.
	Whereabouts idp.Whereabouts
	// Heralds tells every server of sessions before they end; nil = nobody is told.
	Heralds *herald.Board
}

// Service starts, honours and ends sessions.
type Service struct {
	store  idp.Store
	access idp.Access
	view   *View
	atlas  idp.Whereabouts

	heralds *herald.Board
}

// New returns a Service.
func New(d Deps) *Service {
	s := &Service{store: d.Store, access: d.Access, view: d.View, atlas: d.Whereabouts, heralds: d.Heralds}
	if s.atlas == nil {
		s.atlas = idp.Nowhere{}
	}
	return s
}

// BrowserLifetime is how long a session may last at most whose cookie goes when
// the browser closes.
const BrowserLifetime = 14 * 24 * time.Hour

// Begin says what session to start.
type Begin struct {
	User idp.UserID
	// Generation is the user's session generation when they proved to be it.
	// Another one at present means that everything was ended meanwhile.
	Generation int64
	AuthMethod string        // password, token, …
	Lifetime   time.Duration // 0 = until the browser closes, at most BrowserLifetime
	IP         netip.Addr
	UserAgent  string
	// IdleTimeout ends the session when it was not used for that long, in whole
	// seconds; 0 = never.
	IdleTimeout time.Duration
	Binding     idp.SessionBinding
	// Factor is the second factor that the flow went by: proved in it (FactorProved), or
	// lately in the browser.
	Factor       *idp.FactorID
	FactorProved bool
	// EndOthers ends every other session of the account, and every sign-in of it
	// under way. Tokens and grants are not touched.
	EndOthers bool
	// Device is the browser, to be remembered; nil = it is not. See
	// Service.Device. Whether it was is Session.DeviceID.
	Device *Device
	// Met is what the account knows or knew the browser by (Device.Met), remembered or not:
	// the gate asks whether a lock names it.
	Met *idp.KnownDeviceID
	// Replace is the session this browser had until now; it ends.
	Replace *idp.SessionID
	// Link is the recovery link that established who it is, to be used up.
	Link *idp.TokenID
}
