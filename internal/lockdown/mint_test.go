package lockdown_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// tries is how often a lockdown and a mint race each other.
const tries = 200

// A token or a session minted while a lockdown runs does not work afterwards,
// not even when the account is switched on again: it was either minted before
// and ended with the rest, or waited and was refused. The second round leaves
// the account active, so that only the generations and the second look at the
// actor stand between the thief and a fresh credential.
func TestNothingMintedConcurrentlySurvives(t *testing.T) {
	t.Parallel()
	for name, sw := range map[string]idp.Switches{
		"all switches":         idp.AllSwitches(),
		"account stays active": {DeleteSessions: true, RevokeTokens: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var g errgroup.Group
			g.SetLimit(4)
			var mu sync.Mutex
			outcomes := map[string]int{}
			for i := range tries {
				thief := w.signedIn(w.user(fmt.Sprintf("u%d", i)))
				g.Go(func() error {
					minted, err := w.race(thief, sw, i)
					mu.Lock()
					outcomes[minted]++
					mu.Unlock()
					return err
				})
			}
			require.NoError(t, g.Wait())
			t.Logf("who won: %v", outcomes)
		})
	}
}

// race contains the account while its own open session mints a token and a
// sign-in under way becomes a session.
func (w *world) race(thief idp.Actor, sw idp.Switches, i int) (string, error) {
	var key, cookie string
	var results []lockdown.Result
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, act := range []func(){
		func() {
			results, _ = w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(thief.User), Switches: sw})
		},
		func() {
			_, key, _ = w.tokens.Issue(w.ctx, thief, token.Draft{User: thief.User.ID, Identifier: fmt.Sprintf("stolen-%d", i)})
		},
		func() {
			_, cookie, _ = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: thief.User.ID, Generation: thief.User.SessionGeneration})
		},
	} {
		wg.Go(func() {
			<-start
			act()
		})
	}
	close(start)
	wg.Wait()
	if len(results) != 1 || results[0].Status != lockdown.Success {
		return "", fmt.Errorf("try %d: the lockdown came to %+v", i, results)
	}
	if sw.DeactivateUser {
		if err := w.lockdowns.Activate(w.ctx, w.admin, thief.User.ID); err != nil {
			return "", err
		}
	}
	if _, _, err := w.tokens.Authenticate(w.ctx, key); key != "" && err == nil {
		return "", fmt.Errorf("try %d: a token minted during the lockdown works", i)
	}
	if _, _, err := w.sessions.Visit(w.ctx, cookie); cookie != "" && err == nil {
		return "", fmt.Errorf("try %d: a session started during the lockdown works", i)
	}
	return fmt.Sprintf("token minted %v, session started %v", key != "", cookie != ""), nil
}

// A lockdown that is under way makes a mint wait, and then refuses it; a mint
// that is under way makes the lockdown wait, and then dies with it.
func TestAMintWaitsForTheLockdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, mint := range map[string]func(mia idp.Actor) error{
		"token": func(mia idp.Actor) error {
			_, _, err := w.tokens.Issue(w.ctx, mia, token.Draft{User: mia.User.ID, Identifier: "late"})
			return err
		},
		"token by the system": func(mia idp.Actor) error {
			_, _, err := w.tokens.Issue(w.ctx, idp.SystemActor(), token.Draft{User: mia.User.ID, Identifier: "late"})
			return err
		},
		"session": func(mia idp.Actor) error {
			_, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.User.ID, Generation: mia.User.SessionGeneration})
			return err
		},
	} {
		mia, done := w.signedIn(w.user("mia-"+name)), make(chan error, 1)
		err := w.db.Lockdown(w.ctx, func(tx idp.Repos) error {
			held, err := tx.Users.Hold(w.ctx, mia.User.ID)
			if err != nil {
				return err
			}
			go func() { done <- mint(mia) }()
			_, err = w.lockdowns.CloseIn(w.ctx, tx, held, idp.AllSwitches())
			select {
			case early := <-done:
				t.Errorf("%s: the mint did not wait: %v", name, early)
			default:
			}
			return err
		})
		require.NoError(t, err)
		require.Equal(t, idp.CodeRefused, idp.CodeOf(<-done), name)
	}
}
