package app

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/restore"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// restores makes the service that brings accounts back, of those that own the acts.
func (a *App) restores() *restore.Service {
	return restore.New(restore.Deps{Store: a.DB, Access: a.Access, Lockdowns: a.Lockdowns, Passwords: a.Accounts, Accounts: a.Accounts,
		Roles: a.RoleService, Tokens: a.Tokens, Consents: a.Consents, Links: recoveryLinks{a.Tokens},
		Factors: a.Factors, Post: a.Mail})
}

// restoreLink is how long the recovery link of a restore opens: as long as one that an
// administrator makes elsewhere.
const restoreLink = 24 * time.Hour

// recoveryLinks makes the recovery links of restores.
type recoveryLinks struct{ tokens *token.Service }

// LinkIn implements restore.Links.
func (l recoveryLinks) LinkIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, now time.Time) (string, idp.TokenID, error) {
	made, err := l.tokens.RecoveryLinkIn(ctx, tx, actor, user, brand, token.LinkTerms{Lifetime: restoreLink}, now)
	if err != nil {
		return "", idp.TokenID{}, err
	}
	return made.Link, made.Token, nil
}

// MailIn implements restore.Links.
func (l recoveryLinks) MailIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, stage idp.StageID) error {
	return l.tokens.RecoveryMailIn(ctx, tx, actor, user, brand, stage, token.LinkTerms{Lifetime: restoreLink})
}
