package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/herald"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// app is who speaks in events.
const app = "portcullis.lock"

// What context.action_id of events about locks says.
const (
	ActionCreated = "lock.created"
	ActionUpdated = "lock.updated"
	ActionDeleted = "lock.deleted"
)

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	View   *View // this server's view; nil = none
	// Heralds tells every server of locks before they are committed; nil = nobody is.
	Heralds *herald.Board
}

// Service makes and lifts locks.
type Service struct {
	store  idp.Store
	access idp.Access
	view   *View

	heralds *herald.Board
}

// New returns a Service.
func New(d Deps) *Service {
	return &Service{store: d.Store, access: d.Access, view: d.View, heralds: d.Heralds}
}

// View is this server's view of the locks in force; nil = it has none.
func (s *Service) View() *View { return s.view }

// Draft is a lock to be made.
type Draft struct {
	ID      idp.LockID        // zero = one is made
	Target  map[string]string // by the names on the wire
	Message string
	Expires *time.Time
	TTL     time.Duration // 0 = none; counts from the database's now
	// Force replaces a lock in force with the same ID.
	Force bool
	// ForceLastAdmin makes it even when no administrator is left who can sign in.
	ForceLastAdmin bool
}

// Create makes a lock, in force on every server before it returns. The warnings
// say what of the target does not exist (yet). Errors: CodeForbidden; CodeInvalid
// on target, message or expires, or when it would refuse the last administrator;
// CodeConflict when a lock with its ID is in force; CodeStepUp (idp.Access.Fresh).
func (s *Service) Create(ctx context.Context, actor idp.Actor, d Draft) (*idp.Lock, []string, error) {
	made, warnings, err := s.CreateAll(ctx, actor, []Draft{d})
	if err != nil {
		return nil, nil, err
	}
	return &made[0], warnings, nil
}

// CreateAll makes several locks, all or none. The error is as of Create; with
// several drafts its message says which.
func (s *Service) CreateAll(ctx context.Context, actor idp.Actor, drafts []Draft) ([]idp.Lock, []string, error) {
	clock, err := s.clock(ctx, drafts)
	if err != nil {
		return nil, nil, err
	}
	rows := make([]idp.Lock, len(drafts))
	forced := true
	for i, d := range drafts {
		row, err := s.judge(actor, d, clock)
		if err != nil {
			return nil, nil, which(err, i, len(drafts))
		}
		rows[i] = *row
		forced = forced && d.ForceLastAdmin
	}
	if err := s.access.Fresh(actor); err != nil {
		return nil, nil, err
	}
	defer s.herald(rows)()
	var made []idp.Lock
	var warnings []string
	transaction := s.store.InTx
	if len(rows) <= maxUrgent {
		transaction = s.store.Lockdown // a busy pool must not hold up what stops somebody
	}
	err = transaction(ctx, func(tx idp.Repos) error {
		made, warnings = make([]idp.Lock, len(rows)), nil
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.access.Fresh(now); err != nil {
			return err
		}
		there, err := look(ctx, tx, rows)
		if err != nil {
			return err
		}
		warnings = there.warnings
		return keepAdministrator(ctx, tx, now, rows, there, forced, func() error {
			for i := range rows {
				made[i] = rows[i]
				if err := s.put(ctx, tx, now, &made[i], drafts[i].Force); err != nil {
					return which(err, i, len(rows))
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("making a lock: %w", err)
	}
	return made, warnings, nil
}

// heralded is how many locks of one act are told of before they are committed.
const heralded = 4

// herald tells every server of locks that are about to be made; done says that they are.
// Those that name networks are told of at their commit.
func (s *Service) herald(rows []idp.Lock) (done func()) {
	var all []func()
	if len(rows) <= heralded {
		for i := range rows {
			target := make(idp.LockTarget, len(rows[i].Target))
			for k, key := range rows[i].Target {
				target[k] = key.Canonical()
			}
			if target.Get(idp.LockIP) == "" && target.Get(idp.LockSourceASN) == "" {
				all = append(all, s.heralds.Post(0, target))
			}
		}
	}
	return func() {
		for _, done := range all {
			done()
		}
	}
}

// maxUrgent is how many locks are made over the connections kept for lockdowns: more
// take a while, and lockdowns wait for nothing.
const maxUrgent = 100

// clock is the database's time, where one of the drafts says when its lock ends.
func (s *Service) clock(ctx context.Context, drafts []Draft) (now time.Time, err error) {
	if !slices.ContainsFunc(drafts, func(d Draft) bool { return d.TTL != 0 || d.Expires != nil }) {
		return now, nil
	}
	if now, err = s.store.Now(ctx); err != nil {
		return now, fmt.Errorf("asking for the time: %w", err)
	}
	return now, nil
}

// which names the draft that is wrong, where there are several.
func which(err error, i, of int) error {
	if of == 1 {
		return err
	}
	var e *idp.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("lock %d of %d: %w", i+1, of, err)
	}
	said := *e
	said.Message = fmt.Sprintf("lock %d of %d: %s", i+1, of, e.Message)
	said.Fields = make(map[string][]string, len(e.Fields))
	for name, messages := range e.Fields {
		for _, m := range messages {
			said.Fields[name] = append(said.Fields[name], fmt.Sprintf("lock %d of %d: %s", i+1, of, m))
		}
	}
	return &said
}

// put writes a lock, and its event.
func (s *Service) put(ctx context.Context, tx idp.Repos, actor idp.Actor, row *idp.Lock, force bool) error {
	if err := s.access.Check(actor, idp.VerbCreate, on(row)); err != nil {
		return err
	}
	err := tx.Locks.Create(ctx, row)
	action := ActionCreated
	if force && idp.Is(err, idp.CodeConflict) {
		// Replacing takes both rights (facts of the original's upsert).
		if err := s.access.Check(actor, idp.VerbUpdate, on(row)); err != nil {
			return err
		}
		action, err = ActionUpdated, tx.Locks.Update(ctx, row)
	}
	if err != nil {
		return err
	}
	return tell(ctx, tx, actor, action, row)
}

// judge makes the row of a draft.
func (s *Service) judge(actor idp.Actor, d Draft, now time.Time) (*idp.Lock, error) {
	target, err := ParseTarget(d.Target)
	if err != nil {
		return nil, err
	}
	row := &idp.Lock{ID: d.ID, Target: target, Message: strings.TrimSpace(d.Message), CreatedBy: idp.SystemName}
	if actor.User != nil {
		row.CreatedBy = actor.User.Username
	}
	if err := s.access.Check(actor, idp.VerbCreate, on(row)); err != nil {
		return nil, err
	}
	if row.ID.IsZero() {
		row.ID = idp.NewID[idp.Lock]()
	}
	if err := checkMessage(row.Message); err != nil {
		return nil, err
	}
	switch {
	case d.Expires != nil && d.TTL != 0:
		return nil, idp.Invalid("expires", OneExpiry)
	case d.TTL < 0:
		return nil, idp.Invalid("ttl", "Ensure this value is greater than 0: a lock ends later than it begins.")
	case d.TTL > 0:
		ends := now.Add(d.TTL)
		row.ExpiresAt = &ends
	case d.Expires != nil:
		row.ExpiresAt = d.Expires
	}
	return row, checkEnd(row.ExpiresAt, now)
}

func checkMessage(message string) error {
	if utf8.RuneCountInString(message) > maxMessage {
		return idp.Invalid("message", "Ensure this field has no more than %d characters.", maxMessage)
	}
	if strings.ContainsRune(message, 0) || !utf8.ValidString(message) {
		return idp.Invalid("message", "This text has characters that cannot be shown.")
	}
	return nil
}

func checkEnd(ends *time.Time, now time.Time) error {
	if ends != nil && !ends.After(now) {
		return idp.Invalid("expires", "A lock ends later than it begins: %s has passed.", ends.UTC().Format(time.RFC3339))
	}
	if ends != nil && ends.Year() > 9999 {
		return idp.Invalid("expires", "Expected a time before the year 10000.")
	}
	return nil
}

// on is what access is asked for: locking this.
func on(l *idp.Lock) idp.Object { return idp.Object{Resource: idp.ResourceLock, Lock: l} }

// tell writes what happened to a lock.
func tell(ctx context.Context, tx idp.Repos, actor idp.Actor, what string, l *idp.Lock) error {
	action := map[string]idp.Action{ActionCreated: idp.ActionModelCreated, ActionUpdated: idp.ActionModelUpdated, ActionDeleted: idp.ActionModelDeleted}[what]
	facts := l.Facts()
	facts["action_id"] = what
	facts["model"] = map[string]any{"app": "portcullis_lock", "model_name": "lock", "pk": l.ID.String(), "name": l.Target.String()}
	return tx.Events.Append(ctx, action.Event(app, actor, nil, facts))
}
