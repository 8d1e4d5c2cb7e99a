package stages_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	stage "github.com/portcullis-idp/portcullis/internal/stages/consent"
)

var wiki = consent.Application{ID: "6f9a", Name: "Wiki", Slug: "wiki"}

// asks begins a flow of one consent stage about an application's permissions.
func (b *browser) asks(slug string, application *consent.Application, permissions ...string) *flow.Answer {
	b.Helper()
	b.begin(slug, func(r *flow.Run) {
		if application != nil {
			stage.KeyApplication.Put(r.Vars, *application)
		}
		list := []stage.Permission{}
		for _, p := range permissions {
			list = append(list, stage.Permission{ID: p, Name: "Permission " + p})
		}
		stage.KeyPermissions.Put(r.Vars, list)
		stage.KeyHeader.Put(r.Vars, "Wiki wants something.")
	})
	return b.get(slug)
}

func (b *browser) agrees(slug string, a *flow.Answer) {
	b.Helper()
	done(b, b.post(slug, flow.Input{"token": shows(b, a, "ak-stage-consent")["token"]}), "/")
}

func (w *world) consentFlows() {
	for slug, settings := range map[string]string{"always": `{}`, "permanent": `{"mode": "permanent"}`,
		"expiring": `{"mode": "expiring", "consent_expire_in": "hours=1"}`} {
		w.stage(w.flow(slug), 0, "consent", settings)
	}
}

func (w *world) consentsOf(u *idp.User) []idp.Consent {
	w.Helper()
	page, err := w.repos().Consents.Find(w.ctx, idp.ConsentFilter{UserID: &u.ID})
	require.NoError(w, err)
	return page.Items
}

func TestConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.consentFlows()
	ada := w.user("ada")
	b := w.signedIn(ada)

	a := b.asks("always", &wiki, "openid", "email")
	c := shows(t, a, "ak-stage-consent")
	require.Equal(t, "Wiki wants something.", c["header_text"])
	require.Equal(t, "ada", c["pending_user"])
	require.Equal(t, []any{map[string]any{"id": "openid", "name": "Permission openid"}, map[string]any{"id": "email", "name": "Permission email"}}, c["permissions"])
	require.Empty(t, c["additional_permissions"])
	require.Equal(t, c["token"], shows(t, b.get("always"), "ak-stage-consent")["token"], "loading the page again asks the same")
	wrong(t, b.post("always", flow.Input{}), "token", "This field is required.")
	a = b.post("always", flow.Input{"token": "made up"})
	wrong(t, a, "token", "Invalid consent token: look at what is asked and answer again.")
	b.agrees("always", a)
	require.Empty(t, w.consentsOf(ada), "nothing is kept where it is asked every time")
	b.agrees("always", b.asks("always", &wiki, "openid", "email"))

	// Kept, compared as a set, and asked again for what is new.
	b.agrees("permanent", b.asks("permanent", &wiki, "openid", "email"))
	done(t, b.asks("permanent", &wiki, "email", "openid", "email"), "/")
	a = b.asks("permanent", &wiki, "openid", "groups")
	c = shows(t, a, "ak-stage-consent")
	require.Equal(t, []any{map[string]any{"id": "openid", "name": "Permission openid"}}, c["permissions"])
	require.Equal(t, []any{map[string]any{"id": "groups", "name": "Permission groups"}}, c["additional_permissions"])
	b.agrees("permanent", a)
	done(t, b.asks("permanent", &wiki, "groups", "openid"), "/")
	require.Len(t, w.consentsOf(ada), 1)
	require.Equal(t, []string{"groups", "openid"}, w.consentsOf(ada)[0].Permissions)
	require.Nil(t, w.consentsOf(ada)[0].ExpiresAt)
	shows(t, b.asks("permanent", &wiki, "openid"), "ak-stage-consent")
	shows(t, b.asks("permanent", &consent.Application{ID: "other"}, "openid", "groups"), "ak-stage-consent")
	shows(t, w.signedIn(w.user("bea")).asks("permanent", &wiki, "openid", "groups"), "ak-stage-consent")

	// What is asked for beside the rest is shown apart and agreed to with it.
	both := func() *flow.Answer {
		b.begin("permanent", func(r *flow.Run) {
			stage.KeyApplication.Put(r.Vars, wiki)
			stage.KeyPermissions.Put(r.Vars, []stage.Permission{{ID: "openid"}})
			stage.KeyAdditional.Put(r.Vars, []stage.Permission{{ID: "admin", Name: "Administer"}})
		})
		return b.get("permanent")
	}
	a = both()
	require.Equal(t, []any{map[string]any{"id": "admin", "name": "Administer"}}, shows(t, a, "ak-stage-consent")["additional_permissions"])
	b.agrees("permanent", a)
	done(t, both(), "/")

	b.agrees("expiring", b.asks("expiring", &wiki, "openid"))
	row := w.consentsOf(ada)[0]
	require.WithinDuration(t, time.Now().Add(time.Hour), *row.ExpiresAt, time.Minute)
	done(t, b.asks("expiring", &wiki, "openid"), "/")
	past := time.Now().Add(-time.Second)
	row.ExpiresAt = &past
	require.NoError(t, w.repos().Consents.Save(w.ctx, &row))
	shows(t, b.asks("expiring", &wiki, "openid"), "ak-stage-consent")
}

// TestConsentThatCannotBeKept: without an application, or without knowing who
// agrees, it is asked every time and nothing is stored.
func TestConsentThatCannotBeKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.consentFlows()
	ada := w.user("ada")
	b := w.signedIn(ada)
	for range 2 {
		b.agrees("permanent", b.asks("permanent", nil, "openid"))
	}
	stranger := w.browser("stranger")
	for range 2 {
		stranger.agrees("permanent", stranger.asks("permanent", &wiki, "openid"))
	}
	// Named, but not proved.
	f := w.flow("named")
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "consent", `{"mode": "permanent"}`)
	stranger.begin("named", func(r *flow.Run) { stage.KeyApplication.Put(r.Vars, wiki) })
	a := stranger.post("named", flow.Input{"uid_field": "ada"})
	stranger.agrees("named", a)
	require.Empty(t, w.consentsOf(ada))
}

func TestALockdownEndsConsents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("root")
	w.consentFlows()
	ada := w.user("ada")
	b := w.signedIn(ada)
	b.agrees("permanent", b.asks("permanent", &wiki, "openid"))
	waiting := w.signedIn(ada)
	waiting.key = []byte("another browser of ada, 32 bytes")
	a := waiting.asks("permanent", &consent.Application{ID: "late"}, "openid")

	_, err := w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{ada.ID}, Switches: idp.Switches{RevokeTokens: true, DeleteSessions: true}})
	require.NoError(t, err)
	require.False(t, w.consentsOf(ada)[0].Live)
	require.Error(t, w.consents.Give(w.ctx, idp.Actor{}, consent.Given{User: ada.ID, Application: wiki, Generation: ada.SessionGeneration}),
		"an answer that was under way")
	answer, err := waiting.flows.Solve(waiting.ctx, waiting.visit("permanent"), flow.Input{"token": shows(t, a, "ak-stage-consent")["token"]})
	require.NoError(t, err)
	require.False(t, answer.Done && w.consentsOf(ada)[0].Live)

	again := w.signedIn(w.now(ada))
	again.key = []byte("third browser of ada. 32 bytes..")
	shows(t, again.asks("permanent", &wiki, "openid"), "ak-stage-consent")
	require.NoError(t, w.accounts.Delete(w.ctx, idp.SystemActor(), ada.ID))
	require.Empty(t, w.consentsOf(ada))
}

func TestTheTokenOfAConsentIsNobodysBusiness(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("curious")
	w.stage(f, 0, "consent", `{}`)
	b := w.browser("one")
	b.get("curious")
	for _, k := range kinds() {
		if k.Name == "consent" {
			facts := map[string]any{"consent_token": "secret"}
			require.NoError(t, k.Facts(t.Context(), nil, facts))
			require.NotContains(t, facts, "consent_token")
		}
	}
}

func TestDummy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("try")
	bound := w.stage(f, 0, "dummy", `{}`)
	own, err := w.repos().Stages.Get(w.ctx, bound.StageID)
	require.NoError(t, err)
	b := w.browser("one")
	require.Equal(t, own.Name, shows(t, b.get("try"), "ak-stage-dummy")["name"])
	done(t, b.post("try", flow.Input{"component": "ak-stage-dummy"}), "/")

	w.stage(w.flow("fail"), 0, "dummy", `{"throw_error": true}`)
	a := b.get("fail")
	require.IsType(t, flow.FlowError{}, a.Challenge)
	require.ErrorContains(t, a.Err, "told to fail")
	require.Len(t, w.events(idp.ActionSystemException), 1)
}
