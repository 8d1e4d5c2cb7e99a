package page

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// NoLockdownFlow is why no account can be locked down while the brand has no
// flow for it.
const NoLockdownFlow = "No lockdown flow configured"

// LockdownFlow starts the brand's lockdown flow in the browser that asks.
type LockdownFlow struct {
	Store idp.Store
	// Lockdowns judges whether it makes sense; see lockdown.Service.
	Lockdowns interface {
		Check(ctx context.Context, actor idp.Actor, users []idp.UserID) error
	}
	// Flows plans; see flow.Executor.
	Flows interface {
		Begin(ctx context.Context, v flow.Visit, set func(*flow.Run)) (link string, err error)
	}
	// Target puts the users into the context of the flow, before it is planned.
	// self says that it is the person's own account.
	Target func(run *flow.Run, users []*idp.User, self bool)
}

// Begin plans the flow for the users and returns the path where it starts.
// Nothing is locked yet: the flow asks for the reason first. back, when not "",
// is where the browser goes when the flow is done. CodeInvalid without a flow on
// the brand, for unknown and for protected users; CodeForbidden when the person
// may not lock every one of them down.
func (l LockdownFlow) Begin(w http.ResponseWriter, r *http.Request, users []idp.UserID, back string) (string, error) {
	ctx, actor, brand := r.Context(), web.Actor(r), web.Brand(r)
	if err := l.Lockdowns.Check(ctx, actor, users); err != nil {
		return "", err
	}
	missing := idp.Invalid("", "%s.", NoLockdownFlow)
	if brand.FlowLockdown == nil {
		return "", missing
	}
	f, err := l.Store.Repos().Flows.Get(ctx, *brand.FlowLockdown)
	if idp.Is(err, idp.CodeNotFound) {
		return "", missing
	}
	if err != nil {
		return "", err
	}
	found, err := l.Store.Repos().Users.Find(ctx, idp.UserFilter{IDs: users, Paging: idp.Paging{Limit: len(users)}})
	if err != nil {
		return "", err
	}
	targets := make([]*idp.User, 0, len(found.Items))
	for i := range found.Items {
		targets = append(targets, &found.Items[i])
	}
	self := len(users) == 1 && actor.Is(users[0])
	v := flow.Visit{Slug: f.Slug, Browser: web.BrowserDigest(w, r), Actor: actor, Brand: brand, Query: map[string]string{}}
	link, err := l.Flows.Begin(ctx, v, func(run *flow.Run) { l.Target(run, targets, self) })
	var inapplicable *flow.NotApplicable
	switch {
	case errors.As(err, &inapplicable):
		return "", idp.Invalid("", "Lockdown flow is not applicable.")
	case err != nil:
		return "", err
	}
	return withNext(link, back), nil
}

// withNext adds where to go afterwards to the address of a flow.
func withNext(path, next string) string {
	if next == "" {
		return path
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + url.Values{"next": {next}}.Encode()
}

// Ends says, counted, what a lockdown ends: "3 sessions end".
func Ends(h idp.Holdings) []string {
	var out []string
	add := func(n int, noun, one, many string) {
		switch {
		case n == 1:
			out = append(out, ui.Count(n, noun)+" "+one)
		case n > 1:
			out = append(out, ui.Count(n, noun)+" "+many)
		}
	}
	add(h.Sessions, "session", "ends", "end")
	add(h.TokenTotal(), "token", "stops working", "stop working")
	add(h.Grants, "grant", "ends", "end")
	add(h.Applications, "application", "loses access", "lose access")
	return out
}
