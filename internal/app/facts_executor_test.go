package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	given "github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/consent"
	"github.com/portcullis-idp/portcullis/internal/stages/userwrite"
)

// TestFactsExecutor holds how a flow is gone through, and what its stages do on
// the way.
func TestFactsExecutor(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.play(denials())
	s.play(passages)
	s.play(signingIn)
	s.play(writing)
	s.play(leading)
	s.play(consenting)
	for fact, prove := range map[string]func(*site){
		"a link's key in the query goes on with the run that it was made for": (*site).restores,
		"several flows are under way in one browser":                          (*site).several,
		"what a browser and a program are answered":                           (*site).answers,
		"a restart empties the history that the inspector shows":              (*site).history,
	} {
		t.Run(fact, func(t *testing.T) { t.Parallel(); prove(s.within(t)) })
	}
}

// denials are what becomes of somebody whom a flow does not apply to.
func denials() (out []scene) {
	const next = "/if/user/?tab=1"
	for _, c := range []struct {
		action, designation, alone, onward string
	}{
		{"message", "recovery", notForThem, notForThem},
		{"message_continue", "recovery", notForThem, "to " + next},
		{"continue", "recovery", "to /", "to " + next},
		{"message", "authentication", "to /", "to " + next}, // signed in already: it is done
	} {
		usual := scene{fact: c.action + " in a flow for " + c.designation, as: "person", parts: []part{{}},
			flow: anyMap{"denied_action": c.action, "designation": c.designation, "authentication": "require_unauthenticated"}}
		alone, onward := usual, usual
		alone.says, onward.says = []string{c.alone}, []string{c.onward}
		onward.fact, onward.query = onward.fact+" with next", []string{"next", next}
		out = append(out, alone, onward)
	}
	return out
}

// named is somebody whom a run knows by name.
var named = anyMap{"uid_field": "{me}"}

const wrong = "Failed to authenticate."

// passages are about going from stage to stage.
var passages = []scene{
	{fact: "a flow ends at /", parts: []part{{name: "a"}}, answers: []anyMap{{}}, says: []string{"a", "to /"}},
	{fact: "or where next says", query: []string{"next", "/if/user/#tab"}, parts: []part{{name: "a"}}, answers: []anyMap{{}}, says: []string{"a", "to /if/user/#tab"}},
	{fact: "an absolute next is refused", query: []string{"next", "https://evil.example/"}, parts: []part{{name: "a"}}, says: []string{"denied: Invalid next URL"}},
	{fact: "and one that only looks relative", query: []string{"next", "//evil.example/"}, parts: []part{{name: "a"}}, says: []string{"denied: Invalid next URL"}},
	{fact: "a flow is refused where its policies change their mind under way", parts: []part{{kind: "prompt", asks: []string{"x:text"}}, {name: "b"}},
		policies: []string{`prompt_context.x != "stop"`}, answers: []anyMap{{"x": "stop"}}, says: []string{"prompt", notForThem}},
	{fact: "a wrong answer is asked for again", parts: []part{identifies(), checks()}, answers: []anyMap{named, {"password": ""}, {}, {"password": "x"}},
		says: []string{"identification", "password", "password; password: This field may not be blank.", "password; password: This field is required.",
			"password; password: " + wrong}},
	{fact: "restart begins again without what was known", parts: []part{only("known", "context.pending_user != nil"), identifies(),
		again("restart")}, answers: []anyMap{named, {"password": "x"}}, says: []string{"identification", "password", "identification"}},
	{fact: "restart_with_context begins again with it", parts: []part{only("known", "context.pending_user != nil"), identifies(),
		again("restart_with_context")}, answers: []anyMap{named, {"password": "x"}}, says: []string{"identification", "password", "known"}},
	{fact: "an answer that has the wrong form begins again as well", parts: []part{identifies(), again("restart")}, answers: []anyMap{named, {}},
		says: []string{"identification", "password", "identification"}},
	{fact: "a deny stage ends the flow with its message", parts: []part{{kind: "deny", settings: anyMap{"deny_message": "Not here."}}, {}}, says: []string{"denied: Not here."}},
	{fact: "a deny stage has words of its own", parts: []part{{kind: "deny"}}, says: []string{"denied: Request has been denied."}},
	{fact: "a deny stage that would begin again ends the flow all the same", parts: []part{{kind: "deny", bound: anyMap{"invalid_response_action": "restart"}}},
		says: []string{"denied: Request has been denied."}},
	{fact: "a stage that fails is an error with the request's number, and an event", parts: []part{{kind: "dummy", settings: anyMap{"throw_error": true}}},
		says: []string{"flow-error"}, then: func(v visit) {
			require.NotEmpty(v, v.last["request_id"])
			require.NotContains(v, v.last, "error", "what went wrong is not for strangers")
			var found []idp.Event
			for _, e := range v.acted(idp.ActionSystemException) {
				if e.Context["flow"] == v.slug {
					found = append(found, e)
				}
			}
			require.Len(v, found, 1)
		}},
	{fact: "nothing is kept of a run before a stage is passed", parts: []part{{name: "a"}, {name: "b"}}, says: []string{"a"}, then: func(v visit) {
		require.Empty(v, v.browser.cookie(web.BrowserCookie))
		v.browser.solve(v.slug, anyMap{})
		require.NotEmpty(v, v.browser.cookie(web.BrowserCookie))
	}},
	{fact: "a cancelled run begins again", parts: []part{{name: "a"}, {name: "b"}}, answers: []anyMap{{}}, says: []string{"a", "b"}, then: func(v visit) {
		require.Equal(v, "/if/user/", v.browser.get("/flows/-/cancel/?next=/if/user/").location())
		require.Equal(v, v.slug+"/a", v.browser.challenge(v.slug)["name"])
	}},
	{fact: "a run whose stage is gone begins again", parts: []part{{name: "a"}, {name: "b"}, {name: "c"}}, answers: []anyMap{{}}, says: []string{"a", "b"},
		then: func(v visit) {
			bound := v.admin().api(http.StatusOK, http.MethodGet, "/flows/bindings/?target="+v.flow(v.slug).ID.String(), nil)["results"].([]any)
			v.admin().api(http.StatusNoContent, http.MethodDelete, "/flows/bindings/"+bound[1].(map[string]any)["pk"].(string)+"/", nil)
			require.Equal(v, v.slug+"/a", v.browser.challenge(v.slug)["name"])
			require.Equal(v, v.slug+"/c", v.browser.solve(v.slug, anyMap{})["name"])
		}},
	{fact: "a flow goes on after somebody was signed out", as: "person", parts: []part{{kind: "user_logout"}, {name: "bye"}, {name: "come again"}},
		answers: []anyMap{{}, {}}, says: []string{"bye", "come again", "to /"}, then: func(v visit) { require.False(v, v.browser.works()) }},
	{fact: "all who are allowed to ask may do so without being signed in, and are told who the run is about", parts: []part{identifies(), checks()},
		answers: []anyMap{named}, says: []string{"identification", "password"}, then: func(v visit) {
			require.Equal(v, v.me.Username, v.last["pending_user"])
			require.True(v, strings.HasPrefix(v.last["pending_user_avatar"].(string), "data:image/"))
		}},
}

// again asks for the password, and begins again when it is wrong.
func again(action string) part {
	p := checks()
	p.bound = anyMap{"invalid_response_action": action}
	return p
}

// signingIn is about who somebody is, and the session they get.
var signingIn = []scene{
	{fact: "somebody is found by their address as well, in either case", parts: []part{identifies(), only("a", `context.pending_user.username == "{me}"`)},
		answers: []anyMap{{"uid_field": "{ME}@EXAMPLE.ORG"}}, says: []string{"identification", "a"}},
	{fact: "case counts where it is to count", parts: []part{{kind: "identification", settings: anyMap{"user_fields": []string{"username"},
		"case_insensitive_matching": false, "pretend_user_exists": false}}},
		answers: []anyMap{{"uid_field": "{ME}"}, named}, says: []string{"identification", "identification; non_field_errors: " + wrong, "to /"}},
	{fact: "nobody is found by a field that is not asked for", parts: []part{{kind: "identification", settings: anyMap{"user_fields": []string{"email"},
		"pretend_user_exists": false}}}, answers: []anyMap{named}, says: []string{"identification", "identification; non_field_errors: " + wrong}},
	{fact: "pretend_user_exists lets the flow go on with a name that nobody has", parts: []part{{kind: "identification", settings: anyMap{
		"user_fields": []string{"username"}, "pretend_user_exists": true}}, checks()}, answers: []anyMap{{"uid_field": "x-{me}"}, {"password": password}},
		says: []string{"identification", "password", "password; password: " + wrong}, then: func(v visit) {
			require.Equal(v, "x-"+v.me.Username, v.last["pending_user"])
		}},
	{fact: "not where the password is asked for on the same page", parts: []part{onePage(), {name: "in"}},
		answers: []anyMap{{"uid_field": "x-{me}", "password": password}, {"uid_field": "{me}", "password": "x"}, {"uid_field": "{me}"}, {"uid_field": "{me}", "password": password}},
		says: []string{"identification", "identification; non_field_errors: " + wrong, "identification; non_field_errors: " + wrong,
			"identification; password: This field is required.", "in"}},
	{fact: "too many wrong passwords end the flow", parts: []part{identifies(), checks(anyMap{"failed_attempts_before_cancel": 2})},
		answers: []anyMap{named, {"password": "x"}, {"password": "y"}}, says: []string{"identification", "password", "password; password: " + wrong,
			"denied: Too many failed attempts. Start again."}, then: func(v visit) {
			require.Equal(v, "ak-stage-identification", v.browser.challenge(v.slug)["component"])
		}},
	{fact: "a password stage without anybody ends the flow", parts: []part{checks()}, says: []string{"denied: " + wrong}},
	{fact: "nobody is signed in where nobody is pending", parts: []part{{kind: "user_login"}}, says: []string{"denied: " + wrong}},
	{fact: "a sign-in lasts until the browser closes, and nothing is asked", parts: []part{identifies(), checks(), {kind: "user_login"}},
		answers: []anyMap{named, {"password": password}}, says: []string{"identification", "password", "to /"}, then: func(v visit) {
			require.True(v, v.browser.works())
			require.True(v, v.session().UntilClosed)
		}},
	{fact: "or as long as session_duration", parts: []part{identifies(), {kind: "user_login", settings: anyMap{"session_duration": "hours=3",
		"network_binding": "bind_asn", "geoip_binding": "bind_continent"}}}, answers: []anyMap{named}, says: []string{"identification", "to /"}, then: func(v visit) {
		in := v.session()
		require.Equal(v, 3*time.Hour, in.ExpiresAt.Sub(in.CreatedAt))
		require.False(v, in.UntilClosed)
		require.Equal(v, []any{idp.NetworkBinding("bind_asn"), idp.GeoIPBinding("bind_continent")}, []any{in.Binding.Network, in.Binding.GeoIP})
	}},
	{fact: "and remember_me_offset longer for whoever wants to stay", parts: []part{identifies(), stays()}, answers: []anyMap{named, {"remember_me": true}},
		says: []string{"identification", "user-login", "to /"}, then: func(v visit) {
			in := v.session()
			require.Equal(v, 49*time.Hour, in.ExpiresAt.Sub(in.CreatedAt))
		}},
	{fact: "not for whoever does not", parts: []part{identifies(), stays()}, answers: []anyMap{named, {"remember_me": "perhaps"}, {"remember_me": false}},
		says: []string{"identification", "user-login", "user-login; remember_me: Must be a valid boolean.", "to /"}, then: func(v visit) {
			in := v.session()
			require.Equal(v, time.Hour, in.ExpiresAt.Sub(in.CreatedAt))
		}},
	{fact: "terminate_other_sessions ends their others", carries: func(v visit, _ *flow.Run) { v.cookie(v.me) },
		parts: []part{identifies(), {kind: "user_login", settings: anyMap{"terminate_other_sessions": true}}}, answers: []anyMap{named},
		says: []string{"identification", "to /"}, then: func(v visit) {
			require.True(v, v.browser.works())
			v.session() // the only one
		}},
}

// onePage asks for name and password at once, and pretends.
func onePage() part {
	return part{kind: "identification", settings: anyMap{"user_fields": []string{"username"}, "password_stage": "{password-stage}", "pretend_user_exists": true}}
}

func stays() part {
	return part{kind: "user_login", settings: anyMap{"session_duration": "hours=1", "remember_me_offset": "days=2"}}
}

// session is the one that the visitor has.
func (v visit) session() idp.Session {
	v.Helper()
	live := true
	page, err := v.repos().Sessions.Find(v.Context(), idp.SessionFilter{UserID: &v.me.ID, Live: &live, Paging: idp.Paging{Limit: 9}})
	require.NoError(v, err)
	require.Len(v, page.Items, 1)
	return page.Items[0]
}

// writing is about what prompts collected.
var writing = []scene{
	{fact: "what prompts collected is written, at any depth, and nothing else is", as: "person", parts: []part{{kind: "prompt",
		asks: []string{"name:text", "attributes.a.b:text", "attributes_c_d:text", "is_active:text", "is_superuser:text", "path:text", "colour:text"}}, {kind: "user_write"}},
		answers: []anyMap{{"component": "ak-stage-prompt", "name": "Grace", "attributes.a.b": "1", "attributes_c_d": "2", "is_active": "", "is_superuser": "true",
			"path": "admins", "colour": "blue"}}, says: []string{"prompt", "to /"}, then: func(v visit) {
			now := v.now(v.me)
			require.Equal(v, []any{"Grace", true, false, v.me.Path, v.me.Username}, []any{now.Name, now.IsActive, now.IsSuperuser, now.Path, now.Username})
			require.Equal(v, idp.Attributes{"a": map[string]any{"b": "1"}, "c": map[string]any{"d": "2"}}, now.Attributes)
		}},
	{fact: "an empty username is refused beside its field", as: "person", parts: []part{{kind: "prompt", asks: []string{"username:text"}}, {kind: "user_write"}},
		answers: []anyMap{{"username": ""}}, says: []string{"prompt", "prompt; username: This field may not be blank."}},
	{fact: "a new password of one's own keeps one's session", as: "person", parts: []part{{kind: "prompt", asks: []string{"password:password"}}, {kind: "user_write"}},
		answers: []anyMap{{"password": "another horse battery staple"}}, says: []string{"prompt", "to /"}, then: func(v visit) {
			require.True(v, v.browser.works())
			in, err := v.site.browser().tryToSignIn(v.me.Username, "another horse battery staple")
			require.NoError(v, err)
			require.True(v, in)
		}},
	{fact: "never_create changes nothing for nobody", parts: []part{{kind: "prompt", asks: []string{"username:text"}}, {kind: "user_write",
		settings: anyMap{"user_creation_mode": "never_create"}}}, answers: []anyMap{{"username": "x-{me}"}},
		says: []string{"prompt", "denied: No user found and can't create new user."}},
	{fact: "create_when_required makes an account for nobody, as inactive as usual", parts: []part{{kind: "prompt", asks: []string{"username:text", "name:text"}},
		{kind: "user_write"}}, answers: []anyMap{{"username": "x-{me}", "name": "New"}}, says: []string{"prompt", "to /"}, then: func(v visit) {
		made := v.named("x-" + v.me.Username)
		require.Equal(v, []any{"New", false, idp.UserType("external"), "users"}, []any{made.Name, made.IsActive, made.Type, made.Path})
	}},
	{fact: "always_create makes one for somebody too; groups, user_path and user_type say more of it", as: "person",
		carries: func(v visit, run *flow.Run) {
			group := v.make("/core/groups/", anyMap{"name": v.slug})["pk"].(string)
			id, err := idp.ParseID[idp.Group](group)
			require.NoError(v, err)
			userwrite.KeyGroups.Put(run.Vars, []idp.GroupID{id})
			userwrite.KeyPath.Put(run.Vars, "partners/north")
			userwrite.KeyType.Put(run.Vars, "internal")
		}, parts: []part{{kind: "prompt", asks: []string{"username:text"}}, {kind: "user_write", settings: anyMap{"user_creation_mode": "always_create",
			"create_users_as_inactive": false}}}, answers: []anyMap{{"username": "x-{me}"}}, says: []string{"prompt", "to /"}, then: func(v visit) {
			made := v.named("x-" + v.me.Username)
			require.Equal(v, []any{true, idp.UserType("internal"), "partners/north"}, []any{made.IsActive, made.Type, made.Path})
			require.Equal(v, []string{v.slug}, made.GroupNames)
		}},
	{fact: "somebody who was only named is not changed", parts: []part{identifies(), {kind: "prompt", asks: []string{"name:text"}}, {kind: "user_write"}},
		answers: []anyMap{named, {"name": "Mallory"}}, says: []string{"identification", "prompt", "denied: No user found and can't create new user."},
		then: func(v visit) { v.untouched(v.me) }},
}

// there is what another flow says that this one led to.
func there(want string) func(v visit) {
	return func(v visit) {
		v.Helper()
		require.Equal(v, v.slug+"-other/"+want, v.browser.challenge(v.slug + "-other")["name"])
	}
}

func leads(settings anyMap) part {
	return part{kind: "redirect", settings: with(anyMap{"mode": "flow", "target_flow": "{other}"}, settings)}
}

var colour = part{kind: "prompt", asks: []string{"colour:text"}}

// leading is about stages that lead elsewhere.
var leading = []scene{
	{fact: "an address of this site", parts: []part{{kind: "redirect", settings: anyMap{"mode": "static", "target_static": "/if/user/"}}}, says: []string{"to /if/user/"}},
	{fact: "an address elsewhere, for an operator named it", parts: []part{{kind: "redirect", settings: anyMap{"mode": "static",
		"target_static": "https://wiki.example.org/"}}}, says: []string{"to https://wiki.example.org/"}},
	{fact: "another flow with what this one knows", parts: []part{colour, leads(anyMap{"keep_context": true})},
		leads: []part{only("blue", `prompt_context.colour == "blue"`), {name: "blank"}}, answers: []anyMap{{"colour": "blue"}},
		says: []string{"prompt", "to /if/flow/{other-slug}/"}, then: there("blue")},
	{fact: "or without", parts: []part{colour, leads(anyMap{"keep_context": false})},
		leads: []part{only("blue", `prompt_context.colour == "blue"`), {name: "blank"}}, answers: []anyMap{{"colour": "blue"}},
		says: []string{"prompt", "to /if/flow/{other-slug}/"}, then: there("blank")},
	{fact: "next goes along", query: []string{"next", "/if/user/"}, parts: []part{leads(nil)}, leads: []part{{name: "there"}},
		says: []string{"to /if/flow/{other-slug}/"}, then: func(v visit) {
			v.ends(v.browser.solve(v.slug+"-other", anyMap{}), "/if/user/")
		}},
	{fact: "at once, in a browser that was never here", parts: []part{leads(nil)}, leads: []part{{name: "there"}},
		says: []string{"to /if/flow/{other-slug}/"}, then: there("there")},
	{fact: "out of a flow that signs in", flow: anyMap{"designation": "authentication"}, parts: []part{identifies(), {kind: "user_login"}, leads(nil)},
		leads: []part{{name: "there"}}, answers: []anyMap{named}, says: []string{"identification", "to /if/flow/{other-slug}/"}, then: func(v visit) {
			require.True(v, v.browser.works())
			there("there")(v)
		}},
	{fact: "and out of one that signs out", as: "person", parts: []part{{kind: "user_logout"}, leads(nil)}, leads: []part{{name: "there"}},
		says: []string{"to /if/flow/{other-slug}/"}, then: func(v visit) {
			require.False(v, v.browser.works())
			there("there")(v)
		}},
}

// wiki wants these permissions.
func wiki(permissions ...string) func(v visit, run *flow.Run) {
	return func(_ visit, run *flow.Run) {
		consent.KeyApplication.Put(run.Vars, given.Application{ID: "wiki", Name: "Wiki", Slug: "wiki"})
		var list []consent.Permission
		for _, id := range permissions {
			list = append(list, consent.Permission{ID: id, Name: id})
		}
		consent.KeyPermissions.Put(run.Vars, list)
	}
}

// agrees echoes the token, and comes again to be asked for other permissions.
func (v visit) agrees(permissions ...string) {
	v.Helper()
	require.Equal(v, "Invalid consent token: look at what is asked and answer again.", fault(v.browser.solve(v.slug, anyMap{"token": "made up"}), "token"))
	v.ends(v.browser.solve(v.slug, anyMap{"token": v.last["token"]}), "/")
	v.browser.carry(v.slug, func(run *flow.Run) { wiki(permissions...)(v, run) })
}

// consenting is about what is asked again, and when.
var consenting = []scene{
	{fact: "consent is asked for every time", as: "person", carries: wiki("email"), parts: []part{{kind: "consent", settings: anyMap{"mode": "always_require"}}},
		says: []string{"consent"}, then: func(v visit) {
			v.agrees("email")
			require.Equal(v, "ak-stage-consent", v.browser.challenge(v.slug)["component"])
		}},
	{fact: "or once for good", as: "person", carries: wiki("email", "groups"), parts: []part{{kind: "consent", settings: anyMap{"mode": "permanent"}}},
		says: []string{"consent"}, then: func(v visit) {
			v.agrees("groups", "email")
			v.ends(v.browser.challenge(v.slug), "/")
		}},
	{fact: "until other permissions are wanted", as: "person", carries: wiki("email"), parts: []part{{kind: "consent", settings: anyMap{"mode": "expiring"}}},
		says: []string{"consent"}, then: func(v visit) {
			v.agrees("email", "groups")
			asked := v.browser.challenge(v.slug)
			require.Equal(v, []any{map[string]any{"id": "groups", "name": "groups"}}, asked["additional_permissions"])
		}},
	{fact: "or it has expired", as: "person", carries: wiki("email"), parts: []part{{kind: "consent", settings: anyMap{"mode": "expiring", "consent_expire_in": "hours=1"}}},
		says: []string{"consent"}, then: func(v visit) {
			v.agrees("email")
			_, err := v.connect().Exec(v.Context(), `UPDATE consents SET expires_at = now() WHERE user_id = $1`, v.me.ID)
			require.NoError(v, err)
			require.Equal(v, "ak-stage-consent", v.browser.challenge(v.slug)["component"])
		}},
}

func (s *site) restores() {
	u := s.user(unique("visitor"))
	got := s.admin().api(http.StatusOK, http.MethodPost, "/core/users/"+u.ID.String()+"/recovery/", anyMap{})
	_, key, _ := strings.Cut(got["link"].(string), "flow_token=")
	b, other := s.browser(), s.browser()
	require.Equal(s, "ak-stage-prompt", b.challenge(recoveryFlow, "flow_token", key)["component"])
	require.Equal(s, "ak-stage-prompt", other.challenge(recoveryFlow, "flow_token", key)["component"], "opening it uses nothing up")
	answers := anyMap{"password": password, "password_repeat": password}
	s.ends(b.solve(recoveryFlow, answers, "flow_token", key), "/")
	b.is(u)
	require.Equal(s, "ak-stage-access-denied", s.browser().challenge(recoveryFlow, "flow_token", key)["component"], "what it was for uses it up")
	require.Equal(s, "ak-stage-access-denied", other.solve(recoveryFlow, answers)["component"])
	require.Equal(s, "ak-stage-access-denied", s.browser().challenge(recoveryFlow, "flow_token", "made-up")["component"])
}

func (s *site) several() {
	slugs := []string{unique("several"), unique("several")}
	b := s.browser()
	for _, slug := range slugs {
		s.lay(slug, scene{parts: []part{{name: "a"}, {name: "b"}}}, strings.Clone)
	}
	for _, slug := range slugs {
		b.solve(slug, anyMap{})
	}
	for _, slug := range slugs {
		require.Equal(s, slug+"/b", b.challenge(slug)["name"])
	}
}

func (s *site) answers() {
	slug := unique("answered")
	s.lay(slug, scene{parts: []part{{name: "a"}, {name: "b"}}}, strings.Clone)
	b := s.browser()
	address := "/api/v3" + executor(slug, "next", "/if/user/")
	for range 2 {
		asked := b.get(address)
		require.Equal(s, http.StatusOK, asked.status)
		require.Equal(s, "DENY", asked.header.Get("X-Frame-Options"))
		require.Contains(s, asked.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
		passed := b.do(http.MethodPost, address, anyMap{"component": "ak-stage-dummy"})
		if passed.status == http.StatusOK {
			s.ends(passed.json(http.StatusOK), "/if/user/")
			continue
		}
		require.Equal(s, []any{http.StatusFound, address}, []any{passed.status, passed.location()})
	}
	c := s.browser()
	page := "/if/flow/" + slug + "/?next=/if/user/&sfe"
	require.Contains(s, string(c.get(page).body), slug+"/a", "a page is the same with sfe: it needs no script")
	for range 2 {
		passed := c.do(http.MethodPost, page, form{})
		require.Equal(s, http.StatusSeeOther, passed.status)
		if passed.location() != "/if/user/" {
			require.Equal(s, page, passed.location())
		}
	}
}

func (s *site) history() {
	slug := unique("history")
	s.lay(slug, scene{parts: []part{identifies(), again("restart_with_context")}}, strings.Clone)
	b := s.with(s.user(unique("root"), s.administers))
	past := func() int {
		got := b.api(http.StatusOK, http.MethodGet, "/flows/inspector/"+slug+"/", nil)
		return len(got["plans"].([]any))
	}
	b.challenge(slug, "inspector", "")
	require.Equal(s, 0, past())
	b.solve(slug, anyMap{"uid_field": "admin"}, "inspector", "")
	require.Equal(s, 1, past())
	b.solve(slug, anyMap{"password": "x"}, "inspector", "")
	require.Equal(s, 0, past())
}
