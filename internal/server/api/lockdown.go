package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Lockdown is the record of one account contained.
type Lockdown struct {
	PK          idp.LockdownID `json:"pk"`
	Batch       idp.UUID       `json:"batch"`
	User        *idp.UserID    `json:"user"`
	Username    string         `json:"username"`
	Actor       *idp.UserID    `json:"actor"`
	ActorName   string         `json:"actor_name"`
	Reason      string         `json:"reason"`
	Switches    idp.Switches   `json:"switches"`
	Ended       idp.Holdings   `json:"ended"`
	SelfService bool           `json:"self_service"`
	WasActive   bool           `json:"was_active"`
	HadPassword bool           `json:"had_password"`
	StartedAt   time.Time      `json:"started_at"`
	FinishedAt  time.Time      `json:"finished_at"`
	RestoredAt  *time.Time     `json:"restored_at"`
	RestoredBy  string         `json:"restored_by"`
	SuspectedAt *time.Time     `json:"suspected_at" doc:"Since when somebody else may have acted as the account; null = nobody said."`
	ClosedAt    *time.Time     `json:"closed_at" doc:"When no step of the restore was left; null = there are some."`
	ClosedBy    string         `json:"closed_by"`
	// Applications is part of one record, not of lists.
	Applications *[]LockdownApplication `json:"applications,omitempty" doc:"What the applications were told that the account was signed in to, and what is left there; of one record, not in lists."`
}

func lockdownView(l *idp.Lockdown) Lockdown {
	return Lockdown{PK: l.ID, Batch: l.BatchID, User: l.UserID, Username: l.Username, Actor: l.ActorID, ActorName: l.ActorName,
		Reason: l.Reason, Switches: l.Switches, Ended: holdings(l.Ended), SelfService: l.SelfService, WasActive: l.WasActive,
		HadPassword: l.HadPassword, StartedAt: l.StartedAt.UTC(), FinishedAt: l.FinishedAt.UTC(), RestoredAt: utc(l.RestoredAt),
		RestoredBy: l.RestoredByName, SuspectedAt: utc(l.SuspectedAt), ClosedAt: utc(l.ClosedAt), ClosedBy: l.ClosedByName}
}

// holdings fills in the intents of which there is no token.
func holdings(h idp.Holdings) idp.Holdings {
	tokens := map[idp.TokenIntent]int{}
	for _, intent := range idp.TokenIntents() {
		tokens[intent] = h.Tokens[intent]
	}
	h.Tokens = tokens
	return h
}

// lockdownsBody asks for a containment without a browser. The switches are on
// unless said otherwise.
type lockdownsBody struct {
	Users               Optional[[]idp.UserID] `json:"users" api:"required" help:"Keys of the accounts to lock down."`
	Reason              Optional[string]       `json:"reason" api:"blank,null" max:"10000"`
	DeactivateUser      Optional[bool]         `json:"deactivate_user"`
	SetUnusablePassword Optional[bool]         `json:"set_unusable_password"`
	DeleteSessions      Optional[bool]         `json:"delete_sessions"`
	RevokeTokens        Optional[bool]         `json:"revoke_tokens"`
	DryRun              Optional[bool]         `json:"dry_run" help:"Say what would happen, and change nothing."`
	IdempotencyKey      Optional[string]       `json:"idempotency_key" api:"blank,null" max:"255" help:"Also taken from the header Idempotency-Key: a repeated call returns what the first one did."`
}

// LockdownOutcome is what a lockdown without a browser did, account by account.
type LockdownOutcome struct {
	DryRun  bool             `json:"dry_run"`
	Results []LockdownResult `json:"results"`
}

// LockdownResult is what became, or would become, of one account.
type LockdownResult struct {
	User        idp.UserID      `json:"user"`
	Username    string          `json:"username"`
	Status      lockdown.Status `json:"status" enum:"success,failed,skipped"`
	Error       string          `json:"error"`
	SelfService bool            `json:"self_service"`
	Lockdown    *idp.LockdownID `json:"lockdown"`
	Ended       idp.Holdings    `json:"ended"`

	Applications []LockdownApplication `json:"applications" doc:"What they are told, or would be, by name."`
}

func (a *API) mountLockdowns() {
	resource[Lockdown, struct{}]{
		path: "/lockdowns/", key: "lockdown_uuid", name: "Lockdown", id: "lockdowns", plural: "lockdown records", tag: "lockdowns",
		filters: []param{{name: "user", kind: integer}, {name: "actor", kind: integer}, {name: "batch", kind: id},
			{name: "open", kind: boolean, help: "Whether the account was not restored yet."}},
		ordering: []string{"started_at", "finished_at", "restored_at", "username", "actor", "pk"},
		list:     a.listLockdowns, get: a.getLockdown,
	}.mount(a.kit)
	a.kit.add(operation{method: http.MethodPost, path: "/lockdowns/", id: "lockdowns_create", tag: "lockdowns",
		summary: "Lock accounts down now, without a browser", body: reflect.TypeFor[lockdownsBody](), bodyName: "LockdownRequest",
		response: reflect.TypeFor[LockdownOutcome](), run: a.contain})
}

func (a *API) listLockdowns(c *call, p idp.Paging) ([]Lockdown, int, error) {
	f := idp.LockdownFilter{Paging: p, BatchID: c.query.uuid("batch"), Open: c.query.bool("open")}
	for name, slot := range map[string]**idp.UserID{"user": &f.UserID, "actor": &f.ActorID} {
		if pks := c.query.ints(name); len(pks) > 0 {
			id := idp.UserID(pks[0])
			*slot = &id
		}
	}
	page, err := a.Lockdowns.Find(c, c.actor, f)
	if err != nil {
		return nil, 0, err
	}
	views := make([]Lockdown, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, lockdownView(&page.Items[i]))
	}
	return views, page.Total, nil
}

func (a *API) getLockdown(c *call, _ string) (*Lockdown, error) {
	id, err := web.IDParam[idp.Lockdown](c.r, "lockdown_uuid", "lockdown")
	if err != nil {
		return nil, err
	}
	l, err := a.Lockdowns.Get(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	v := lockdownView(l)
	applications, err := a.applicationsOf(c, l.ID)
	v.Applications = &applications
	return &v, err
}

// idempotencyHeader is the usual name of the key outside the body.
const idempotencyHeader = "Idempotency-Key"

func (a *API) contain(c *call) (any, error) {
	var b lockdownsBody
	if err := decodeBody(c.r, &b, whole); err != nil {
		return nil, err
	}
	key := c.r.Header.Get(idempotencyHeader)
	switch {
	case web.TextProblem(key) != "":
		return nil, idp.Invalid("idempotency_key", "%s", web.TextProblem(key))
	case key != "" && b.IdempotencyKey.Value != "" && key != b.IdempotencyKey.Value:
		return nil, idp.Invalid("idempotency_key", "The body and the header %s name different keys.", idempotencyHeader)
	case key == "":
		key = b.IdempotencyKey.Value
	}
	switches := idp.Switches{DeactivateUser: b.DeactivateUser.Or(true), SetUnusablePassword: b.SetUnusablePassword.Or(true),
		DeleteSessions: b.DeleteSessions.Or(true), RevokeTokens: b.RevokeTokens.Or(true)}
	if b.DryRun.Value {
		return a.foresee(c, b.Users.Value, switches)
	}
	results, err := a.Lockdowns.Contain(c, c.actor, lockdown.Request{Users: b.Users.Value, Reason: b.Reason.Value, IdempotencyKey: key, Switches: switches})
	if err != nil {
		return nil, err
	}
	out := LockdownOutcome{Results: []LockdownResult{}}
	for _, r := range results {
		one := LockdownResult{User: r.User, Username: r.Username, Status: r.Status, Error: r.Error, SelfService: r.SelfService, Ended: holdings(idp.Holdings{}),
			Applications: []LockdownApplication{}}
		if r.Lockdown != nil {
			one.Lockdown, one.Ended = &r.Lockdown.ID, holdings(r.Lockdown.Ended)
			if one.Applications, err = a.applicationsOf(c, r.Lockdown.ID); err != nil {
				web.From(c).Record.Warn(err) // the account is locked: that is what the answer has to say
				one.Applications = []LockdownApplication{}
			}
		}
		if r.Err != nil {
			web.From(c).Record.Warn(r.Err)
		}
		out.Results = append(out.Results, one)
	}
	return out, nil
}

// foresee answers a dry run: whom a lockdown would reach, and what it would end.
func (a *API) foresee(c *call, users []idp.UserID, switches idp.Switches) (any, error) {
	targets, err := a.Lockdowns.Preview(c, c.actor, users)
	if err != nil {
		return nil, err
	}
	out := LockdownOutcome{DryRun: true, Results: []LockdownResult{}}
	for _, t := range targets {
		one := LockdownResult{User: t.User.ID, Username: t.User.Username, Status: lockdown.Success, Error: t.Refusal,
			SelfService: c.actor.Is(t.User.ID), Ended: holdings(lockdown.Ending(t.Holdings, switches)),
			Applications: wouldBeTold(lockdown.Telling(t.Applications, switches))}
		if t.Refusal != "" {
			one.Status, one.Ended, one.Applications = lockdown.Skipped, holdings(idp.Holdings{}), []LockdownApplication{}
		}
		out.Results = append(out.Results, one)
	}
	return out, nil
}
