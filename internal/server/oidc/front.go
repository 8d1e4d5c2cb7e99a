package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// The paths that browsers open.
const (
	AuthorizePath = core.AuthorizePath
	DevicePath    = core.VerifyPath
)

// Flows takes browsers through flows; see flow.Executor.
type Flows interface {
	Begin(ctx context.Context, v flow.Visit, set func(*flow.Run)) (link string, err error)
	Pass(ctx context.Context, v flow.Visit, set func(*flow.Run), silent bool) (*flow.Answer, error)
}

// Front is what browsers open: authorization requests, the way out, and the page where
// people let devices in.
type Front struct {
	Service *core.Service
	Store   idp.Store
	Flows   Flows
	// Origin is the address that a request came to.
	Origin func(*http.Request) core.Origin
}

// Mount adds the routes. They run behind the whole chain: who is signed in is known.
func (f *Front) Mount(r chi.Router) {
	r.Method(http.MethodGet, AuthorizePath, web.Handler(f.authorize))
	r.Method(http.MethodPost, AuthorizePath, web.Handler(f.posted))
	r.Method(http.MethodGet, "/application/o/{slug}/end-session/", web.Handler(f.leave))
	r.Method(http.MethodPost, "/application/o/{slug}/end-session/", web.Handler(f.confirmed))
	r.Method(http.MethodGet, DevicePath, web.Handler(f.device))
	r.Method(http.MethodPost, DevicePath, web.Handler(f.deviceCode))
}

// resumeParam names the request that waits.
const resumeParam = "resume"

func resumePath(id idp.UUID) string {
	return AuthorizePath + "?" + url.Values{resumeParam: {id.String()}}.Encode()
}

// authorize answers an authorization request (RFC 6749, section 4.1.1), at once where
// nobody has to be asked.
func (f *Front) authorize(w http.ResponseWriter, r *http.Request) error {
	if raw := r.URL.Query().Get(resumeParam); raw != "" {
		return f.resume(w, r, raw)
	}
	params, err := single(r.URL.Query())
	if err != nil {
		return err
	}
	if uri := params["request_uri"]; uri != "" {
		if params, err = f.Service.Pushed(r.Context(), params["client_id"], uri); err != nil {
			return err
		}
	}
	a, err := f.Service.Judge(r.Context(), f.Origin(r), params)
	if err != nil {
		return f.refused(w, r, err)
	}
	row, err := f.Service.Wait(r.Context(), a, params)
	if err != nil {
		return err
	}
	return f.goOn(w, r, a, row)
}

// posted takes a request that an application had the browser post (OpenID Connect Core,
// section 3.1.2.1). Browsers send no session with it; they do where it leads.
func (f *Front) posted(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		return idp.Invalid("", "Send the parameters in the form alone.")
	}
	to := AuthorizePath + "?" + url.Values(form).Encode()
	if len(to) > longestPost {
		return web.TooLarge(longestPost)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// longestPost is how many bytes of parameters a browser is sent on with; longer ones are
// pushed (RFC 9126).
const longestPost = 16 << 10

// single reads parameters of which none may be there twice (RFC 6749, section 3.1).
func single(values url.Values) (map[string]string, error) {
	out := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 1 {
			return nil, idp.Invalid(name, "This parameter is there more than once.")
		}
		out[name] = all[0]
	}
	return out, nil
}

// refused sends a refusal to the application; anything else is for the person.
func (f *Front) refused(w http.ResponseWriter, r *http.Request, err error) error {
	var refusal *core.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	web.From(r.Context()).Record.Outcome = refusal.Code
	return f.bring(w, r, refusal.Answer())
}

// resume goes on with a request that somebody signed in for, or agreed to.
func (f *Front) resume(w http.ResponseWriter, r *http.Request, raw string) error {
	id, ok := core.ParseRequestID(raw)
	if !ok {
		return idp.Invalid(resumeParam, "“%.64s” is not a valid UUID.", raw)
	}
	a, row, err := f.Service.Waiting(r.Context(), f.Origin(r), id)
	if idp.Is(err, idp.CodeNotFound) {
		return &idp.Error{Code: idp.CodeNotFound, Message: "This sign-in was completed already, or took too long. Go back to the application and try again."}
	}
	if err != nil {
		return f.refused(w, r, err)
	}
	if r.URL.Query().Has(core.CancelParam) && row.ApprovedAt == nil {
		if err := f.Store.Repos().OAuthRequests.Delete(r.Context(), row.ID); err != nil {
			return err
		}
		return f.refused(w, r, a.Refuse(core.ErrAccessDenied, "The person decided not to go on."))
	}
	return f.goOn(w, r, a, row)
}

// goOn takes a request to its next step: signing in, agreeing, or the answer.
func (f *Front) goOn(w http.ResponseWriter, r *http.Request, a *core.Authorization, row *idp.OAuthRequest) error {
	ctx, actor := r.Context(), web.Actor(r)
	silent := a.Asks("none")
	if actor.User == nil || actor.Session == nil {
		if silent {
			return f.refused(w, r, a.Refuse(core.ErrLoginRequired, "Nobody is signed in."))
		}
		return f.signIn(w, r, a, row, false)
	}
	if done, err := f.established(w, r, a, row); done || err != nil {
		return err
	}
	if err := f.Service.Admit(ctx, actor, a); err != nil {
		if silent && (idp.Is(err, idp.CodeRefused) || idp.Is(err, idp.CodeForbidden)) {
			return f.refused(w, r, a.Refuse(core.ErrAccessDenied, "This account may not use the application."))
		}
		return err
	}
	if row.ApprovedAt == nil {
		answer, err := f.agree(w, r, a, row)
		if err != nil {
			return err
		}
		switch {
		case answer == nil:
			return f.refused(w, r, a.Refuse(core.ErrConsentRequired, "Somebody has to agree first."))
		case !answer.Done && answer.Challenge != nil: // the flow says no, or cannot go on
			if silent {
				return f.refused(w, r, a.Refuse(core.ErrInteractionRequired, "Somebody has to look at it first."))
			}
			return f.stopped(answer)
		case !answer.Done:
			http.Redirect(w, r, answer.Redirect, http.StatusFound)
			return nil
		}
	}
	to, err := f.Service.Code(ctx, actor, a, row.ID)
	if err != nil {
		return err
	}
	web.From(ctx).Record.Outcome = "authorized"
	return f.bring(w, r, to)
}

// stopped is what a flow says that does not let somebody go on.
func (f *Front) stopped(answer *flow.Answer) error {
	switch c := answer.Challenge.(type) {
	case flow.AccessDenied:
		if c.Refusal != nil {
			return c.Refusal
		}
		return idp.Forbidden("%s", c.ErrorMessage)
	}
	if answer.Err != nil {
		return answer.Err
	}
	return idp.Forbidden("The authorization flow does not apply to you.")
}

// LeadsTo is the scheme, with its colon, of the app of a device that an address leads on
// to, where it is one of a request that waits: forms on the way to it have to be let go
// there.
func (f *Front) LeadsTo(r *http.Request, next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Path != AuthorizePath {
		return ""
	}
	id, ok := core.ParseRequestID(u.Query().Get(resumeParam))
	if !ok {
		return ""
	}
	a, _, err := f.Service.Waiting(r.Context(), f.Origin(r), id)
	if err != nil {
		return ""
	}
	return appScheme(a.RedirectURI)
}
