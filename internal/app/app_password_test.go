package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

const ownAccount = "/api/v3/core/users/me/"

// Property 7: app passwords count where they are typed and where they come with a
// request, and share their attempts with passwords.
func TestProperty7AppPasswordsCount(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	s.tokenFlow()
	ada := s.user("ada")
	_, key := s.key(ada, idp.IntentAppPassword)
	_, api := s.key(ada, idp.IntentAPI)
	own := s.with(ada)
	const invalid = "Invalid username/password."
	for i := range 3 {
		got := s.basic([]string{"ada", "ADA", " ada "}[i], fmt.Sprint("wrong ", i)).at(s.replicas[i%2]).get(ownAccount).json(http.StatusForbidden)
		require.Equal(t, invalid, got["detail"])
	}
	s.basic("ada", "wrong 0").get(ownAccount) // the same one again counts once
	flow := s.browser()
	flow.solve(byAppPassword, map[string]any{"uid_field": "ada"})
	got := flow.solve(byAppPassword, map[string]any{"component": "ak-stage-password", "password": "wrong 3"})
	require.Equal(t, "Failed to authenticate.", fault(got, "password"))
	require.Empty(t, s.lockouts())
	require.Equal(t, http.StatusOK, s.basic("ada", key).get(ownAccount).status, "one is left")
	for i := range 5 { // and a success gave all of them back
		s.basic("ada", fmt.Sprint("more ", i)).get(ownAccount)
	}
	require.Len(t, s.lockouts(), 1, "all ways in share the attempts")

	heard := func(name, key string) map[string]any {
		got := s.basic(name, key).at(s.replicas[1]).get(ownAccount).json(http.StatusForbidden)
		delete(got, "request_id")
		return got
	}
	wrong := heard("ada", "wrong")
	require.Equal(t, wrong, heard("ada", key), "a lockout is honoured")
	got = flow.solve(byAppPassword, map[string]any{"component": "ak-stage-password", "password": key})
	require.Equal(t, "Failed to authenticate.", fault(got, "password"))
	require.Equal(t, http.StatusOK, s.program(api).get(ownAccount).status, "bearer tokens are not guessed at")
	require.True(t, own.works(), "nor are sessions")

	// Names that nobody has are counted the same.
	for i := range 5 {
		require.Equal(t, wrong, heard("nobody at all", fmt.Sprint("wrong ", i)))
	}
	require.Len(t, s.lockouts(), 2)
}

// A person's own password is not good on the API, and that it was tried there does
// not spoil it where it is.
func TestOwnPasswordsAreNotGoodOnTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	got := s.basic("ada", password).get(ownAccount).json(http.StatusForbidden)
	require.Equal(t, "Invalid username/password.", got["detail"])
	require.Equal(t, idp.ActionLoginFailed, s.acted(idp.ActionLoginFailed)[0].Action, "it is in the audit log")
	in, err := s.browser().tryToSignIn("ada", password)
	require.NoError(t, err)
	require.True(t, in)
	_, api := s.key(ada, idp.IntentAPI)
	require.Equal(t, http.StatusForbidden, s.basic("ada", api).get(ownAccount).status, "nor are API tokens")
}

func TestAnAppPasswordOnTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, root := s.user("ada"), s.named("admin")
	made, key := s.key(ada, idp.IntentAppPassword)
	b := s.basic("Ada", key)
	require.EqualValues(t, ada.ID, b.get(ownAccount).json(http.StatusOK)["user"].(map[string]any)["pk"])
	used, err := s.repos().Tokens.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.NotNil(t, used.LastUsedAt)
	require.Equal(t, http.StatusForbidden, b.get("/api/v3/events/events/").status, "the rights of the account")
	changed := b.do(http.MethodPost, "/api/v3/core/tokens/", map[string]any{"identifier": "by-basic"})
	require.Equal(t, http.StatusCreated, changed.status, "%s", changed.body)

	row, power := s.key(root, idp.IntentAppPassword)
	boss := s.basic("admin", power)
	require.Equal(t, http.StatusOK, boss.get("/api/v3/events/events/").status)
	foreign := boss.do(http.MethodPost, "/api/v3/core/groups/", map[string]any{"name": "made by another site"}, "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, foreign.status, "browsers send such credentials by themselves")
	line := boss.listen("")
	require.Equal(t, http.StatusNoContent, s.admin().do(http.MethodDelete, "/api/v3/core/tokens/"+row.Identifier+"/", nil).status)
	require.Contains(t, line.ended(), "Failed to authenticate.", "a stream ends with its app password")

	for name, header := range map[string]string{"not base64": "Basic ???", "no colon": "Basic YWRh", "no name": "Basic Ong=", "nothing": "Basic",
		"no text": "Basic /////w==", "nul": "Basic YWRhOgAA", "digest": "Digest YWRhOng="} {
		got := s.browser().do(http.MethodGet, ownAccount, nil, "Authorization", header)
		require.Equal(t, http.StatusForbidden, got.status, name)
		require.Empty(t, got.header.Get("WWW-Authenticate"), "no browser is to ask for one")
	}
	require.True(t, s.basic("ada", key).works())
}

// While 64 programs go on with an app password of an account, over two servers, it
// is locked down: nothing that is sent after the answer is accepted, and nothing
// again when the account is active once more.
func TestNothingIsAcceptedByBasicAfterALockdown(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	ada := s.user("ada")
	_, key := s.key(ada, idp.IntentAppPassword)
	var done atomic.Bool
	var accepted, late atomic.Int64
	var group sync.WaitGroup
	first := make(chan struct{}, 64)
	for i := range 64 {
		b := s.basic("ada", key).at(s.replicas[i%2])
		group.Go(func() {
			for n := 0; ; n++ {
				after := done.Load() // sent after the lockdown was answered
				a, err := b.send(http.MethodGet, ownAccount, nil)
				switch {
				case err != nil:
					t.Errorf("client %d: %v", i, err)
				case a.status == http.StatusOK && after:
					late.Add(1)
				case a.status == http.StatusOK:
					accepted.Add(1)
				}
				if n == 0 {
					first <- struct{}{}
				}
				if after || err != nil {
					return
				}
			}
		})
	}
	for range 64 {
		<-first
	}
	require.NoError(t, contained(s.admin().send(http.MethodPost, "/api/v3/lockdowns/", map[string]any{"users": []idp.UserID{ada.ID}, "deactivate_user": false, "set_unusable_password": false})))
	done.Store(true)
	group.Wait()
	require.GreaterOrEqual(t, accepted.Load(), int64(64))
	require.Zero(t, late.Load())
	require.True(t, s.now(ada).IsActive)
	require.Equal(t, http.StatusForbidden, s.basic("ada", key).get(ownAccount).status)
}

// Where both are good, each says which it was; on the page of the name as on its own.
func TestAnAppPasswordInAFlow(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.addFlow("both", idp.Stage{Kind: "identification", Settings: json.RawMessage(`{}`)},
		idp.Stage{Name: "either", Kind: "password", Settings: json.RawMessage(`{}`)}, idp.Stage{Kind: "user_login", Settings: json.RawMessage(`{}`)})
	kind := "password"
	stages, err := s.repos().Stages.Find(t.Context(), idp.StageFilter{Kind: &kind})
	require.NoError(t, err)
	for _, st := range stages.Items {
		if string(st.Settings) == `{}` {
			s.addFlow("page", idp.Stage{Kind: "identification", Settings: json.RawMessage(fmt.Sprintf(`{"password_stage": %q}`, st.ID))},
				idp.Stage{Kind: "user_login", Settings: json.RawMessage(`{}`)})
		}
	}
	robot := s.user("robot", func(n *account.NewUser) { n.Type = idp.UserServiceAccount })
	for _, u := range []*idp.User{s.user("ada"), robot} {
		_, key := s.key(u, idp.IntentAppPassword)
		for secret, method := range map[string]string{key: "token", password: "password"} {
			for _, way := range []func(b *browser) map[string]any{
				func(b *browser) map[string]any {
					b.solve("both", map[string]any{"uid_field": u.Username})
					return b.solve("both", map[string]any{"component": "ak-stage-password", "password": secret})
				},
				func(b *browser) map[string]any {
					return b.solve("page", map[string]any{"uid_field": u.Username, "password": secret})
				},
			} {
				b := s.browser()
				got := way(b)
				if u == robot && method == "password" {
					require.NotEqual(t, "xak-flow-redirect", got["component"], "accounts of programs have no password")
					require.False(t, b.works())
					continue
				}
				require.Equal(t, "xak-flow-redirect", got["component"], "%v", got)
				found, err := s.repos().Sessions.Find(t.Context(), idp.SessionFilter{UserID: &u.ID, Paging: idp.Paging{Order: []string{"-created"}, Limit: 1}})
				require.NoError(t, err)
				require.Equal(t, method, found.Items[0].AuthMethod)
			}
		}
	}
}
