package app_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/forward"
	"github.com/portcullis-idp/portcullis/internal/herald"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// ways are all that somebody's requests come by, at a replica: whether each is let in.
func (s *site) ways(u *idp.User, at *replica) map[idp.Door]func() bool {
	s.Helper()
	const host = "held.example.org"
	ctx := s.Context()
	if _, err := s.repos().Applications.ForHost(ctx, host); idp.Is(err, idp.CodeNotFound) {
		require.NoError(s, s.repos().Applications.Create(ctx, &idp.Application{Name: "held", Slug: "held", ForwardHosts: []string{host}}))
	}
	c := s.client("wiki")
	_, cookie := s.cookie(u)
	_, key := s.key(u, idp.IntentAPI)
	_, word := s.key(u, idp.IntentAppPassword)
	_, access := s.apiGrant(c, u, idp.ScopeAPI, oidc.ScopeOpenID)
	session, _, err := at.Sessions.Recall(ctx, [32]byte(secret.DigestOf(cookie).Bytes()))
	require.NoError(s, err)
	request := idp.PolicyRequest{Context: map[string]any{}}
	code, err := at.Forward.Authorize(ctx, session, host, "/", forward.State("nonce"), request)
	require.NoError(s, err)
	pass, _, err := at.Forward.Redeem(ctx, host, code, "nonce")
	require.NoError(s, err)
	me := func(b *browser) func() bool {
		return func() bool { return b.at(at).get("/api/v3/core/users/me/").status == http.StatusOK }
	}
	return map[idp.Door]func() bool{
		idp.DoorSession:     me(s.holding(cookie)),
		idp.DoorAPIToken:    me(s.program(key)),
		idp.DoorAppPassword: me(s.basic(u.Username, word)),
		idp.DoorOAuthAPI:    me(s.program(access)),
		idp.DoorUserinfo:    func() bool { return s.program(access).at(at).get(oidc.UserInfoPath).status == http.StatusOK },
		idp.DoorIntrospect: func() bool {
			found, err := at.OIDC.Introspect(ctx, idp.Actor{}, c, access)
			return err == nil && found.Active
		},
		idp.DoorForwardAuth: func() bool {
			_, err := at.Forward.Check(ctx, host, pass, request)
			return err == nil
		},
	}
}

// unheralded are the doors where nobody waits, and why. All the others do.
var unheralded = map[idp.Door]string{
	idp.DoorPassword:          "nothing is let in by it: a sign-in is judged in its own transaction",
	idp.DoorSignIn:            "it is judged in the transaction that starts the session",
	idp.DoorTokenIssue:        "it is judged in the transaction that makes the token",
	idp.DoorFlowLink:          "a flow begins, and its acts are judged in their transactions",
	idp.DoorRecoveryLink:      "it is judged in the transaction that makes the link",
	idp.DoorPasswordSet:       "it is judged in the transaction that sets it",
	idp.DoorInvitation:        "it is judged in the transaction that takes it",
	idp.DoorConsent:           "it is judged in the transaction that keeps it",
	idp.DoorAuthorize:         "the request has come by a session, and the code is judged when it is exchanged",
	idp.DoorSecondFactor:      "nothing is let in by it: a sign-in is judged in its own transaction",
	idp.DoorPasskey:           "nothing is let in by it: a sign-in is judged in its own transaction",
	idp.DoorAccessRequest:     "it is judged in the transaction that gives the group",
	idp.DoorCodeExchange:      "it is judged in the transaction that makes the tokens",
	idp.DoorTokenRefresh:      "it is judged in the transaction that makes the tokens",
	idp.DoorClientCredentials: "it is judged in the transaction that makes the tokens",
	idp.DoorDevicePoll:        "it is judged in the transaction that makes the tokens",
}

// held returns when so many interactions wait at the replica.
func (s *site) held(at *replica, n int) {
	s.Helper()
	require.Eventually(s, func() bool { return at.Heralds.Waiting() == n }, time.Minute, 100*time.Microsecond)
}

// Whoever comes while an act that is going to refuse them is under way, at whichever
// server and by whichever credential, waits for it instead of being let in; others do
// not, and who is refused nothing in the end is let in.
func TestWhoIsAboutToBeContainedWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	for _, r := range s.replicas {
		r.Heralds.Patience = time.Minute
	}
	conn := s.connect()
	for _, act := range []struct {
		name string
		do   func(admin *browser, u *idp.User)
	}{
		{"a lockdown", func(admin *browser, u *idp.User) { admin.contain(map[string]any{"users": []idp.UserID{u.ID}}) }},
		{"a lock", func(admin *browser, u *idp.User) {
			admin.api(http.StatusCreated, http.MethodPost, "/locks/", anyMap{"target": anyMap{"user": u.Username}})
		}},
		{"what comes to nothing", nil},
	} {
		for _, at := range s.replicas {
			ada, bea := s.user(unique("ada")), s.user(unique("bea"))
			ways := s.ways(ada, at)
			for door, in := range ways {
				require.True(t, in(), "%s before %s", door, act.name)
			}
			for _, door := range idp.Doors() {
				require.NotEqual(t, ways[door] == nil, unheralded[door] == "", "%s: does it wait?", door)
			}
			other := s.with(bea).at(at)
			admin := s.admin().at(s.replicas[0])
			// Its transaction waits for a row that somebody else has.
			_, err := conn.Exec(t.Context(), `BEGIN`)
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), `SELECT FROM users WHERE id = $1 FOR UPDATE`, ada.ID)
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), `LOCK TABLE locks IN SHARE MODE`)
			require.NoError(t, err)
			var all sync.WaitGroup
			over := func() {}
			if act.do == nil {
				over = s.replicas[0].Heralds.Post(ada.ID, nil)
			} else {
				all.Go(func() { act.do(admin, ada) })
			}
			require.Eventually(t, func() bool { return !at.Heralds.Quiet() }, time.Minute, 100*time.Microsecond)
			var mu sync.Mutex
			let := map[idp.Door]bool{}
			for door, in := range ways {
				all.Go(func() {
					admitted := in()
					mu.Lock()
					defer mu.Unlock()
					let[door] = admitted
				})
			}
			s.held(at, len(ways))
			require.True(t, other.works(), "nobody else waits")
			_, err = conn.Exec(t.Context(), `COMMIT`)
			require.NoError(t, err)
			over()
			all.Wait()
			for door := range ways {
				require.Equal(t, act.do == nil, let[door], "%s and %s", door, act.name)
			}
			for _, r := range s.replicas {
				require.Eventually(t, r.Heralds.Quiet, time.Minute, 100*time.Microsecond, "nothing is left of it")
			}
		}
	}
}

// Two administrators who lock each other down do not wait for one another, nor does
// somebody for their own act.
func TestActsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	const rounds = 20
	s := newSite(t, 2)
	began := time.Now()
	for range rounds {
		ada, bea := s.administrator("ada"), s.administrator("bea")
		one, other := s.with(ada).at(s.replicas[0]), s.with(bea).at(s.replicas[1])
		var all sync.WaitGroup
		all.Go(func() { one.do(http.MethodPost, "/api/v3/lockdowns/", map[string]any{"users": []idp.UserID{bea.ID}}) })
		all.Go(func() { other.do(http.MethodPost, "/api/v3/lockdowns/", map[string]any{"users": []idp.UserID{ada.ID}}) })
		all.Wait()
		require.False(t, s.now(ada).IsActive && s.now(bea).IsActive)
	}
	for range rounds {
		self := s.user(unique("self"))
		s.with(self).contain(map[string]any{"users": []idp.UserID{self.ID}})
		require.False(t, s.now(self).IsActive)
	}
	require.Less(t, time.Since(began), 2*rounds*herald.DefaultPatience)
}
