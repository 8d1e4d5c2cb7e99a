package web

import (
	"context"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Scope is everything the server has found out about a request before a
// handler sees it.
type Scope struct {
	Actor idp.Actor  // who acts; User is nil when nobody is signed in
	Brand *idp.Brand // nil = not asked for yet; read it with Brand
	// Revision is the state of the configuration that the brand was found in;
	// zero = not known.
	Revision idp.Revision
	Messages Messages // nil when nobody is signed in
	Cookies  Cookies  // how cookies are written
	// Access says who may do what; nil = superusers alone may.
	Access idp.Access
	Record *Record // the request's line in the log
	Fail   func(w http.ResponseWriter, r *http.Request, err error)
	// LoadBrand finds the brand of the host, once and only when it is needed.
	LoadBrand func() *idp.Brand
	API       bool // errors are rendered as JSON
	// Notice says what every page of the console has to say now; nil = nothing.
	Notice func() string
	// Unseen counts what whoever is signed in was told and has not seen; nil = nobody
	// tells them anything. It asks the database.
	Unseen func() int

	withheld []string // see Withhold

	browser []byte // digest of the browser's own cookie, once it was asked for
	fresh   string // its value, where the browser does not have it yet
}

// Notice is what every page of the console has to say now; "" = nothing.
func Notice(r *http.Request) string {
	if notice := From(r.Context()).Notice; notice != nil {
		return notice()
	}
	return ""
}

type scopeKey struct{}

// With returns the context carrying the scope. The server calls it once a
// request; tests of pages call it to set the stage.
func With(ctx context.Context, s *Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

// From returns the scope of a request. Without one it is an empty scope:
// nobody is signed in.
func From(ctx context.Context) *Scope {
	if s, ok := ctx.Value(scopeKey{}).(*Scope); ok {
		return s
	}
	return &Scope{}
}

// Actor returns who makes the request, with its RequestInfo set.
func Actor(r *http.Request) idp.Actor { return From(r.Context()).Actor }

// User returns who is signed in, nil for nobody.
func User(r *http.Request) *idp.User { return From(r.Context()).Actor.User }

// Brand returns the brand of the host that was asked for. It is never nil.
func Brand(r *http.Request) *idp.Brand {
	s := From(r.Context())
	if s.Brand == nil {
		s.Brand = FallbackBrand()
		if s.LoadBrand != nil {
			s.Brand = s.LoadBrand()
		}
		s.Actor.Brand = map[string]any{"pk": s.Brand.ID.String(), "domain": s.Brand.Domain, "name": s.Brand.Title}
	}
	return s.Brand
}

// FallbackBrand is shown where the installation has no brand at all.
func FallbackBrand() *idp.Brand {
	return &idp.Brand{Domain: "fallback", Title: "Portcullis"}
}

// RequestInfo returns what is known of the request: its ID, address, path.
// It is never nil.
func RequestInfo(r *http.Request) *idp.RequestInfo {
	if info := From(r.Context()).Actor.Request; info != nil {
		return info
	}
	return &idp.RequestInfo{Method: r.Method, Path: r.URL.Path}
}

// RequestID returns the identifier that error pages and log lines share.
func RequestID(r *http.Request) string { return RequestInfo(r).ID }
