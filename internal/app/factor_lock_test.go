package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// TestALockOnASecondFactor: it ends the sessions that began with the factor, lets nobody
// in by it, and leaves the account's other ways alone.
func TestALockOnASecondFactor(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	s.open()
	d := &doorway{site: s, replica: s.replicas[0]}
	ada := d.user("ada")
	made, codes := d.recoveryCodes(ada)
	signIn := func(code string) (*browser, map[string]any) {
		b := d.browser()
		b.solve(signInFlow, map[string]any{"uid_field": "ada"})
		b.solve(signInFlow, map[string]any{"component": "ak-stage-password", "password": password})
		return b, b.solve(signInFlow, map[string]any{"component": "ak-stage-authenticator-validate", "code": code})
	}
	b, got := signIn(codes[0])
	require.Equal(t, "xak-flow-redirect", got["component"], "%v", got)
	require.True(t, b.works())
	_, cookie := d.sessionOf(ada, healthy) // one that began without it

	lock := &idp.Lock{CreatedBy: "a test", Message: "It was lost.", Target: idp.LockTarget{{Kind: idp.LockMFADevice, Value: made.ID.String()}}}
	require.NoError(t, d.DB.InTx(t.Context(), func(tx idp.Repos) error { return tx.Locks.Create(t.Context(), lock) }))
	require.False(t, b.works(), "the session that began with it")
	require.True(t, d.holding(cookie).works(), "another one")
	other, got := signIn(codes[1])
	require.Equal(t, "ak-stage-access-denied", got["component"])
	require.True(t, strings.HasSuffix(got["error_message"].(string), "It was lost."), "%v", got["error_message"])
	require.False(t, other.works())
	_, got = signIn("wrong")
	require.Equal(t, "Failed to authenticate.", fault(got, "code"), "nobody else learns of it")

	t.Run("on a known device", d.locksADevice)
}

// locksADevice: a lock on a browser refuses its sessions, and whoever signs in in it anew,
// also once the account knows it no more; another browser is let in.
func (d *doorway) locksADevice(t *testing.T) {
	ben := d.user("ben")
	b := d.browser().signIn(ben)
	known := b.api(http.StatusOK, http.MethodGet, "/core/known_devices/", nil)["results"].([]any)[0].(map[string]any)["uuid"].(string)
	lock := &idp.Lock{CreatedBy: "a test", Message: "It was stolen.", Target: idp.LockTarget{{Kind: idp.LockDevice, Value: known}}}
	require.NoError(t, d.DB.InTx(t.Context(), func(tx idp.Repos) error { return tx.Locks.Create(t.Context(), lock) }))
	require.False(t, b.works(), "its session")
	refused := func(why string) {
		t.Helper()
		b.solve(signInFlow, map[string]any{"uid_field": "ben"})
		got := b.solve(signInFlow, map[string]any{"component": "ak-stage-password", "password": password})
		require.Equal(t, "ak-stage-access-denied", got["component"], why)
		require.Equal(t, `lock targeting Device:"`+known+`" is in force: It was stolen.`, got["error_message"], why)
		require.False(t, b.works(), why)
	}
	refused("it is known")
	_, err := d.Sessions.EndAll(t.Context(), idp.SystemActor(), ben.ID)
	require.NoError(t, err)
	refused("it is known no more")
	require.True(t, d.browser().signIn(ben).works(), "another browser")
}
