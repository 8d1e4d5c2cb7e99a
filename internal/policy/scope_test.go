package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

func aScopeRequest() policy.ScopeRequest {
	u := &idp.User{ID: 7, Username: "ada", Name: "Ada", Email: "ada@example.org", GroupNames: []string{"engineers"},
		Attributes: map[string]any{"team": "red", "sub": "somebody else", "scope": "admin"}}
	return policy.ScopeRequest{PolicyRequest: idp.PolicyRequest{User: u}, Token: map[string]any{"scopes": []any{"openid"}},
		Application: map[string]any{"slug": "wiki"}, Provider: map[string]any{"client_id": "c"}}
}

func TestAScopeMappingGivesClaims(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]map[string]any{
		`{"email": user.email, "email_verified": false}`:      {"email": "ada@example.org", "email_verified": false},
		`{"groups": request.user.groups}`:                     {"groups": []any{"engineers"}},
		`{"for": application.slug, "by": provider.client_id}`: {"for": "wiki", "by": "c"},
		`"openid" in token.scopes ? {"ok": true} : {}`:        {"ok": true},
		`nil`:             {},
		`{}`:              {},
		`user.attributes`: {"team": "red"}, // nobody says by an attribute who they are
		`{"birth": date("2000-01-02"), "took": duration("1500ms")}`:    {"birth": time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC).Unix(), "took": 1.5},
		`{"member": is_group_member(user, "engineers"), "n": {"a":1}}`: {"member": true, "n": map[string]any{"a": 1}},
	} {
		require.NoError(t, policy.CheckScope(source), source)
		got, err := policy.Claims(t.Context(), source, aScopeRequest())
		require.NoError(t, err, source)
		require.Empty(t, cmp.Diff(want, got), source)
	}
}

func TestAScopeMappingIsJudgedWhenItIsWritten(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		``:                                     "empty",
		`{"a": `:                               "line 1",
		`"text"`:                               "gives a map of claims",
		`[1]`:                                  "gives a map of claims",
		`{"sub": "root"}`:                      `The claim "sub" is made by the server itself`,
		`true ? {"a": 1} : {"iss": "x"}`:       `The claim "iss"`,
		`let x = 1; {"aud": x}`:                `The claim "aud"`,
		`{"a": nobody}`:                        "nobody",
		`{"a": ak_user_by("username", "eve")}`: "ak_user_by",
		`{"a": set_context("x", 1)}`:           "set_context",
		"return {}":                            "",
	} {
		err := policy.CheckScope(source)
		require.True(t, idp.Is(err, idp.CodeInvalid), "%s: %v", source, err)
		require.Contains(t, err.(*idp.Error).Fields["expression"][0], want, source)
	}
}

func TestAScopeMappingIsBounded(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`{"a": repeat("x", 20000)}`:   "more than 16384 bytes",
		`user.attributes.team`:        "gives a map of claims",
		`{"a": user.email + nothing}`: "nothing",
	} {
		_, err := policy.Claims(t.Context(), source, aScopeRequest())
		require.ErrorContains(t, err, want, source)
	}
}
