package restore_test

import (
	"context"
	"errors"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// failing orders no mail.
type failing struct{}

func (failing) Ready() bool { return true }

func (failing) Restored(context.Context, idp.Repos, *idp.User, bool) error {
	return errors.New("out of paper")
}

// falling does what it is told, and then the server falls.
type falling struct{ *account.Service }

func (f falling) RequireIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID, password, factor bool) error {
	if err := f.Service.RequireIn(ctx, tx, actor, id, password, factor); err != nil {
		return err
	}
	return errors.New("the power fails")
}
