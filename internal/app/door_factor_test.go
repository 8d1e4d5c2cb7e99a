package app_test

import (
	"encoding/json"
	"fmt"

	"github.com/descope/virtualwebauthn"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit/credential"
)

// recoveryCodes gives an account some.
func (d *doorway) recoveryCodes(u *idp.User) (*idp.Factor, []string) {
	d.Helper()
	draft, err := d.Factors.NewCodes(6, 12)
	require.NoError(d, err)
	codes, err := d.Factors.Codes(draft)
	require.NoError(d, err)
	made, err := d.Factors.AddStatic(d.Context(), idp.Actor{}, factor.Adding{User: u, Generation: u.SessionGeneration, Proved: true}, draft)
	require.NoError(d, err)
	return made, codes
}

// secondFactor comes with a recovery code, after the password.
func (d *doorway) secondFactor(how spoil) error {
	d.Helper()
	person := d.person(how)
	made, codes := d.recoveryCodes(person)
	read := d.now(person)
	p := factor.Proof{User: read, Generation: read.SessionGeneration, Kinds: idp.FactorKinds()}
	b := d.browser()
	b.solve(signInFlow, map[string]any{"uid_field": person.Username})
	got := b.solve(signInFlow, map[string]any{"component": "ak-stage-password", "password": password})
	require.Equal(d, "ak-stage-authenticator-validate", got["component"], "%v", got)
	first, second := codes[0], codes[1]
	switch how {
	case forged:
		p.User, p.Name = nil, unique("nobody")
		first, second = "0000", "0001"
	case mistyped:
		first, second = "0000", "0001"
	case guessed:
		for i := range 5 {
			proved, err := d.Factors.ProveCode(d.Context(), idp.Actor{}, p, fmt.Sprint("wrong ", i))
			require.NoError(d, err)
			require.Nil(d, proved)
		}
	default:
		d.common(person, how)
	}
	proved, err := d.Factors.ProveCode(d.Context(), idp.Actor{}, p, first)
	switch {
	case err != nil:
		require.True(d, idp.Locked(err), "%v", err)
	case proved == nil && how == guessed:
		err = idp.Refuse(idp.DoorSecondFactor, idp.RefusedLockout)
	case proved == nil:
		err = idp.Refuse(idp.DoorSecondFactor, d.lastRefusal())
	default:
		require.Equal(d, made.ID, proved.ID)
	}
	got = b.solve(signInFlow, map[string]any{"component": "ak-stage-authenticator-validate", "code": second})
	if got["component"] == "ak-stage-user-login" { // as another door has the flow ask
		got = b.solve(signInFlow, map[string]any{"component": "ak-stage-user-login", "remember_me": false})
	}
	switch {
	case err == nil:
	case idp.Locked(err): // whoever gave the right code is told
		require.Equal(d, "ak-stage-access-denied", got["component"])
		require.Equal(d, err.Error(), got["error_message"])
	default:
		require.Equal(d, "Failed to authenticate.", fault(got, "code"), "one message for all")
	}
	return d.agree(err, got["component"] == "xak-flow-redirect" && b.works(), "second factor")
}

// passkey comes with a passkey alone. Browsers have none at the address of this server:
// the flows of the stages' own tests go through it.
func (d *doorway) passkey(how spoil) error {
	d.Helper()
	at := idp.Actor{Request: &idp.RequestInfo{Host: "localhost"}}
	party := virtualwebauthn.RelyingParty{ID: "localhost", Name: "localhost", Origin: "http://localhost"}
	person := d.person(how)
	auth := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: person.UUID[:]})
	key := credential.New()
	asked, c, err := d.Factors.BeginRegistration(d.Context(), at, person, factor.Registering{Verification: factor.Preferred, Resident: "preferred"})
	require.NoError(d, err)
	create, err := virtualwebauthn.ParseAttestationOptions(jsonOf(d, asked))
	require.NoError(d, err)
	_, err = d.Factors.AddWebAuthn(d.Context(), at, factor.Adding{User: person, Generation: person.SessionGeneration, Proved: true}, c,
		virtualwebauthn.CreateAttestationResponse(party, auth, key, *create))
	require.NoError(d, err)
	prove := func(party virtualwebauthn.RelyingParty) (*idp.User, error) {
		asked, c, err := d.Factors.BeginPasskey(d.Context(), at)
		require.NoError(d, err)
		get, err := virtualwebauthn.ParseAssertionOptions(jsonOf(d, asked))
		require.NoError(d, err)
		key.Counter++
		u, _, err := d.Factors.ProvePasskey(d.Context(), at, "", "webauthn", c, virtualwebauthn.CreateAssertionResponse(party, auth, key, *get))
		return u, err
	}
	elsewhere := party
	elsewhere.Origin = "http://localhost.example.org"
	switch how {
	case forged:
		key = credential.New()
	case mistyped:
		party = elsewhere
	case guessed:
		for range 5 {
			u, err := prove(elsewhere)
			require.NoError(d, err)
			require.Nil(d, u)
		}
	default:
		d.common(person, how)
	}
	u, err := prove(party)
	switch {
	case err != nil:
		require.True(d, idp.Locked(err), "%v", err)
	case u == nil && how == guessed:
		return idp.Refuse(idp.DoorPasskey, idp.RefusedLockout)
	case u == nil:
		return idp.Refuse(idp.DoorPasskey, d.lastRefusal())
	}
	return err
}

func jsonOf(d *doorway, v any) string {
	d.Helper()
	raw, err := json.Marshal(v)
	require.NoError(d, err)
	return string(raw)
}
