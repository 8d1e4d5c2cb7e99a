package server_test

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// recoveryLinks makes the recovery links of restores.
type recoveryLinks struct{ tokens *token.Service }

func (l recoveryLinks) LinkIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, now time.Time) (string, idp.TokenID, error) {
	made, err := l.tokens.RecoveryLinkIn(ctx, tx, actor, user, brand, token.LinkTerms{Lifetime: time.Hour}, now)
	if err != nil {
		return "", idp.TokenID{}, err
	}
	return made.Link, made.Token, nil
}

func (l recoveryLinks) MailIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, stage idp.StageID) error {
	return l.tokens.RecoveryMailIn(ctx, tx, actor, user, brand, stage, token.LinkTerms{Lifetime: time.Hour})
}

// unposted is no mail server.
type unposted struct{}

func (unposted) Ready() bool { return false }

func (unposted) Restored(context.Context, idp.Repos, *idp.User, bool) error { return nil }
