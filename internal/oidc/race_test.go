package oidc_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// races is how often a lockdown and an application that wants tokens race.
const races = 200

// Whatever an application gets while a lockdown runs is of no use once the lockdown is
// over, not even when the account is switched on again: tokens for a code, tokens for a
// refresh token, tokens for a device, on either of two servers.
func TestNoTokenPassesALockdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	servers := []*oidc.Service{w.service, w.another("a")}
	var g errgroup.Group
	g.SetLimit(4)
	var mu sync.Mutex
	minted := 0
	for i := range races {
		u, s := w.person(fmt.Sprintf("u%d", i))
		before, err := w.token(w.wiki, exchange(w.code(w.wiki, u, s, offline)))
		require.NoError(t, err)
		requests := []oidc.TokenRequest{exchange(w.code(w.wiki, u, s, offline)), refresh(before.Refresh), {Grant: idp.GrantDevice, DeviceCode: w.device(u)}}
		g.Go(func() error {
			got, err := w.race(servers, i, u, requests)
			if err != nil {
				return fmt.Errorf("race %d: %w", i, err)
			}
			mu.Lock()
			defer mu.Unlock()
			minted += len(got)
			for _, tokens := range append(got, before) {
				for _, server := range servers {
					if _, _, err := server.UserInfo(w.ctx, idp.Actor{}, tokens.Access); oidc.CodeOf(err) != oidc.ErrInvalidToken {
						return fmt.Errorf("race %d: an access token works afterwards: %w", i, err)
					}
					if tokens.Refresh == "" {
						continue
					}
					if _, err := server.Token(w.ctx, idp.Actor{}, origin, w.wiki, refresh(tokens.Refresh)); oidc.CodeOf(err) != oidc.ErrInvalidGrant {
						return fmt.Errorf("race %d: a refresh token works afterwards: %w", i, err)
					}
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	t.Logf("in %d races %d of %d requests got tokens", races, minted, 3*races)
	require.Positive(t, minted, "the mints must have a chance")
	require.Less(t, minted, 3*races, "the lockdown must have a chance")
}

// race lets all requests and a lockdown begin at once, and returns what was minted. The
// account is active again afterwards; in half of the races it was all the time.
func (w *world) race(servers []*oidc.Service, i int, u *idp.User, requests []oidc.TokenRequest) (got []*oidc.Tokens, err error) {
	var wg sync.WaitGroup
	start, answers, failures := make(chan struct{}), make([]*oidc.Tokens, len(requests)), make([]error, len(requests)+1)
	for n, r := range requests {
		wg.Go(func() {
			<-start
			answers[n], failures[n] = servers[(i+n)%2].Token(w.ctx, idp.Actor{}, origin, w.wiki, r)
			if oidc.CodeOf(failures[n]) == oidc.ErrInvalidGrant {
				failures[n] = nil
			}
		})
	}
	switches := idp.Switches{DeleteSessions: true, RevokeTokens: true, DeactivateUser: i%2 == 0}
	wg.Go(func() {
		<-start
		var results []lockdown.Result
		results, failures[len(requests)] = w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{u.ID}, Switches: switches})
		if len(results) == 1 && results[0].Err != nil {
			failures[len(requests)] = results[0].Err
		}
	})
	close(start)
	wg.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	if switches.DeactivateUser {
		if err := w.lockdowns.Activate(w.ctx, idp.SystemActor(), u.ID); err != nil {
			return nil, err
		}
	}
	for _, a := range answers {
		if a != nil {
			got = append(got, a)
		}
	}
	return got, nil
}

// device is one that the person has let in, by its device code.
func (w *world) device(u *idp.User, change ...func(*idp.OAuthDevice)) string {
	w.Helper()
	code := secret.Token()
	row := &idp.OAuthDevice{Digest: secret.DigestOf(code).Bytes(), UserCode: secret.DigestOf(secret.Token()).Bytes(), ProviderID: w.wiki.Provider.ID,
		Scopes: []string{"openid", "email"}, Interval: 5 * time.Second}
	require.NoError(w, w.db.Repos().OAuthRequests.CreateDevice(w.ctx, row, time.Minute))
	row.State, row.UserID, row.Generation, row.TokenGeneration, row.Methods = idp.DeviceApproved, &u.ID, u.SessionGeneration, u.TokenGeneration, []string{"pwd"}
	for _, c := range change {
		c(row)
	}
	decided, err := w.db.Repos().OAuthRequests.Decide(w.ctx, row)
	require.NoError(w, err)
	require.True(w, decided)
	return code
}
