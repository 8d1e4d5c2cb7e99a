package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// AccessRequest is somebody's wish to be in a group for a while, as the API shows it.
type AccessRequest struct {
	UUID      idp.AccessRequestID    `json:"uuid"` // what a lock on an access request names
	User      idp.UserID             `json:"user"`
	Username  string                 `json:"username"`
	Group     *idp.GroupID           `json:"group" doc:"null = the group was deleted."`
	GroupName string                 `json:"group_name"`
	Reason    string                 `json:"reason"`
	Duration  int                    `json:"duration" doc:"Seconds, from when it is granted."`
	State     idp.AccessRequestState `json:"state" enum:"pending,granted,denied,withdrawn,ended,expired"`
	Created   time.Time              `json:"created"`
	Expires   time.Time              `json:"expires" doc:"When a pending one lapses, or a granted one is over."`
	Decided   *time.Time             `json:"decided"`
	DecidedBy string                 `json:"decided_by"`
	Note      string                 `json:"note" doc:"What whoever decided said."`
	Sessions  []idp.SessionID        `json:"sessions" doc:"The sessions that have what was granted."`
	InUse     bool                   `json:"in_use" doc:"The session that asks has it now."`
}

type accessRequestBody struct {
	Group    Optional[idp.GroupID] `json:"group" api:"required" help:"One of those that can be asked for."`
	Duration Optional[int64]       `json:"duration" api:"required" help:"For how many seconds, from when it is granted."`
	Reason   Optional[string]      `json:"reason" api:"required" max:"1000"`
	_        struct{}              `ignore:"uuid,user,username,group_name,state,created,expires,decided,decided_by,note,sessions,in_use"`
}

// accessNoteBody is what whoever decides says.
type accessNoteBody struct {
	Note Optional[string] `json:"note" api:"blank" max:"1000"`
}

// RequestableGroup is a group that people may ask for.
type RequestableGroup struct {
	PK      idp.GroupID `json:"pk"`
	Name    string      `json:"name"`
	Maximum int         `json:"max_seconds" doc:"For how long at most it may be asked for."`
	Member  bool        `json:"member" doc:"Whoever asks is in it anyway."`
}

func (a *API) accessRequests() resource[AccessRequest, accessRequestBody] {
	return resource[AccessRequest, accessRequestBody]{
		path: "/access_requests/", key: "uuid", name: "AccessRequest", id: "access_requests",
		plural: "requests for access", tag: "access_requests",
		filters: []param{{name: "user", kind: integer, help: "Whose they are."}, {name: "user__username", kind: text},
			{name: "group", kind: text, help: "The UUID of a group."},
			{name: "state", kind: text, enum: states()}},
		ordering: []string{"created", "expires", "decided", "state", "user__username", "group__name"},
		list:     a.listAccessRequests, get: a.getAccessRequest, create: a.createAccessRequest,
	}
}

func states() (out []string) {
	for _, s := range idp.AccessRequestStates() {
		out = append(out, string(s))
	}
	return out
}

func (a *API) mountAccessRequestActions() {
	const one, id = "/access_requests/{uuid}/", "access_requests_"
	a.kit.add(operation{method: http.MethodGet, path: "/access_requests/groups/", tag: "access_requests", id: id + "groups_list",
		summary: "List the groups that can be asked for", response: reflect.TypeFor[[]RequestableGroup](), run: a.requestableGroups})
	noted := func(what, summary string, act func(c *call, id idp.AccessRequestID, note string) (*idp.AccessRequest, error)) {
		a.kit.add(operation{method: http.MethodPost, path: one + what + "/", tag: "access_requests", id: id + what + "_create", summary: summary,
			body: reflect.TypeFor[accessNoteBody](), bodyName: "AccessRequestNoteRequest", partial: true, response: reflect.TypeFor[AccessRequest](),
			run: func(c *call) (any, error) {
				id, err := web.IDParam[idp.AccessRequest](c.r, "uuid", "access request")
				if err != nil {
					return nil, err
				}
				var b accessNoteBody
				if err := decodeBody(c.r, &b, partial); err != nil {
					return nil, err
				}
				return accessRequestDone(c)(act(c, id, b.Note.Value))
			}})
	}
	plain := func(what, summary string, act func(c *call, id idp.AccessRequestID) (*idp.AccessRequest, error)) {
		a.kit.add(operation{method: http.MethodPost, path: one + what + "/", tag: "access_requests", id: id + what + "_create", summary: summary,
			response: reflect.TypeFor[AccessRequest](), run: func(c *call) (any, error) {
				id, err := web.IDParam[idp.AccessRequest](c.r, "uuid", "access request")
				if err != nil {
					return nil, err
				}
				return accessRequestDone(c)(act(c, id))
			}})
	}
	noted("grant", "Let somebody have what they asked for", func(c *call, id idp.AccessRequestID, note string) (*idp.AccessRequest, error) {
		return a.Elevations.Grant(c, c.actor, id, note)
	})
	noted("deny", "Refuse what somebody asked for", func(c *call, id idp.AccessRequestID, note string) (*idp.AccessRequest, error) {
		return a.Elevations.Deny(c, c.actor, id, note)
	})
	plain("withdraw", "Take back what nobody has decided", func(c *call, id idp.AccessRequestID) (*idp.AccessRequest, error) {
		return a.Elevations.Withdraw(c, c.actor, id)
	})
	plain("end", "End what was granted before its time", func(c *call, id idp.AccessRequestID) (*idp.AccessRequest, error) {
		return a.Elevations.End(c, c.actor, id)
	})
	plain("use", "Have what was granted in the session that asks", func(c *call, id idp.AccessRequestID) (*idp.AccessRequest, error) {
		return a.Elevations.Use(c, c.actor, id)
	})
}

// accessRequestDone shows what an act came to.
func accessRequestDone(c *call) func(*idp.AccessRequest, error) (any, error) {
	return func(r *idp.AccessRequest, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		return accessRequestView(c, r), nil
	}
}

func accessRequestView(c *call, r *idp.AccessRequest) *AccessRequest {
	v := &AccessRequest{UUID: r.ID, User: r.UserID, Username: r.Username, GroupName: r.GroupName, Reason: r.Reason,
		Duration: int(r.Duration / time.Second), State: r.State, Created: r.CreatedAt.UTC(), Expires: r.ExpiresAt.UTC(),
		Decided: utc(r.DecidedAt), DecidedBy: r.DecidedBy, Note: r.Note, Sessions: []idp.SessionID{}}
	if !r.GroupID.IsZero() {
		v.Group = &r.GroupID
	}
	if r.State == idp.AccessGranted {
		v.Sessions = append(v.Sessions, r.Carried...)
		v.InUse = c.actor.Session != nil && r.In(c.actor.Session.ID)
	}
	return v
}

func (a *API) listAccessRequests(c *call, p idp.Paging) ([]AccessRequest, int, error) {
	owner, known, err := a.requesterFilter(c)
	if err != nil || !known {
		return nil, 0, err
	}
	f := idp.AccessRequestFilter{Paging: p, UserID: owner}
	if raw := c.query.text("group"); raw != nil {
		id, err := idp.ParseID[idp.Group](*raw)
		if err != nil {
			return nil, 0, idp.Invalid("group", "“%.64s” is not a UUID.", *raw)
		}
		f.GroupID = &id
	}
	if raw := c.query.text("state"); raw != nil {
		state := idp.AccessRequestState(*raw)
		f.State = &state
	}
	page, err := a.Elevations.Find(c, c.actor, f)
	if err != nil {
		return nil, 0, err
	}
	views := make([]AccessRequest, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, *accessRequestView(c, &page.Items[i]))
	}
	return views, page.Total, nil
}

// requesterFilter says whose requests are asked for; nil = everybody's that may be seen.
// known is false where there cannot be any.
func (a *API) requesterFilter(c *call) (owner *idp.UserID, known bool, err error) {
	if pks := c.query.ints("user"); len(pks) > 0 {
		id := idp.UserID(pks[0])
		owner = &id
	}
	name := c.query.text("user__username")
	if a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceAccessRequest}) != nil {
		own := c.actor.User
		return &own.ID, (owner == nil || *owner == own.ID) && (name == nil || *name == own.Username), nil
	}
	if name == nil {
		return owner, true, nil
	}
	u, err := a.Store.Repos().Users.FindByLogin(c, *name, []string{"username"})
	if err != nil || u == nil || owner != nil && *owner != u.ID {
		return nil, false, err
	}
	return &u.ID, true, nil
}

func (a *API) getAccessRequest(c *call, _ string) (*AccessRequest, error) {
	id, err := web.IDParam[idp.AccessRequest](c.r, "uuid", "access request")
	if err != nil {
		return nil, err
	}
	r, err := a.Elevations.Get(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	return accessRequestView(c, r), nil
}

func (a *API) createAccessRequest(c *call, b *accessRequestBody) (*AccessRequest, error) {
	seconds := min(max(b.Duration.Value, 0), int64(elevate.Longest/time.Second)+1)
	r, err := a.Elevations.Ask(c, c.actor, elevate.Draft{Group: b.Group.Value, Duration: time.Duration(seconds) * time.Second, Reason: b.Reason.Value})
	if err != nil {
		return nil, err
	}
	return accessRequestView(c, r), nil
}

func (a *API) requestableGroups(c *call) (any, error) {
	found, err := a.Elevations.Groups(c, c.actor)
	if err != nil {
		return nil, err
	}
	out := make([]RequestableGroup, 0, len(found))
	for _, g := range found {
		out = append(out, RequestableGroup{PK: g.ID, Name: g.Name, Maximum: int(g.Maximum / time.Second), Member: g.Member})
	}
	return out, nil
}
