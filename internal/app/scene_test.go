package app_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// scene is one fact about flows: a flow of its own, somebody who opens it, and
// what it says. Texts may hold {me}, {ME} and {my-pk}, an account of the scene's own,
// which is signed in where as says so; {slug}, the flow; {other} and {other-slug},
// the flow of leads; {password-stage}, one that every installation has.
type scene struct {
	fact     string
	as       string   // "" = nobody, "person", "administrator"
	flow     anyMap   // what is not usual about it
	policies []string // expressions that are bound to the flow
	parts    []part
	leads    []part                       // of another flow, which can be opened by redirection only
	carries  func(v visit, run *flow.Run) // the context that the flow begins with
	query    []string                     // of the flow's page, in pairs
	answers  []anyMap                     // given one after another
	says     []string                     // the first page, then what follows each answer; see told
	then     func(v visit)
}

// part is a stage with its binding.
type part struct {
	kind     string // "" = dummy, which shows its name
	name     string
	settings anyMap
	asks     []string // fields of a prompt stage: key:type
	bound    anyMap   // what is not usual about the binding
	when     []string // expressions that are bound to it
}

// visit is what a scene left behind.
type visit struct {
	*site
	slug    string
	browser *browser
	me      *idp.User
	last    anyMap
	insert  func(string) string
}

// within is the same installation for a test below.
func (s *site) within(t *testing.T) *site {
	below := *s
	below.T = t
	return &below
}

// play proves scenes on one installation, all at once.
func (s *site) play(scenes []scene) {
	stage := fmt.Sprint(s.stageOf("default-authentication-password"))
	for _, sc := range scenes {
		s.T.Run(sc.fact, func(t *testing.T) {
			t.Parallel()
			s.within(t).prove(sc, "{password-stage}", stage)
		})
	}
}

func (s *site) prove(sc scene, known ...string) {
	s.Helper()
	v := visit{site: s, slug: unique("scene"), browser: s.browser()}
	names := append([]string{"{slug}", v.slug, "{other-slug}", v.slug + "-other"}, known...)
	v.me = s.user(unique("visitor"), func(n *account.NewUser) {
		if sc.as == "administrator" {
			s.administers(n)
		}
	})
	names = append(names, "{me}", v.me.Username, "{ME}", strings.ToUpper(v.me.Username), "{my-pk}", v.me.ID.String())
	v.insert = strings.NewReplacer(names...).Replace
	if sc.as != "" {
		v.browser = s.with(v.me)
	}
	if sc.leads != nil {
		pk := s.lay(v.slug+"-other", scene{flow: anyMap{"authentication": "require_redirect"}, parts: sc.leads}, v.insert)
		v.insert = strings.NewReplacer(append(names, "{other}", pk)...).Replace
	}
	s.lay(v.slug, sc, v.insert)
	if sc.carries != nil {
		v.browser.carry(v.slug, func(run *flow.Run) { sc.carries(v, run) })
	}
	v.last = v.browser.challenge(v.slug, sc.query...)
	said := []string{v.told()}
	for _, in := range sc.answers {
		v.last = v.browser.solve(v.slug, s.filled(in, v.insert), sc.query...)
		said = append(said, v.told())
	}
	want := make([]string, len(sc.says))
	for i := range sc.says {
		want[i] = v.insert(sc.says[i])
	}
	require.Equal(s, want, said)
	if sc.then != nil {
		sc.then(v)
	}
}

// told puts a challenge in short: a dummy stage says its name; a refusal, "denied:"
// and why; the end, "to" and where; anything else its component. Faults follow with
// their fields.
func (v visit) told() string {
	var out string
	switch c := v.last["component"]; c {
	case "ak-stage-dummy":
		out = strings.TrimPrefix(v.last["name"].(string), v.slug+"/")
	case "ak-stage-access-denied":
		out = fmt.Sprint("denied: ", v.last["error_message"])
	case "xak-flow-redirect":
		out = fmt.Sprint("to ", v.last["to"])
	default:
		out = strings.TrimPrefix(fmt.Sprint(c), "ak-stage-")
	}
	faults, _ := v.last["response_errors"].(map[string]any)
	fields := []string{}
	for field := range faults {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	for _, field := range fields {
		for _, one := range faults[field].([]any) {
			out += fmt.Sprintf("; %s: %s", field, one.(map[string]any)["string"])
		}
	}
	return out
}

// lay makes the flow of a scene over the API and returns its key.
func (s *site) lay(slug string, sc scene, insert func(string) string) string {
	s.Helper()
	made := s.make("/flows/instances/", with(anyMap{"name": slug, "slug": slug, "title": slug, "designation": "stage_configuration",
		"denied_action": "message"}, s.filled(sc.flow, insert)))
	target := made["pk"].(string)
	s.judge(target, sc.policies, insert)
	for i, p := range sc.parts {
		if p.kind == "" {
			p.kind = "dummy"
		}
		if p.name == "" {
			p.name = fmt.Sprint(i)
		}
		settings := with(anyMap{"name": slug + "/" + p.name}, s.filled(p.settings, insert))
		if p.asks != nil {
			settings["fields"] = s.fields(slug, p.asks)
		}
		path := "/stages/" + p.kind + "/"
		if p.kind == "prompt" {
			path += "stages/"
		}
		stage := s.make(path, settings)
		bound := s.make("/flows/bindings/", with(anyMap{"target": target, "stage": stage["pk"], "order": i}, p.bound))
		s.judge(bound["pk"].(string), p.when, insert)
	}
	return target
}

// judge binds expressions to a flow, or to a stage of one.
func (s *site) judge(target string, expressions []string, insert func(string) string) {
	s.Helper()
	for i, text := range expressions {
		p := s.make("/policies/expression/", anyMap{"name": unique("asked"), "expression": insert(text)})
		s.make("/policies/bindings/", anyMap{"target": target, "policy": p["pk"], "order": i})
	}
}

func (s *site) fields(slug string, asks []string) (pks []any) {
	s.Helper()
	for i, one := range asks {
		key, kind, _ := strings.Cut(one, ":")
		pks = append(pks, s.make("/stages/prompt/prompts/", anyMap{"name": unique(slug), "field_key": key, "label": key, "type": kind,
			"order": i, "required": false})["pk"])
	}
	return pks
}

// make makes an object over the API.
func (s *site) make(path string, body anyMap) anyMap {
	s.Helper()
	return s.admin().api(http.StatusCreated, http.MethodPost, path, body)
}

// with is the first map with the second one laid over it.
func with(usual, other anyMap) anyMap {
	for key, value := range other {
		usual[key] = value
	}
	return usual
}

// filled is a map with its texts filled in.
func (s *site) filled(in anyMap, insert func(string) string) anyMap {
	s.Helper()
	if in == nil {
		return anyMap{}
	}
	encoded, err := json.Marshal(in)
	require.NoError(s, err)
	out := anyMap{}
	require.NoError(s, json.Unmarshal([]byte(insert(string(encoded))), &out))
	return out
}

// carry begins a flow in the browser with a context of the test's.
func (b *browser) carry(slug string, set func(run *flow.Run)) {
	b.site.Helper()
	own := make([]byte, sha256.Size)
	_, _ = rand.Read(own)
	value := base64.RawURLEncoding.EncodeToString(own)
	b.setCookie(web.BrowserCookie, value)
	digest := sha256.Sum256([]byte(value))
	v := flow.Visit{Slug: slug, Browser: digest[:]}
	r := b.site.replicas[0]
	if cookie := b.cookie(web.SessionCookie); cookie != "" {
		found, u, err := r.Sessions.Visit(b.site.Context(), cookie)
		require.NoError(b.site, err)
		v.Actor = idp.Actor{User: u, Session: found}
	}
	_, err := r.Flows.Begin(b.site.Context(), v, set)
	require.NoError(b.site, err)
}
