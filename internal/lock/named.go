package lock

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// named is what is there of what locks name.
type named struct {
	warnings []string // of accounts, roles and groups that are not
	// superusers are the accounts named that administer, by canonical name.
	superusers map[string]bool
}

// look looks for the accounts, roles and groups that locks name.
func look(ctx context.Context, tx idp.Repos, rows []idp.Lock) (named, error) {
	names := map[idp.LockKind][]string{}
	asked := map[idp.LockKey]bool{}
	for i := range rows {
		for _, key := range rows[i].Target {
			if canonical := key.Canonical(); !asked[canonical] {
				asked[canonical] = true
				names[key.Kind] = append(names[key.Kind], key.Value)
			}
		}
	}
	out := named{superusers: map[string]bool{}}
	users := func(ctx context.Context, tx idp.Repos, names []string) ([]string, error) {
		page, err := tx.Users.Find(ctx, idp.UserFilter{Usernames: names, Paging: idp.Paging{Limit: len(names)}})
		found := make([]string, len(page.Items))
		for i := range page.Items {
			found[i] = page.Items[i].Username
			if page.Items[i].IsSuperuser {
				out.superusers[canonical(idp.LockUser, found[i])] = true
			}
		}
		return found, err
	}
	for _, of := range []struct {
		kind  idp.LockKind
		found func(ctx context.Context, tx idp.Repos, names []string) ([]string, error)
	}{{idp.LockUser, users}, {idp.LockRole, roleNames}, {idp.LockGroup, groupNames}} {
		for names := range slices.Chunk(names[of.kind], 1000) {
			found, err := of.found(ctx, tx, names)
			if err != nil {
				return out, err
			}
			there := map[string]bool{}
			for _, name := range found {
				there[canonical(of.kind, name)] = true
			}
			for _, name := range names {
				if !there[canonical(of.kind, name)] {
					out.warnings = append(out.warnings, fmt.Sprintf("There is no %s %q (yet): the lock is in force for when there is.", of.kind, name))
				}
			}
		}
	}
	return out, nil
}

// spares reports whether no administrator is among whom the locks can refuse: each
// names an account, and none of these administers. It reads nothing.
func (n named) spares(rows []idp.Lock) bool {
	return !slices.ContainsFunc(rows, func(l idp.Lock) bool {
		name := strings.TrimSpace(l.Target.Get(idp.LockUser))
		return name == "" || n.superusers[canonical(idp.LockUser, name)]
	})
}

func canonical(kind idp.LockKind, value string) string {
	return idp.LockKey{Kind: kind, Value: value}.Canonical().Value
}

func roleNames(ctx context.Context, tx idp.Repos, names []string) (found []string, err error) {
	for _, name := range names {
		switch _, err := tx.Roles.GetByName(ctx, name); {
		case err == nil:
			found = append(found, name)
		case !idp.Is(err, idp.CodeNotFound):
			return nil, err
		}
	}
	return found, nil
}

func groupNames(ctx context.Context, tx idp.Repos, names []string) (found []string, err error) {
	for _, name := range names {
		page, err := tx.Groups.Find(ctx, idp.GroupFilter{Name: &name, Paging: idp.Paging{Limit: 1}})
		if err != nil {
			return nil, err
		}
		if len(page.Items) > 0 {
			found = append(found, name)
		}
	}
	return found, nil
}
