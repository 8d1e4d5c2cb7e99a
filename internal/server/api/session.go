package api

import (
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/useragent"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// AuthenticatedSession is a signed-in browser as the API shows it.
type AuthenticatedSession struct {
	UUID          idp.SessionID    `json:"uuid"`
	Current       bool             `json:"current"`
	UserAgent     SessionUserAgent `json:"user_agent"`
	GeoIP         SessionGeoIP     `json:"geo_ip"`
	ASN           SessionASN       `json:"asn"`
	User          idp.UserID       `json:"user"`
	LastIP        string           `json:"last_ip"`
	LastUserAgent string           `json:"last_user_agent"`
	LastUsed      time.Time        `json:"last_used"`
	Expires       time.Time        `json:"expires"`
	Created       time.Time        `json:"created"`
	AuthMethod    string           `json:"auth_method"`
}

// SessionUserAgent is what the browser says of itself.
type SessionUserAgent struct {
	Device    SessionDevice  `json:"device"`
	OS        SessionOS      `json:"os"`
	UserAgent SessionBrowser `json:"user_agent"`
	String    string         `json:"string"`
}

// SessionDevice is the machine.
type SessionDevice struct {
	Brand  string `json:"brand"`
	Family string `json:"family"`
	Model  string `json:"model"`
}

// SessionOS is the system.
type SessionOS struct {
	Family     string `json:"family"`
	Major      string `json:"major"`
	Minor      string `json:"minor"`
	Patch      string `json:"patch"`
	PatchMinor string `json:"patch_minor"`
}

// SessionBrowser is the program.
type SessionBrowser struct {
	Family string `json:"family"`
	Major  string `json:"major"`
	Minor  string `json:"minor"`
	Patch  string `json:"patch"`
}

// SessionGeoIP is where the address is; unknown without a database of places.
type SessionGeoIP struct {
	Continent *string  `json:"continent"`
	Country   *string  `json:"country"`
	Lat       *float64 `json:"lat"`
	Long      *float64 `json:"long"`
	City      string   `json:"city"`
}

// SessionASN is whose network the address belongs to; unknown without a
// database of networks.
type SessionASN struct {
	ASN     *int    `json:"asn"`
	ASOrg   *string `json:"as_org"`
	Network *string `json:"network"`
}

func (a *API) sessionView(c *call, s *idp.Session) AuthenticatedSession {
	agent := useragent.Parse(s.UserAgent)
	v := AuthenticatedSession{UUID: s.ID, User: s.UserID, LastUserAgent: s.UserAgent, LastUsed: s.LastSeenAt.UTC(),
		Expires: s.ExpiresAt.UTC(), Created: s.CreatedAt.UTC(), AuthMethod: s.AuthMethod,
		Current: c.actor.Session != nil && c.actor.Session.ID == s.ID,
		UserAgent: SessionUserAgent{String: s.UserAgent,
			Device:    SessionDevice{Brand: agent.Device.Brand, Family: agent.Device.Family, Model: agent.Device.Model},
			OS:        SessionOS{Family: agent.OS.Family, Major: agent.OS.Major, Minor: agent.OS.Minor, Patch: agent.OS.Patch, PatchMinor: agent.OS.PatchMinor},
			UserAgent: SessionBrowser{Family: agent.Browser.Family, Major: agent.Browser.Major, Minor: agent.Browser.Minor, Patch: agent.Browser.Patch}}}
	if s.IP.IsValid() {
		v.LastIP = s.IP.String()
	}
	v.GeoIP, v.ASN = a.locate(s.IP)
	return v
}

// locate says where an address is as far as is known now: of what was known
// when the session moved there nothing is kept.
func (a *API) locate(at netip.Addr) (place SessionGeoIP, network SessionASN) {
	if a.Whereabouts == nil {
		return place, network
	}
	if p, ok := a.Whereabouts.Place(at); ok {
		place = SessionGeoIP{Continent: known(p.Continent), Country: known(p.Country), City: p.City}
		if p.Located {
			place.Lat, place.Long = &p.Lat, &p.Long
		}
	}
	if n, ok := a.Whereabouts.Network(at); ok {
		number, prefix := int(n.ASN), n.Prefix.String()
		network = SessionASN{ASN: &number, ASOrg: known(n.ASOrg), Network: &prefix}
	}
	return place, network
}

func known(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (a *API) sessions() resource[AuthenticatedSession, struct{}] {
	return resource[AuthenticatedSession, struct{}]{
		path: "/core/authenticated_sessions/", key: "uuid", name: "AuthenticatedSession", id: "core_authenticated_sessions",
		plural: "sessions", tag: "core",
		filters: []param{{name: "session__last_ip", kind: text}, {name: "session__last_user_agent", kind: text},
			{name: "user", kind: integer}, {name: "user__username", kind: text}},
		ordering: []string{"last_used", "expires", "created", "last_ip", "user"},
		list:     a.listSessions, get: a.getSession, destroy: a.endSession, usedBy: a.sessionUsedBy,
	}
}

// listSessions lists what is live: what has ended counts as deleted.
func (a *API) listSessions(c *call, p idp.Paging) ([]AuthenticatedSession, int, error) {
	owner, known, err := a.ownerFilter(c)
	if err != nil || !known {
		return nil, 0, err
	}
	live := true
	page, err := a.Sessions.Find(c, c.actor, idp.SessionFilter{Paging: p, UserID: owner, Live: &live, IP: c.query.text("session__last_ip"),
		UserAgent: c.query.text("session__last_user_agent")})
	if err != nil {
		return nil, 0, err
	}
	views := make([]AuthenticatedSession, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, a.sessionView(c, &page.Items[i]))
	}
	return views, page.Total, nil
}

func (a *API) liveSession(c *call) (*idp.Session, error) {
	id, err := web.IDParam[idp.Session](c.r, "uuid", "session")
	if err != nil {
		return nil, err
	}
	s, err := a.Sessions.Get(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	if !s.Live {
		return nil, idp.NotFound("session")
	}
	return s, nil
}

func (a *API) getSession(c *call, _ string) (*AuthenticatedSession, error) {
	s, err := a.liveSession(c)
	if err != nil {
		return nil, err
	}
	v := a.sessionView(c, s)
	return &v, nil
}

func (a *API) endSession(c *call, _ string) error {
	id, err := web.IDParam[idp.Session](c.r, "uuid", "session")
	if err != nil {
		return err
	}
	return a.Sessions.EndLive(c, c.actor, id)
}

func (a *API) sessionUsedBy(c *call, _ string) ([]UsedBy, error) {
	_, err := a.liveSession(c)
	return nil, err // nothing refers to a session
}

// BulkDeleteSessionResponse says how many sessions ended.
type BulkDeleteSessionResponse struct {
	Deleted int `json:"deleted"`
	// AtLeast is true when an account had more than are counted at once.
	AtLeast bool `json:"at_least,omitempty"`
}

func (a *API) mountSessionActions() {
	a.kit.add(operation{method: http.MethodDelete, path: "/core/authenticated_sessions/bulk_delete/", tag: "core",
		id: "core_authenticated_sessions_bulk_delete_destroy", summary: "End every session of the users named",
		params:   []param{{name: "user_pks", kind: integer, many: true, required: true}},
		response: reflect.TypeFor[BulkDeleteSessionResponse](), run: a.endSessionsOf})
}

// endSessionsOf judges every user before the first session ends.
func (a *API) endSessionsOf(c *call) (any, error) {
	users := c.query.ints("user_pks")
	slices.Sort(users)
	users = slices.Compact(users)
	if len(users) > maxPageSize {
		return nil, idp.Invalid("user_pks", "Ensure this field has no more than %d elements.", maxPageSize)
	}
	if own := int(c.actor.User.ID); slices.Contains(users, own) {
		// One's own session ends last: nothing could be judged after it.
		users = append(slices.DeleteFunc(users, func(pk int) bool { return pk == own }), own)
	}
	for _, pk := range users {
		if err := a.Access.Check(c.actor, idp.VerbDelete, idp.Of(idp.ResourceSession, idp.UserID(pk))); err != nil {
			return nil, err
		}
	}
	var out BulkDeleteSessionResponse
	for _, pk := range users {
		n, err := a.Sessions.EndAll(c, c.actor, idp.UserID(pk))
		if idp.Is(err, idp.CodeNotFound) {
			continue // nobody holds nothing
		}
		if err != nil {
			return nil, err
		}
		out.Deleted += n
		out.AtLeast = out.AtLeast || n > idp.CountLimit
	}
	return out, nil
}
