package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server/serviceaccount"
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
	key := secret.Token()
	made, err := serviceaccount.Maker{Store: a.Store, Access: a.Access, Accounts: a.Accounts, Tokens: a.Tokens}.Make(c, c.actor,
		serviceaccount.Order{Name: b.Name.Value, CreateGroup: b.CreateGroup.Value, Expiring: b.Expiring.Or(true), ExpiresAt: b.Expires.Ptr(), Key: &key})
	if err != nil {
		return nil, err
	}
	out := UserServiceAccountResponse{Username: made.User.Username, Token: key, UserUID: uid(made.User), UserPK: made.User.ID}
	if made.Group != nil {
		out.GroupPK = &made.Group.ID
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return out, nil
}
