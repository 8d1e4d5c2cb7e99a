package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/restore"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Restore is how far bringing an account back after a lockdown has come.
type Restore struct {
	Lockdown idp.LockdownID    `json:"lockdown"`
	User     *idp.UserID       `json:"user" doc:"null = the account was deleted."`
	Username string            `json:"username"`
	Since    time.Time         `json:"since" doc:"The suspected moment that second factors and changes are judged by."`
	ClosedAt *time.Time        `json:"closed_at" doc:"When no step was left; null = there are some."`
	ClosedBy string            `json:"closed_by"`
	Newer    *idp.LockdownID   `json:"newer" doc:"A later lockdown of the account, which is the one to restore from."`
	Unsent   string            `json:"unsent" doc:"Why no mail can be sent to the person; empty = it can."`
	Steps    []RestoreStep     `json:"steps"`
	Factors  []RestoreFactor   `json:"factors"`
	Changes  []RestoreChange   `json:"changes" doc:"What was changed since the suspected moment, newest first."`
	More     bool              `json:"more" doc:"The log has more since then than is looked at."`
	Hidden   map[string]string `json:"hidden" doc:"Steps of which you may not see what they are about, and why."`
	Acts     []RestoreAct      `json:"acts" doc:"What was done, oldest first."`
}

// RestoreStep is a step with its state.
type RestoreStep struct {
	Step    idp.RestoreStep `json:"step" enum:"activate,password,factors,changes,renew,tell"`
	State   restore.State   `json:"state" enum:"open,done,skipped"`
	Summary string          `json:"summary"`
	At      *time.Time      `json:"at"`
	By      string          `json:"by"`
	Note    string          `json:"note" doc:"Why it was left out."`
}

// RestoreFactor is a second factor to be looked at.
type RestoreFactor struct {
	PK         idp.FactorID   `json:"pk"`
	Name       string         `json:"name"`
	Type       idp.FactorKind `json:"type" enum:"totp,static,webauthn"`
	Created    time.Time      `json:"created"`
	LastUsed   *time.Time     `json:"last_used"`
	AddedSince bool           `json:"added_since" doc:"It was added after the suspected moment."`
}

// RestoreChange is something that was changed since the suspected moment.
type RestoreChange struct {
	Event idp.EventID  `json:"event"`
	Kind  restore.Kind `json:"kind" enum:"token,consent,email,group,role"`
	Text  string       `json:"text"`
	At    time.Time    `json:"at"`
	By    string       `json:"by"`
	IP    string       `json:"ip" doc:"From where; empty = not known."`
	Open  bool         `json:"open" doc:"It can be reverted."`
	State string       `json:"state"`
}

// RestoreAct is one thing that was done.
type RestoreAct struct {
	PK    idp.RestoreActID `json:"pk"`
	Step  idp.RestoreStep  `json:"step" enum:"activate,password,factors,changes,renew,tell"`
	Deed  idp.RestoreDeed  `json:"deed" enum:"activated,password_set,recovery_link,recovery_mail,factor_removed,reverted,reviewed,required,told,skipped"`
	Note  string           `json:"note"`
	Actor *idp.UserID      `json:"actor"`
	By    string           `json:"by"`
	At    time.Time        `json:"at"`
}

// RestoreLink is a recovery link, which is shown once.
type RestoreLink struct {
	Link    string  `json:"link"`
	Restore Restore `json:"restore"`
}

func restoreView(c *restore.Checklist) Restore {
	v := Restore{Lockdown: c.Lockdown.ID, Username: c.Lockdown.Username, Since: c.Since.UTC(), ClosedAt: utc(c.Lockdown.ClosedAt),
		ClosedBy: c.Lockdown.ClosedByName, Newer: c.Newer, Unsent: c.Unsent, More: c.More, Hidden: map[string]string{},
		Steps: []RestoreStep{}, Factors: []RestoreFactor{}, Changes: []RestoreChange{}, Acts: []RestoreAct{}}
	if c.User != nil {
		v.User, v.Username = &c.User.ID, c.User.Username
	}
	for step, why := range c.Hidden {
		v.Hidden[string(step)] = why
	}
	for _, i := range c.Items {
		v.Steps = append(v.Steps, RestoreStep{Step: i.Step, State: i.State, Summary: i.Summary, At: utc(i.At), By: i.By, Note: i.Note})
	}
	for _, f := range c.Factors {
		v.Factors = append(v.Factors, RestoreFactor{PK: f.ID, Name: f.Name, Type: f.Kind, Created: f.CreatedAt.UTC(), LastUsed: utc(f.LastUsedAt), AddedSince: f.Added})
	}
	for _, ch := range c.Changes {
		v.Changes = append(v.Changes, RestoreChange{Event: ch.ID, Kind: ch.Kind, Text: ch.Text, At: ch.At.UTC(), By: ch.By, IP: ch.IP, Open: ch.Open, State: ch.State})
	}
	for _, a := range c.Acts {
		v.Acts = append(v.Acts, RestoreAct{PK: a.ID, Step: a.Step, Deed: a.Deed, Note: a.Note, Actor: a.ActorID, By: a.ActorName, At: a.CreatedAt.UTC()})
	}
	return v
}

// Every step may say which moment is suspected; it is kept on the record.
type (
	restoreBody struct {
		Since Optional[time.Time] `json:"since" api:"null" help:"The suspected moment, to be kept on the record."`
	}
	restorePasswordBody struct {
		Since    Optional[time.Time] `json:"since" api:"null" help:"The suspected moment, to be kept on the record."`
		Password Optional[string]    `json:"password" api:"required" max:"4096"`
	}
	restoreLinkBody struct {
		Since Optional[time.Time] `json:"since" api:"null" help:"The suspected moment, to be kept on the record."`
		Email Optional[bool]      `json:"email" help:"Send it to the address of the account instead of showing it."`
	}
	restoreReviewBody struct {
		Since Optional[time.Time] `json:"since" api:"null" help:"The suspected moment, to be kept on the record."`
		Step  Optional[string]    `json:"step" api:"required" enum:"factors,changes"`
	}
	restoreRevertBody struct {
		Since Optional[time.Time]   `json:"since" api:"null" help:"The suspected moment, to be kept on the record."`
		Event Optional[idp.EventID] `json:"event" api:"null" help:"The event that tells of what is to be reverted."`
		All   Optional[bool]        `json:"all" help:"Revert everything that can be, the newest first; all or nothing."`
	}
	restoreRenewBody struct {
		Since    Optional[time.Time] `json:"since" api:"null" help:"The suspected moment, to be kept on the record."`
		Password Optional[bool]      `json:"password" help:"Ask for a new password."`
		Factor   Optional[bool]      `json:"factor" help:"Ask for a new second factor."`
	}
	restoreTellBody struct {
		Since Optional[time.Time] `json:"since" api:"null" help:"The suspected moment, to be kept on the record."`
		Link  Optional[bool]      `json:"link" help:"Send a recovery link as well."`
	}
	restoreSkipBody struct {
		Since  Optional[time.Time] `json:"since" api:"null" help:"The suspected moment, to be kept on the record."`
		Step   Optional[string]    `json:"step" api:"required" enum:"activate,password,factors,changes,renew,tell"`
		Reason Optional[string]    `json:"reason" api:"required" max:"1000"`
	}
	restoreCloseBody struct {
		Since  Optional[time.Time] `json:"since" api:"null" help:"The suspected moment, to be kept on the record."`
		Reason Optional[string]    `json:"reason" api:"blank" max:"1000" help:"Why the steps that are left are left out; needed when there are some."`
	}
)

func (a *API) mountRestore() {
	const base, id = "/lockdowns/{lockdown_uuid}/restore/", "lockdowns_restore_"
	a.kit.add(operation{method: http.MethodGet, path: base, id: id + "retrieve", tag: "lockdowns", summary: "How far a restore has come",
		params:   []param{{name: "since", kind: instant, help: "The suspected moment to judge by; otherwise the record's, or a day before the lockdown."}},
		response: reflect.TypeFor[Restore](), run: func(c *call) (any, error) { return a.restoreOf(c, c.query.time("since")) }})
	mountRestoreStep(a, base+"activate/", id+"activate_create", "Switch the account on", "RestoreActivateRequest", partial,
		func(c *call, t restore.Terms, _ *restoreBody) error { return a.Restores.Activate(c, c.actor, t) },
		func(b *restoreBody) *time.Time { return b.Since.Ptr() })
	mountRestoreStep(a, base+"password/", id+"password_create", "Give the account a new password", "RestorePasswordRequest", whole,
		func(c *call, t restore.Terms, b *restorePasswordBody) error {
			return a.Restores.SetPassword(c, c.actor, t, b.Password.Value)
		}, func(b *restorePasswordBody) *time.Time { return b.Since.Ptr() })
	a.kit.add(operation{method: http.MethodPost, path: base + "recovery_link/", id: id + "recovery_link_create", tag: "lockdowns",
		summary: "Make a recovery link, or send one", body: reflect.TypeFor[restoreLinkBody](), bodyName: "RestoreRecoveryLinkRequest", partial: true,
		response: reflect.TypeFor[RestoreLink](), run: a.restoreLink})
	mountRestoreStep(a, base+"factors/{factor_uuid}/remove/", id+"factors_remove_create", "Take a second factor from the account", "RestoreFactorRemoveRequest", partial,
		func(c *call, t restore.Terms, _ *restoreBody) error {
			factor, err := web.IDParam[idp.Factor](c.r, "factor_uuid", "second factor")
			if err != nil {
				return err
			}
			return a.Restores.RemoveFactor(c, c.actor, t, factor)
		}, func(b *restoreBody) *time.Time { return b.Since.Ptr() })
	mountRestoreStep(a, base+"review/", id+"review_create", "Note that somebody has looked at the second factors, or at the changes", "RestoreReviewRequest", whole,
		func(c *call, t restore.Terms, b *restoreReviewBody) error {
			return a.Restores.Review(c, c.actor, t, idp.RestoreStep(b.Step.Value))
		}, func(b *restoreReviewBody) *time.Time { return b.Since.Ptr() })
	mountRestoreStep(a, base+"revert/", id+"revert_create", "Put back what was changed", "RestoreRevertRequest", partial, a.restoreRevert,
		func(b *restoreRevertBody) *time.Time { return b.Since.Ptr() })
	mountRestoreStep(a, base+"renew/", id+"renew_create", "Ask for a new password or second factor at the next sign-in", "RestoreRenewRequest", partial,
		func(c *call, t restore.Terms, b *restoreRenewBody) error {
			return a.Restores.Renew(c, c.actor, t, b.Password.Value, b.Factor.Value)
		}, func(b *restoreRenewBody) *time.Time { return b.Since.Ptr() })
	mountRestoreStep(a, base+"tell/", id+"tell_create", "Tell the person by mail", "RestoreTellRequest", partial,
		func(c *call, t restore.Terms, b *restoreTellBody) error {
			return a.Restores.Tell(c, c.actor, t, b.Link.Value, web.Brand(c.r))
		}, func(b *restoreTellBody) *time.Time { return b.Since.Ptr() })
	mountRestoreStep(a, base+"skip/", id+"skip_create", "Leave a step out", "RestoreSkipRequest", whole,
		func(c *call, t restore.Terms, b *restoreSkipBody) error {
			return a.Restores.Skip(c, c.actor, t, idp.RestoreStep(b.Step.Value), b.Reason.Value)
		}, func(b *restoreSkipBody) *time.Time { return b.Since.Ptr() })
	mountRestoreStep(a, base+"close/", id+"close_create", "Close the record", "RestoreCloseRequest", partial,
		func(c *call, t restore.Terms, b *restoreCloseBody) error {
			return a.Restores.Close(c, c.actor, t, b.Reason.Value)
		}, func(b *restoreCloseBody) *time.Time { return b.Since.Ptr() })
}

// mountRestoreStep registers a step, which answers with how far the restore has come.
func mountRestoreStep[B any](a *API, path, id, summary, body string, m mode, act func(*call, restore.Terms, *B) error, since func(*B) *time.Time) {
	a.kit.add(operation{method: http.MethodPost, path: path, id: id, tag: "lockdowns", summary: summary, body: reflect.TypeFor[B](),
		bodyName: body, partial: m == partial, response: reflect.TypeFor[Restore](), run: func(c *call) (any, error) {
			terms, err := restoreTerms(c)
			if err != nil {
				return nil, err
			}
			b := new(B)
			if err := decodeBody(c.r, b, m); err != nil {
				return nil, err
			}
			terms.Since = since(b)
			if err := act(c, terms, b); err != nil {
				return nil, err
			}
			return a.restoreOf(c, nil)
		}})
}

func restoreTerms(c *call) (restore.Terms, error) {
	id, err := web.IDParam[idp.Lockdown](c.r, "lockdown_uuid", "lockdown")
	return restore.Terms{Lockdown: id}, err
}

func (a *API) restoreOf(c *call, since *time.Time) (any, error) {
	terms, err := restoreTerms(c)
	if err != nil {
		return nil, err
	}
	list, err := a.Restores.Checklist(c, c.actor, terms.Lockdown, since)
	if err != nil {
		return nil, err
	}
	return restoreView(list), nil
}

func (a *API) restoreLink(c *call) (any, error) {
	terms, err := restoreTerms(c)
	if err != nil {
		return nil, err
	}
	var b restoreLinkBody
	if err := decodeBody(c.r, &b, partial); err != nil {
		return nil, err
	}
	terms.Since = b.Since.Ptr()
	out, path := RestoreLink{}, ""
	if b.Email.Value {
		err = a.Restores.MailLink(c, c.actor, terms, web.Brand(c.r))
	} else {
		path, err = a.Restores.RecoveryLink(c, c.actor, terms, web.Brand(c.r))
	}
	if err != nil {
		return nil, err
	}
	if path != "" {
		out.Link = a.absolute(c.r, path)
	}
	list, err := a.Restores.Checklist(c, c.actor, terms.Lockdown, nil)
	if err != nil {
		return nil, err
	}
	out.Restore = restoreView(list)
	return out, nil
}

func (a *API) restoreRevert(c *call, t restore.Terms, b *restoreRevertBody) error {
	if err := a.Restores.May(c.actor); err != nil {
		return err
	}
	switch event := b.Event.Ptr(); {
	case event != nil && b.All.Value:
		return idp.Invalid("all", "Expected either event or all.")
	case event != nil:
		return a.Restores.Revert(c, c.actor, t, *event)
	case b.All.Value:
		_, err := a.Restores.RevertAll(c, c.actor, t)
		return err
	}
	return idp.Invalid("event", "Expected the event that tells of what is to be reverted, or all.")
}
