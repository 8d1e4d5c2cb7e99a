package policies

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Directory lets expressions ask for policies and users of a store. It
// implements policy.Directory.
type Directory struct{ Store idp.Store }

// PolicyNamed implements policy.Directory.
func (d Directory) PolicyNamed(ctx context.Context, name string) (*idp.Policy, error) {
	page, err := d.Store.Repos().Policies.Find(ctx, idp.PolicyFilter{Name: &name, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return nil, err
	}
	if len(page.Items) == 0 {
		return nil, idp.NotFound("policy")
	}
	return &page.Items[0], nil
}

// FactorsOf implements policy.Directory.
func (d Directory) FactorsOf(ctx context.Context, user idp.UserID) ([]idp.FactorKind, error) {
	has, err := d.Store.Repos().Factors.Of(ctx, user)
	kinds := make([]idp.FactorKind, len(has))
	for i, f := range has {
		kinds[i] = f.Kind
	}
	return kinds, err
}

// GroupsNamed implements policy.Directory.
func (d Directory) GroupsNamed(ctx context.Context, names []string) ([]idp.Group, error) {
	page, err := d.Store.Repos().Groups.Find(ctx, idp.GroupFilter{Names: names, Paging: idp.Paging{Limit: len(names)}})
	return page.Items, err
}

// UserBy implements policy.Directory. Usernames and addresses are compared
// regardless of case, as when people sign in; an address that several have is
// nobody's.
func (d Directory) UserBy(ctx context.Context, field, value string) (*idp.User, error) {
	users := d.Store.Repos().Users
	switch field {
	case "username", "email":
		u, err := users.FindByLogin(ctx, value, []string{field})
		if err == nil && u == nil {
			err = idp.NotFound("user")
		}
		return u, err
	case "pk":
		pk, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return nil, idp.NotFound("user")
		}
		return users.Get(ctx, idp.UserID(pk))
	case "uuid":
		id, err := uuid.Parse(value)
		if err != nil {
			return nil, idp.NotFound("user")
		}
		return users.GetByUUID(ctx, id)
	}
	return nil, idp.Invalid("", "Users are found by username, email, pk or uuid, not by “%.50s”.", field)
}
