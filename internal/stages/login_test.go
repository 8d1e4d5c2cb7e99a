package stages_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// loginFlow is a flow that asks for the account and its password and then signs
// in as the settings say.
func (w *world) loginFlow(slug, settings string) {
	w.Helper()
	f := w.flow(slug)
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "password", `{}`)
	w.stage(f, 20, "user_login", settings)
}

// prove answers a login flow up to the login stage.
func (b *browser) prove(slug, who string) *flow.Answer {
	b.Helper()
	b.post(slug, flow.Input{"uid_field": who})
	return b.post(slug, flow.Input{"password": goodPassword})
}

// stored is the browser's session as the database has it.
func (b *browser) stored() *idp.Session {
	b.Helper()
	s, _, err := b.sessions.Visit(b.ctx, b.cookie)
	require.NoError(b, err)
	return s
}

// The stage signs in when it is entered, on reading a page, and when its question
// is answered, on a form sent.
func TestSignInByGetAndByPost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	f := w.flow("plain")
	w.stage(f, 0, "user_login", `{}`)
	f = w.flow("asking")
	w.stage(f, 0, "user_login", `{"remember_me_offset": "days=1"}`)

	b := w.browser("get")
	b.begin("plain", func(run *flow.Run) { run.SetPending(ada) })
	a := b.get("plain")
	done(t, a, "/")
	require.Equal(t, ada.ID, b.actor().User.ID)

	b = w.browser("post")
	b.begin("asking", func(run *flow.Run) { run.SetPending(ada) })
	c := shows(t, b.get("asking"), "ak-stage-user-login")
	require.Equal(t, "ada", c["pending_user"])
	require.NotEmpty(t, c["pending_user_avatar"])
	require.False(t, b.alive(), "reading the question signs nobody in")
	done(t, b.post("asking", flow.Input{"component": "ak-stage-user-login", "remember_me": false}), "/")
	require.Equal(t, ada.ID, b.actor().User.ID)
	require.Len(t, w.events(idp.ActionLogin), 2)
}

func TestTheKeyRotatesAndTheOldSessionIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	w.loginFlow("in", `{}`)
	b := w.browser("one")
	keys := map[string]bool{}
	for i, who := range []string{"ada", "ada", "bob", "bob", "ada"} {
		former := b.cookie
		done(t, b.prove("in", who), "/")
		require.Equal(t, who, b.actor().User.Username)
		require.False(t, keys[b.cookie], "a key was used twice")
		keys[b.cookie] = true
		if i > 0 {
			_, _, err := w.sessions.Visit(w.ctx, former)
			require.True(t, idp.Is(err, idp.CodeRefused), "the session before lives on")
		}
		live := 0
		for _, u := range []*idp.User{ada, bob} {
			held, err := w.repos().Holder.Holdings(w.ctx, u.ID)
			require.NoError(t, err)
			live += held.Sessions
		}
		require.Equal(t, 1, live, "sessions pile up")
	}
	reasons := map[any]int{}
	for _, e := range w.events(idp.ActionLogout) {
		reasons[e.Context["logout_reason"]]++
	}
	require.Equal(t, map[any]int{session.ReasonRenewed: 2, session.ReasonReplaced: 2}, reasons)
}

func TestASessionLastsAsTheStageSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ada")
	for slug, c := range map[string]struct {
		settings string
		stay     any // nil = it is not asked
		lasts    time.Duration
		browser  bool // the cookie goes when the browser closes
	}{
		"short":       {`{"session_duration": "hours=1,minutes=2;seconds=3"}`, nil, time.Hour + 2*time.Minute + 3*time.Second, false},
		"browser":     {`{"session_duration": "seconds=0"}`, nil, session.BrowserLifetime, true},
		"bare":        {`{"session_duration": "0"}`, nil, session.BrowserLifetime, true},
		"stays":       {`{"session_duration": "hours=1", "remember_me_offset": "days=3"}`, true, 73 * time.Hour, false},
		"leaves":      {`{"session_duration": "hours=1", "remember_me_offset": "days=3"}`, false, time.Hour, false},
		"only-offset": {`{"remember_me_offset": "days=3"}`, true, 72 * time.Hour, false},
		"neither":     {`{"remember_me_offset": "days=3"}`, false, session.BrowserLifetime, true},
	} {
		w.loginFlow(slug, c.settings)
		b := w.browser(slug)
		a := b.prove(slug, "ada")
		if c.stay != nil {
			shows(t, a, "ak-stage-user-login")
			a = b.post(slug, flow.Input{"remember_me": c.stay})
		}
		done(t, a, "/")
		now, err := w.store.Now(w.ctx)
		require.NoError(t, err)
		got := b.stored()
		require.Equal(t, c.lasts, got.ExpiresAt.Sub(got.CreatedAt).Round(time.Second), slug)
		require.WithinDuration(t, now, got.CreatedAt, 10*time.Second, "by the database's clock")
		require.Equal(t, c.browser, a.Effects.SignedIn.Expires.IsZero(), slug)
		if !c.browser {
			require.WithinDuration(t, got.ExpiresAt, a.Effects.SignedIn.Expires, time.Second, slug)
		}
	}
}

// What a session is bound to, and how long it may be idle, is its own: nothing
// that is done to the stage reaches it.
func TestTheSessionKeepsTheBindingInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	f := w.flow("bound")
	at := w.stage(f, 0, "user_login", `{"network_binding": "bind_asn_network", "geoip_binding": "bind_continent_country",
		"binding_private_addresses": true, "idle_timeout": "minutes=90"}`)
	in := func(name string) *browser {
		b := w.browser(name)
		b.begin("bound", func(run *flow.Run) { run.SetPending(w.now(ada)) })
		done(t, b.get("bound"), "/")
		return b
	}
	before := in("before")
	want := idp.SessionBinding{Network: idp.BindASNNetwork, GeoIP: idp.BindContinentCountry, Private: true}
	require.Equal(t, want, before.stored().Binding)
	require.Equal(t, 90*time.Minute, before.stored().IdleTimeout)
	require.Equal(t, netip.MustParseAddr("192.0.2.1"), before.stored().IP, "where it began")

	row, err := w.repos().Stages.Get(w.ctx, at.StageID)
	require.NoError(t, err)
	row.Settings = []byte(`{"binding_log_only": true, "network_binding": "bind_asn"}`)
	require.NoError(t, w.repos().Stages.Update(w.ctx, row))
	after := in("after")
	require.Equal(t, idp.SessionBinding{Network: idp.BindASN, GeoIP: idp.GeoUnbound, LogOnly: true}, after.stored().Binding)
	require.Zero(t, after.stored().IdleTimeout)
	require.Equal(t, want, before.stored().Binding, "the running session")
	require.Equal(t, 90*time.Minute, before.stored().IdleTimeout)
}

// Nobody, and those who may not act, meet one and the same answer.
func TestWhoMayNotSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	off := w.user("off", func(u *idp.User) { u.IsActive = false })
	gone := w.user("gone")
	ended := w.user("ended")
	for _, settings := range []string{`{}`, `{"remember_me_offset": "days=1"}`, `{"terminate_other_sessions": true}`} {
		slug := "f" + idp.NewID[idp.Flow]().Hex()
		f := w.flow(slug)
		w.stage(f, 0, "user_login", settings)
		for name, set := range map[string]func(*flow.Run){
			"no pending user": func(*flow.Run) {},
			"inactive":        func(run *flow.Run) { run.SetPending(off) },
			"deleted":         func(run *flow.Run) { run.SetPending(&idp.User{ID: gone.ID + 1000}) },
			"ended since":     func(run *flow.Run) { run.SetPending(&idp.User{ID: ended.ID, SessionGeneration: -1}) },
		} {
			b := w.browser(slug + name)
			b.begin(slug, set)
			a := b.get(slug)
			denied(t, a, "Failed to authenticate.")
			require.Nil(t, a.Effects.SignedIn)
			require.Nil(t, a.Effects.Remembered)
			require.False(t, b.alive())
		}
	}
	require.Empty(t, w.events(idp.ActionLogin))
	page, err := w.repos().KnownDevices.Find(w.ctx, idp.KnownDeviceFilter{})
	require.NoError(t, err)
	require.Zero(t, page.Total)
}

func TestOtherSessionsEndAndTokensStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	here, there, bobs := w.signedIn(ada), w.signedIn(ada), w.signedIn(bob)
	w.loginFlow("alone", `{"terminate_other_sessions": true, "remember_me_offset": "days=1"}`)
	before := w.now(ada)
	shows(t, here.prove("alone", "ada"), "ak-stage-user-login")
	require.True(t, there.alive(), "the question ends nothing")
	done(t, here.post("alone", flow.Input{"remember_me": true}), "/")
	require.True(t, here.alive())
	require.False(t, there.alive())
	require.True(t, bobs.alive())
	require.Equal(t, before.TokenGeneration, w.now(ada).TokenGeneration, "refresh tokens are not touched")
	require.Greater(t, w.now(ada).SessionGeneration, before.SessionGeneration)
}

func TestABrowserIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	w.loginFlow("plain", `{}`)
	w.loginFlow("asks", `{"remember_me_offset": "days=1", "remember_device": "days=60"}`)
	w.loginFlow("never", `{"remember_device": "seconds=0"}`)
	known := func(u *idp.User, value string) bool {
		d, err := w.repos().KnownDevices.Get(w.ctx, secret.DigestOf(value).Bytes(), u.ID)
		return err == nil && d.Known
	}

	b := w.browser("one")
	a := b.prove("plain", "ada")
	done(t, a, "/")
	require.NotNil(t, a.Effects.Remembered)
	require.WithinDuration(t, time.Now().Add(30*24*time.Hour), a.Effects.Remembered.Expires, time.Minute)
	value := b.device.Value
	require.True(t, known(ada, value))
	require.NotNil(t, b.stored().DeviceID)

	// With the question whether to stay signed in, whatever the answer is.
	for _, stay := range []bool{true, false} {
		shows(t, b.prove("asks", "bob"), "ak-stage-user-login")
		a = b.post("asks", flow.Input{"remember_me": stay})
		done(t, a, "/")
		require.NotNil(t, a.Effects.Remembered)
		require.Equal(t, value, a.Effects.Remembered.Cookie, "one value for one browser")
		require.WithinDuration(t, time.Now().Add(60*24*time.Hour), a.Effects.Remembered.Expires, time.Minute)
	}
	require.True(t, known(ada, value) && known(bob, value))
	done(t, b.prove("plain", "ada"), "/")
	require.Equal(t, value, b.device.Value)

	a = b.prove("never", "ada")
	done(t, a, "/")
	require.Nil(t, a.Effects.Remembered)
	require.Nil(t, b.stored().DeviceID)
	require.True(t, known(ada, value), "what is remembered stays")

	other := w.browser("plain http")
	other.device.Keeps = false
	a = other.prove("plain", "ada")
	done(t, a, "/")
	require.Nil(t, a.Effects.Remembered, "it could not keep the cookie")
	page, err := w.repos().KnownDevices.Find(w.ctx, idp.KnownDeviceFilter{UserID: &ada.ID})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
}
