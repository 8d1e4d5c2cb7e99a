// Package storybook shows every component, every sample page and every example
// of every kind of stage, without a database. It is for whoever works on the
// looks of the product, and for the tests of them.
package storybook

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/flowlink"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
	"github.com/portcullis-idp/portcullis/web/ui/story"
)

// Prefix is where the storybook's pages are.
const Prefix = "/storybook/"

// book answers the storybook's pages.
type book struct{ kinds []flow.Kind }

// New returns a handler for everything below Prefix and for the assets.
func New(kinds []flow.Kind) http.Handler {
	b := book{kinds}
	r := chi.NewRouter()
	r.Use(scoped)
	r.Method(http.MethodGet, "/static/*", web.Handler(web.Asset))
	r.Method(http.MethodGet, Prefix, web.Handler(b.index))
	r.Method(http.MethodGet, Prefix+"refusal/{number}/", web.Handler(b.refusal))
	r.Method(http.MethodGet, Prefix+"stage/{kind}/{number}/", web.Handler(b.stage))
	r.Method(http.MethodGet, Prefix+"{slug}/", web.Handler(b.story))
	return r
}

// scoped gives pages what they ask of every request: a brand and nobody signed
// in.
func scoped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &web.Scope{Actor: idp.Actor{Request: &idp.RequestInfo{ID: "storybook", Path: r.URL.Path, Method: r.Method}},
			Record: &web.Record{}, Fail: fail, LoadBrand: func() *idp.Brand { return &idp.Brand{Title: "Portcullis"} }}
		next.ServeHTTP(w, r.WithContext(web.With(r.Context(), s)))
	})
}

func fail(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusInternalServerError
	if idp.Is(err, idp.CodeNotFound) {
		status = http.StatusNotFound
	}
	http.Error(w, err.Error(), status)
}

// Addresses lists the pages of the storybook.
func Addresses(kinds []flow.Kind) []string {
	var out []string
	for _, s := range story.Stories() {
		out = append(out, Prefix+s.Slug()+"/")
	}
	for i := range refusals {
		out = append(out, Prefix+"refusal/"+strconv.Itoa(i)+"/")
	}
	for _, k := range kinds {
		for i := range k.Examples {
			out = append(out, Prefix+"stage/"+k.Name+"/"+strconv.Itoa(i)+"/")
		}
	}
	return out
}

func (b book) index(w http.ResponseWriter, r *http.Request) error {
	return index(Addresses(b.kinds)).Render(r.Context(), w)
}

func (b book) story(w http.ResponseWriter, r *http.Request) error {
	s, ok := story.Find(web.Param(r, "slug"))
	if !ok {
		return idp.NotFound("story")
	}
	return s.Document(ui.ParseTheme(r.URL.Query().Get("theme"))).Render(r.Context(), w)
}

// refusals are what people are shown whom a lock refuses.
var refusals = []*idp.Error{
	locked("Suspicious activity. Call the security desk, extension 112.", time.Date(2026, time.December, 1, 22, 27, 0, 0, time.UTC)),
	locked("", time.Time{}),
	idp.StaleRefusal(),
}

func locked(message string, until time.Time) *idp.Error {
	l := &idp.Lock{Target: idp.LockTarget{{Kind: idp.LockUser, Value: "alice"}}, Message: message}
	if !until.IsZero() {
		l.ExpiresAt = &until
	}
	return l.Refusal()
}

func (b book) refusal(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.Atoi(web.Param(r, "number"))
	if err != nil || n < 0 || n >= len(refusals) {
		return idp.NotFound("example")
	}
	return page.Pages{}.Flow(w, r, web.FlowPage{Answer: flowlink.Locked(refusals[n])})
}

// stage draws an example as the flow's page would.
func (b book) stage(w http.ResponseWriter, r *http.Request) error {
	for _, k := range b.kinds {
		n, err := strconv.Atoi(web.Param(r, "number"))
		if k.Name != web.Param(r, "kind") || err != nil || n < 0 || n >= len(k.Examples) {
			continue
		}
		info := flow.Info{Title: k.Verbose, Layout: "stacked"}
		a := &flow.Answer{Flow: &idp.Flow{Slug: "storybook", Title: k.Verbose}, Stage: k.Name, Challenge: k.Examples[n], Info: info,
			View: k.View(k.Examples[n], flow.Page{Info: info, Action: r.URL.Path})}
		return page.Pages{}.Flow(w, r, web.FlowPage{Answer: a})
	}
	return idp.NotFound("example")
}
