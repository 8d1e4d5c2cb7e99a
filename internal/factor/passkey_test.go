package factor_test

import (
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit/credential"
)

func TestAPasskeyProvesItsOwnerOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	d := w.device(u)
	require.Equal(t, "Passkey", d.of.Name)
	asked, c := w.ask(u)
	answer := d.answers(rp, asked)
	got, err := w.factors.ProveWebAuthn(w.ctx, stranger(), of(u), c, answer)
	require.NoError(t, err)
	require.Equal(t, d.of.ID, got.ID)
	require.Equal(t, []string{"hwk"}, got.Methods())

	got, err = w.factors.ProveWebAuthn(w.ctx, stranger(), of(u), c, answer)
	require.NoError(t, err)
	require.Nil(t, got, "no answer counts twice")
	asked, c = w.ask(u)
	got, err = w.factors.ProveWebAuthn(w.ctx, stranger(), of(u), c, answer)
	require.NoError(t, err)
	require.Nil(t, got, "nor for another question")
	got, err = w.factors.ProveWebAuthn(w.ctx, stranger(), of(u), c, d.answers(rp, asked))
	require.NoError(t, err)
	require.NotNil(t, got)
}

func TestForeignAnswersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, eve := w.user("ada"), w.user("eve")
	d, hers := w.device(ada), w.device(eve)
	elsewhere, sub, phish := rp, rp, virtualwebauthn.RelyingParty{ID: "evil.example.com", Origin: "https://evil.example.com"}
	elsewhere.Origin, sub.Origin = "https://evil.example.com", "https://x.idp.example.org"
	plain := rp
	plain.Origin = "http://idp.example.org"
	for name, answer := range map[string]func(asked map[string]any) string{
		"another origin":     func(asked map[string]any) string { return d.answers(elsewhere, asked) },
		"a host below":       func(asked map[string]any) string { return d.answers(sub, asked) },
		"without encryption": func(asked map[string]any) string { return d.answers(plain, asked) },
		"another party":      func(asked map[string]any) string { return d.answers(phish, asked) },
		"somebody else's":    func(asked map[string]any) string { return hers.answers(rp, asked) },
		"another key": func(asked map[string]any) string {
			fake := *d
			fake.key = credential.New()
			fake.key.ID = d.key.ID
			return fake.answers(rp, asked)
		},
		"not touched": func(asked map[string]any) string {
			asleep := *d
			asleep.auth.Options.UserNotPresent = true
			return asleep.answers(rp, asked)
		},
	} {
		asked, c := w.ask(ada)
		got, err := w.factors.ProveWebAuthn(w.ctx, stranger(), of(ada), c, answer(asked))
		require.NoError(t, err, name)
		require.Nil(t, got, name)
		w.unlock(ada)
	}
	asked, c := w.ask(ada)
	got, err := w.factors.ProveWebAuthn(w.ctx, stranger(), of(eve), c, hers.answers(rp, asked))
	require.NoError(t, err)
	require.Nil(t, got, "a question that was asked of somebody else")
	for _, rubbish := range []any{nil, 7.0, "", "{}", "x", map[string]any{"id": "AA"}, []any{}} {
		_, err := w.factors.ProveWebAuthn(w.ctx, stranger(), of(ada), c, rubbish)
		require.True(t, idp.Is(err, idp.CodeInvalid), "%v", rubbish)
	}
	asked, c = w.ask(ada)
	answer := d.answers(rp, asked)
	w.clock.at = c.At.Add(6 * time.Minute)
	got, err = w.factors.ProveWebAuthn(w.ctx, stranger(), of(ada), c, answer)
	require.NoError(t, err)
	require.Nil(t, got, "too late")
}

func TestACounterThatGoesBackIsRefusedAndTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	d := w.device(u)
	d.key.Counter = 10
	asked, c := w.ask(u)
	got, err := w.factors.ProveWebAuthn(w.ctx, stranger(), of(u), c, d.answers(rp, asked))
	require.NoError(t, err)
	require.NotNil(t, got)
	d.key.Counter = 3
	asked, c = w.ask(u)
	got, err = w.factors.ProveWebAuthn(w.ctx, stranger(), of(u), c, d.answers(rp, asked))
	require.NoError(t, err)
	require.Nil(t, got)
	told := w.events(idp.ActionSuspicious)
	require.Len(t, told, 1)
	require.Equal(t, factor.ActionCloned, told[0].Context["action_id"])
	require.Equal(t, d.of.ID.String(), told[0].Context["device"].(map[string]any)["pk"])
}

func TestAPasskeyInsteadOfAPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	d := w.device(u)
	asked, c, err := w.factors.BeginPasskey(w.ctx, stranger())
	require.NoError(t, err)
	answer := d.answers(rp, asked)
	who, got, err := w.factors.ProvePasskey(w.ctx, stranger(), "", "webauthn", c, answer)
	require.NoError(t, err)
	require.Equal(t, u.ID, who.ID)
	require.Equal(t, d.of.ID, got.ID)
	who, _, err = w.factors.ProvePasskey(w.ctx, stranger(), "", "webauthn", c, answer)
	require.NoError(t, err)
	require.Nil(t, who, "once")

	refused := func(why string, d *device) {
		t.Helper()
		asked, c, err := w.factors.BeginPasskey(w.ctx, stranger())
		require.NoError(t, err)
		who, _, err := w.factors.ProvePasskey(w.ctx, stranger(), "", "webauthn", c, d.answers(rp, asked))
		require.NoError(t, err, why)
		require.Nil(t, who, why)
	}
	unverified := *d
	unverified.auth.Options.UserNotVerified = true
	refused("its person was not verified", &unverified)
	unknown := *d
	unknown.key = credential.New()
	refused("one that nobody has", &unknown)
	foreign := *d
	foreign.auth.Options.UserHandle = w.admin.User.UUID[:]
	refused("somebody else's handle", &foreign)
	asked, c = w.ask(u)
	who, _, err = w.factors.ProvePasskey(w.ctx, stranger(), "", "webauthn", c, d.answers(rp, asked))
	require.NoError(t, err)
	require.Nil(t, who, "a question that was asked of somebody known")

	w.locks.keys = []idp.LockKey{{Kind: idp.LockMFADevice, Value: d.of.ID.String()}}
	asked, c, err = w.factors.BeginPasskey(w.ctx, stranger())
	require.NoError(t, err)
	_, _, err = w.factors.ProvePasskey(w.ctx, stranger(), "", "webauthn", c, d.answers(rp, asked))
	require.True(t, idp.Locked(err))
	w.locks.keys = nil
	u.IsActive = false
	require.NoError(t, w.db.Repos().Users.Update(w.ctx, u))
	refused("switched off", d)
}

func TestForeignRegistrationsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	d := w.device(u)
	fresh := *d
	fresh.key = credential.New()
	begin := func() (map[string]any, factor.Ceremony) {
		asked, c, err := w.factors.BeginRegistration(w.ctx, stranger(), u, factor.Registering{Verification: factor.Required, Resident: "required"})
		require.NoError(t, err)
		return asked, c
	}
	asked, c := begin()
	elsewhere := rp
	elsewhere.Origin = "https://evil.example.com"
	unverified := fresh
	unverified.auth.Options.UserNotVerified = true
	_, other := begin()
	for name, try := range map[string]struct {
		answer any
		of     factor.Ceremony
	}{
		"another origin":      {fresh.registers(elsewhere, asked), c},
		"to another question": {fresh.registers(rp, asked), other},
		"not verified":        {unverified.registers(rp, asked), c},
		"rubbish":             {"{}", c},
		"nothing":             {nil, c},
	} {
		_, err := w.factors.AddWebAuthn(w.ctx, stranger(), proved(u), try.of, try.answer)
		require.True(t, idp.Is(err, idp.CodeInvalid), name)
	}
	known, _ := begin()
	_, err := w.factors.AddWebAuthn(w.ctx, stranger(), proved(w.user("eve")), c, d.registers(rp, known))
	require.Error(t, err)
	eve := w.user("eva")
	taken, hers, err := w.factors.BeginRegistration(w.ctx, stranger(), eve, factor.Registering{Verification: factor.Preferred, Resident: "preferred"})
	require.NoError(t, err)
	_, err = w.factors.AddWebAuthn(w.ctx, stranger(), proved(eve), hers, d.registers(rp, taken))
	require.True(t, idp.Is(err, idp.CodeConflict), "a passkey is of one account")
	_, err = w.factors.AddWebAuthn(w.ctx, stranger(), proved(u), c, fresh.registers(rp, asked))
	require.NoError(t, err)
}

// Where browsers have no passkeys, nobody is asked for one.
func TestAddressesWithoutPasskeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	d := w.device(u)
	for host, good := range map[string]bool{"127.0.0.1:9000": false, "[::1]:9000": false, "localhost:9000": true, "idp.example.org": false, "": false} {
		s := factor.New(factor.Deps{Store: w.db, Access: w.checker, Sealer: sealer})
		actor := idp.Actor{Request: &idp.RequestInfo{Host: host}}
		require.Equal(t, good, s.Passkeys(actor), host)
		_, _, err := s.BeginRegistration(w.ctx, actor, u, factor.Registering{Verification: factor.Preferred, Resident: "preferred"})
		require.Equal(t, good, err == nil, host)
		asked, _, err := s.BeginAssertion(w.ctx, actor, u, []idp.Factor{*d.of}, factor.Preferred)
		require.NoError(t, err)
		require.Nil(t, asked, "one that was made for another address")
	}
}
