package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Run is a flow under way, as a stage sees it.
type Run struct {
	ID      idp.RunID // stays the same from request to request once the run is stored
	Flow    *idp.Flow
	Binding *idp.FlowBinding
	Actor   idp.Actor         // who is signed in in the browser
	Brand   *idp.Brand        // may be nil
	Query   map[string]string // the page's query string
	Device  Device
	Vars    Vars
	Effects *Effects

	at    *passage // nil = not under way in an Executor
	kinds []Kind
	gate  idp.Gate
	notes []error
	said  []string // by the answer before this request, for the page that follows it
	repo  idp.Users
	kept  People // nil = repo alone
	users map[idp.UserID]*idp.User
}

// User returns a user, read at most once a request. The error is CodeNotFound
// when there is none.
func (r *Run) User(ctx context.Context, id idp.UserID) (*idp.User, error) {
	if u, ok := r.users[id]; ok {
		return u, nil
	}
	u, err := r.person(ctx, id)
	if err != nil {
		return nil, err
	}
	r.keep(u)
	return u, nil
}

// Users returns the users that exist of a list, in its order, read at most
// once a request.
func (r *Run) Users(ctx context.Context, ids []idp.UserID) ([]*idp.User, error) {
	missing := []idp.UserID{}
	for _, id := range ids {
		if _, ok := r.users[id]; !ok {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		page, err := r.repo.Find(ctx, idp.UserFilter{IDs: missing, Paging: idp.Paging{Limit: 1000}})
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			r.keep(&page.Items[i])
		}
	}
	out := make([]*idp.User, 0, len(ids))
	for _, id := range ids {
		if u, ok := r.users[id]; ok {
			out = append(out, u)
		}
	}
	return out, nil
}

// person reads a user from memory, where what is there is in step with the database.
func (r *Run) person(ctx context.Context, id idp.UserID) (*idp.User, error) {
	if r.kept != nil {
		return r.kept.User(ctx, id)
	}
	return r.repo.Get(ctx, id)
}

func (r *Run) keep(u *idp.User) {
	if r.users == nil {
		r.users = map[idp.UserID]*idp.User{}
	}
	r.users[u.ID] = u
}

// Pending loads the run's pending user afresh (once a request), or returns nil
// when there is none or they were deleted.
func (r *Run) Pending(ctx context.Context) (*idp.User, error) {
	p, ok := KeyPending.In(r.Vars)
	if !ok {
		return nil, nil
	}
	u, err := r.User(ctx, p.User)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil
	}
	return u, err
}

// SetPending makes u the run's pending user.
func (r *Run) SetPending(u *idp.User) {
	KeyPending.Put(r.Vars, Pending{User: u.ID, Generation: u.SessionGeneration})
	r.keep(u)
}

// Forget drops the users read so far, so that the next Pending reads what a
// stage has just changed.
func (r *Run) Forget() { r.users = nil }

// Admit returns the pending user if they may pass the door: the account may
// act, and nothing was ended since it became pending. Otherwise the error is
// an *idp.Error with CodeRefused.
func (r *Run) Admit(ctx context.Context, door idp.Door) (*idp.User, error) {
	u, err := r.Pending(ctx)
	if err != nil {
		return nil, err
	}
	p, _ := KeyPending.In(r.Vars)
	c := idp.Credential{Family: idp.FamilySession, Generation: p.Generation}
	if f, ok := KeyFactor.In(r.Vars); ok {
		c.Factor = &f
	}
	if err := r.gate.Admit(ctx, door, u, c); err != nil {
		return nil, err
	}
	return u, nil
}

// SignIn notes that the browser now has a session of u. The rest of the run
// belongs to u.
func (r *Run) SignIn(u *idp.User, s *idp.Session, cookie string, expires time.Time) {
	r.Effects.SignedIn = &SignedIn{Session: s, Cookie: cookie, Expires: expires}
	r.Effects.SignedOut = false
	r.Actor.User, r.Actor.Session, r.Actor.Token, r.Actor.Grant = u, s, nil, nil
	r.keep(u)
}

// Remember notes that the browser is known by that value from now on.
func (r *Run) Remember(cookie string, expires time.Time) {
	r.Effects.Remembered = &Remembered{Cookie: cookie, Expires: expires}
}

// SignOut notes that the browser's session is over. The rest of the run
// belongs to nobody.
func (r *Run) SignOut() {
	r.Effects.SignedIn, r.Effects.SignedOut = nil, true
	r.Actor.User, r.Actor.Session, r.Actor.Token, r.Actor.Grant = nil, nil, nil, nil
}

// Note keeps a fault that did not stop the stage, for the log; nil is nothing.
func (r *Run) Note(err error) {
	if err != nil {
		r.notes = append(r.notes, err)
	}
}

// Subject is whom the run is about: the pending user, else whoever is signed
// in, else nil.
func (r *Run) Subject(ctx context.Context) (*idp.User, error) {
	u, err := r.Pending(ctx)
	if u != nil || err != nil {
		return u, err
	}
	return r.Actor.User, nil
}

// Who tells how to show whom the run is about. Where identification hides
// whether somebody exists, it is what was typed.
func (r *Run) Who(ctx context.Context) (UserInfo, error) {
	if typed, ok := KeyPendingIdentifier.In(r.Vars); ok {
		return NewUserInfo(typed), nil
	}
	u, err := r.Subject(ctx)
	if err != nil || u == nil {
		return NewUserInfo(""), err
	}
	return NewUserInfo(u.Username), nil
}

// Holds reports whether the flow has a stage of the kind. A run that is not
// under way may have any.
func (r *Run) Holds(kind string) bool {
	return r.at == nil || slices.ContainsFunc(r.at.bindings, func(b *bound) bool { return b.kind.Name == kind })
}

// Facts is the run's context as policies and expressions see it: plain data
// under the names of the contract. The booleans and prompt_data are always
// there, so that an expression need not test for them.
func (r *Run) Facts(ctx context.Context) (map[string]any, error) {
	facts := map[string]any{
		string(KeyPromptData): map[string]any{}, string(KeyRestored): false, string(KeyRedirected): false,
		"is_sso": false, "flow_slug": r.Flow.Slug, "flow_designation": string(r.Flow.Designation),
	}
	for key, raw := range r.Vars {
		if internal(key) {
			continue
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, fmt.Errorf("reading context value %q: %w", key, err)
		}
		facts[key] = value
	}
	u, err := r.Pending(ctx)
	if err != nil {
		return nil, err
	}
	facts[string(KeyPending)] = nil
	if u != nil {
		facts[string(KeyPending)] = u.Facts()
	}
	for _, k := range r.kinds {
		if k.Facts == nil {
			continue
		}
		if err := k.Facts(ctx, r, facts); err != nil {
			return nil, fmt.Errorf("facts of stage kind %s: %w", k.Name, err)
		}
	}
	return facts, nil
}

// PolicyRequest is what policies and expressions may look at, at this moment
// of the run.
func (r *Run) PolicyRequest(ctx context.Context) (idp.PolicyRequest, error) {
	facts, err := r.Facts(ctx)
	if err != nil {
		return idp.PolicyRequest{}, err
	}
	u, err := r.Subject(ctx)
	if err != nil {
		return idp.PolicyRequest{}, err
	}
	req := idp.PolicyRequest{User: u, SignedIn: r.Actor.User, Query: r.Query, ClientIP: r.Actor.ClientIP(), Context: facts}
	req.Brand, _ = r.Actor.Brand["name"].(string)
	req.Secrets, _ = KeySecrets.In(r.Vars)
	if http := r.Actor.Request; http != nil {
		req.Path, req.Method = http.Path, http.Method
	}
	return req, nil
}
