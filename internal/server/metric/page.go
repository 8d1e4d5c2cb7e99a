package metric

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Path is where metrics are.
const Path = "/-/metrics"

// patience bounds everything that is read for one answer. What is not there by
// then is left out.
const patience = 2 * time.Second

// Page tells the metrics.
type Page struct {
	Registry *Registry
	// Token is what whoever asks has to show; "" = none.
	Token string
	// Elsewhere is set where a listener of its own tells the metrics: the main one
	// then does not.
	Elsewhere bool

	turn chan struct{}
}

// NewPage returns a Page.
func NewPage(r *Registry, token string, elsewhere bool) *Page {
	return &Page{Registry: r, Token: token, Elsewhere: elsewhere, turn: make(chan struct{}, 1)}
}

// Serve answers on the main listener. With a token, whoever shows it may know;
// without one, programs of this machine alone, which is what local says.
func (p *Page) Serve(w http.ResponseWriter, r *http.Request, local bool) error {
	switch {
	case p.Elsewhere:
		return &idp.Error{Code: idp.CodeNotFound, Message: "There is nothing at this address."}
	case p.Token == "" && !local:
		return idp.Forbidden("Metrics are told to this machine alone, unless metrics_token or metrics_listen is set.")
	}
	return p.tell(w, r)
}

// ServeHTTP answers on a listener of its own, and nothing but metrics: whoever
// reaches it may know, unless there is a token.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.TrimSuffix(r.URL.Path, "/") != Path {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
		return
	}
	if err := p.tell(w, r); err != nil {
		http.Error(w, "Metrics are being read already.", http.StatusServiceUnavailable)
	}
}

// tell checks the token, and answers. One answer is prepared at a time.
func (p *Page) tell(w http.ResponseWriter, r *http.Request) error {
	if p.Token != "" && !shows(r, p.Token) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
		http.Error(w, "Expected the metrics token as a bearer token.", http.StatusUnauthorized)
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return &idp.Error{Code: idp.CodeBusy, Message: "Metrics are being read already. Try again in a moment.", RetryAfter: time.Second}
	}
	text := p.Registry.Text(ctx)
	w.Header().Set("Content-Type", ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text) // who went away needs no answer
	return nil
}

// shows reports whether the request has the token. Digests are compared, so that
// not even the length can be told from the time.
func shows(r *http.Request, token string) bool {
	scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	want, have := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(strings.TrimSpace(given)))
	return subtle.ConstantTimeCompare(want[:], have[:]) == 1
}
