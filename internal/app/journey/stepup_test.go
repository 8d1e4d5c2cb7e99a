package journey

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

const stepUpPage = "/if/flow/default-step-up-flow/"

// ages makes the last proof of a person's sessions an hour old, and waits until the
// server, of which the browser asks a page, has heard of it.
func (b *browser) ages(db *pgx.Conn, p person) {
	b.t.Helper()
	_, err := db.Exec(b.t.Context(), `UPDATE sessions SET proved_at = clock_timestamp() - interval '1 hour' WHERE user_id = $1`, p.PK)
	require.NoError(b.t, err)
	require.Eventually(b.t, func() (asked bool) {
		b.run(chromedp.Evaluate(`fetch("/flows/-/step-up/?next=/if/user/").then(r => r.url.includes("step-up-flow"))`, &asked, awaitPromise))
		return asked
	}, patience, 20*time.Millisecond)
}

// An administrator whose last proof is an hour old locks somebody down: they are asked for
// a password, and later for a second factor, and what they filled in is carried out.
func staleSession(t *testing.T, s *site, url string) {
	db, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close(t.Context()) })
	boss, ada := s.administrator(t, "stale.boss", "Boss Stale"), s.person(t, "stale.ada", "Ada Stale")
	b := s.signedIn(t, boss, ada.page())
	b.ages(db, boss)
	b.open(ada.page())
	b.follow("Account Lockdown")
	b.at(stepUpPage)
	b.sees("Confirm that it is you", "What you filled in is kept", "stale.boss")
	b.checked("step-up")
	b.fill("password", "wrong")
	b.follow("Continue")
	b.sees("Failed to authenticate")
	b.checked("step-up-wrong")
	b.fill("password", boss.Password)
	b.follow("Continue")
	b.sees("Go on with locking the account down", "Nothing has happened yet")
	b.checked("go-on-question")
	b.follow("Go on")
	b.at(lockdownPage)
	b.sees("stale.ada", "You are about to lock down")

	b.open(factorsPath)
	b.follow("Get recovery codes")
	b.sees("Keep these recovery codes")
	var codes string
	b.eval(`document.querySelector("pre, code").textContent`, &codes)
	b.follow("I have kept them")
	b.at(factorsPath)
	b.open(lockdownPage)
	b.fill("lockdown_reason", "Filled in before lunch")
	b.ages(db, boss)
	b.follow("Continue")
	b.at(stepUpPage)
	b.sees("Recovery code")
	b.checked("step-up-code")
	require.True(t, s.may(t, ada), "nothing has happened yet")
	b.fill("code", strings.Fields(codes)[0])
	b.follow("Continue")
	b.sees("Go on with the lockdown")
	b.checked("go-on")
	b.follow("Go on")
	b.at(lockdownPage)
	b.sees("stale.ada", "locked down")
	s.locked(t, ada, "Filled in before lunch")
	b.open("/if/user/settings/tokens/new/api-token/")
	b.sees("Allowed without a fresh sign-in")
	b.checked("token-of-a-program")
}
