package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// races is how often a lockdown and somebody who wants a fresh credential race.
const races = 200

// heist is one account whose thief tries to get out with something.
type heist struct {
	u           *idp.User
	thief, half *browser // with a session; one step before one
	key, link   string   // what was minted
	intent      idp.TokenIntent
	signedIn    bool
}

// Nothing minted while a lockdown runs works afterwards, on either replica, not
// even when the account is switched on again: an API token or an app password
// that the thief's own session asks for, the session of a sign-in that is one step from its end, a
// recovery link. In half of the rounds the account stays active, so that only the
// generations stand between the thief and a fresh credential (an administrator
// may make a link for it again afterwards, so there is none in those).
func TestNothingMintedDuringALockdownWorksAfterwards(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	s.addFlow("no-password", idp.Stage{Kind: "identification", Settings: json.RawMessage(`{}`)},
		idp.Stage{Kind: "user_login", Settings: json.RawMessage(`{"remember_me_offset": "days=30"}`)})
	var g errgroup.Group
	g.SetLimit(4)
	var mu sync.Mutex
	tokens, sessions, links := 0, 0, 0
	for i := range races {
		h := &heist{u: s.user(fmt.Sprintf("u%d", i)), intent: []idp.TokenIntent{idp.IntentAPI, idp.IntentAppPassword}[i/4%2]}
		h.thief, h.half = s.with(h.u), s.browser()
		g.Go(func() error {
			err := s.race(h, i)
			mu.Lock()
			defer mu.Unlock()
			tokens, sessions, links = tokens+count(h.key != ""), sessions+count(h.signedIn), links+count(h.link != "")
			return err
		})
	}
	require.NoError(t, g.Wait())
	t.Logf("in %d races minted: %d tokens, %d sessions, %d links", races, tokens, sessions, links)
	require.Positive(t, tokens+sessions+links, "the mints must have a chance")
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (s *site) race(h *heist, i int) error {
	a, b := s.replicas[i%2], s.replicas[(i+1)%2]
	half, err := h.half.step(http.MethodPost, executor("no-password"), map[string]any{"uid_field": h.u.Username})
	if err != nil || half["component"] != "ak-stage-user-login" {
		return fmt.Errorf("identifying: %v: %w", half, err)
	}
	admin, body := s.admin(), map[string]any{"users": []idp.UserID{h.u.ID}, "reason": "race"}
	acts := []func() error{
		func() error { return contained(admin.at(a).send(http.MethodPost, "/api/v3/lockdowns/", body)) },
		func() error { return h.mintToken(b, i) },
		func() error { return h.finishSignIn(b) },
	}
	if i%4 < 2 {
		body["deactivate_user"], body["set_unusable_password"] = false, false
	} else {
		acts = append(acts, func() error { return h.mintLink(admin.at(b)) })
	}
	var wg sync.WaitGroup
	start, failures := make(chan struct{}), make([]error, len(acts))
	for n, act := range acts {
		wg.Go(func() { <-start; failures[n] = act() })
	}
	close(start)
	wg.Wait()
	for _, err := range failures {
		if err != nil {
			return fmt.Errorf("race %d: %w", i, err)
		}
	}
	if err := s.reactivate(h.u); err != nil {
		return err
	}
	for _, r := range s.replicas {
		if err := h.emptyHanded(r); err != nil {
			return fmt.Errorf("race %d: %w", i, err)
		}
	}
	return nil
}

// contained checks that a lockdown of one account succeeded.
func contained(a *answer, err error) error {
	if err != nil {
		return err
	}
	var got struct {
		Results []struct{ Status, Error string } `json:"results"`
	}
	if err := json.Unmarshal(a.body, &got); err != nil || len(got.Results) != 1 || got.Results[0].Status != "success" {
		return fmt.Errorf("the lockdown came to %d %s", a.status, a.body)
	}
	return nil
}

func (h *heist) mintToken(r *replica, i int) error {
	a, err := h.thief.at(r).send(http.MethodPost, "/api/v3/core/tokens/", map[string]any{"identifier": fmt.Sprintf("stolen-%d", i), "expiring": false,
		"intent": h.intent})
	if err != nil {
		return err
	}
	var got struct{ Key string }
	switch a.status {
	case http.StatusCreated:
		err = json.Unmarshal(a.body, &got)
		h.key = got.Key
		return err
	case http.StatusForbidden:
		return nil
	}
	return fmt.Errorf("minting a token: %d %s", a.status, a.body)
}

func (h *heist) finishSignIn(r *replica) error {
	got, err := h.half.at(r).step(http.MethodPost, executor("no-password"), map[string]any{"component": "ak-stage-user-login", "remember_me": true})
	h.signedIn = got["component"] == "xak-flow-redirect"
	return err
}

func (h *heist) mintLink(admin *browser) error {
	a, err := admin.send(http.MethodPost, fmt.Sprintf("/api/v3/core/users/%d/recovery/", h.u.ID), map[string]any{})
	if err != nil {
		return err
	}
	var got struct{ Link string }
	switch a.status {
	case http.StatusOK:
		err = json.Unmarshal(a.body, &got)
		h.link = got.Link
		return err
	case http.StatusForbidden:
		return nil
	}
	return fmt.Errorf("minting a link: %d %s", a.status, a.body)
}

// reactivate switches the account on again.
func (s *site) reactivate(u *idp.User) error {
	return s.replicas[0].Lockdowns.Activate(s.Context(), idp.SystemActor(), u.ID)
}

// emptyHanded makes sure that nothing the thief holds works.
func (h *heist) emptyHanded(r *replica) error {
	s := h.thief.site
	programs := map[string]*browser{"the old session": h.thief, "the sign-in under way": h.half, "the token minted": s.program(h.key)}
	switch {
	case h.key == "":
		delete(programs, "the token minted")
	case h.intent == idp.IntentAppPassword: // so many from one address would be refused for that
		delete(programs, "the token minted")
		if _, err := s.replicas[0].Tokens.AppPassword(s.Context(), h.u, h.key); !idp.Is(err, idp.CodeRefused) {
			return fmt.Errorf("the app password minted works: %w", err)
		}
	}
	for name, b := range programs {
		a, err := b.at(r).send(http.MethodGet, "/api/v3/core/users/me/", nil)
		if err != nil {
			return err
		}
		if a.status != http.StatusForbidden {
			return fmt.Errorf("%s works: %d %s", name, a.status, a.body)
		}
	}
	if h.link == "" {
		return nil
	}
	u, err := url.Parse(h.link)
	if err != nil {
		return err
	}
	a, err := s.browser().at(r).send(http.MethodGet, u.RequestURI(), nil)
	if err != nil || a.status == http.StatusSeeOther {
		return fmt.Errorf("the recovery link works: %v %w", a, err)
	}
	return nil
}

// Two sign-ins of one account never wait for one another in a circle: PostgreSQL
// would let them hang for a second each and then break one.
func TestSignInsOfOneAccountAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	b := s.browser()
	require.Empty(t, b.cookie(web.SessionCookie))
	db, err := postgres.Open(t.Context(), s.url, postgres.Options{MaxConns: 24})
	require.NoError(t, err)
	signIns := sessionsOver(db)
	var g errgroup.Group
	for range 64 {
		g.Go(func() error {
			_, _, err := signIns.Start(t.Context(), idp.Actor{}, begin(ada))
			return err
		})
	}
	require.NoError(t, g.Wait())
	db.Close() // connections report what happened to them when they end
	require.Zero(t, s.deadlocks())
	live := true
	page, err := s.repos().Sessions.Find(t.Context(), idp.SessionFilter{UserID: &ada.ID, Live: &live})
	require.NoError(t, err)
	require.Equal(t, 64, page.Total)
}
