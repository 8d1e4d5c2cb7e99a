package server

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/metric"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// DefaultBodyLimit is the largest request body in bytes.
const DefaultBodyLimit = 1 << 20

// Deps are what a Server needs.
type Deps struct {
	Log      *slog.Logger // nil = slog.Default()
	Store    idp.Store
	Sessions Sessions
	Tokens   Tokens
	Accounts Accounts // proves app passwords on the API; nil = none are good there
	Grants   Grants   // honours access tokens of applications on the API; nil = none are good there
	Flows    Executor
	Pages    web.Pages
	Access   idp.Access // who may open what; nil = superusers everything, others nothing
	// SessionStore keeps the data of sessions that exist, by the base64url of
	// their digest. It must never make or revive one.
	SessionStore scs.Store

	PublicURL      string         // without a trailing slash; "" = derived from each request
	TrustedProxies []netip.Prefix // whose forwarding headers are believed
	BodyLimit      int64          // bytes; 0 = DefaultBodyLimit

	// Sealer seals forms that are kept while somebody proves who they are; nil = none
	// are kept.
	Sealer Sealer

	// LeadsTo is the scheme, with its colon, of the app of a device that an address of
	// ours leads on to once somebody is signed in; "" = none, nil = none ever.
	LeadsTo func(r *http.Request, next string) string

	// Notice says what every page of the console has to say now; nil = nothing.
	Notice func() string

	// Whereabouts says where requests come from, for events; nil = nobody knows.
	Whereabouts idp.Whereabouts

	Meter   Meter        // counts every request; nil = nobody does
	Metrics *metric.Page // what /-/metrics answers; nil = it is not there
	Tracer  Tracer       // follows every request; nil = nobody does, and it costs nothing

	// Mounts add the routes of the JSON API, the console and the account pages.
	// They run behind the whole chain: who is signed in is known.
	Mounts []func(chi.Router)
	// Open add routes for which nobody asks who is signed in: no cookie is read, and
	// pages of other sites may send them requests. They judge for themselves.
	Open []func(chi.Router)
}

// Server answers every HTTP request.
type Server struct {
	log       *slog.Logger
	store     idp.Store
	sessions  Sessions
	tokens    Tokens
	accounts  Accounts
	grants    Grants
	flows     Executor
	pages     web.Pages
	access    idp.Access
	notice    func() string
	manager   *scs.SessionManager
	public    *url.URL // nil = unknown
	proxies   proxies
	bodyLimit int64
	cross     *http.CrossOriginProtection
	router    *chi.Mux
	draining  atomic.Bool
	atlas     idp.Whereabouts
	sealer    Sealer
	keeping   sync.Mutex // while a kept form is taken
	leadsTo   func(r *http.Request, next string) string
	meter     Meter
	metrics   *metric.Page
	tracer    Tracer
	brands    idp.Kept[string, idp.Brand] // by host
}

// New builds the server. It fails on a public URL that cannot be an origin.
func New(d Deps) (*Server, error) {
	s := &Server{log: d.Log, store: d.Store, sessions: d.Sessions, tokens: d.Tokens, accounts: d.Accounts, grants: d.Grants, flows: d.Flows,
		pages: d.Pages, access: d.Access, notice: d.Notice, manager: newManager(d.SessionStore), proxies: d.TrustedProxies,
		atlas: d.Whereabouts, sealer: d.Sealer, leadsTo: d.LeadsTo, meter: d.Meter, metrics: d.Metrics, tracer: d.Tracer,
		bodyLimit: d.BodyLimit, cross: http.NewCrossOriginProtection(), router: chi.NewRouter()}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.bodyLimit <= 0 {
		s.bodyLimit = DefaultBodyLimit
	}
	if d.PublicURL != "" {
		u, err := url.Parse(d.PublicURL)
		if err != nil || u.Host == "" {
			return nil, errors.New("server: the public URL is not one of a host")
		}
		s.public = u
		if err := s.cross.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, err
		}
	}
	s.routes(d.Mounts, d.Open)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.router.ServeHTTP(w, r) }

// Drain makes the readiness probe fail, so that a load balancer sends no more
// requests; those under way and new ones are still answered.
func (s *Server) Drain() { s.draining.Store(true) }

// HTTP returns a server with the time limits that strangers need: slow headers
// and slow bodies do not hold a connection for ever.
func (s *Server) HTTP() *http.Server {
	return &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
}

func (s *Server) routes(mounts, open []func(chi.Router)) {
	r := s.router
	if s.tracer != nil {
		r.Use(s.traced)
	}
	r.Use(s.begin, s.headers, s.text, s.limit, headAsGet)
	r.NotFound(web.Handler(s.notFound).ServeHTTP)
	r.MethodNotAllowed(web.Handler(s.wrongMethod).ServeHTTP)

	r.Method(http.MethodGet, "/static/*", web.Handler(web.Asset))
	r.Method(http.MethodGet, "/-/health/live/", web.Handler(s.live))
	r.Method(http.MethodGet, "/-/health/ready/", web.Handler(s.ready))
	if s.metrics != nil {
		r.Method(http.MethodGet, metric.Path, web.Handler(s.tellMetrics))
	}
	r.With(s.identify).Method(http.MethodGet, checkPath, web.Handler(s.check))
	for _, mount := range open {
		mount(r)
	}
	r.Group(func(r chi.Router) {
		r.Use(s.identify, s.sameOrigin, s.remember)
		r.Method(http.MethodGet, "/", web.Handler(s.root))
		r.Method(http.MethodGet, "/flows/-/default/{designation}/", web.Handler(s.defaultFlow))
		r.Method(http.MethodGet, "/flows/-/cancel/", web.Handler(s.cancelFlow))
		r.Method(http.MethodGet, "/flows/-/configure/{stage}/", web.Handler(s.configureFlow))
		r.Method(http.MethodGet, web.StepUpPath, web.Handler(s.stepUp))
		r.Method(http.MethodGet, web.GoOnPath, web.Handler(s.goOn))
		r.Method(http.MethodPost, web.GoOnPath, web.Handler(s.goOn))
		r.Method(http.MethodGet, "/if/flow/{slug}/", web.Handler(s.showFlow))
		r.Method(http.MethodPost, "/if/flow/{slug}/", web.Handler(s.solveFlow))
		r.Method(http.MethodGet, "/if/lockdown-complete/", web.Handler(s.pages.Locked))
		for _, mount := range mounts {
			mount(r)
		}
	})
}

// secure reports whether the browser speaks https, to us or to a proxy.
func (s *Server) secure(r *http.Request) bool {
	return web.RequestInfo(r).Secure || s.public != nil && s.public.Scheme == "https"
}
