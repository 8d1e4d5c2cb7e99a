package app

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/stages/userlogin"
)

// locate follows the files of the databases of addresses, and says in the log
// when sessions are bound to what cannot be checked without one.
func (a *App) locate(ctx context.Context) error {
	if err := a.Geo.Start(ctx); err != nil {
		return err
	}
	unchecked, err := userlogin.FindUnchecked(ctx, a.DB.Repos().Stages, a.Geo)
	if err != nil {
		return err
	}
	for _, u := range unchecked {
		a.Log.WarnContext(ctx, "sessions are bound, but without a database the binding is not checked",
			"stage", u.Stage, "database", u.Database, "option", u.Database.Option())
	}
	return nil
}
