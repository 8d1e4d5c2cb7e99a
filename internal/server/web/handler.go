package web

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Handler answers a request or says why it cannot. It is an http.Handler: an
// error is rendered in one place, as JSON under /api and as a page elsewhere.
// A handler that returns an error must not have written anything.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP implements http.Handler.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		Fail(w, r, err)
	}
}

// Fail renders an error. Handlers return errors instead of calling it; it is
// for middleware.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	s := From(r.Context())
	if s.Fail == nil {
		status, message := Status(err)
		http.Error(w, message, status)
		return
	}
	s.Fail(w, r, err)
}

// RequireUser turns away requests of nobody: on pages the browser is sent to
// sign in and comes back afterwards.
func RequireUser(next http.Handler) http.Handler {
	return Handler(func(w http.ResponseWriter, r *http.Request) error {
		if User(r) == nil {
			return Unsigned()
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// Unsigned is the error of a request that needs somebody signed in.
func Unsigned() error {
	return &idp.Error{Code: idp.CodeUnsigned, Message: "Authentication credentials were not provided."}
}

// Pages draws what the server itself has to show. Package page implements it.
type Pages interface {
	// Error writes the page of a failed request, with that status. message is
	// safe to show; requestID helps to find the line in the log.
	Error(w http.ResponseWriter, r *http.Request, status int, message, requestID string)
	// Refused writes the page of somebody whom a lock refuses; err is of the kind
	// that idp.Locked reports.
	Refused(w http.ResponseWriter, r *http.Request, err error)
	// Flow writes a challenge in the frame of a flow's page.
	Flow(w http.ResponseWriter, r *http.Request, p FlowPage) error
	// Locked writes the built-in page that ends a lockdown of one's own
	// account: "Your account has been locked". It needs no session.
	Locked(w http.ResponseWriter, r *http.Request) error
	// Away takes the browser to another site after a form, with a page that leads on by
	// itself and has that title; programs are redirected.
	Away(w http.ResponseWriter, r *http.Request, to, title string) error
	// GoOn asks whether to go on with a form that was kept while somebody proved who
	// they are; see KeptForm.
	GoOn(w http.ResponseWriter, r *http.Request, kept KeptForm) error
}

// GoOnPath is where a form that was kept is gone on with.
const GoOnPath = "/if/go-on/"

// KeptForm is a form that somebody sent who had to prove first who they are.
type KeptForm struct {
	Path string // where it was sent to, with the query
	Back string // the page that it was on; "" = unknown
	Body []byte
	Type string // the content type of Body
}
