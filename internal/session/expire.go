package session

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// expireAtOnce is how many sessions one transaction of Expire ends.
const expireAtOnce = 200

// Expire writes down that sessions ended whose time is over: each becomes a
// tombstone as of then, with its logout event. They act no more in any case; this
// is for whoever reads the log. Several servers may do it at once.
func (s *Service) Expire(ctx context.Context) error {
	for {
		n := 0
		err := s.store.InTx(ctx, func(tx idp.Repos) error {
			ended, err := tx.Visits.Expire(ctx, expireAtOnce)
			if err != nil {
				return err
			}
			n = len(ended)
			for _, v := range ended {
				e := idp.LogoutEvent(app, idp.SystemActor(), &v.User, map[string]any{
					"logout_reason": v.Session.EndReason, "session": v.Session.ID.String(), "sessions": 1,
					"ended": v.Session.EndedAt.UTC().Format("2006-01-02T15:04:05Z07:00")})
				if err := tx.Events.Append(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("ending the sessions whose time is over: %w", err)
		}
		if n < expireAtOnce {
			return nil
		}
	}
}
