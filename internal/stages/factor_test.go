package stages_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/testkit/credential"
)

var sealer = func() *secret.Sealer {
	s, err := secret.NewSealer(make([]byte, secret.MinSecret))
	if err != nil {
		panic(err)
	}
	return s
}()

const (
	setUpTOTP  = "default-authenticator-totp-setup"
	setUpCodes = "default-authenticator-static-setup"
	setUpKey   = "default-authenticator-webauthn-setup"

	refused = "Failed to authenticate."
)

// code is what an app shows so many steps after the first code that was asked for.
func (w *world) code(configURL string, steps int) string {
	w.Helper()
	key, err := otp.NewKeyFromURL(configURL)
	require.NoError(w, err)
	if w.step.IsZero() {
		w.step, err = w.store.Now(w.ctx)
		require.NoError(w, err)
	}
	code, err := totp.GenerateCode(key.Secret(), w.step.Add(time.Duration(steps)*30*time.Second))
	require.NoError(w, err)
	return code
}

// app sets an authenticator app up and returns its address.
func (b *browser) app() string {
	b.Helper()
	url := shows(b, b.get(setUpTOTP), "ak-stage-authenticator-totp")["config_url"].(string)
	done(b, b.post(setUpTOTP, flow.Input{"code": b.code(url, 0)}), "/")
	return url
}

// codes sets recovery codes up.
func (b *browser) codes() (out []string) {
	b.Helper()
	for _, c := range shows(b, b.get(setUpCodes), "ak-stage-authenticator-static")["codes"].([]any) {
		out = append(out, c.(string))
	}
	done(b, b.post(setUpCodes, flow.Input{}), "/")
	return out
}

// passkey is a passkey with its browser.
type passkey struct {
	auth virtualwebauthn.Authenticator
	key  virtualwebauthn.Credential
}

var party = virtualwebauthn.RelyingParty{ID: "idp.example.org", Name: "idp.example.org", Origin: "https://idp.example.org"}

func object(t testing.TB, s string) (out map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(s), &out))
	return out
}

func asText(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

// passkey registers one.
func (b *browser) passkey(u *idp.User) *passkey {
	b.Helper()
	k := &passkey{auth: virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: u.UUID[:]}),
		key: credential.New()}
	c := shows(b, b.get(setUpKey), "ak-stage-authenticator-webauthn")
	done(b, b.post(setUpKey, flow.Input{"response": k.registers(b, c["registration"])}), "/")
	return k
}

func (k *passkey) registers(t testing.TB, asked any) map[string]any {
	t.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(asText(t, asked))
	require.NoError(t, err)
	return object(t, virtualwebauthn.CreateAttestationResponse(party, k.auth, k.key, *o))
}

func (k *passkey) answers(t testing.TB, asked any) map[string]any {
	t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(asText(t, asked))
	require.NoError(t, err)
	k.key.Counter++
	return object(t, virtualwebauthn.CreateAssertionResponse(party, k.auth, k.key, *o))
}

// validates requires the page that asks for a second factor, and returns its ways.
func validates(t testing.TB, a *flow.Answer) (classes []string, devices []map[string]any) {
	t.Helper()
	for _, d := range shows(t, a, "ak-stage-authenticator-validate")["device_challenges"].([]any) {
		device := d.(map[string]any)
		classes, devices = append(classes, device["device_class"].(string)), append(devices, device)
	}
	return classes, devices
}

func TestSignInWithAnApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	own := w.signedIn(ada)
	c := shows(t, own.get(setUpTOTP), "ak-stage-authenticator-totp")
	require.Equal(t, c["config_url"], shows(t, own.get(setUpTOTP), "ak-stage-authenticator-totp")["config_url"], "the same when the page is read again")
	wrong(t, own.post(setUpTOTP, flow.Input{}), "code", "This field is required.")
	own.post(setUpTOTP, flow.Input{"code": "000000"})
	url := own.app()

	b := w.browser("hers")
	classes, devices := validates(t, b.prove(signIn, "ada"))
	require.Equal(t, []string{"totp"}, classes)
	require.Equal(t, "1", devices[0]["device_uid"])
	require.Nil(t, devices[0]["last_used"])
	require.False(t, b.alive())
	wrong(t, b.post(signIn, flow.Input{}), "code", "This field is required.")
	wrong(t, b.post(signIn, flow.Input{"code": "000000"}), "code", refused)
	wrong(t, b.post(signIn, flow.Input{"code": w.code(url, 0)}), "code", refused)
	wrong(t, b.post(signIn, flow.Input{"duo": 1}), "duo", "Duo is not offered.")
	wrong(t, b.post(signIn, flow.Input{"selected_stage": devices[0]["device_uid"]}), "selected_stage", "Invalid stage selected")
	validates(t, b.post(signIn, flow.Input{"selected_challenge": devices[0]}))
	done(t, b.post(signIn, flow.Input{"code": w.code(url, 1)}), "/")
	s := b.stored()
	require.Equal(t, "auth_mfa", s.AuthMethod)
	has, err := w.repos().Factors.Of(w.ctx, ada.ID)
	require.NoError(t, err)
	require.Equal(t, &has[0].ID, s.FactorID)
	in := w.events(idp.ActionLogin)
	require.Equal(t, has[0].ID.String(), in[0].Context["device"].(map[string]any)["pk"])

	again := w.browser("another")
	again.prove(signIn, "ada")
	wrong(t, again.post(signIn, flow.Input{"code": w.code(url, 1)}), "code", refused)
}

// What the run keeps is sealed, and policies see none of it.
func TestNoSecretInARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.signedIn(w.user("ada"))
	f := w.flow("shown")
	w.stage(f, 0, "authenticator_totp", `{}`)
	c := shows(t, b.get("shown"), "ak-stage-authenticator-totp")
	key, err := otp.NewKeyFromURL(c["config_url"].(string))
	require.NoError(t, err)
	run, err := w.repos().Runs.Find(w.ctx, b.key, f.ID)
	require.NoError(t, err)
	require.Contains(t, string(run.State), "sealed:")
	require.NotContains(t, string(run.State), key.Secret())
}

func TestSignInWithARecoveryCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	codes := w.signedIn(ada).codes()
	require.Len(t, codes, 6)
	for i, c := range codes {
		b := w.browser("hers")
		classes, _ := validates(t, b.prove(signIn, "ada"))
		require.Equal(t, []string{"static"}, classes)
		done(t, b.post(signIn, flow.Input{"code": c}), "/")
		other := w.browser("another" + c)
		if i < len(codes)-1 {
			other.prove(signIn, "ada")
			wrong(t, other.post(signIn, flow.Input{"code": c}), "code", refused)
		} else {
			a := other.prove(signIn, "ada")
			require.IsType(t, flow.AccessDenied{}, a.Challenge, "used up codes are no reason to do without")
		}
	}
}

func TestSignInWithAPasskey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	k := w.signedIn(ada).passkey(ada)
	b := w.browser("hers")
	classes, devices := validates(t, b.prove(signIn, "ada"))
	require.Equal(t, []string{"webauthn"}, classes)
	wrong(t, b.post(signIn, flow.Input{"webauthn": map[string]any{"id": "x"}}), "webauthn", "This is not the answer of a passkey.")
	wrong(t, b.post(signIn, flow.Input{"webauthn": k.answers(t, devices[0]["challenge"])}), "webauthn", refused)
	_, devices = validates(t, b.get(signIn))
	answer := k.answers(t, devices[0]["challenge"])
	done(t, b.post(signIn, flow.Input{"webauthn": answer}), "/")
	require.Equal(t, "auth_mfa", b.stored().AuthMethod)

	other := w.browser("another")
	other.prove(signIn, "ada")
	wrong(t, other.post(signIn, flow.Input{"webauthn": answer}), "webauthn", refused)
}

func TestAPasskeyAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	own := w.signedIn(ada)
	k := own.passkey(ada)
	own.codes()
	f := w.flow("alone")
	w.stage(f, 0, "authenticator_validate", `{"device_classes": ["webauthn"]}`)
	w.stage(f, 10, "user_login", `{}`)
	b := w.browser("hers")
	_, devices := validates(t, b.get("alone"))
	require.Equal(t, "-1", devices[0]["device_uid"])
	wrong(t, b.post("alone", flow.Input{"code": "123456"}), "code", refused)
	_, devices = validates(t, b.get("alone"))
	done(t, b.post("alone", flow.Input{"webauthn": k.answers(t, devices[0]["challenge"])}), "/")
	require.Equal(t, "auth_webauthn_pwl", b.stored().AuthMethod)
	require.Equal(t, ada.ID, b.actor().User.ID)

	// Beside the name, and nothing is asked after it.
	stage, err := w.repos().Stages.Find(w.ctx, idp.StageFilter{Kind: ptr("authenticator_validate"), Paging: idp.Paging{Limit: 10}})
	require.NoError(t, err)
	f = w.flow("beside")
	w.stage(f, 0, "identification", `{"webauthn_stage": "`+stage.Items[0].ID.String()+`"}`)
	w.stage(f, 10, "authenticator_validate", `{}`)
	w.stage(f, 20, "user_login", `{}`)
	b = w.browser("beside")
	c := shows(t, b.get("beside"), "ak-stage-identification")
	answer := k.answers(t, c["passkey_challenge"])
	done(t, b.post("beside", flow.Input{"passkey": answer}), "/")
	require.Equal(t, "auth_webauthn_pwl", b.stored().AuthMethod)
	other := w.browser("again")
	other.get("beside")
	wrong(t, other.post("beside", flow.Input{"passkey": answer}), "passkey", refused)
	wrong(t, other.post("beside", flow.Input{"passkey": "{}"}), "passkey", "This is not the answer of a passkey.")
}

func ptr[T any](v T) *T { return &v }

func TestWhoeverHasNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ada")
	deny := w.flow("deny")
	configure := w.flow("configure")
	setUp := w.stage(w.flow("unused"), 0, "authenticator_totp", `{}`)
	more := w.stage(w.flow("unused-too"), 0, "authenticator_static", `{"friendly_name": "Codes on paper"}`)
	for f, settings := range map[*idp.Flow]string{deny: `{"not_configured_action": "deny"}`,
		configure: `{"not_configured_action": "configure", "configuration_stages": ["` + setUp.StageID.String() + `", "` + more.StageID.String() + `"]}`} {
		w.stage(f, 0, "identification", `{}`)
		w.stage(f, 10, "password", `{}`)
		w.stage(f, 20, "authenticator_validate", settings)
		w.stage(f, 30, "user_login", `{}`)
	}
	b := w.browser("hers")
	done(t, b.prove(signIn, "ada"), "/")
	denied(t, w.browser("denied").prove("deny", "ada"), "You need a second factor to go on, and this account has none that counts here. Ask your administrator.")

	b = w.browser("new")
	c := shows(t, b.prove("configure", "ada"), "ak-stage-authenticator-validate")
	require.Empty(t, c["device_challenges"])
	choice := c["configuration_stages"].([]any)
	require.Len(t, choice, 2)
	require.Equal(t, setUp.StageID.String(), choice[0].(map[string]any)["pk"])
	wrong(t, b.post("configure", flow.Input{"selected_stage": idp.NewID[idp.Stage]().String()}), "selected_stage", "Invalid stage selected")
	url := shows(t, b.post("configure", flow.Input{"selected_stage": setUp.StageID.String()}), "ak-stage-authenticator-totp")["config_url"].(string)
	require.False(t, b.alive())
	a := b.post("configure", flow.Input{"code": "000000"})
	shows(t, a, "ak-stage-authenticator-totp")
	done(t, b.post("configure", flow.Input{"component": "ak-stage-authenticator-totp", "code": w.code(url, 0)}), "/")
	require.Equal(t, "auth_mfa", b.stored().AuthMethod)

	classes, _ := validates(t, w.browser("later").prove("configure", "ada"))
	require.Equal(t, []string{"totp"}, classes, "a password alone sets no second one up")
}

// Nobody is asked as somebody is.
func TestNobodyIsAskedForACode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("early")
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "authenticator_validate", `{"not_configured_action": "deny"}`)
	b := w.browser("nobody")
	classes, _ := validates(t, b.post("early", flow.Input{"uid_field": "nobody"}))
	require.Equal(t, []string{"totp"}, classes)
	wrong(t, b.post("early", flow.Input{"code": "123456"}), "code", refused)
}

// A browser is remembered for a while, until the account is locked down.
func TestNobodyIsAskedAgainForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, root := w.user("ada"), w.administrator("root")
	codes := w.signedIn(ada).codes()
	f := w.flow("kept")
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "password", `{}`)
	w.stage(f, 20, "authenticator_validate", `{"last_auth_threshold": "hours=1"}`)
	w.stage(f, 30, "user_login", `{}`)
	b := w.browser("hers")
	validates(t, b.prove("kept", "ada"))
	done(t, b.post("kept", flow.Input{"code": codes[0]}), "/")
	b.cookie = ""
	done(t, b.prove("kept", "ada"), "/")
	require.Equal(t, "password", b.stored().AuthMethod, "it was not asked for")
	require.NotNil(t, b.stored().FactorID, "but a lock on it ends the session")
	validates(t, w.browser("another").prove("kept", "ada"))

	_, err := w.lockdowns.Contain(w.ctx, idp.Actor{User: root}, lockdown.Request{Users: []idp.UserID{ada.ID}, Reason: "test",
		Switches: idp.Switches{DeactivateUser: true, DeleteSessions: true, RevokeTokens: true}})
	require.NoError(t, err)
	require.NoError(t, w.lockdowns.Activate(w.ctx, idp.Actor{User: root}, ada.ID))
	b.cookie = ""
	validates(t, b.prove("kept", "ada"))
}

// A stolen session sets nothing up.
func TestSetUpTakesAFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.signedIn(w.user("ada"))
	w.fresh = time.Nanosecond
	for _, slug := range []string{setUpTOTP, setUpCodes, setUpKey} {
		_, err := b.flows.Get(w.ctx, b.visit(slug))
		require.True(t, idp.Is(err, idp.CodeStepUp), "%s: %v", slug, err)
	}
	for _, slug := range []string{setUpTOTP, setUpCodes, setUpKey} {
		a := w.browser("nobody").get(slug)
		require.IsType(t, flow.AccessDenied{}, a.Challenge)
	}
}

// A factor that is taken away in the middle of a sign-in lets nobody in.
func TestAFactorRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	codes := w.signedIn(ada).codes()
	f := w.flow("asking")
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "password", `{}`)
	w.stage(f, 20, "authenticator_validate", `{}`)
	w.stage(f, 30, "user_login", `{"remember_me_offset": "days=1"}`)
	b := w.browser("hers")
	b.prove("asking", "ada")
	shows(t, b.post("asking", flow.Input{"code": codes[0]}), "ak-stage-user-login")
	has, err := w.repos().Factors.Of(w.ctx, ada.ID)
	require.NoError(t, err)
	require.NoError(t, w.repos().Factors.Delete(w.ctx, has[0].ID))
	denied(t, b.post("asking", flow.Input{"remember_me": false}), refused)
	require.False(t, b.alive())
}

// Whoever was restored sets a new factor up before they are signed in.
func TestAFactorToBeRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada", func(u *idp.User) { u.RenewFactor = true })
	require.NoError(t, w.repos().Users.Update(w.ctx, ada))
	b := w.browser("hers")
	ada.RenewFactor = true
	require.NoError(t, w.repos().Users.Update(w.ctx, ada))
	c := shows(t, b.prove(signIn, "ada"), "ak-stage-authenticator-validate")
	choice := c["configuration_stages"].([]any)
	require.Len(t, choice, 3)
	url := shows(t, b.post(signIn, flow.Input{"selected_stage": choice[0].(map[string]any)["pk"]}), "ak-stage-authenticator-totp")["config_url"].(string)
	done(t, b.post(signIn, flow.Input{"code": w.code(url, 0)}), "/")
	require.False(t, w.now(ada).RenewFactor)
}
