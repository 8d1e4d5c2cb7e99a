package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

const preferencePath = "/api/v3/cluster_auth_preference/"

// lockOn makes a lock at a replica.
func (r *replica) lockOn(s *site, named map[string]string, more ...func(*lock.Draft)) *idp.Lock {
	s.Helper()
	d := lock.Draft{Target: named, Message: "Suspicious activity."}
	for _, m := range more {
		m(&d)
	}
	l, _, err := r.Locks.Create(s.Context(), idp.SystemActor(), d)
	require.NoError(s, err)
	return l
}

func TestTheLockingModeOverTheAPIAndInTheConsole(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	admin, there := s.admin(), s.replicas[1]
	require.Equal(t, map[string]any{"locking_mode": "best_effort", "managed": false}, admin.get(preferencePath).json(http.StatusOK))
	require.False(t, there.Locked.Strict())
	require.Equal(t, "strict", admin.do(http.MethodPut, preferencePath, map[string]any{"locking_mode": "strict"}).json(http.StatusOK)["locking_mode"])
	require.True(t, there.Locked.Strict(), "on every server before it is answered")
	require.Equal(t, "strict", admin.do(http.MethodPatch, preferencePath, map[string]any{"managed": true}).json(http.StatusOK)["locking_mode"])
	for _, bad := range []struct {
		method string
		body   any
		want   string
	}{
		{http.MethodPut, map[string]any{}, "This field is required."},
		{http.MethodPut, map[string]any{"locking_mode": "lax"}, `locking mode "lax" not supported`},
		{http.MethodPatch, map[string]any{"locking_mode": ""}, `locking mode "" not supported`},
		{http.MethodPatch, map[string]any{"locking_mode": nil}, "may not be null"},
		{http.MethodPatch, map[string]any{"locking_mode": 1}, "string"},
	} {
		got := fmt.Sprint(admin.do(bad.method, preferencePath, bad.body).json(http.StatusBadRequest)["locking_mode"])
		require.Contains(t, got, bad.want)
	}
	mia := s.with(s.user("mia"))
	require.Equal(t, `access denied to perform action "read" on "cluster_auth_preference"`, mia.get(preferencePath).json(http.StatusForbidden)["detail"])
	require.Equal(t, http.StatusForbidden, mia.get("/if/admin/locking-mode/").status)

	console := s.with(s.administrator("boss"))
	page := string(console.get("/if/admin/locking-mode/").body)
	require.Contains(t, page, `name="locking_mode"`)
	seen, _, _ := strings.Cut(page[strings.Index(page, `name="seen" value="`)+len(`name="seen" value="`):], `"`)
	require.Equal(t, http.StatusSeeOther, console.do(http.MethodPost, "/if/admin/locking-mode/", form{"locking_mode": "best_effort", "seen": seen}).status)
	require.False(t, there.Locked.Strict())
	require.NotEqual(t, http.StatusSeeOther, console.do(http.MethodPost, "/if/admin/locking-mode/", form{"locking_mode": "strict", "seen": seen}).status, "somebody else was quicker")
	require.False(t, there.Locked.Strict())

	fixed := s.open("locking_mode", "strict")
	require.True(t, fixed.Locked.Strict())
	require.Equal(t, map[string]any{"locking_mode": "strict", "managed": true}, admin.at(fixed).get(preferencePath).json(http.StatusOK))
	refused := fmt.Sprint(admin.at(fixed).do(http.MethodPut, preferencePath, map[string]any{"locking_mode": "best_effort"}).json(http.StatusBadRequest)["locking_mode"])
	require.Contains(t, refused, "the flag --locking-mode")
	managed := string(console.at(fixed).get("/if/admin/locking-mode/").body)
	require.Contains(t, managed, "the flag --locking-mode")
	require.NotContains(t, managed, `name="locking_mode"`)
}

// The last administrator is locked; the server's own shell lets them in again.
func TestBreakingTheGlass(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	here, there := s.replicas[0], s.replicas[1]
	root := s.named("admin")
	old := s.with(root)
	lastly := func(d *lock.Draft) { d.ForceLastAdmin = true }
	here.lockOn(s, map[string]string{"user": "admin"}, lastly)
	signIn := func() bool {
		b := s.browser().at(there)
		b.solve(signInFlow, map[string]any{"uid_field": "admin"})
		got := b.solve(signInFlow, map[string]any{"component": "ak-stage-password", "password": password})
		return got["component"] == "xak-flow-redirect" && b.works()
	}
	require.False(t, signIn())
	cfg, err := s.config()
	require.NoError(t, err)
	shell := func(o cli.BreakGlassOptions) string {
		var out bytes.Buffer
		require.NoError(t, app.BreakGlass(t.Context(), cfg, &out, o))
		for _, r := range s.replicas {
			require.NoError(t, r.Feed.Sync(t.Context()))
		}
		return out.String()
	}
	require.Contains(t, shell(cli.BreakGlassOptions{For: time.Hour}), "no lock keeps admin from signing in")
	require.True(t, signIn())
	require.False(t, old.works(), "who had a session need not be who is let in")
	require.Equal(t, "lock_in_force", s.admin().get("/api/v3/core/users/me/").json(http.StatusForbidden)["code"], "tokens stay locked")
	other := s.with(s.administrator("boss"))
	require.Contains(t, string(other.at(there).get("/if/admin/users/").body), "Break-glass is in force")
	require.Contains(t, string(other.get("/if/admin/events/").body), "Break-glass: no lock refuses admin until")
	require.Contains(t, shell(cli.BreakGlassOptions{End: true}), "Locks hold for everybody again")
	require.False(t, signIn())
	require.NotContains(t, string(other.get("/if/admin/users/").body), "Break-glass is in force")
	require.Contains(t, shell(cli.BreakGlassOptions{End: true}), "No glass is broken")
	require.ErrorContains(t, app.BreakGlass(t.Context(), cfg, &bytes.Buffer{}, cli.BreakGlassOptions{Username: "nobody knows"}), "nobody knows")
}

// Who is renamed stays locked, everywhere.
func TestARenameEscapesNoLock(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	ada := s.user("ada")
	b := s.with(ada)
	s.replicas[0].lockOn(s, map[string]string{"user": "ada"})
	for _, name := range []string{"Ada.New", "someone"} {
		require.Equal(t, http.StatusOK, s.admin().do(http.MethodPatch, fmt.Sprintf("/api/v3/core/users/%d/", ada.ID), map[string]any{"username": name}).status)
		for _, r := range s.replicas {
			require.Contains(t, string(b.at(r).get("/if/user/").body), `lock targeting User:&#34;`+name+`&#34; is in force`)
		}
	}
}
