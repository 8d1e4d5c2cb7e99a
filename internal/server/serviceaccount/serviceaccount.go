// Package serviceaccount makes accounts for programs, for the API and the console:
// an account, a group of its own if wanted, and an API token, or none of them.
//
// It must not know HTTP; who may do it is what the use cases say of each part.
package serviceaccount

import (
	"context"
	"errors"
	"time"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Lifetime is how long the token lasts when nobody says.
const Lifetime = 360 * 24 * time.Hour

// Maker makes them.
type Maker struct {
	Store    idp.Store
	Access   idp.Access
	Accounts *account.Service
	Tokens   *token.Service
}

// Order is one to be made.
type Order struct {
	Name        string // the username, and what the group is called
	CreateGroup bool
	Expiring    bool
	ExpiresAt   *time.Time // with Expiring; nil = after Lifetime
	Key         *string    // of the token; nil = a random one, which token.Service.Reveal shows once
	// StepUpExempt marks the token; nil = as whoever makes it may. See token.Draft.
	StepUpExempt *bool
}

// Made is what came of it.
type Made struct {
	User  *idp.User
	Group *idp.Group // nil = none
	Token *idp.Token
}

// Make makes the account, its group and its API token. Errors: CodeForbidden;
// CodeInvalid on name or expires.
func (m Maker) Make(ctx context.Context, actor idp.Actor, o Order) (*Made, error) {
	clock, err := m.Store.Now(ctx)
	if err != nil {
		return nil, err
	}
	var made *Made
	err = m.Store.InTx(ctx, func(tx idp.Repos) error {
		made = &Made{}
		now, err := actor.Renew(ctx, tx, m.Access)
		if err != nil {
			return err
		}
		made.User, err = m.Accounts.SaveUserIn(ctx, tx, now, idp.User{Username: o.Name, Name: o.Name, Type: idp.UserServiceAccount,
			Path: idp.DefaultUserPath, IsActive: true}, nil, clock)
		if err != nil {
			return err
		}
		if o.CreateGroup {
			made.Group, err = m.Accounts.SaveGroupIn(ctx, tx, now, idp.Group{Name: made.User.Username}, true, &[]idp.UserID{made.User.ID})
			if err != nil {
				return err
			}
		}
		t := idp.Token{UserID: made.User.ID, Identifier: "service-account-" + made.User.UUID.String(), Intent: idp.IntentAPI,
			Description: "Made with the service account " + made.User.Username, Expiring: o.Expiring, ExpiresAt: o.ExpiresAt}
		if t.Expiring && t.ExpiresAt == nil {
			ends := clock.Add(Lifetime)
			t.ExpiresAt = &ends
		}
		made.Token, err = m.Tokens.IssueIn(ctx, tx, now, t, o.Key, o.StepUpExempt, clock)
		return err
	})
	if err != nil {
		return nil, asSent(err)
	}
	return made, nil
}

// asSent says of name what is wrong with the username that is made of it.
func asSent(err error) error {
	var e *idp.Error
	if !errors.As(err, &e) || e.Fields == nil {
		return err
	}
	renamed := *e
	renamed.Fields = map[string][]string{}
	for field, messages := range e.Fields {
		if field == "username" {
			field = "name"
		}
		renamed.Fields[field] = append(renamed.Fields[field], messages...)
	}
	return &renamed
}
