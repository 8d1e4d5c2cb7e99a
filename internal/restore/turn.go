package restore

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// turn is one step being taken: in one transaction with its event and its line on the
// record.
type turn struct {
	ctx   context.Context
	s     *Service
	tx    idp.Repos
	actor idp.Actor // as they are now, once the account is held
	user  idp.UserID
	list  *Checklist // as things were before the step
	since *time.Time
	acts  []idp.RestoreAct
}

// record notes what was done; without a call nothing was, and nothing is written.
func (t *turn) record(step idp.RestoreStep, deed idp.RestoreDeed, note string, facts map[string]any) {
	t.acts = append(t.acts, idp.RestoreAct{Step: step, Deed: deed, Note: note, Facts: facts})
}

// order says what a step needs to come first in its transaction.
type order int

const (
	holdUser   order = iota
	actFirst         // the act holds what it must in an order of its own
	holdAdmins       // it may take an administrator's rights
)

// may judges whether the actor may take steps of restores at all: whoever may read the
// record, and activate accounts. Each step's act asks for its own right beside that.
func (s *Service) may(actor idp.Actor) error {
	record := idp.Object{Resource: idp.ResourceLockdown}
	if err := s.d.Access.Check(actor, idp.VerbRead, record); err != nil {
		return err
	}
	denied := s.d.Access.Check(actor, idp.VerbUpdate, record)
	if denied == nil || s.d.Access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceUser}) == nil {
		return nil
	}
	return denied
}

// May is the first question of every step: whether the actor may restore at all. Who
// reads input before calling a step asks it, so that nobody else learns what is wrong.
func (s *Service) May(actor idp.Actor) error { return s.may(actor) }

// Terms are what all steps share.
type Terms struct {
	Lockdown idp.LockdownID
	// Since is the suspected moment, to be kept on the record; nil = it stays.
	Since *time.Time
}

// take runs a step. Errors beside those of the act: CodeForbidden; CodeNotFound for the
// record, and for an account that was deleted; CodeConflict when the record is closed, or
// the account was locked down again since; CodeInvalid on since.
func (s *Service) take(ctx context.Context, actor idp.Actor, terms Terms, first order, act func(*turn) error) error {
	if err := s.may(actor); err != nil {
		return err
	}
	now, err := s.d.Store.Now(ctx)
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	if err := checkSince(terms.Since, now); err != nil {
		return err
	}
	err = s.d.Store.InTx(ctx, func(tx idp.Repos) error {
		l, err := tx.Lockdowns.Get(ctx, terms.Lockdown)
		if err != nil {
			return err
		}
		if l.UserID == nil {
			return deleted
		}
		tx.Events = stamped{tx.Events, l.ID}
		t := &turn{ctx: ctx, s: s, tx: tx, actor: actor, user: *l.UserID, since: terms.Since}
		if first == actFirst {
			// A mistaken step is refused before the act does its work; it is asked again
			// when everything is held.
			if err := t.fits(l); err != nil {
				return err
			}
			if err := act(t); err != nil {
				return err
			}
		}
		if first == holdAdmins {
			if _, err := tx.Users.HoldAdministrators(ctx); err != nil {
				return err
			}
		}
		if err := t.hold(l.ID, now); err != nil {
			return err
		}
		if first != actFirst {
			if err := act(t); err != nil {
				return err
			}
		}
		return t.finish(now)
	})
	if err != nil {
		return fmt.Errorf("taking a step of the restore of lockdown %s: %w", terms.Lockdown, err)
	}
	return nil
}

var deleted = &idp.Error{Code: idp.CodeNotFound, Message: "The account was deleted: there is nothing to restore."}

// hold holds the account, judges the actor as they are now, and then holds the record.
func (t *turn) hold(id idp.LockdownID, now time.Time) error {
	_, err := t.tx.Users.Hold(t.ctx, t.user)
	if idp.Is(err, idp.CodeNotFound) {
		return deleted
	}
	if err != nil {
		return err
	}
	if t.actor, err = t.actor.Renew(t.ctx, t.tx, t.s.d.Access); err != nil {
		return err
	}
	if err := t.s.may(t.actor); err != nil {
		return err
	}
	l, err := t.tx.Restores.Hold(t.ctx, id)
	if err != nil {
		return err
	}
	if err := t.fits(l); err != nil {
		return err
	}
	t.list, err = t.s.compute(t.ctx, t.tx, l, t.since, now)
	return err
}

// fits judges whether steps may be taken on a record.
func (t *turn) fits(l *idp.Lockdown) error {
	if l.ClosedAt != nil {
		return idp.Conflict("This record is closed: every step was done or left out.")
	}
	last, err := t.tx.Restores.Last(t.ctx, t.user)
	if idp.Is(err, idp.CodeNotFound) {
		return deleted
	}
	if err != nil {
		return err
	}
	if last.ID != l.ID {
		return idp.Conflict("The account was locked down again since: restore it from the newer record, %s.", last.ID)
	}
	return nil
}

// finish writes what was done, and closes the record when nothing is left.
func (t *turn) finish(now time.Time) error {
	l := t.list.Lockdown
	if t.since != nil && (l.SuspectedAt == nil || !l.SuspectedAt.Equal(*t.since)) {
		if err := t.tx.Restores.Suspect(t.ctx, l.ID, *t.since); err != nil {
			return err
		}
		l.SuspectedAt = t.since
	}
	if len(t.acts) == 0 {
		return nil
	}
	for i := range t.acts {
		if err := t.write(&t.acts[i]); err != nil {
			return err
		}
	}
	after, err := t.s.compute(t.ctx, t.tx, l, t.since, now)
	if err != nil || len(after.Left()) > 0 {
		return err
	}
	return t.close()
}

// write puts one act on the record, with its event.
func (t *turn) write(a *idp.RestoreAct) error {
	a.LockdownID, a.ActorName = t.list.Lockdown.ID, idp.SystemName
	if t.actor.User != nil {
		a.ActorID, a.ActorName = &t.actor.User.ID, t.actor.User.Username
	}
	if err := t.tx.Restores.Append(t.ctx, a); err != nil {
		return err
	}
	facts := map[string]any{"step": string(a.Step), "deed": string(a.Deed)}
	if a.Note != "" {
		facts["note"] = a.Note
	}
	for name, v := range a.Facts {
		facts[name] = v
	}
	return t.tell(facts)
}

func (t *turn) close() error {
	by := idp.SystemName
	if t.actor.User != nil {
		by = t.actor.User.Username
	}
	closed, err := t.tx.Restores.Close(t.ctx, t.list.Lockdown.ID, by)
	if err != nil || !closed {
		return err
	}
	return t.tell(map[string]any{"step": "close"})
}

// tell writes the event of a step.
func (t *turn) tell(facts map[string]any) error {
	u := t.list.User
	facts["action_id"], facts["affected_user"], facts["lockdown"] = idp.ActionIDRestoreStep, u.Username, t.list.Lockdown.ID.String()
	return t.tx.Events.Append(t.ctx, idp.UserWriteEvent(app, t.actor, u, facts))
}

// stamped writes on every event of a step which restore it belongs to: what a restore
// changes is nothing to be reverted by it.
type stamped struct {
	idp.Events
	lockdown idp.LockdownID
}

// Append implements idp.Events.
func (s stamped) Append(ctx context.Context, e *idp.Event) error {
	s.stamp(e)
	return s.Events.Append(ctx, e)
}

// AppendAll implements idp.Events.
func (s stamped) AppendAll(ctx context.Context, all []*idp.Event) error {
	for _, e := range all {
		s.stamp(e)
	}
	return s.Events.AppendAll(ctx, all)
}

func (s stamped) stamp(e *idp.Event) {
	if e.Context == nil {
		e.Context = map[string]any{}
	}
	e.Context["restore"] = s.lockdown.String()
}
