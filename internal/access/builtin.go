package access

import (
	"context"
	"fmt"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The roles of the product.
const (
	Administrator = "administrator"
	Locksmith     = "locksmith"
	Helpdesk      = "helpdesk"
	Auditor       = "auditor"
	Viewer        = "viewer"
)

// BuiltIn lists the roles of the product, which every installation has.
func BuiltIn() []idp.Role {
	rule := func(resources, verbs []string) idp.RoleRule { return idp.RoleRule{Resources: resources, Verbs: verbs} }
	role := func(name, description string, rules ...idp.RoleRule) idp.Role {
		return idp.Role{Name: name, Description: description, Managed: "portcullis.io/roles/" + name,
			Spec: tidy(idp.RoleSpec{Allow: idp.RoleRules{Rules: rules}})}
	}
	look := []string{"list", "read"}
	return []idp.Role{
		role(Administrator, "Everything, except what takes a superuser: control over superusers.", rule([]string{"*"}, []string{"*"})),
		// Seed: Session and Identity Locking, "Define a role locksmith".
		role(Locksmith, "Makes, changes and lifts locks.", rule([]string{"lock"}, []string{"list", "create", "read", "update", "delete"})),
		role(Helpdesk, "Helps people back into their accounts: reopens and unlocks them and makes recovery links. Locks nobody down.",
			rule([]string{"user", "group", "session", "device", "mfa_device", "access_request", "event"}, look),
			rule([]string{"lockdown", "lockout"}, []string{"list", "read", "update"}),
			rule([]string{"recovery"}, []string{"create"})),
		role(Auditor, "Sees everything, events and locks included, and changes nothing.", rule([]string{"*"}, look)),
		role(Viewer, "Sees the directory: users, groups, roles, sessions, devices, access requests, lockdowns and locks. No events and no tokens.",
			rule([]string{"user", "group", "role", "session", "device", "mfa_device", "access_request", "lockdown", "lock"}, look)),
	}
}

// EnsureBuiltIn makes the roles of the product, or makes them again what this
// version says. A role that people made under one of the names stays theirs.
func (s *Service) EnsureBuiltIn(ctx context.Context) error {
	for _, want := range BuiltIn() {
		if err := s.ensure(ctx, want); err != nil {
			return fmt.Errorf("making the role %s: %w", want.Name, err)
		}
	}
	return nil
}

// builtInLock is the name that starts of several servers wait for.
const builtInLock = "built_in_roles"

func (s *Service) ensure(ctx context.Context, want idp.Role) error {
	found, err := s.store.Repos().Roles.GetByName(ctx, want.Name)
	if err == nil && (found.Managed == "" || same(found, &want)) {
		return nil
	}
	if err != nil && !idp.Is(err, idp.CodeNotFound) {
		return err
	}
	return s.store.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.Settings.Hold(ctx, builtInLock); err != nil {
			return err
		}
		row := want
		found, err := tx.Roles.GetByName(ctx, want.Name)
		switch {
		case idp.Is(err, idp.CodeNotFound):
			if err := tx.Roles.Create(ctx, &row); err != nil {
				return err
			}
			return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, idp.SystemActor(), nil, roleFacts(&row)))
		case err != nil:
			return err
		case found.Managed == "" || same(found, &want):
			return nil
		}
		row.ID = found.ID
		if err := tx.Roles.Update(ctx, &row); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, idp.SystemActor(), nil, roleFacts(&row)))
	})
}

func same(a, b *idp.Role) bool {
	return a.Managed == b.Managed && a.Description == b.Description && reflect.DeepEqual(tidy(a.Spec), tidy(b.Spec))
}
