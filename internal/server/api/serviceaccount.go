package api

import (
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// UserServiceAccountResponse is a new account for a program with the key of its
// token, which is said here once.
type UserServiceAccountResponse struct {
	Username string       `json:"username"`
	Token    string       `json:"token"`
	UserUID  string       `json:"user_uid"`
	UserPK   idp.UserID   `json:"user_pk"`
	GroupPK  *idp.GroupID `json:"group_pk,omitempty"`
}

type serviceAccountBody struct {
	Name        Optional[string]    `json:"name" api:"required" max:"150" help:"The username of the account, and the name of its group."`
	CreateGroup Optional[bool]      `json:"create_group" help:"Make a group of the same name that the account is in."`
	Expiring    Optional[bool]      `json:"expiring" help:"Whether the token ends; true unless said otherwise."`
	Expires     Optional[time.Time] `json:"expires" help:"When the token ends: in 360 days unless said otherwise."`
}

// serviceTokenLifetime is how long the token of a service account lasts when
// nobody says.
const serviceTokenLifetime = 360 * 24 * time.Hour

func (a *API) mountServiceAccount() {
	a.kit.add(operation{method: http.MethodPost, path: "/core/users/service_account/", id: "core_users_service_account_create", tag: "core",
		summary: "Create an account for a program, with a token", body: reflect.TypeFor[serviceAccountBody](),
		bodyName: "UserServiceAccountRequest", response: reflect.TypeFor[UserServiceAccountResponse](), run: a.createServiceAccount})
}

// createServiceAccount makes the account, its group and its API token, or none of
// them.
func (a *API) createServiceAccount(c *call) (any, error) {
	var b serviceAccountBody
	if err := decodeBody(c.r, &b, whole); err != nil {
		return nil, err
	}
	clock, err := a.Store.Now(c)
	if err != nil {
		return nil, err
	}
	var out UserServiceAccountResponse
	err = a.Store.InTx(c, func(tx idp.Repos) error {
		out = UserServiceAccountResponse{Token: secret.Token()}
		now, err := c.actor.Renew(c, tx, a.Access)
		if err != nil {
			return err
		}
		u, err := a.Accounts.SaveUserIn(c, tx, now, idp.User{Username: b.Name.Value, Name: b.Name.Value, Type: idp.UserServiceAccount,
			Path: idp.DefaultUserPath, IsActive: true}, nil, clock)
		if err != nil {
			return err
		}
		out.Username, out.UserPK, out.UserUID = u.Username, u.ID, uid(u)
		if b.CreateGroup.Value {
			g, err := a.Accounts.SaveGroupIn(c, tx, now, idp.Group{Name: u.Username}, true, &[]idp.UserID{u.ID})
			if err != nil {
				return err
			}
			out.GroupPK = &g.ID
		}
		t := idp.Token{UserID: u.ID, Identifier: "service-account-" + u.UUID.String(), Intent: idp.IntentAPI,
			Description: "Made with the service account " + u.Username, Expiring: b.Expiring.Or(true), ExpiresAt: b.Expires.Ptr()}
		if t.Expiring && t.ExpiresAt == nil {
			ends := clock.Add(serviceTokenLifetime)
			t.ExpiresAt = &ends
		}
		_, err = a.Tokens.IssueIn(c, tx, now, t, &out.Token, clock)
		return err
	})
	if err != nil {
		return nil, asSent(err)
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return out, nil
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
