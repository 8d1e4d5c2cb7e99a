package api

import (
	"errors"
	"net/http"
	"reflect"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/accountlockdown"
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
	if err := a.Lockdowns.Check(c, c.actor, users); err != nil {
		return nil, underField(err, field)
	}
	brand := web.Brand(c.r)
	if brand.FlowLockdown == nil {
		return nil, idp.Invalid("", "No lockdown flow configured.")
	}
	f, err := a.Store.Repos().Flows.Get(c, *brand.FlowLockdown)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.Invalid("", "No lockdown flow configured.")
	}
	if err != nil {
		return nil, err
	}
	page, err := a.Store.Repos().Users.Find(c, idp.UserFilter{IDs: users, Paging: idp.Paging{Limit: len(users)}})
	if err != nil {
		return nil, err
	}
	targets := make([]*idp.User, 0, len(page.Items))
	for i := range page.Items {
		targets = append(targets, &page.Items[i])
	}
	v := flow.Visit{Slug: f.Slug, Browser: web.BrowserDigest(c.w, c.r), Actor: c.actor, Brand: brand, Query: map[string]string{}}
	link, err := a.Flows.Begin(c, v, accountlockdown.For(targets...))
	var inapplicable *flow.NotApplicable
	switch {
	case errors.As(err, &inapplicable):
		return nil, idp.Invalid("", "Lockdown flow is not applicable.")
	case err != nil:
		return nil, err
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
