package account

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// lastAdministrator is why a change is refused that would leave nobody who can
// administer the installation.
const lastAdministrator = "This would leave nobody who can administer this installation."

// keepAdministrator runs a change and refuses it when it leaves no
// administrator. Such changes follow one another: each sees what the others
// did, so two of them cannot each take the other's administrator for granted.
func keepAdministrator(ctx context.Context, tx idp.Repos, actor idp.Actor, change func() error) error {
	before, err := tx.Users.HoldAdministrators(ctx)
	if err != nil {
		return fmt.Errorf("counting administrators: %w", err)
	}
	if err := change(); err != nil {
		return err
	}
	after, err := tx.Users.HoldAdministrators(ctx)
	if err != nil {
		return fmt.Errorf("counting administrators: %w", err)
	}
	if after > 0 {
		return nil
	}
	if before > 0 {
		return idp.Invalid("", lastAdministrator)
	}
	return keepActor(ctx, tx, actor)
}

// keepActor covers installations whose only administrator has an API token but
// no password yet: whoever administers now must be able to afterwards.
func keepActor(ctx context.Context, tx idp.Repos, actor idp.Actor) error {
	if actor.User == nil || !actor.User.IsSuperuser {
		return nil
	}
	u, err := tx.Users.Get(ctx, actor.User.ID)
	if err != nil {
		return err
	}
	if !u.IsSuperuser {
		return idp.Invalid("", lastAdministrator)
	}
	return nil
}
