package access

import (
	"context"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// adopt makes a role of the product one of the people's, when they make one of its
// name that says the same (seed: Session and Identity Locking, "Define a role
// locksmith"). Nobody gains or loses a right by it; from now on it is theirs to
// change, and EnsureBuiltIn leaves it alone. adopted is false when there is no such
// role.
func adopt(ctx context.Context, tx idp.Repos, row *idp.Role) (adopted bool, err error) {
	found, err := tx.Roles.GetByName(ctx, row.Name)
	switch {
	case idp.Is(err, idp.CodeNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	if found, err = tx.Roles.Hold(ctx, found.ID); err != nil {
		return false, err
	}
	if found.Managed == "" || found.Name != row.Name || !reflect.DeepEqual(tidy(found.Spec), tidy(row.Spec)) {
		return false, nil
	}
	if row.ID, row.CreatedAt = found.ID, found.CreatedAt; row.Description == "" {
		row.Description = found.Description
	}
	return true, tx.Roles.Update(ctx, row)
}
