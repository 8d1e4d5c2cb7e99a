// Package contain starts the brand's lockdown flow in the browser that asks,
// for the JSON API and the pages alike.
package contain

import (
	"context"
	"errors"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/accountlockdown"
)

// Missing is why no account can be locked down while the brand has no flow for
// it.
const Missing = "No lockdown flow configured"

// Flow plans lockdown flows.
type Flow struct {
	Store idp.Store
	// Lockdowns judges whether it makes sense; see lockdown.Service.
	Lockdowns interface {
		Check(ctx context.Context, actor idp.Actor, users []idp.UserID) error
	}
	// Flows plans; see flow.Executor.
	Flows interface {
		Begin(ctx context.Context, v flow.Visit, set func(*flow.Run)) (link string, err error)
	}
}

// Begin plans the flow for the users and returns the path where it starts.
// Nothing is locked yet: the flow asks for the reason first. CodeInvalid without
// a flow on the brand, for unknown users and when every one is protected;
// CodeForbidden when the person may not lock every one of them down.
func (f Flow) Begin(w http.ResponseWriter, r *http.Request, users []idp.UserID) (string, error) {
	ctx, actor, brand := r.Context(), web.Actor(r), web.Brand(r)
	if err := f.Lockdowns.Check(ctx, actor, users); err != nil {
		return "", err
	}
	missing := idp.Invalid("", "%s.", Missing)
	if brand.FlowLockdown == nil {
		return "", missing
	}
	planned, err := f.Store.Repos().Flows.Get(ctx, *brand.FlowLockdown)
	if idp.Is(err, idp.CodeNotFound) {
		return "", missing
	}
	if err != nil {
		return "", err
	}
	found, err := f.Store.Repos().Users.Find(ctx, idp.UserFilter{IDs: users, Paging: idp.Paging{Limit: len(users)}})
	if err != nil {
		return "", err
	}
	targets := make([]*idp.User, 0, len(found.Items))
	for i := range found.Items {
		targets = append(targets, &found.Items[i])
	}
	v := flow.Visit{Slug: planned.Slug, Browser: web.BrowserDigest(w, r), Actor: actor, Brand: brand, Query: map[string]string{}}
	link, err := f.Flows.Begin(ctx, v, accountlockdown.For(targets...))
	var inapplicable *flow.NotApplicable
	if errors.As(err, &inapplicable) {
		return "", idp.Invalid("", "Lockdown flow is not applicable.")
	}
	return link, err
}
