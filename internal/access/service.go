package access

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// app is who speaks in events.
const app = "access"

var anyRole = idp.Object{Resource: idp.ResourceRole}

// ServiceDeps are what a Service needs.
type ServiceDeps struct {
	Store   idp.Store
	Checker *Checker
	// CheckWhere judges the condition of a rule before it is stored; the error's
	// text is for whoever wrote it. nil = no rule can have a condition.
	CheckWhere func(condition string) error
}

// Service keeps roles and says who has them.
type Service struct {
	store      idp.Store
	access     *Checker
	checkWhere func(condition string) error
}

// NewService returns a Service.
func NewService(d ServiceDeps) *Service {
	return &Service{store: d.Store, access: d.Checker, checkWhere: d.CheckWhere}
}

// Draft is a role as it is to be.
type Draft struct {
	Name        string
	Description string
	Spec        idp.RoleSpec
}

// Patch is a change of a role; nil means unchanged.
type Patch struct {
	Name        *string
	Description *string
	Spec        *idp.RoleSpec
	// Unless judges the role as it is before the change, which comes to nothing
	// when it returns an error; nil = whatever it is.
	Unless func(now *idp.Role) error
}

// Get returns a role. Errors: CodeForbidden, CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.RoleID) (*idp.Role, error) {
	if err := s.access.Check(actor, idp.VerbRead, anyRole); err != nil {
		return nil, err
	}
	return s.store.Repos().Roles.Get(ctx, id)
}

// GetByName returns a role by its name. Errors: CodeForbidden, CodeNotFound.
func (s *Service) GetByName(ctx context.Context, actor idp.Actor, name string) (*idp.Role, error) {
	if err := s.access.Check(actor, idp.VerbRead, anyRole); err != nil {
		return nil, err
	}
	return s.store.Repos().Roles.GetByName(ctx, name)
}

// Find lists roles. Errors: CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.RoleFilter) (idp.Page[idp.Role], error) {
	if err := s.access.Check(actor, idp.VerbList, anyRole); err != nil {
		return idp.Page[idp.Role]{}, err
	}
	return s.store.Repos().Roles.Find(ctx, filter)
}

// Create makes a role, with no more rights than the actor has. Errors:
// CodeForbidden; CodeInvalid on name, spec.allow.rules, spec.deny.rules or
// spec.options.lock; CodeStepUp (idp.Access.Fresh).
func (s *Service) Create(ctx context.Context, actor idp.Actor, d Draft) (*idp.Role, error) {
	if err := s.may(actor, idp.VerbCreate); err != nil {
		return nil, err
	}
	draft := d.role()
	if err := s.judge(draft); err != nil {
		return nil, err
	}
	var made *idp.Role
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		row := *draft
		made = &row
		return s.create(ctx, tx, actor, made)
	})
	if err != nil {
		return nil, fmt.Errorf("creating a role: %w", err)
	}
	return made, nil
}

func (s *Service) create(ctx context.Context, tx idp.Repos, actor idp.Actor, row *idp.Role) error {
	now, err := s.permitted(ctx, tx, actor, idp.VerbCreate)
	if err != nil {
		return err
	}
	if !s.access.grants(now, row.Spec) {
		return idp.Forbidden("%s", tooMuch(row.Name))
	}
	adopted, err := adopt(ctx, tx, row)
	if err == nil && !adopted {
		err = tx.Roles.Create(ctx, row)
	}
	if err != nil {
		return err
	}
	return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, now, nil, roleFacts(row)))
}

// Change changes a role. It takes every right that the role gives, before and
// after, and every one that it denied and denies no longer. Errors: CodeForbidden;
// CodeNotFound; CodeInvalid as of Create, and on none for a role of the product.
func (s *Service) Change(ctx context.Context, actor idp.Actor, id idp.RoleID, p Patch) (*idp.Role, error) {
	if err := s.may(actor, idp.VerbUpdate); err != nil {
		return nil, err
	}
	var changed *idp.Role
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		row, err := tx.Roles.Hold(ctx, id)
		if err != nil {
			return err
		}
		changed = row
		return s.change(ctx, tx, actor, row, p)
	})
	if err != nil {
		return nil, fmt.Errorf("changing role %s: %w", id, err)
	}
	return changed, nil
}

func (s *Service) change(ctx context.Context, tx idp.Repos, actor idp.Actor, row *idp.Role, p Patch) error {
	now, err := s.permitted(ctx, tx, actor, idp.VerbUpdate)
	if err != nil {
		return err
	}
	if err := s.mayAlter(now, row); err != nil {
		return err
	}
	if p.Unless != nil {
		if err := p.Unless(row); err != nil {
			return err
		}
	}
	p.apply(row)
	if err := s.judge(row); err != nil {
		return err
	}
	if !s.access.grants(now, row.Spec) {
		return idp.Forbidden("%s", tooMuch(row.Name))
	}
	if err := tx.Roles.Update(ctx, row); err != nil {
		return err
	}
	return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, now, nil, roleFacts(row)))
}

// Replace makes the role of a name as it is said, whether or not there is one.
// It takes the rights to create and to update roles where there is one. created
// says that there was none. Errors: those of Create and Change.
func (s *Service) Replace(ctx context.Context, actor idp.Actor, d Draft) (role *idp.Role, created bool, err error) {
	if err := s.may(actor, idp.VerbCreate); err != nil {
		return nil, false, err
	}
	draft := d.role()
	if err := s.judge(draft); err != nil {
		return nil, false, err
	}
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		found, err := tx.Roles.GetByName(ctx, draft.Name)
		if err != nil && !idp.Is(err, idp.CodeNotFound) {
			return err
		}
		if err != nil || found.Managed != "" && reflect.DeepEqual(tidy(found.Spec), draft.Spec) { // see adopt
			row := *draft
			role, created = &row, true
			return s.create(ctx, tx, actor, role)
		}
		if role, err = tx.Roles.Hold(ctx, found.ID); err != nil {
			return err
		}
		created = false
		return s.change(ctx, tx, actor, role, Patch{Name: &draft.Name, Description: &draft.Description, Spec: &draft.Spec})
	})
	if err != nil {
		return nil, false, fmt.Errorf("replacing role %s: %w", d.Name, err)
	}
	return role, created, nil
}

// Delete deletes a role; whoever had it has it no longer. It takes every right
// that the role gave or denied. Errors: CodeForbidden; CodeNotFound; CodeInvalid
// for a role of the product.
func (s *Service) Delete(ctx context.Context, actor idp.Actor, id idp.RoleID) error {
	if err := s.may(actor, idp.VerbDelete); err != nil {
		return err
	}
	err := s.store.InTx(ctx, func(tx idp.Repos) error { return s.DeleteIn(ctx, tx, actor, id) })
	if err != nil {
		return fmt.Errorf("deleting role %s: %w", id, err)
	}
	return nil
}

// mayAlter reports whether the actor may change what a role is, or that it is.
func (s *Service) mayAlter(now idp.Actor, row *idp.Role) error {
	switch {
	case row.Managed != "":
		return idp.Invalid("", "The role %s is built in: it cannot be changed or deleted. Make another one of its rules instead.", row.Name)
	case !s.access.grants(now, row.Spec):
		return idp.Forbidden("%s", tooMuch(row.Name))
	case !s.access.denials(now, row.Spec):
		return idp.Forbidden("This takes somebody who has every right that the role %q denies: it could give them.", row.Name)
	}
	return nil
}

// permitted judges the actor with what is true now: who changes roles, or who has
// them, may and is fresh.
func (s *Service) permitted(ctx context.Context, tx idp.Repos, actor idp.Actor, verb idp.Verb) (idp.Actor, error) {
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return actor, err
	}
	return now, s.may(now, verb)
}

// may asks for the permission to change roles, and for a fresh proof.
func (s *Service) may(actor idp.Actor, verb idp.Verb) error {
	if err := s.access.Check(actor, verb, anyRole); err != nil {
		return err
	}
	return s.access.Fresh(actor)
}

func tooMuch(name string) string {
	return fmt.Sprintf("This takes somebody who has every right of the role %q.", name)
}

// judge judges a role's own values, conditions included.
func (s *Service) judge(r *idp.Role) error {
	if err := r.Check(); err != nil {
		return err
	}
	var faults idp.Faults
	for field, rules := range map[string][]idp.RoleRule{"spec.allow.rules": r.Spec.Allow.Rules, "spec.deny.rules": r.Spec.Deny.Rules} {
		for i, rule := range rules {
			switch {
			case rule.Where == "":
			case s.checkWhere == nil:
				faults.Add(field, "Rule %d: conditions are not available here.", i+1)
			default:
				if err := s.checkWhere(rule.Where); err != nil {
					faults.Add(field, "Rule %d, where: %s", i+1, err)
				}
			}
		}
	}
	return faults.Err()
}

func (d Draft) role() *idp.Role {
	return &idp.Role{Name: strings.TrimSpace(d.Name), Description: strings.TrimSpace(d.Description), Spec: tidy(d.Spec)}
}

func (p Patch) apply(r *idp.Role) {
	if p.Name != nil {
		r.Name = strings.TrimSpace(*p.Name)
	}
	if p.Description != nil {
		r.Description = strings.TrimSpace(*p.Description)
	}
	if p.Spec != nil {
		r.Spec = tidy(*p.Spec)
	}
}

// tidy gives lists that are not there as empty ones.
func tidy(spec idp.RoleSpec) idp.RoleSpec {
	for _, side := range []*idp.RoleRules{&spec.Allow, &spec.Deny} {
		if side.Rules == nil {
			side.Rules = []idp.RoleRule{}
		}
	}
	return spec
}

// roleFacts shows a role inside an event.
func roleFacts(r *idp.Role) map[string]any {
	return map[string]any{"spec": r.Spec,
		"model": map[string]any{"app": app, "model_name": "role", "pk": r.ID.String(), "name": r.Name}}
}
