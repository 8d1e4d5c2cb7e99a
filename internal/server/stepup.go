package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Sealer keeps what people typed from whoever reads the database; see secret.Sealer.
type Sealer interface {
	Seal(purpose string, plain []byte) []byte
	Open(purpose string, sealed []byte) ([]byte, error)
}

const (
	// keptKey is where the session's data holds the form that is gone on with.
	keptKey = "kept_form"
	// maxKept is the largest form that is kept, in bytes.
	maxKept = 128 << 10
	// keptFor is how long a form is kept.
	keptFor = 30 * time.Minute
)

// stepUp begins the flow in which whoever is signed in proves once more who they are.
func (s *Server) stepUp(w http.ResponseWriter, r *http.Request) error {
	actor := web.Actor(r)
	if actor.User == nil || actor.Session == nil {
		return web.Redirect(w, r, web.SignInURL(r))
	}
	next := web.Next(r.URL.Query())
	if next == "" {
		next = "/"
	}
	if web.Fresh(r) == nil {
		return web.Redirect(w, r, next)
	}
	v := visit(r, flow.StepUpSlug)
	v.Browser, v.Query["next"] = web.BrowserDigest(w, r), next
	to, err := s.flows.Begin(r.Context(), v, flow.StepUp)
	var not *flow.NotApplicable
	switch {
	case idp.Is(err, idp.CodeNotFound):
		return idp.Forbidden("This takes a password or second factor that was given lately, and the flow %s that asks for one is gone. Sign out, sign in again, and go on.", flow.StepUpSlug)
	case errors.As(err, &not):
		web.From(r.Context()).Record.Warn(not.Cause)
		return idp.Forbidden("%s", not.Message())
	case err != nil:
		return err
	}
	query := url.Values{"next": {next}}
	if back := r.URL.Query().Get(backParam); web.Local(back) {
		query.Set(backParam, back)
	}
	return web.Redirect(w, r, to+"?"+query.Encode())
}

// backParam is where somebody goes who does not want to prove anything.
const backParam = "back"

// proveFirst sends a browser to prove who somebody is and come back: to the page it
// asked for, or to one that goes on with the form it sent. done is false where it
// cannot.
func (s *Server) proveFirst(w http.ResponseWriter, r *http.Request) (done bool) {
	back, next := referrer(r), r.URL.RequestURI()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		next = web.GoOnPath
		if err := s.keepForm(r, back); err != nil {
			web.From(r.Context()).Record.Warn(err)
			if next = back; next == "" {
				next = "/"
			}
			web.Flash(r.Context(), web.ToneInfo, "What you sent could not be kept: send it again now.")
		}
	}
	if !web.Local(next) {
		return false
	}
	query := url.Values{"next": {next}}
	if back != "" {
		query.Set(backParam, back)
	}
	return web.Redirect(w, r, web.StepUpPath+"?"+query.Encode()) == nil
}

// referrer is the page of ours that the request came from; "" = none that is known.
func referrer(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != r.Host || !web.Local(u.RequestURI()) || u.Path == web.StepUpPath {
		return ""
	}
	return u.RequestURI()
}

// remembering reads along what forms send, for keepForm.
type remembering struct {
	io.ReadCloser
	read bytes.Buffer
}

// Read implements io.Reader.
func (b *remembering) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if room := maxKept + 1 - b.read.Len(); room > 0 {
		b.read.Write(p[:min(n, room)])
	}
	return n, err
}

// remember has the bodies of forms at hand should they be kept.
func (s *Server) remember(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if scope := web.From(r.Context()); unsafe(r.Method) && !scope.API && scope.Actor.Session != nil && s.sealer != nil {
			r.Body = &remembering{ReadCloser: r.Body}
		}
		next.ServeHTTP(w, r)
	})
}

// kept is a form as the session's data holds it, sealed.
type kept struct {
	web.KeptForm
	At time.Time
}

func keptPurpose(s *idp.Session) string { return "form of session " + s.ID.String() }

// keepForm keeps the form of a request in its session: one at a time, the last.
func (s *Server) keepForm(r *http.Request, back string) error {
	scope := web.From(r.Context())
	body, ok := r.Body.(*remembering)
	own, has := scope.Messages.(*messages)
	if !ok || !has || r.Method != http.MethodPost || r.URL.Path == web.GoOnPath {
		return fmt.Errorf("keeping a form sent to %s: it is not one of a session", r.URL.Path)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return fmt.Errorf("keeping a form: %w", err)
	}
	if body.read.Len() > maxKept {
		return fmt.Errorf("keeping a form: it has more than %d bytes", maxKept)
	}
	raw, err := json.Marshal(kept{web.KeptForm{Path: r.URL.RequestURI(), Back: back, Body: body.read.Bytes(),
		Type: r.Header.Get("Content-Type")}, time.Now()})
	if err != nil {
		return fmt.Errorf("keeping a form: %w", err)
	}
	return own.keep(r.Context(), base64.StdEncoding.EncodeToString(s.sealer.Seal(keptPurpose(own.session), raw)))
}

// keptForm returns the form that the session keeps, nil when there is none that can be
// read. take forgets it.
func (s *Server) keptForm(r *http.Request, take bool) (*kept, error) {
	own, has := web.From(r.Context()).Messages.(*messages)
	if !has || s.sealer == nil {
		return nil, nil
	}
	s.keeping.Lock() // a second click finds nothing any more
	sealed, err := own.kept(r.Context(), take)
	s.keeping.Unlock()
	if err != nil || sealed == "" {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, nil //nolint:nilerr // not ours
	}
	plain, err := s.sealer.Open(keptPurpose(own.session), raw)
	if err != nil {
		web.From(r.Context()).Record.Warn(fmt.Errorf("opening a form that was kept: %w", err))
		return nil, nil
	}
	var form kept
	if json.Unmarshal(plain, &form) != nil || time.Since(form.At) > keptFor || !web.Local(form.Path) {
		return nil, nil
	}
	return &form, nil
}

// goOn asks whether to go on with the form that the session keeps, and does so: as if
// it were sent now, past everything that judges requests.
func (s *Server) goOn(w http.ResponseWriter, r *http.Request) error {
	if web.User(r) == nil {
		return web.Redirect(w, r, web.SignInURL(r))
	}
	send := r.Method == http.MethodPost
	form, err := s.keptForm(r, send)
	if err != nil {
		return err
	}
	if form == nil {
		web.Flash(r.Context(), web.ToneInfo, "There is nothing to go on with: it was sent already, or too long ago.")
		return web.Redirect(w, r, "/")
	}
	w.Header().Set("Cache-Control", "no-store")
	if !send {
		return s.pages.GoOn(w, r, form.KeptForm)
	}
	to, err := url.ParseRequestURI(form.Path)
	if err != nil {
		return err
	}
	again := r.Clone(context.WithValue(r.Context(), chi.RouteCtxKey, nil))
	again.URL, again.RequestURI = to, form.Path
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(form.Body)), int64(len(form.Body))
	again.Header.Set("Content-Type", form.Type)
	again.Header.Del("Referer")
	if form.Back != "" {
		again.Header.Set("Referer", form.Back)
	}
	s.router.ServeHTTP(w, again)
	return nil
}
