package account

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Confirmation is how somebody showed that they read an account's mail.
type Confirmation struct {
	Link       idp.TokenID // the link that came by mail, to be redeemed
	Generation int64       // the user's session generation when it was asked for
}

// Confirm switches on an account that was made switched off and waits for its
// first use, and redeems the link that came by mail. An account that anybody
// closed stays closed. It asks no permission but the rule of links, with the row
// held. The error is CodeRefused for every other account and link.
func (s *Service) Confirm(ctx context.Context, actor idp.Actor, id idp.UserID, c Confirmation) (*idp.User, error) {
	var changed *idp.User
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Hold(ctx, id)
		if idp.Is(err, idp.CodeNotFound) {
			return idp.Refuse(idp.DoorFlowLink, idp.RefusedUnknown)
		}
		if err != nil {
			return err
		}
		waits, err := idp.MayConfirm(ctx, tx, u)
		if err != nil {
			return err
		}
		active := *u
		active.IsActive = u.IsActive || waits
		if err := s.access.Admit(ctx, idp.DoorFlowLink, &active, idp.Credential{Family: idp.FamilySession, Generation: c.Generation}); err != nil {
			return err
		}
		if err := idp.RedeemLink(ctx, tx, s.access, &active, c.Link); err != nil {
			return err
		}
		if err := s.closer.ReopenIn(ctx, tx, actor, u); err != nil {
			return err
		}
		changed, err = tx.Users.Get(ctx, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("confirming user %d: %w", id, err)
	}
	return changed, nil
}
