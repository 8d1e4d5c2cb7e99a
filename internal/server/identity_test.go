package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

func TestCookieThatIsNoGoodIsNobodys(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	good := r.cookieOf(r.person)
	require.Equal(t, "grace", r.do(request{path: "/probe/", cookie: good}).json(http.StatusOK)["user"])
	for name, cookie := range map[string]string{
		"forged": strings.Repeat("A", len(good)), "truncated": good[:len(good)-1], "longer": good + "A", "other case": strings.ToLower(good),
		"oversized": strings.Repeat("x", 20_000), "odd characters": "%00%ff", "quotes": `"` + good + `x"`,
	} {
		got := r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)
		require.Empty(t, got["user"], name)
	}
	for _, raw := range []string{"authentik_session=" + good + "\x01", "authentik_session", "=;=;=", "authentik_session=\xff\xfe", ";;;"} {
		got := r.do(request{path: "/probe/", header: map[string]string{"Cookie": raw}}).json(http.StatusOK)
		require.Empty(t, got["user"], raw)
	}
}

func TestSessionEndsWithItsAccount(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie, key := r.cookieOf(r.person), r.keyOf(r.person)
	require.Equal(t, http.StatusOK, r.do(request{path: path("/core/users/me/"), key: key}).Code)
	r.do(request{method: http.MethodPatch, path: path("/core/users/%d/", r.person.ID), as: r.admin,
		body: map[string]any{"is_active": false}}).json(http.StatusOK)
	require.Empty(t, r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)["user"])
	require.Equal(t, "Token invalid/expired", r.do(request{path: path("/core/users/me/"), key: key}).json(http.StatusForbidden)["detail"])

	r.do(request{method: http.MethodPatch, path: path("/core/users/%d/", r.person.ID), as: r.admin,
		body: map[string]any{"is_active": true}}).json(http.StatusOK)
	require.Empty(t, r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)["user"], "activation revives nothing")
	r.do(request{path: path("/core/users/me/"), key: key}).json(http.StatusForbidden)
}

func TestAuthorizationHeaderDecidesAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie := r.cookieOf(r.admin)
	_, app, err := r.tokens.Issue(t.Context(), idp.SystemActor(), draft(r.admin, idp.IntentAppPassword))
	require.NoError(t, err)
	for name, c := range map[string]struct{ header, want string }{
		"unknown key":    {"Bearer nonsense", "Token invalid/expired"},
		"no key":         {"Bearer", "Token invalid/expired"},
		"empty key":      {"Bearer   ", "Token invalid/expired"},
		"another intent": {"Bearer " + app, "Token invalid/expired"},
		"another scheme": {"Digest YTpi", "Unsupported authentication type"},
		"garbage":        {"\x80\xff", "Unsupported authentication type"},
		"bytes":          {"Bearer \x80\xff", "Token invalid/expired"},
		"very long":      {"Bearer " + strings.Repeat("k", 40_000), "Token invalid/expired"},
	} {
		for _, p := range []string{path("/core/users/me/"), path("/root/config/"), path("/flows/executor/sign-in/")} {
			got := r.do(request{path: p, cookie: cookie, header: map[string]string{"Authorization": c.header}})
			require.Equal(t, c.want, got.json(http.StatusForbidden)["detail"], name)
		}
	}
	require.Equal(t, http.StatusOK, r.do(request{path: path("/core/users/me/"), cookie: cookie}).Code)
	require.Equal(t, "bearer", "bearer")
	me := r.do(request{path: path("/core/users/me/"), header: map[string]string{"Authorization": "bEaReR " + r.keyOf(r.person)}}).json(http.StatusOK)
	require.Equal(t, "grace", me["user"].(map[string]any)["username"])
}

func TestNobodyIsSentToSignInAndComesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.do(request{path: "/probe/private/?a=1&b=2"})
	require.Equal(t, http.StatusSeeOther, got.Code)
	require.Equal(t, web.SignInPath+"?next=%2Fprobe%2Fprivate%2F%3Fa%3D1%26b%3D2", got.Header().Get("Location"))
	require.Equal(t, http.StatusOK, r.do(request{path: "/probe/private/", cookie: r.cookieOf(r.person)}).Code)

	got = r.do(request{path: path("/core/users/me/")})
	require.Equal(t, "Authentication credentials were not provided.", got.json(http.StatusForbidden)["detail"])
}

func TestRootSendsEverybodyHome(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for want, cookie := range map[string]string{"/if/admin/": r.cookieOf(r.admin), "/if/user/": r.cookieOf(r.person),
		web.SignInPath + "?next=%2F": ""} {
		got := r.do(request{path: "/", cookie: cookie})
		require.Equal(t, http.StatusSeeOther, got.Code)
		require.Equal(t, want, got.Header().Get("Location"))
	}
}

func TestMessagesAreShownOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie := r.cookieOf(r.person)
	require.Equal(t, http.StatusSeeOther, r.do(request{path: "/probe/flash/", cookie: cookie}).Code)
	require.Equal(t, http.StatusSeeOther, r.do(request{path: "/probe/flash/", cookie: cookie}).Code)
	message := map[string]any{"tone": "success", "text": "done <b>"}
	require.Equal(t, []any{message, message}, r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)["flashes"])
	require.Nil(t, r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)["flashes"])

	require.Equal(t, http.StatusSeeOther, r.do(request{path: "/probe/flash/"}).Code, "nobody has nowhere to keep it")
	other := r.cookieOf(r.person)
	r.do(request{path: "/probe/flash/", cookie: cookie})
	require.Nil(t, r.do(request{path: "/probe/", cookie: other}).json(http.StatusOK)["flashes"], "another session")
}
