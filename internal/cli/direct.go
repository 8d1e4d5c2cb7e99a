package cli

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/restore"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// Direct is the installation of the configured database. Whoever has the shell
// of the server may do everything.
type Direct struct {
	LockService *lock.Service
	RoleService *access.Service
	Accounts    *account.Service

	LockoutService *lockout.Service
	Audit          *audit.Service
	KeyService     *oidc.Service
	Sessions       *session.Service
	FactorService  *factor.Service
	RestoreService *restore.Service
	Elevations     *elevate.Service
	// PublicURL is the address that people use; "" = links are printed as paths.
	PublicURL string
}

var _ Installation = (*Direct)(nil)

// stretch is how much of a list is read at once.
const stretch = 1000

// shell is who works directly.
var shell = idp.SystemActor()

// Who implements Installation.
func (d *Direct) Who(context.Context) (*Identity, error) {
	return &Identity{Username: idp.SystemName, Name: "The owner of this machine's shell", Superuser: true, Version: Version}, nil
}

// CreateLocks implements Locks.
func (d *Direct) CreateLocks(ctx context.Context, drafts []lock.Draft) ([]idp.Lock, []string, error) {
	return d.LockService.CreateAll(ctx, shell, drafts)
}

// GetLock implements Locks.
func (d *Direct) GetLock(ctx context.Context, id idp.LockID) (*idp.Lock, error) {
	return d.LockService.Get(ctx, shell, id)
}

// EachLock implements Locks.
func (d *Direct) EachLock(ctx context.Context, q LockQuery, each func(*idp.Lock)) error {
	f := idp.LockFilter{Paging: idp.Paging{Limit: stretch}, Uncounted: true}
	if inForce := true; !q.All {
		f.InForce = &inForce
	}
	if q.Target != nil {
		target, err := lock.ParseTarget(q.Target)
		if err != nil {
			return err
		}
		f.Target = target
	}
	for {
		page, err := d.LockService.Find(ctx, shell, f)
		if err != nil {
			return err
		}
		for i := range page.Items {
			each(&page.Items[i])
		}
		if len(page.Items) < stretch {
			return nil
		}
		last := page.Items[len(page.Items)-1]
		f.Before = &idp.LockMark{CreatedAt: last.CreatedAt, ID: last.ID}
	}
}

// ChangeLock implements Locks.
func (d *Direct) ChangeLock(ctx context.Context, id idp.LockID, p lock.Patch) ([]string, error) {
	_, warnings, err := d.LockService.Change(ctx, shell, id, p)
	return warnings, err
}

// LiftLock implements Locks.
func (d *Direct) LiftLock(ctx context.Context, id idp.LockID) error {
	_, err := d.LockService.Lift(ctx, shell, id)
	return err
}

// LiftLocks implements Locks.
func (d *Direct) LiftLocks(ctx context.Context, target map[string]string) ([]idp.Lock, error) {
	return d.LockService.LiftAll(ctx, shell, target)
}

// FindRoles implements Roles.
func (d *Direct) FindRoles(ctx context.Context) ([]idp.Role, error) {
	return every(func(p idp.Paging) (idp.Page[idp.Role], error) {
		p.Order = []string{"name"}
		return d.RoleService.Find(ctx, shell, idp.RoleFilter{Paging: p})
	})
}

// every reads a list to its end.
func every[T any](find func(idp.Paging) (idp.Page[T], error)) ([]T, error) {
	var out []T
	for {
		page, err := find(idp.Paging{Limit: stretch, Offset: len(out)})
		if err != nil {
			return nil, err
		}
		if out = append(out, page.Items...); len(page.Items) < stretch {
			return out, nil
		}
	}
}

// GetRole implements Roles.
func (d *Direct) GetRole(ctx context.Context, name string) (*idp.Role, error) {
	return d.RoleService.GetByName(ctx, shell, name)
}

// CreateRole implements Roles.
func (d *Direct) CreateRole(ctx context.Context, draft access.Draft, replace bool) (bool, error) {
	if replace {
		_, created, err := d.RoleService.Replace(ctx, shell, draft)
		return created, err
	}
	_, err := d.RoleService.Create(ctx, shell, draft)
	return true, err
}

// ChangeRole implements Roles.
func (d *Direct) ChangeRole(ctx context.Context, before *idp.Role, draft access.Draft) error {
	_, err := d.RoleService.Change(ctx, shell, before.ID, access.Patch{Description: &draft.Description, Spec: &draft.Spec,
		Unless: func(now *idp.Role) error { return sameRole(before, now) }})
	return err
}

// sameRole is CodeConflict when a role is not any more as it was.
func sameRole(before, now *idp.Role) error {
	if before.Name != now.Name || before.Description != now.Description || !reflect.DeepEqual(before.Spec, now.Spec) {
		return idp.Conflict("role %q was changed by somebody else meanwhile", before.Name)
	}
	return nil
}

// DeleteRole implements Roles.
func (d *Direct) DeleteRole(ctx context.Context, name string) error {
	role, err := d.GetRole(ctx, name)
	if err != nil {
		return err
	}
	return d.RoleService.Delete(ctx, shell, role.ID)
}

// Preference implements Preferences.
func (d *Direct) Preference(ctx context.Context) (*lock.Preference, error) {
	return d.LockService.Preference(ctx, shell)
}

// SetPreference implements Preferences.
func (d *Direct) SetPreference(ctx context.Context, mode idp.LockingMode) error {
	_, err := d.LockService.SetPreference(ctx, shell, mode)
	return err
}

// FindUsers implements Users.
func (d *Direct) FindUsers(ctx context.Context) ([]User, error) {
	found, err := every(func(p idp.Paging) (idp.Page[idp.User], error) {
		p.Order = []string{"username"}
		return d.Accounts.Find(ctx, shell, idp.UserFilter{Paging: p})
	})
	if err != nil {
		return nil, err
	}
	out := make([]User, len(found))
	for i := range found {
		if out[i], err = d.user(ctx, &found[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d *Direct) user(ctx context.Context, u *idp.User) (User, error) {
	out := User{User: *u, Direct: []string{}}
	if len(u.RoleNames) == 0 { // then it has none directly either
		return out, nil
	}
	roles, err := d.RoleService.UserRoles(ctx, shell, u.ID)
	if err != nil {
		return out, fmt.Errorf("finding the roles of %s: %w", u.Username, err)
	}
	for _, r := range roles {
		out.Direct = append(out.Direct, r.Name)
	}
	slices.Sort(out.Direct)
	return out, nil
}

// GetUser implements Users.
func (d *Direct) GetUser(ctx context.Context, username string) (*User, error) {
	page, err := d.Accounts.Find(ctx, shell, idp.UserFilter{Usernames: []string{username}, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return nil, err
	}
	if len(page.Items) == 0 {
		return nil, idp.NotFound("user")
	}
	out, err := d.user(ctx, &page.Items[0])
	return &out, err
}

// SetUserRoles implements Users.
func (d *Direct) SetUserRoles(ctx context.Context, username string, change func([]string) []string) ([]string, error) {
	u, err := d.GetUser(ctx, username)
	if err != nil {
		return nil, err
	}
	var roles []string
	err = d.RoleService.ChangeUserRoles(ctx, shell, u.ID, func(has map[string]bool) []string {
		names := make([]string, 0, len(has))
		for name := range has {
			names = append(names, name)
		}
		slices.Sort(names)
		roles = change(names)
		return roles
	})
	slices.SortFunc(roles, strings.Compare)
	return roles, err
}
