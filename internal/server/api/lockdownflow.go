package api

import (
	"errors"
	"net/http"
	"reflect"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/contain"
)

type lockdownBody struct {
	User Optional[idp.UserID] `json:"user" api:"null" help:"The user to lock down; absent or null = one's own account."`
}

type lockdownBulkBody struct {
	Users Optional[[]idp.UserID] `json:"users" api:"required" help:"The users to lock down."`
}

func (a *API) mountLockdownFlow() {
	a.kit.add(operation{method: http.MethodPost, path: "/core/users/account_lockdown/", id: "core_users_account_lockdown_create",
		tag: "core", summary: "Plan the lockdown flow for one account in the caller's browser session",
		body: reflect.TypeFor[lockdownBody](), bodyName: "UserAccountLockdownRequest", partial: true,
		response: reflect.TypeFor[Link](), run: a.planLockdown})
	a.kit.add(operation{method: http.MethodPost, path: "/core/users/account_lockdown_bulk/", id: "core_users_account_lockdown_bulk_create",
		tag: "core", summary: "Plan the lockdown flow for several accounts in the caller's browser session",
		body: reflect.TypeFor[lockdownBulkBody](), bodyName: "UserAccountLockdownBulkRequest",
		response: reflect.TypeFor[Link](), run: a.planLockdownBulk})
}

func (a *API) planLockdown(c *call) (any, error) {
	var b lockdownBody
	if err := decodeBody(c.r, &b, partial); err != nil {
		return nil, err
	}
	return a.beginLockdown(c, "user", []idp.UserID{b.User.Or(c.actor.User.ID)})
}

func (a *API) planLockdownBulk(c *call) (any, error) {
	var b lockdownBulkBody
	if err := decodeBody(c.r, &b, whole); err != nil {
		return nil, err
	}
	users := slices.Clone(b.Users.Value)
	slices.Sort(users)
	users = slices.Compact(users)
	if len(users) == 0 {
		return nil, idp.Invalid("users", "At least one user is required.")
	}
	return a.beginLockdown(c, "users", users)
}

// beginLockdown plans the brand's lockdown flow with the targets in it. Nothing
// is locked yet. Faults of the targets are reported under the body's own key.
func (a *API) beginLockdown(c *call, field string, users []idp.UserID) (any, error) {
	link, err := contain.Flow{Store: a.Store, Lockdowns: a.Lockdowns, Flows: a.Flows}.Begin(c.w, c.r, users)
	if err != nil {
		return nil, underField(err, field)
	}
	return Link{Link: link}, nil
}

// underField moves the messages about users under the key that the body has.
func underField(err error, field string) error {
	var e *idp.Error
	if !errors.As(err, &e) || e.Code != idp.CodeInvalid {
		return err
	}
	moved := *e
	moved.Fields = map[string][]string{}
	for name, messages := range e.Fields {
		if name == "user" || name == "users" {
			name = field
		}
		moved.Fields[name] = append(moved.Fields[name], messages...)
	}
	return &moved
}
