package lock

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Get returns one lock, also of the past. Errors: CodeForbidden; CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.LockID) (*idp.Lock, error) {
	if err := s.access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceLock}); err != nil {
		return nil, err
	}
	return s.store.Repos().Locks.Get(ctx, id)
}

// Find lists locks. Errors: CodeForbidden; CodeInvalid on ordering.
func (s *Service) Find(ctx context.Context, actor idp.Actor, f idp.LockFilter) (idp.Page[idp.Lock], error) {
	if err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceLock}); err != nil {
		return idp.Page[idp.Lock]{}, err
	}
	for i, key := range f.Target {
		if kept, fault := valueOf(key.Kind, key.Value); fault == "" {
			f.Target[i].Value = kept
		}
	}
	return s.store.Repos().Locks.Find(ctx, f)
}

// Patch changes a lock; nil leaves a part as it is.
type Patch struct {
	Target         *map[string]string
	Message        *string
	Expires        **time.Time
	ForceLastAdmin bool
}

// Change changes a lock in force. Errors: CodeForbidden; CodeNotFound, also of a
// lock of the past; CodeInvalid and CodeStepUp as of Create.
func (s *Service) Change(ctx context.Context, actor idp.Actor, id idp.LockID, p Patch) (*idp.Lock, []string, error) {
	clock, err := s.store.Now(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("asking for the time: %w", err)
	}
	var changed *idp.Lock
	var warnings []string
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		row, err := s.inForce(ctx, tx, now, idp.VerbUpdate, id)
		if err != nil {
			return err
		}
		if err := s.access.Fresh(now); err != nil {
			return err
		}
		if p.Target != nil {
			if row.Target, err = ParseTarget(*p.Target); err != nil {
				return err
			}
		}
		if p.Message != nil {
			row.Message = strings.TrimSpace(*p.Message)
			if err := checkMessage(row.Message); err != nil {
				return err
			}
		}
		if p.Expires != nil {
			row.ExpiresAt = *p.Expires
			if err := checkEnd(row.ExpiresAt, clock); err != nil {
				return err
			}
		}
		if err := s.access.Check(now, idp.VerbUpdate, on(row)); err != nil { // what it is to become
			return err
		}
		becomes := []idp.Lock{*row}
		there, err := look(ctx, tx, becomes)
		if err != nil {
			return err
		}
		err = keepAdministrator(ctx, tx, now, becomes, there, p.ForceLastAdmin, func() error { return tx.Locks.Update(ctx, row) })
		if err != nil {
			return err
		}
		changed, warnings = row, there.warnings
		return tell(ctx, tx, now, ActionUpdated, row)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("changing lock %s: %w", id, err)
	}
	return changed, warnings, nil
}

// inForce returns a lock that the actor may do that with; of the past ones are
// CodeNotFound.
func (s *Service) inForce(ctx context.Context, tx idp.Repos, actor idp.Actor, verb idp.Verb, id idp.LockID) (*idp.Lock, error) {
	// Without the right, nobody learns what there is.
	row, err := tx.Locks.Get(ctx, id)
	if err != nil {
		if refused := s.access.Check(actor, verb, idp.Object{Resource: idp.ResourceLock, Some: true}); refused != nil {
			return nil, refused
		}
		return nil, err
	}
	if err := s.access.Check(actor, verb, on(row)); err != nil {
		return nil, err
	}
	if !row.InForce {
		return nil, &idp.Error{Code: idp.CodeNotFound, Message: fmt.Sprintf("lock %q is not in force any more", id)}
	}
	return row, nil
}

// Lift ends a lock, on every server before it returns. Errors: CodeForbidden;
// CodeNotFound, also of a lock of the past; CodeStepUp (idp.Access.Fresh).
func (s *Service) Lift(ctx context.Context, actor idp.Actor, id idp.LockID) (*idp.Lock, error) {
	var lifted *idp.Lock
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if lifted, err = s.inForce(ctx, tx, now, idp.VerbDelete, id); err != nil {
			return err
		}
		if err := s.access.Fresh(now); err != nil {
			return err
		}
		return s.lift(ctx, tx, now, lifted)
	})
	if err != nil {
		return nil, fmt.Errorf("lifting lock %s: %w", id, err)
	}
	return lifted, nil
}

func (s *Service) lift(ctx context.Context, tx idp.Repos, actor idp.Actor, row *idp.Lock) error {
	by := idp.SystemName
	if actor.User != nil {
		by = actor.User.Username
	}
	done, err := tx.Locks.Lift(ctx, row.ID, by)
	if err != nil {
		return err
	}
	if !done {
		return &idp.Error{Code: idp.CodeNotFound, Message: fmt.Sprintf("lock %q is not in force any more", row.ID)}
	}
	return tell(ctx, tx, actor, ActionDeleted, row)
}

// maxLifted bounds how many locks one act lifts.
const maxLifted = 10_000

// LiftAll ends every lock in force that has all these keys, and perhaps others,
// all or none, and returns them. Errors: CodeForbidden; CodeInvalid on the
// target; CodeNotFound when there is none; CodeStepUp.
func (s *Service) LiftAll(ctx context.Context, actor idp.Actor, named map[string]string) ([]idp.Lock, error) {
	target, err := ParseTarget(named)
	if err != nil {
		return nil, err
	}
	var lifted []idp.Lock
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		lifted = nil
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.access.Check(now, idp.VerbDelete, idp.Object{Resource: idp.ResourceLock, Some: true}); err != nil {
			return err
		}
		if err := s.access.Fresh(now); err != nil {
			return err
		}
		inForce := true
		for offset := 0; offset < maxLifted; {
			page, err := tx.Locks.Find(ctx, idp.LockFilter{Target: target, InForce: &inForce, Uncounted: true, Paging: idp.Paging{Limit: 1000, Offset: offset}})
			if err != nil {
				return err
			}
			lifted = append(lifted, page.Items...)
			if offset += len(page.Items); len(page.Items) < 1000 {
				break
			}
		}
		if len(lifted) == 0 {
			return &idp.Error{Code: idp.CodeNotFound, Message: "No lock in force targets " + target.String() + "."}
		}
		for i := range lifted {
			if err := s.access.Check(now, idp.VerbDelete, on(&lifted[i])); err != nil {
				return err
			}
			if err := s.lift(ctx, tx, now, &lifted[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lifting the locks of %s: %w", target, err)
	}
	return lifted, nil
}

// Preview tells whom a lock would hit now.
type Preview struct {
	Target idp.LockTarget
	idp.LockHits
	Warnings  []string
	You       bool // whoever asks is among them
	LastAdmin bool // no administrator would be left who can sign in
}

// previewed is how many accounts a preview lists.
const previewed = 50

// Preview tells whom a lock of the target would hit now, and makes none. Errors:
// CodeForbidden; CodeInvalid on the target.
func (s *Service) Preview(ctx context.Context, actor idp.Actor, named map[string]string) (*Preview, error) {
	target, err := ParseTarget(named)
	if err != nil {
		return nil, err
	}
	row := &idp.Lock{ID: idp.NewID[idp.Lock](), Target: target, CreatedBy: idp.SystemName}
	if err := s.access.Check(actor, idp.VerbCreate, on(row)); err != nil {
		return nil, err
	}
	p := &Preview{Target: target}
	repos := s.store.Repos()
	if p.LockHits, err = repos.Locks.Hits(ctx, target, previewed); err != nil {
		return nil, err
	}
	there, err := look(ctx, repos, []idp.Lock{*row})
	if err != nil {
		return nil, err
	}
	p.Warnings = there.warnings
	p.You = hits(target, actor)
	p.LastAdmin, err = s.lastAdmin(ctx, actor, row)
	return p, err
}

// hits reports whether the actor has every key of the target.
func hits(target idp.LockTarget, actor idp.Actor) bool {
	if actor.User == nil {
		return false
	}
	keys := []idp.LockKey{{Kind: idp.LockUser, Value: actor.User.Username}}
	for _, name := range actor.User.RoleNames {
		keys = append(keys, idp.LockKey{Kind: idp.LockRole, Value: name})
	}
	for _, name := range actor.User.GroupNames {
		keys = append(keys, idp.LockKey{Kind: idp.LockGroup, Value: name})
	}
	if actor.Session != nil {
		keys = append(keys, idp.LockKey{Kind: idp.LockSession, Value: actor.Session.ID.String()})
		if actor.Session.DeviceID != nil {
			keys = append(keys, idp.LockKey{Kind: idp.LockDevice, Value: actor.Session.DeviceID.String()})
		}
		if actor.Session.FactorID != nil {
			keys = append(keys, idp.LockKey{Kind: idp.LockMFADevice, Value: actor.Session.FactorID.String()})
		}
	}
	if actor.Token != nil {
		keys = append(keys, idp.LockKey{Kind: idp.LockToken, Value: actor.Token.Identifier})
	}
	if actor.Grant != nil {
		for _, value := range []string{actor.Grant.Application, actor.Grant.Client} {
			keys = append(keys, idp.LockKey{Kind: idp.LockApplication, Value: value})
		}
		if id := actor.Grant.Grant.SessionID; id != nil {
			keys = append(keys, idp.LockKey{Kind: idp.LockSession, Value: id.String()})
		}
	}
	if ip := actor.ClientIP(); ip.IsValid() {
		keys = append(keys, idp.LockKey{Kind: idp.LockIP, Value: ip.Unmap().WithZone("").String()})
	}
	for i := range keys {
		keys[i] = keys[i].Canonical()
	}
	return matches(pack(&idp.Lock{Target: target}).data, keys)
}
