package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// stepsUp goes through the step-up flow with the password and returns where it ends.
func (b *browser) stepsUp(next string) string {
	b.site.Helper()
	begun := b.get(web.StepUpURL(next))
	require.Equal(b.site, http.StatusSeeOther, begun.status, "%s", begun.body)
	require.Equal(b.site, "/if/flow/"+flow.StepUpSlug+"/?"+url.Values{"next": {next}}.Encode(), begun.location())
	asked := b.challenge(flow.StepUpSlug)
	require.Equal(b.site, "ak-stage-password", asked["component"], "%v", asked)
	done := b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-password", "password": password})
	require.Equal(b.site, "xak-flow-redirect", done["component"], "%v", done)
	return done["to"].(string)
}

// TestStepUpOverTheAPI: refused, proved, done, and known on every server at once.
func TestStepUpOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	root, victim := s.user("root", s.administers), s.user("victim")
	b := s.stale(root)
	other := b.at(s.replicas[1])
	act := anyMap{"users": []any{victim.ID}, "reason": "test"}
	for _, at := range []*browser{b, other} {
		said := at.api(http.StatusForbidden, http.MethodPost, "/lockdowns/", act)
		require.Equal(t, "step_up_required", said["code"])
		require.Equal(t, web.StepUpPath, said["step_up_url"])
	}
	require.True(t, s.now(victim).IsActive)
	require.Equal(t, "/if/admin/", b.stepsUp("/if/admin/"))
	events := s.events(session.ActionProved)
	require.Len(t, events, 1)
	require.Equal(t, "root", events[0].User["username"])
	require.Equal(t, "password", events[0].Context["auth_method"])
	done := other.api(http.StatusOK, http.MethodPost, "/lockdowns/", act)
	require.Equal(t, "success", done["results"].([]any)[0].(anyMap)["status"])
	require.False(t, s.now(victim).IsActive)
	require.Equal(t, "/x/", b.get(web.StepUpURL("/x/")).location(), "whoever is fresh is not asked again")
}

// TestStepUpProvesInTheFlowItself: a flow that asks for nothing, or proves somebody
// else, proves nothing; wrong passwords count.
func TestStepUpProvesInTheFlowItself(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	root := s.user("root", s.administers)
	s.user("mallory")
	refused := func(b *browser) {
		t.Helper()
		require.Equal(t, "step_up_required", b.api(http.StatusForbidden, http.MethodPost, "/locks/", aLock())["code"])
	}
	b := s.stale(root)
	b.challenge(flow.StepUpSlug)
	// Without having been begun for it, the flow is a flow like any other.
	require.Equal(t, "xak-flow-redirect", b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-password", "password": password})["component"])
	refused(b)
	b.get(web.StepUpPath)
	b.challenge(flow.StepUpSlug)
	wrong := b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-password", "password": "wrong"})
	require.Contains(t, wrong, "response_errors")
	refused(b)
	key := s.keyOf(root, idp.IntentAppPassword)
	require.Contains(t, b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-password", "password": key}), "response_errors", "an app password is no proof")

	f := s.flow(flow.StepUpSlug)
	bindings := s.admin().api(http.StatusOK, http.MethodGet, "/flows/bindings/?target="+f.ID.String(), nil)["results"].([]any)
	for _, it := range bindings {
		s.admin().api(http.StatusNoContent, http.MethodDelete, "/flows/bindings/"+it.(anyMap)["pk"].(string)+"/", nil)
	}
	empty := b.get(web.StepUpPath)
	require.Equal(t, http.StatusForbidden, empty.status, "a flow without stages")
	bind := func(stage any, order int) {
		s.admin().api(http.StatusCreated, http.MethodPost, "/flows/bindings/", anyMap{"target": f.ID, "stage": stage, "order": order})
	}
	dummy := s.admin().api(http.StatusCreated, http.MethodPost, "/stages/dummy/", anyMap{"name": "nothing"})
	bind(dummy["pk"], 0)
	b.get(web.StepUpPath)
	require.Equal(t, "ak-stage-access-denied", b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-dummy"})["component"])
	refused(b)
	bind(s.stageOf("default-authentication-identification"), 10)
	bind(s.stageOf("default-authentication-password"), 20)
	b.get(web.StepUpPath)
	b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-dummy"})
	b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-identification", "uid_field": "mallory"})
	require.Equal(t, "ak-stage-access-denied", b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-password", "password": password})["component"],
		"somebody else's password")
	refused(b)
	b.get(web.StepUpPath)
	b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-dummy"})
	b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-identification", "uid_field": "root"})
	require.Equal(t, "xak-flow-redirect", b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-password", "password": password})["component"])
	b.api(http.StatusCreated, http.MethodPost, "/locks/", aLock())
}

// TestGuessesWhileSteppingUpCount: a stolen session is no place to try passwords in, and
// its owner goes on elsewhere.
func TestGuessesWhileSteppingUpCount(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	root := s.user("root", s.administers)
	stolen, own := s.stale(root), s.stale(root)
	stolen.get(web.StepUpPath)
	stolen.challenge(flow.StepUpSlug)
	for i := range 5 {
		got := stolen.do(http.MethodPost, "/api/v3"+executor(flow.StepUpSlug), anyMap{"component": "ak-stage-password", "password": fmt.Sprint("guess ", i)})
		require.Less(t, got.status, 400, "%s", got.body)
		stolen.challenge(flow.StepUpSlug)
	}
	require.Len(t, s.lockouts(), 1)
	require.Len(t, s.acted(idp.ActionLoginFailed), 5)
	stolen.do(http.MethodPost, "/flows/-/cancel/", nil)
	stolen.get(web.StepUpPath)
	stolen.challenge(flow.StepUpSlug)
	got := stolen.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-password", "password": password})
	require.Contains(t, fault(got, "password"), "Too many failed attempts.", "the right one, too late: %v", got)
	require.Equal(t, "step_up_required", stolen.api(http.StatusForbidden, http.MethodPost, "/locks/", aLock())["code"])
	require.True(t, stolen.works(), "a lockout ends no session")
	require.Empty(t, s.events(session.ActionProved))
	require.Equal(t, "/x/", own.stepsUp("/x/"))
	own.api(http.StatusCreated, http.MethodPost, "/locks/", aLock())
}

// TestALockdownLeftOpenGoesOn: whoever began a lockdown and took too long to say why has
// it carried out as they filled it in, after a proof.
func TestALockdownLeftOpenGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	root, victim := s.user("root", s.administers), s.user("victim")
	began, cookie := s.cookie(root)
	b := s.holding(cookie)
	page := "/if/flow/" + lockdownFlow + "/?" + url.Values{"next": {"/if/admin/users/" + victim.ID.String() + "/"}}.Encode()
	begun := b.do(http.MethodPost, "/if/admin/users/"+victim.ID.String()+"/lockdown/", form{"confirmed": "1"})
	require.Equal(t, page, begun.location(), "%s", begun.body)
	require.Contains(t, string(b.get(page).body), "lockdown_reason")
	s.age(began)
	for b.get(web.StepUpURL("/x/")).location() == "/x/" {
		continue // until this server has heard of it
	}
	sent := b.do(http.MethodPost, page, form{"lockdown_reason": "Clicked a link, then went to lunch"}, "Referer", b.base+page)
	to, err := url.Parse(sent.location())
	require.NoError(t, err, "%s", sent.body)
	require.Equal(t, web.StepUpPath, to.Path)
	require.Equal(t, url.Values{"next": {web.GoOnPath}, "back": {page}}, to.Query())
	require.True(t, s.now(victim).IsActive)

	require.Equal(t, web.GoOnPath, b.stepsUp(web.GoOnPath))
	asks := string(b.get(web.GoOnPath).body)
	require.Contains(t, asks, "Go on with the lockdown")
	require.NotContains(t, asks, "lunch")
	require.True(t, s.now(victim).IsActive, "nothing has happened yet")
	done := b.do(http.MethodPost, web.GoOnPath, form{})
	require.Equal(t, page, done.location(), "%s", done.body)
	require.Contains(t, string(b.get(page).body), "locked down")
	require.False(t, s.now(victim).IsActive)
	record := s.admin().api(http.StatusOK, http.MethodGet, "/lockdowns/?user="+victim.ID.String(), nil)["results"].([]any)[0].(anyMap)
	require.Equal(t, "Clicked a link, then went to lunch", record["reason"])
}

// TestStepUpAsksForTheSecondFactor: whoever has one proves that, each time, and the
// session goes by it from then on.
func TestStepUpAsksForTheSecondFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	root := s.user("root", s.administers)
	factors := s.replicas[0].Factors
	draft, err := factors.NewCodes(6, 12)
	require.NoError(t, err)
	codes, err := factors.Codes(draft)
	require.NoError(t, err)
	made, err := factors.AddStatic(t.Context(), idp.Actor{}, factor.Adding{User: root, Generation: root.SessionGeneration, Proved: true}, draft)
	require.NoError(t, err)
	began, cookie := s.cookie(root)
	s.age(began)
	b := s.holding(cookie)
	for i, code := range codes[:2] {
		b.get(web.StepUpPath)
		require.Equal(t, "ak-stage-authenticator-validate", b.challenge(flow.StepUpSlug)["component"])
		wrong := b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-authenticator-validate", "code": "wrong-code-12"})
		require.Contains(t, wrong, "response_errors")
		if i == 0 {
			b.api(http.StatusForbidden, http.MethodPost, "/locks/", aLock())
		}
		done := b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-authenticator-validate", "code": code})
		require.Equal(t, "xak-flow-redirect", done["component"], "no password beside it: %v", done)
		b.api(http.StatusCreated, http.MethodPost, "/locks/", aLock())
		after, err := s.repos().Sessions.Get(t.Context(), began.ID)
		require.NoError(t, err)
		require.Equal(t, made.ID, *after.FactorID)
		_, err = s.connect().Exec(t.Context(), `UPDATE sessions SET proved_at = clock_timestamp() - interval '1 hour' WHERE id = $1`, began.ID)
		require.NoError(t, err)
		said := b.api(http.StatusForbidden, http.MethodPost, "/locks/", aLock())
		require.Equal(t, "step_up_required", said["code"])
		for b.get(web.StepUpURL("/x/")).location() == "/x/" {
			continue // until this server has heard of it
		}
	}
	require.Equal(t, made.ID.String(), s.events(session.ActionProved)[0].Context["mfa_device"])
}

// TestFormsAreKeptWhileSomebodyProves: nothing that was typed is lost, or sent twice, or
// to be read by anybody else.
func TestFormsAreKeptWhileSomebodyProves(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	root := s.user("root", s.administers)
	_, _ = s.cookie(root)
	began, cookie := s.cookie(root)
	s.age(began)
	b, another := s.holding(cookie), s.with(root)
	const path = "/if/user/settings/tokens/new/app-password/"
	page := b.get(path)
	require.Equal(t, http.StatusSeeOther, page.status)
	require.Equal(t, web.StepUpURL(path), page.location(), "asked before the form")

	sent := b.do(http.MethodPost, path, form{"identifier": "kept-token", "description": "typed before", "expires": "7d", "until": ""},
		"Referer", b.base+"/if/user/settings/tokens/")
	require.Equal(t, http.StatusSeeOther, sent.status)
	to, err := url.Parse(sent.location())
	require.NoError(t, err)
	require.Equal(t, web.StepUpPath, to.Path)
	require.Equal(t, url.Values{"next": {web.GoOnPath}, "back": {"/if/user/settings/tokens/"}}, to.Query())
	var data string
	require.NoError(t, s.connect().QueryRow(t.Context(), `SELECT encode(data, 'escape') FROM sessions WHERE id = $1`, began.ID).Scan(&data))
	require.Contains(t, data, "kept_form")
	require.NotContains(t, data, "typed before")
	require.Equal(t, "/", another.get(web.GoOnPath).location(), "another session has nothing to go on with")

	require.Equal(t, web.GoOnPath, b.stepsUp(web.GoOnPath))
	for range 2 { // a reload is nothing
		asks := b.get(web.GoOnPath)
		require.Equal(t, http.StatusOK, asks.status, "%s", asks.body)
		require.Contains(t, string(asks.body), "Go on with making the token")
		require.NotContains(t, string(asks.body), "typed before")
		require.Equal(t, "no-store", asks.header.Get("Cache-Control"))
	}
	done := b.do(http.MethodPost, web.GoOnPath, form{})
	require.Equal(t, http.StatusSeeOther, done.status, "%s", done.body)
	require.True(t, strings.HasSuffix(done.location(), "/key/"), done.location())
	made, err := s.repos().Tokens.GetByIdentifier(t.Context(), "kept-token")
	require.NoError(t, err)
	require.Equal(t, "typed before", made.Description)
	require.False(t, made.StepUpExempt, "people's own tokens are not marked unless they say so")
	require.Equal(t, "/", b.do(http.MethodPost, web.GoOnPath, form{}).location(), "once")
	require.Equal(t, http.StatusForbidden, b.do(http.MethodPost, web.GoOnPath, form{}, "Sec-Fetch-Site", "cross-site").status)
}

// TestWhatIsNotAsked: oneself is not slowed, and 0 asks nobody, but marks nothing either.
func TestWhatIsNotAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	root, alice := s.user("root", s.administers), s.user("alice")
	hers := s.stale(alice)
	link := hers.api(http.StatusOK, http.MethodPost, "/core/users/account_lockdown/", anyMap{})["link"].(string)
	require.Contains(t, link, lockdownFlow)
	unmarked := s.program(s.keyWith(root, false))
	unmarked.api(http.StatusForbidden, http.MethodPost, "/locks/", aLock())

	setting := func(value string) *answer {
		return s.admin().do(http.MethodPost, "/api/settings", anyMap{"key": "security.step_up.max_age_seconds", "value": value})
	}
	for _, wrong := range []string{"59", "-1", "86401", "x", ""} {
		require.Equal(t, http.StatusBadRequest, setting(wrong).status, wrong)
	}
	require.Equal(t, http.StatusOK, setting("0").status)
	unmarked.api(http.StatusCreated, http.MethodPost, "/locks/", aLock())
	made := unmarked.api(http.StatusCreated, http.MethodPost, "/core/tokens/", aToken())
	require.Equal(t, false, made["step_up_exempt"], "a token makes no better one")
	body := aToken()
	body["step_up_exempt"] = true
	require.Equal(t, "step_up_required", unmarked.api(http.StatusForbidden, http.MethodPost, "/core/tokens/", body)["code"])
	require.Equal(t, http.StatusOK, setting("900").status)
	unmarked.api(http.StatusForbidden, http.MethodPost, "/locks/", aLock())
	made = s.admin().api(http.StatusCreated, http.MethodPost, "/core/tokens/", aToken())
	require.Equal(t, true, made["step_up_exempt"], "of a script that has a marked one")
	events := s.events("setting.updated")
	require.Len(t, events, 2)
	said, err := json.Marshal(events[0].Context)
	require.NoError(t, err)
	require.Contains(t, string(said), `"key":"security.step_up.max_age_seconds"`)
}

// keyOf is the key of a new token.
func (s *site) keyOf(u *idp.User, intent idp.TokenIntent) string {
	s.Helper()
	_, key := s.key(u, intent)
	return key
}
