package policies_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// A password policy validates the answers of a prompt stage.
func TestPasswordPolicyValidatesAPrompt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	prompt := &idp.Prompt{Name: "new password", FieldKey: "password", Label: "Password", Type: "password", Required: true}
	require.NoError(t, w.db.Repos().Prompts.Create(t.Context(), prompt))
	rules := w.policy("password", `{"length_min": 8, "amount_digits": 1}`)
	settings, err := json.Marshal(map[string]any{"fields": []idp.PromptID{prompt.ID}, "validation_policies": []idp.PolicyID{rules.ID}})
	require.NoError(t, err)
	f := w.flow("new-password", idp.DesignationEnrollment)
	w.stage(f, 0, "prompt", string(settings))
	w.stage(f, 10, "deny", `{"deny_message": "Through."}`)

	b := w.at("192.0.2.1")
	require.Equal(t, "prompt", b.begin("new-password").Stage)
	for _, password := range []string{"sh0rt", "long but plain"} {
		a := b.post("new-password", flow.Input{"password": password})
		require.NotEmpty(t, a.Errors[idp.NonField], "%v", a.Errors)
		require.Contains(t, a.Errors[idp.NonField][0].String, "The password needs at least")
	}
	require.Equal(t, "Through.", denial(t, b.post("new-password", flow.Input{"password": "correct horse battery staple 4"})))
}

// The age of a password is that of the account as it is stored.
func TestPasswordExpiryReadsTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	target := w.flow("guarded", idp.DesignationAuthentication).ID.UUID()
	w.bind(w.policy("password_expiry", `{"days": 30}`), target)
	ada := w.user("ada")
	evaluate := func() idp.PolicyResult {
		u, err := w.db.Repos().Users.Get(t.Context(), ada.ID)
		require.NoError(t, err)
		r, err := w.bound.Evaluate(t.Context(), target, idp.PolicyAny, idp.PolicyRequest{User: u})
		require.NoError(t, err)
		return r
	}
	require.True(t, evaluate().Passing)
	require.NoError(t, w.db.InTx(t.Context(), func(tx idp.Repos) error {
		u, err := tx.Users.Hold(t.Context(), ada.ID)
		require.NoError(t, err)
		old := u.PasswordChangedAt.AddDate(0, 0, -30)
		u.PasswordChangedAt = &old
		return tx.Users.Update(t.Context(), u)
	}))
	old := evaluate()
	require.False(t, old.Passing)
	require.Equal(t, []string{"Password expired"}, old.Messages)
	_, err := w.bound.Evaluate(t.Context(), target, idp.PolicyAny, idp.PolicyRequest{})
	require.ErrorContains(t, err, "there is no user")
	ok, err := w.accounts.Authenticate(t.Context(), w.at("192.0.2.1").actor(), idp.Attempt{User: ada, Secret: goodPassword})
	require.NoError(t, err)
	require.True(t, ok, "the password itself is left alone")
}
