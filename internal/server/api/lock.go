package api

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Lock is a standing rule as the API shows it.
type Lock struct {
	Name      idp.LockID        `json:"name"`
	Target    map[string]string `json:"target" doc:"By kind: an interaction is refused that has all of them."`
	Message   string            `json:"message"`
	Expires   *time.Time        `json:"expires" doc:"null = until it is lifted"`
	CreatedAt time.Time         `json:"created_at"`
	CreatedBy string            `json:"created_by"`
	InForce   bool              `json:"in_force"`
	LiftedAt  *time.Time        `json:"lifted_at"`
	LiftedBy  string            `json:"lifted_by"`
	Text      string            `json:"text" doc:"What whoever is refused is told."`
	Warnings  []string          `json:"warnings,omitempty" doc:"What of the target does not exist (yet). Only in answers to making and changing."`
}

func lockView(l *idp.Lock) *Lock {
	return &Lock{Name: l.ID, Target: l.Target.Map(), Message: l.Message, Expires: utc(l.ExpiresAt), CreatedAt: l.CreatedAt.UTC(),
		CreatedBy: l.CreatedBy, InForce: l.InForce, LiftedAt: utc(l.LiftedAt), LiftedBy: l.LiftedBy, Text: l.Text()}
}

func lockViews(rows []idp.Lock) []Lock {
	views := make([]Lock, 0, len(rows))
	for i := range rows {
		views = append(views, *lockView(&rows[i]))
	}
	return views
}

func warned(l *idp.Lock, warnings []string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	v := lockView(l)
	v.Warnings = warnings
	return v, nil
}

// LiftedLocks are the locks that were lifted together.
type LiftedLocks struct {
	Count   int    `json:"count"`
	Results []Lock `json:"results"`
}

const (
	locksPath = "/locks/"
	lockKey   = "lock_name"
	// everyLock is the value of `active` that selects those of the past as well.
	everyLock = "all"
)

// lockOrdering are the fields that locks can be ordered by.
var lockOrdering = []string{"created", "expires", "name", "created_by", "message", "lifted"}

// lockTargets are the query parameters that name what a lock targets.
func lockTargets() []param {
	var out []param
	for _, kind := range idp.LockKinds() {
		out = append(out, param{name: kind.String(), kind: text})
	}
	return append(out, param{name: "node", kind: text, help: "An old name of server_id."})
}

// targetOf reads those parameters; empty = none is set.
func targetOf(q query) map[string]string {
	out := map[string]string{}
	for _, p := range lockTargets() {
		if v := q.text(p.name); v != nil {
			out[p.name] = *v
		}
	}
	return out
}

func (a *API) mountLocks() {
	if a.Locks == nil {
		return
	}
	one, view := locksPath+"{"+lockKey+"}/", reflect.TypeFor[Lock]()
	body := reflect.TypeFor[lockBody]()
	for _, op := range []operation{
		{method: http.MethodGet, path: locksPath, id: "list", summary: "List locks, newest first",
			params: slices.Concat(pageParams(lockOrdering), lockTargets(), []param{
				{name: "active", kind: text, enum: []string{"true", "false", "1", "0", everyLock},
					help: "true (unless said otherwise): locks in force. false: those of the past. all: both."},
				{name: "cursor", kind: text, help: "Go on where an earlier answer ended (pagination.next_cursor), however long the list is; empty = from the beginning. Nothing is counted then."}}),
			response: reflect.TypeFor[LockPage](), run: a.listLocks},
		{method: http.MethodPost, path: locksPath, id: "create", summary: "Lock: refuse every interaction that has all keys of the target",
			body: body, bodyName: "LockRequest", response: view, status: http.StatusCreated, run: a.createLock},
		{method: http.MethodDelete, path: locksPath, id: "lift", summary: "Lift every lock in force whose target has all the keys that are named",
			params: lockTargets(), response: reflect.TypeFor[LiftedLocks](), run: a.liftLocks},
		{method: http.MethodPost, path: locksPath + "bulk/", id: "bulk_create", summary: "Make several locks, all or none",
			body: reflect.TypeFor[lockBulkBody](), bodyName: "LockBulkRequest", response: reflect.TypeFor[LockBatch](),
			status: http.StatusCreated, run: a.createLocks},
		{method: http.MethodPost, path: locksPath + "preview/", id: "preview", summary: "Say whom a lock would hit now, and make none",
			body: reflect.TypeFor[lockPreviewBody](), bodyName: "LockPreviewRequest", response: reflect.TypeFor[LockPreview](), run: a.previewLock},
		{method: http.MethodGet, path: one, id: "retrieve", summary: "Get one of the locks", response: view, run: a.getLock},
		{method: http.MethodPut, path: one, id: "update", summary: "Replace one of the locks in force",
			body: body, bodyName: "LockRequest", response: view, run: func(c *call) (any, error) { return a.changeLock(c, whole) }},
		{method: http.MethodPatch, path: one, id: "partial_update", summary: "Change one of the locks in force",
			body: body, bodyName: "PatchedLockRequest", partial: true, response: view,
			run: func(c *call) (any, error) { return a.changeLock(c, partial) }},
		{method: http.MethodDelete, path: one, id: "destroy", summary: "Lift one of the locks", run: a.liftLock},
	} {
		op.tag, op.id = "locks", "locks_"+op.id
		a.kit.add(op)
	}
	a.mountLockCheck()
	a.mountLockWatch()
}

func lockName(c *call) (idp.LockID, error) { return web.IDParam[idp.Lock](c.r, lockKey, "lock") }

func (a *API) getLock(c *call) (any, error) {
	id, err := lockName(c)
	if err != nil {
		return nil, err
	}
	l, err := a.Locks.Get(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	return lockView(l), nil
}

func (a *API) createLock(c *call) (any, error) {
	b, err := readLock(c.r, whole)
	if err != nil {
		return nil, err
	}
	draft, err := b.draft()
	if err != nil {
		return nil, err
	}
	return warned(a.Locks.Create(c, c.actor, draft))
}

// changeLock replaces or changes a lock in force. Its name stays.
func (a *API) changeLock(c *call, m mode) (any, error) {
	id, err := lockName(c)
	if err != nil {
		return nil, err
	}
	b, err := readLock(c.r, m)
	if err != nil {
		return nil, err
	}
	if b.Name.Ptr() != nil && b.Name.Value != id {
		return nil, idp.Invalid("name", "The name of a lock stays what it is: expected %s.", id)
	}
	patch, err := b.patch(c, a.Store, m)
	if err != nil {
		return nil, err
	}
	return warned(a.Locks.Change(c, c.actor, id, *patch))
}

func (a *API) liftLock(c *call) (any, error) {
	id, err := lockName(c)
	if err != nil {
		return nil, err
	}
	_, err = a.Locks.Lift(c, c.actor, id)
	return nil, err
}

func (a *API) liftLocks(c *call) (any, error) {
	lifted, err := a.Locks.LiftAll(c, c.actor, targetOf(c.query))
	if err != nil {
		return nil, err
	}
	return LiftedLocks{Count: len(lifted), Results: lockViews(lifted)}, nil
}

// lockPreviewBody names what a lock would target.
type lockPreviewBody struct {
	Target Optional[map[string]any] `json:"target" api:"required" help:"By kind; the values are texts."`
}

// LockPreview says whom a lock would hit now.
type LockPreview struct {
	Target    map[string]string `json:"target"`
	Text      string            `json:"text" doc:"What whoever is refused would be told, without the message."`
	Users     []PartialUser     `json:"users" doc:"50 at most"`
	UserTotal int               `json:"user_total"`
	Sessions  int               `json:"sessions"`
	Tokens    int               `json:"tokens"`
	Unknown   bool              `json:"unknown" doc:"The target names what only programs outside know: nothing is counted."`
	Warnings  []string          `json:"warnings"`
	You       bool              `json:"you" doc:"It would hit whoever asks."`
	LastAdmin bool              `json:"last_admin" doc:"No administrator would be left who can sign in."`
}

func (a *API) previewLock(c *call) (any, error) {
	var b lockPreviewBody
	if err := decodeBody(c.r, &b, whole); err != nil {
		return nil, err
	}
	target, err := targetTexts("target", b.Target.Value)
	if err != nil {
		return nil, err
	}
	p, err := a.Locks.Preview(c, c.actor, target)
	if err != nil {
		return nil, err
	}
	out := LockPreview{Target: p.Target.Map(), Text: (&idp.Lock{Target: p.Target}).Text(), Users: []PartialUser{}, UserTotal: p.UserTotal,
		Sessions: p.Sessions, Tokens: p.Tokens, Unknown: p.Unknown, Warnings: append([]string{}, p.Warnings...), You: p.You, LastAdmin: p.LastAdmin}
	for i := range p.Users {
		out.Users = append(out.Users, partialUser(&p.Users[i]))
	}
	return out, nil
}

// lockKinds lists what a lock can target, for the document.
func lockKinds() string { return strings.TrimSpace(lock.Kinds()) }
