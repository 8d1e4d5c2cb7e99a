package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// LogoutNotice is what one application is told of sessions that are over.
type LogoutNotice struct {
	PK              idp.LogoutNoticeID `json:"pk"`
	Application     *idp.ApplicationID `json:"application" doc:"null = deleted since"`
	ApplicationName string             `json:"application_name"`
	ClientID        string             `json:"client_id"`
	User            *idp.UserID        `json:"user" doc:"null = deleted since"`
	Username        string             `json:"username"`
	Session         *idp.SessionID     `json:"session" doc:"The session that is over; null = all of the account's."`
	Cause           string             `json:"cause"`
	Lockdown        *idp.LockdownID    `json:"lockdown"`
	State           idp.NoticeState    `json:"state" enum:"pending,delivered,failed,no_address" doc:"no_address: the application has none at which it could be told."`
	Tries           int                `json:"tries"`
	Answer          string             `json:"answer" doc:"What the application said the last time, or what went wrong."`
	Created         time.Time          `json:"created"`
	NextTry         *time.Time         `json:"next_try" doc:"While it is pending."`
	Ended           *time.Time         `json:"ended" doc:"Delivered, or given up."`
	ExposedUntil    *time.Time         `json:"exposed_until" doc:"When the application's own session is over at the latest, as whoever runs it says; null = not known."`
	TokensUntil     *time.Time         `json:"tokens_until" doc:"When the last signed access token expires that it was given; null = there is none."`
	Exposure        Exposure           `json:"exposure" enum:"over,open,unknown" doc:"over: told or expired. open: something may work until open_until. unknown: it was not told, and nobody said how long it keeps people signed in."`
	OpenUntil       *time.Time         `json:"open_until"`
}

// Exposure is what is left at an application, in one word.
type Exposure string

func exposure(n *idp.LogoutNotice, now time.Time) (Exposure, *time.Time) {
	switch e := n.Exposure(now); {
	case e.Over():
		return "over", nil
	case e.Unknown:
		return "unknown", utc(e.Until)
	default:
		return "open", utc(e.Until)
	}
}

func noticeView(n *idp.LogoutNotice) *LogoutNotice {
	v := &LogoutNotice{PK: n.ID, Application: n.ApplicationID, ApplicationName: n.ApplicationName, ClientID: n.ClientID, User: n.UserID, Username: n.Username,
		Session: n.SessionID, Cause: n.Cause, Lockdown: n.LockdownID, State: n.State, Tries: n.Tries, Answer: n.Answer, Created: n.CreatedAt.UTC(),
		Ended: utc(n.EndedAt), ExposedUntil: utc(n.ExposedUntil), TokensUntil: utc(n.TokensUntil)}
	if n.State == idp.NoticePending {
		v.NextTry = utc(&n.NextAt)
	}
	v.Exposure, v.OpenUntil = exposure(n, time.Now())
	return v
}

var noticeStates = []string{string(idp.NoticePending), string(idp.NoticeDelivered), string(idp.NoticeFailed), string(idp.NoticeNoAddress)}

func (a *API) mountLogoutNotices() {
	if a.Logouts == nil {
		return
	}
	resource[LogoutNotice, struct{}]{
		path: "/logout_notices/", key: "uuid", name: "LogoutNotice", id: "logout_notices", plural: "logout notices", tag: "logout_notices",
		filters: []param{{name: "user", kind: integer}, {name: "session", kind: id}, {name: "application", kind: id}, {name: "lockdown", kind: id},
			{name: "state", kind: text, enum: noticeStates}},
		ordering: []string{"created", "state", "application", "user", "pk"},
		list:     a.listNotices, get: a.getNotice,
	}.mount(a.kit)
	a.kit.add(operation{method: http.MethodPost, path: "/logout_notices/{uuid}/redeliver/", id: "logout_notices_redeliver_create", tag: "logout_notices",
		summary: "Tell an application once more", response: reflect.TypeFor[LogoutNotice](), run: func(c *call) (any, error) {
			id, err := web.IDParam[idp.LogoutNotice](c.r, "uuid", "logout notice")
			if err != nil {
				return nil, err
			}
			n, err := a.Logouts.Again(c, c.actor, id)
			if err != nil {
				return nil, err
			}
			return noticeView(n), nil
		}})
}

func (a *API) listNotices(c *call, p idp.Paging) ([]LogoutNotice, int, error) {
	f := idp.LogoutNoticeFilter{Paging: p, SessionID: oneID[idp.Session](c.query, "session"), ApplicationID: oneID[idp.Application](c.query, "application"),
		LockdownID: oneID[idp.Lockdown](c.query, "lockdown"), State: word[idp.NoticeState](c.query, "state")}
	if pks := c.query.ints("user"); len(pks) > 0 {
		id := idp.UserID(pks[0])
		f.UserID = &id
	}
	found, err := a.Logouts.Find(c, c.actor, f)
	if err != nil {
		return nil, 0, err
	}
	views := make([]LogoutNotice, 0, len(found.Items))
	for i := range found.Items {
		views = append(views, *noticeView(&found.Items[i]))
	}
	return views, found.Total, nil
}

func (a *API) getNotice(c *call, _ string) (*LogoutNotice, error) {
	id, err := web.IDParam[idp.LogoutNotice](c.r, "uuid", "logout notice")
	if err != nil {
		return nil, err
	}
	n, err := a.Logouts.Get(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	return noticeView(n), nil
}

// LockdownApplication is an application that an account was signed in to, and what is
// left there after a lockdown.
type LockdownApplication struct {
	Application  *idp.ApplicationID  `json:"application" doc:"null = deleted since"`
	Name         string              `json:"name"`
	Notice       *idp.LogoutNoticeID `json:"notice" doc:"null = nothing was done yet"`
	State        idp.NoticeState     `json:"state" enum:"pending,delivered,failed,no_address"`
	Answer       string              `json:"answer"`
	ToldAt       *time.Time          `json:"told_at"`
	ExposedUntil *time.Time          `json:"exposed_until"`
	TokensUntil  *time.Time          `json:"tokens_until"`
	Exposure     Exposure            `json:"exposure" enum:"over,open,unknown"`
	OpenUntil    *time.Time          `json:"open_until"`
}

// applicationsOf lists what the applications of a lockdown were told, by name.
func (a *API) applicationsOf(c *call, id idp.LockdownID) ([]LockdownApplication, error) {
	found, err := a.Store.Repos().LogoutNotices.Find(c, idp.LogoutNoticeFilter{LockdownID: &id, Paging: idp.Paging{Limit: idp.CountLimit, Order: []string{"application"}}})
	if err != nil {
		return nil, err
	}
	out := make([]LockdownApplication, 0, len(found.Items))
	for i := range found.Items {
		n := &found.Items[i]
		v := toldOf(n)
		v.Notice = &n.ID
		out = append(out, v)
	}
	return out, nil
}

func toldOf(n *idp.LogoutNotice) LockdownApplication {
	v := LockdownApplication{Application: n.ApplicationID, Name: n.ApplicationName, State: n.State, Answer: n.Answer,
		ExposedUntil: utc(n.ExposedUntil), TokensUntil: utc(n.TokensUntil)}
	if n.State == idp.NoticeDelivered {
		v.ToldAt = utc(n.EndedAt)
	}
	v.Exposure, v.OpenUntil = exposure(n, time.Now())
	return v
}

// wouldBeTold says what applications would be told, and what would be left until they
// are.
func wouldBeTold(held []idp.HeldApplication) []LockdownApplication {
	out := make([]LockdownApplication, 0, len(held))
	for _, h := range held {
		out = append(out, toldOf(h.Notice(time.Now())))
	}
	return out
}
