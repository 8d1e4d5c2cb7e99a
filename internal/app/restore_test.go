package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// restorable is an account that was locked down, with what somebody did to it before.
type restorable struct {
	*site
	user    *idp.User
	at      string // of the restore, on the API
	session *browser
	program *browser
}

// robbed locks an account down that has everything.
func (s *site) robbed(name string, switches anyMap, before ...func(*idp.User)) *restorable {
	s.Helper()
	u := s.user(name)
	r := &restorable{site: s, user: u, session: s.with(u)}
	_, key := s.key(u, idp.IntentAPI)
	r.program = s.program(key)
	r.session.api(http.StatusOK, http.MethodPatch, "/core/users/"+u.ID.String()+"/", anyMap{"email": "thief@evil.example"})
	for _, do := range before {
		do(u)
	}
	body := with(anyMap{"users": keys([]*idp.User{u}), "reason": "phished"}, switches)
	r.at = "/lockdowns/" + s.admin().contain(body)[0]["lockdown"].(string) + "/restore/"
	return r
}

func (r *restorable) list(query string) anyMap {
	r.Helper()
	return r.admin().api(http.StatusOK, http.MethodGet, r.at+query, nil)
}

func (r *restorable) take(step string, body anyMap) anyMap {
	r.Helper()
	return r.admin().api(http.StatusOK, http.MethodPost, r.at+step+"/", with(anyMap{}, body))
}

func (r *restorable) states(list anyMap) (out []any) {
	for _, step := range list["steps"].([]any) {
		out = append(out, step.(map[string]any)["state"])
	}
	return out
}

func TestARestoreEndsInANewBeginning(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	r := s.robbed("mia", anyMap{"revoke_tokens": false})
	mia := r.user
	require.Equal(t, []any{"open", "open", "done", "open", "open", "open"}, r.states(r.list("")))
	changes := r.list("")["changes"].([]any)
	kinds := []any{}
	for _, c := range changes {
		kinds = append(kinds, c.(map[string]any)["kind"])
	}
	require.ElementsMatch(t, []any{"token", "email"}, kinds)
	require.Empty(t, r.list("?since=" + time.Now().UTC().Format("2006-01-02T15:04:05.999999Z"))["changes"], "nothing since now")

	r.take("activate", nil)
	require.True(t, r.program.works(), "this lockdown left tokens")
	r.take("password", anyMap{"password": "chosen for her by the help desk"})
	r.take("revert", anyMap{"all": true})
	require.False(t, r.program.works())
	require.Equal(t, mia.Email, s.now(mia).Email)
	r.take("renew", anyMap{"password": true})
	done := r.take("skip", anyMap{"step": "tell", "reason": "told by phone"})
	require.Equal(t, []any{"done", "done", "done", "done", "done", "skipped"}, r.states(done))
	require.NotNil(t, done["closed_at"])
	require.Len(t, s.events(idp.ActionIDRestoreStep), 7, "two reverts, and the end")

	// Nothing old works.
	require.False(t, r.session.works() || r.program.works())
	in, err := s.browser().tryToSignIn("mia", password)
	require.NoError(t, err)
	require.False(t, in)

	// The help desk's password lets nobody in, but to choose another one.
	b := s.browser()
	in, err = b.tryToSignIn("mia", "chosen for her by the help desk")
	require.NoError(t, err)
	require.False(t, in)
	asked := b.challenge(signInFlow)
	require.Equal(t, "ak-stage-prompt", asked["component"], "%v", asked)
	again := b.solve(signInFlow, anyMap{"component": "ak-stage-prompt", "password": "chosen for her by the help desk", "password_repeat": "chosen for her by the help desk"})
	require.Equal(t, "ak-stage-prompt", again["component"], "the same once more is not a new one: %v", again)
	require.False(t, b.works())
	end := b.solve(signInFlow, anyMap{"component": "ak-stage-prompt", "password": "her own words this time", "password_repeat": "her own words this time"})
	require.Equal(t, "xak-flow-redirect", end["component"], "%v", end)
	require.True(t, b.works())
	require.False(t, s.now(mia).RenewPassword)
	in, err = s.browser().tryToSignIn("mia", "her own words this time")
	require.NoError(t, err)
	require.True(t, in, "once is enough")
	in, err = s.browser().tryToSignIn("mia", "chosen for her by the help desk")
	require.NoError(t, err)
	require.False(t, in)
}

func TestARestoreByLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	r := s.robbed("mia", nil)
	r.admin().api(http.StatusBadRequest, http.MethodPost, r.at+"recovery_link/", anyMap{})
	r.take("activate", nil)
	first := r.take("recovery_link", nil)["link"].(string)
	second := r.take("recovery_link", anyMap{})["link"].(string)
	require.NotEqual(t, first, second)
	r.take("renew", anyMap{"password": true})
	_, query, _ := strings.Cut(second, "?")
	b := s.browser()
	asked := b.challenge(recoveryFlow, strings.SplitN(query, "=", 2)...)
	require.Equal(t, "ak-stage-prompt", asked["component"], "%v", asked)
	end := b.solve(recoveryFlow, anyMap{"component": "ak-stage-prompt", "password": "her own words this time", "password_repeat": "her own words this time"})
	require.Equal(t, "xak-flow-redirect", end["component"], "%v", end)
	require.True(t, b.works())
	require.False(t, s.now(r.user).RenewPassword)
	_, query, _ = strings.Cut(first, "?")
	refused := s.browser().challenge(recoveryFlow, strings.SplitN(query, "=", 2)...)
	require.NotEqual(t, "ak-stage-prompt", refused["component"], "the older link is dead: %v", refused)
}

func TestTheAPIOfRestoresNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	r := s.robbed("mia", nil)
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, c := range []struct {
		step  string
		body  anyMap
		field string
	}{
		{"activate", anyMap{"since": later}, "since"},
		{"activate", anyMap{"since": "yesterday"}, "since"},
		{"activate", anyMap{"what": 1}, "what"},
		{"password", anyMap{}, "password"},
		{"password", anyMap{"password": "x"}, "password"},
		{"revert", anyMap{}, "event"},
		{"revert", anyMap{"event": "x"}, "event"},
		{"revert", anyMap{"event": "0198d7a0-0000-7000-8000-000000000000"}, "event"},
		{"revert", anyMap{"event": "0198d7a0-0000-7000-8000-000000000000", "all": true}, "all"},
		{"renew", anyMap{}, "require"},
		{"skip", anyMap{"step": "dance", "reason": "x"}, "step"},
		{"skip", anyMap{"step": "tell"}, "reason"},
		{"review", anyMap{"step": "tell"}, "step"},
		{"close", anyMap{}, "reason"},
	} {
		got := s.admin().api(http.StatusBadRequest, http.MethodPost, r.at+c.step+"/", c.body)
		require.Contains(t, got, c.field, "%s %v: %v", c.step, c.body, got)
	}
	require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodGet, r.at+"?since="+later, nil), "since")
	require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodGet, r.at+"?since=soon", nil), "since")
	s.admin().api(http.StatusNotFound, http.MethodGet, "/lockdowns/0198d7a0-0000-7000-8000-000000000000/restore/", nil)
	s.admin().api(http.StatusNotFound, http.MethodPost, r.at+"factors/0198d7a0-0000-7000-8000-000000000000/remove/", anyMap{})
	leo := s.with(s.user("leo"))
	leo.api(http.StatusForbidden, http.MethodGet, r.at, nil)
	for step, body := range map[string]anyMap{"activate": {}, "recovery_link": {}, "revert": {"all": true}, "renew": {"password": true}, "tell": {}, "close": {"reason": "x"}} {
		leo.api(http.StatusForbidden, http.MethodPost, r.at+step+"/", body)
	}
	require.False(t, s.now(r.user).IsActive)
	require.Empty(t, s.events(idp.ActionIDRestoreStep))
	got := s.admin().api(http.StatusBadRequest, http.MethodPost, r.at+"tell/", anyMap{})
	require.Contains(t, got[idp.NonField].([]any)[0], "No mail server is configured")
	s.admin().api(http.StatusNoContent, http.MethodDelete, "/core/users/"+r.user.ID.String()+"/", nil)
	s.admin().api(http.StatusNotFound, http.MethodPost, r.at+"activate/", anyMap{})
	require.Nil(t, r.list("")["user"])
}

func TestRestoreOnTheCommandLine(t *testing.T) {
	terminals(t, func(x *terminal) {
		r := x.robbed("alice", anyMap{"revoke_tokens": false})
		x.user("bob")
		require.Contains(t, x.fails(cli.ExitFailure, "restore", "nobody"), `user "nobody" not found`)
		require.Contains(t, x.fails(cli.ExitFailure, "restore", "bob"), `user "bob" was never locked down`)
		for flags, says := range map[string]string{
			"--since tomorrow":                      `--since: "tomorrow" is not understood`,
			"--skip tell":                           "say why with --reason",
			"--skip dance --reason x":               `--skip: "dance" is not known`,
			"--require luck":                        `--require: "luck" is not known`,
			"--reviewed tell":                       `--reviewed: "tell" is not known`,
			"--revert x":                            `--revert: "x" is not the UUID of an event`,
			"--remove-factor x":                     `--remove-factor: "x" is not a UUID`,
			"--recovery-link --email-recovery-link": "expected one of",
			"--reason x":                            "--reason belongs to --skip or --close",
			"--format xml":                          "xml",
		} {
			require.Contains(t, x.fails(cli.ExitUsage, append([]string{"restore", "alice"}, strings.Fields(flags)...)...), says)
		}
		require.Contains(t, x.fails(cli.ExitFailure, "restore", "alice", "--since", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), "since: This moment is in the future")
		out := x.does("restore", "alice", "--since", "2h")
		require.Contains(t, out, "Restore of alice")
		require.Contains(t, out, "The e-mail address was changed from "+r.user.Email+" to thief@evil.example.")
		require.Empty(t, x.events(idp.ActionIDRestoreStep), "looking changes nothing")

		out = x.does("restore", "alice", "--since", "1h", "--activate", "--recovery-link", "--revert-all", "--require", "password,factor", "--skip", "tell", "--reason", "told by phone", "--format", "json")
		var list cli.RestoreList
		require.NoError(t, json.Unmarshal([]byte(out), &list), out)
		require.Contains(t, list.Link, "flow_token=")
		require.NotNil(t, list.ClosedAt)
		for _, step := range list.Steps {
			require.NotEqual(t, "open", step.State, "%+v", step)
		}
		now := x.now(r.user)
		require.True(t, now.IsActive && now.RenewPassword && now.RenewFactor)
		require.Equal(t, r.user.Email, now.Email)
		require.Contains(t, x.fails(cli.ExitFailure, "restore", "alice", "--tell"), "This record is closed")
		require.Contains(t, x.does("restore", "alice", "--format", "yaml"), "closed_by: ")
	})
}
