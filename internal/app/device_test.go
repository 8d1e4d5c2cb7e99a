package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// factor gives an account a second factor that nobody could use.
func (s *site) factor(u *idp.User, kind idp.FactorKind, name string) *idp.Factor {
	s.Helper()
	f := &idp.Factor{UserID: u.ID, Kind: kind, Name: name}
	var codes [][]byte
	switch kind {
	case idp.FactorTOTP:
		f.Secret, f.Digits = "sealed", 6
	case idp.FactorStatic:
		codes = [][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)}
	case idp.FactorWebAuthn:
		f.CredentialID, f.Credential = []byte(unique(name)), []byte("{}")
	}
	require.NoError(s, s.repos().Factors.Create(s.Context(), f, codes))
	return f
}

// personal are a second factor, a known browser and an undecided request of an account.
func (s *site) personal(u *idp.User) (factor, browser, asked string) {
	s.Helper()
	f := s.factor(u, idp.FactorTOTP, "Phone")
	d := &idp.KnownDevice{UserID: u.ID, Digest: []byte(fmt.Sprintf("%-32.32s", unique("d"))), Generation: s.now(u).SessionGeneration}
	require.NoError(s, s.repos().KnownDevices.Remember(s.Context(), d, time.Hour))
	g := &idp.Group{Name: unique("crew")}
	require.NoError(s, s.repos().Groups.Create(s.Context(), g))
	r := &idp.AccessRequest{UserID: u.ID, GroupID: g.ID, GroupName: g.Name, Reason: "why", Duration: time.Hour, Generation: s.now(u).SessionGeneration}
	require.NoError(s, s.repos().AccessRequests.Create(s.Context(), r, time.Hour))
	return fmt.Sprintf("/authenticators/admin/totp/%d/", f.Num), "/core/known_devices/" + d.ID.String() + "/", "/access_requests/" + r.ID.String() + "/"
}

// list decodes an answer that is a list.
func (b *browser) list(path string) (out []map[string]any) {
	b.site.Helper()
	a := b.get("/api/v3" + path)
	require.Equal(b.site, http.StatusOK, a.status, "%s", a.body)
	require.NoError(b.site, json.Unmarshal(a.body, &out))
	return out
}

func TestSecondFactorsOfTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, ben := s.user("ada"), s.user("ben")
	app, codes, key := s.factor(ada, idp.FactorTOTP, "Phone"), s.factor(ada, idp.FactorStatic, "Codes"), s.factor(ada, idp.FactorWebAuthn, "Key")
	his := s.factor(ben, idp.FactorTOTP, "Phone")
	hers := s.with(ada)

	all := hers.list("/authenticators/all/")
	require.Len(t, all, 3)
	require.Equal(t, []any{fmt.Sprint(app.Num), app.ID.String(), "authentik_stages_authenticator_totp.totpdevice", true},
		[]any{all[0]["pk"], all[0]["uuid"], all[0]["meta_model_name"], all[0]["confirmed"]})
	require.EqualValues(t, 2, all[1]["codes_left"])
	require.Len(t, hers.list(fmt.Sprintf("/authenticators/admin/all/?user=%d", ada.ID)), 3, "her own")
	for _, path := range []string{"/authenticators/admin/all/", fmt.Sprintf("/authenticators/admin/all/?user=%d", ben.ID), "/authenticators/admin/totp/"} {
		require.Equal(t, http.StatusForbidden, hers.get("/api/v3"+path).status, path)
	}
	require.Len(t, s.admin().list(fmt.Sprintf("/authenticators/admin/all/?user=%d", ada.ID)), 3)
	require.Len(t, s.admin().list("/authenticators/admin/all/"), 4)
	require.Empty(t, s.admin().list("/authenticators/all/"))

	for kind, f := range map[string]*idp.Factor{"totp": app, "static": codes, "webauthn": key} {
		one := fmt.Sprintf("/authenticators/%s/%d/", kind, f.Num)
		require.EqualValues(t, 1, hers.api(http.StatusOK, http.MethodGet, "/authenticators/"+kind+"/", nil)["pagination"].(map[string]any)["count"])
		require.Equal(t, f.Name, hers.api(http.StatusOK, http.MethodGet, one, nil)["name"])
		require.Equal(t, "New", hers.api(http.StatusOK, http.MethodPatch, one, map[string]any{"name": "New"})["name"])
		require.Equal(t, "Newer", hers.api(http.StatusOK, http.MethodPut, one, map[string]any{"name": "Newer"})["name"])
		for _, wrong := range []map[string]any{{}, {"name": ""}, {"name": nil}, {"name": 1}} {
			require.Contains(t, hers.api(http.StatusBadRequest, http.MethodPut, one, wrong), "name")
		}
		require.Empty(t, hers.list(one+"used_by/"))
		for _, b := range []*browser{s.with(ben), s.admin()} {
			for _, method := range []string{http.MethodGet, http.MethodDelete} {
				require.Equal(t, http.StatusNotFound, b.do(method, "/api/v3"+one, nil).status, "another's")
			}
		}
		theirs := fmt.Sprintf("/authenticators/admin/%s/%d/", kind, f.Num)
		require.Equal(t, http.StatusNotFound, s.with(ben).get("/api/v3"+theirs).status)
		require.Equal(t, "ada", s.admin().api(http.StatusOK, http.MethodGet, theirs, nil)["user"].(map[string]any)["username"])
		require.Equal(t, "By admin", s.admin().api(http.StatusOK, http.MethodPatch, theirs, map[string]any{"name": "By admin"})["name"])
		s.admin().api(http.StatusNoContent, http.MethodDelete, theirs, nil)
		hers.api(http.StatusNotFound, http.MethodGet, one, nil)
	}
	for _, key := range []string{"x", "0", "99999999999", "-1"} {
		s.admin().api(http.StatusNotFound, http.MethodGet, "/authenticators/admin/totp/"+key+"/", nil)
	}
	require.Equal(t, http.StatusForbidden, s.browser().get("/api/v3/authenticators/all/").status)
	s.with(ben).api(http.StatusNoContent, http.MethodDelete, fmt.Sprintf("/authenticators/totp/%d/", his.Num), nil)
	action := "mfa_device_removed"
	page, err := s.repos().Events.Find(t.Context(), idp.EventFilter{ActionID: &action})
	require.NoError(t, err)
	require.Equal(t, 4, page.Total)
}

func TestKnownDevicesOfTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, ben := s.user("ada"), s.user("ben")
	const at = "/core/known_devices/"
	here, there, his := s.browser().signIn(ada), s.browser().signIn(ada), s.browser().signIn(ben)
	mine := here.api(http.StatusOK, http.MethodGet, at+"?ordering=-created", nil)["results"].([]any)
	require.Len(t, mine, 2)
	other := mine[0].(map[string]any)
	require.Equal(t, []any{false, true, "ada", nil}, []any{other["current"], other["known"], other["username"], other["forgotten"]})
	require.Equal(t, true, mine[1].(map[string]any)["current"])
	one := at + other["uuid"].(string) + "/"
	require.Equal(t, other, here.api(http.StatusOK, http.MethodGet, one, nil))
	require.Len(t, here.list(one+"used_by/"), 1)
	his.api(http.StatusNotFound, http.MethodGet, one, nil)
	his.api(http.StatusNotFound, http.MethodDelete, one, nil)
	his.api(http.StatusForbidden, http.MethodDelete, fmt.Sprintf("%sbulk_delete/?user=%d", at, ada.ID), nil)
	require.Empty(t, his.api(http.StatusOK, http.MethodGet, fmt.Sprintf("%s?user=%d", at, ada.ID), nil)["results"])
	require.Len(t, s.admin().api(http.StatusOK, http.MethodGet, at+"?user__username=ada&known=true", nil)["results"], 2)
	require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodGet, at+"?known=perhaps", nil), "known")
	require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodDelete, at+"bulk_delete/", nil), "user")
	s.admin().api(http.StatusNotFound, http.MethodGet, at+"x/", nil)

	here.api(http.StatusNoContent, http.MethodDelete, one, nil)
	require.True(t, there.works(), "its session goes on")
	require.Equal(t, false, here.api(http.StatusOK, http.MethodGet, one, nil)["known"])
	require.Len(t, here.api(http.StatusOK, http.MethodGet, at+"?known=true", nil)["results"], 1)
	here.api(http.StatusNoContent, http.MethodDelete, one+"?sessions=true", nil)
	require.False(t, there.works())
	require.Equal(t, map[string]any{"forgotten": 1.0, "sessions": 1.0, "kept": 0.0},
		s.admin().api(http.StatusOK, http.MethodDelete, fmt.Sprintf("%sbulk_delete/?user=%d&sessions=true", at, ada.ID), nil))
	require.False(t, here.works())
	require.Equal(t, http.StatusForbidden, s.browser().get("/api/v3"+at).status)
}

// What is done at the command line has taken effect on the servers when the command is over,
// also where it goes straight to their database: who cannot be told trusts nothing by then.
func TestCommandsWaitForTheServers(t *testing.T) {
	t.Setenv("PORTCULLIS_SERVER", "")
	x := &terminal{site: newSite(t, 1)}
	x.tolerant = true // a request that waits for the database fails
	ada := x.user("ada")
	_, cookie := x.cookie(ada)
	direct, c := x.url, lay(t, x.url)
	x.url = c.url
	alone := x.open("locking_mode", "strict")
	x.url = direct
	b := x.holding(cookie).at(alone)
	require.Equal(t, http.StatusOK, b.checked())

	c.sever(true)
	x.does("devices", "forget", "--all", "ada", "--sessions")
	require.Equal(t, http.StatusServiceUnavailable, b.checked())
	c.sever(false)
	require.Eventually(t, func() bool { return b.checked() == http.StatusUnauthorized }, time.Minute, time.Millisecond)
}

func TestDevicesFromTheCommandLine(t *testing.T) {
	terminals(t, func(x *terminal) {
		ada := x.user("ada")
		b, second := x.browser().signIn(ada), x.browser().signIn(ada)
		require.Regexp(x, `(?m)^\S{36} +\S.* +127\.0\.0\.1 +\S+Z +\S+Z +known$`, x.does("devices", "ls", "ada"))
		id := b.api(http.StatusOK, http.MethodGet, "/core/known_devices/?ordering=created", nil)["results"].([]any)[0].(map[string]any)["uuid"].(string)
		require.Equal(x, id+" was forgotten\n", x.does("devices", "forget", id, "--sessions"))
		require.False(x, b.works())
		require.Contains(x, x.does("devices", "ls", "ada", "--all"), "forgotten")
		require.Equal(x, "1 forgotten, 0 sessions ended, 0 still known because a lock names them\n", x.does("devices", "forget", "--all", "ada"))
		require.True(x, second.works())
		x.fails(cli.ExitUsage, "devices", "forget", "ada")
		x.fails(cli.ExitUsage, "devices", "ls")
		x.fails(cli.ExitFailure, "devices", "ls", "nobody")

		key := x.factor(ada, idp.FactorWebAuthn, "Blue key")
		require.Regexp(x, `(?m)^`+key.ID.String()+` +Blue key +webauthn +\S+Z +never$`, x.does("factors", "ls", "ada"))
		x.fails(cli.ExitUsage, "factors", "rm", "ada")
		x.fails(cli.ExitFailure, "factors", "rm", "ada", id)
		require.Equal(x, key.ID.String()+" was removed\n", x.does("factors", "rm", "ada", key.ID.String()))
		require.NotContains(x, x.does("factors", "ls", "ada"), "Blue key")
	})
}
