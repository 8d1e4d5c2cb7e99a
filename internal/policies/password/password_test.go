package password

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for source, field := range map[string]string{
		`{"length_min": -1}`:                          "length_min",
		`{"length_min": "8"}`:                         "length_min",
		`{"amount_digits": 99999999999}`:              "amount_digits",
		`{"amount_symbols": 1, "symbol_charset": ""}`: "symbol_charset",
		`{"zxcvbn_score_threshold": 5}`:               "zxcvbn_score_threshold",
		`{"zxcvbn_score_threshold": -1}`:              "zxcvbn_score_threshold",
		`{"hibp_allowed_count": -1}`:                  "hibp_allowed_count",
		`{"password_field": ""}`:                      "password_field",
		`{"error_message": "a\u0000"}`:                "error_message",
		`{"check_zxcvbn": 1}`:                         "check_zxcvbn",
		`{"check_zxcvbm": true}`:                      "check_zxcvbm",
	} {
		_, err := Kind("").New(json.RawMessage(source))
		var e *idp.Error
		require.True(t, errors.As(err, &e), source)
		require.Equal(t, idp.CodeInvalid, e.Code, source)
		require.Contains(t, e.Fields, field, source)
	}
	p, err := Kind("").New(nil)
	require.NoError(t, err)
	require.Equal(t, Defaults(), p.(rule).Settings)
}

// evaluate asks for a password that was typed into the prompt “password”.
func evaluate(t *testing.T, breached, settings string, req idp.PolicyRequest) (idp.PolicyResult, error) {
	t.Helper()
	p, err := Kind(breached).New(json.RawMessage(settings))
	require.NoError(t, err, settings)
	return p.Evaluate(t.Context(), req)
}

func typed(password string) idp.PolicyRequest {
	return idp.PolicyRequest{Context: map[string]any{"prompt_data": map[string]any{"password": password}}}
}

func TestWhereThePasswordComesFrom(t *testing.T) {
	t.Parallel()
	const eight = `{"length_min": 8}`
	for _, c := range []struct {
		name     string
		settings string
		context  map[string]any
		message  string // "" = passes
	}{
		{"prompt", eight, map[string]any{"prompt_data": map[string]any{"password": "12345678"}}, ""},
		{"context", eight, map[string]any{"password": "12345678"}, ""},
		{"prompt before context", eight, map[string]any{"prompt_data": map[string]any{"password": "short"}, "password": "12345678"}, "The password needs at least 8 characters."},
		{"other field", `{"length_min": 8, "password_field": "new"}`, map[string]any{"prompt_data": map[string]any{"new": "12345678", "password": "x"}}, ""},
		{"missing", eight, nil, missing},
		{"missing in the prompt", eight, map[string]any{"prompt_data": map[string]any{"other": "x"}}, missing},
		{"empty", eight, map[string]any{"prompt_data": map[string]any{"password": ""}}, missing},
		{"empty in the prompt", eight, map[string]any{"prompt_data": map[string]any{"password": ""}, "password": "12345678"}, missing},
		{"nil", eight, map[string]any{"prompt_data": map[string]any{"password": nil}}, missing},
		{"no text", eight, map[string]any{"password": 12345678}, missing},
		{"missing with no check", `{"check_static_rules": false}`, nil, missing},
		{"no check", `{"check_static_rules": false, "length_min": 8}`, map[string]any{"password": "x"}, ""},
	} {
		r, err := evaluate(t, "", c.settings, idp.PolicyRequest{Context: c.context})
		require.NoError(t, err, c.name)
		require.Equal(t, c.message == "", r.Passing, c.name)
		if c.message != "" {
			require.Equal(t, []string{c.message}, r.Messages, c.name)
		}
	}
}

func TestStaticRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		settings string
		good     []string
		bad      []string
		message  string
	}{
		{`{}`, []string{"x"}, nil, ""},
		{`{"length_min": 4}`, []string{"abcd", "äöüß", "🔒🔒🔒🔒"}, []string{"abc", "äöü"}, "The password needs at least 4 characters."},
		{`{"amount_uppercase": 2}`, []string{"ABc", "ÄÖ"}, []string{"Abc", "abc", "Äb"}, "The password needs at least 2 upper-case letters."},
		{`{"amount_uppercase": 2, "amount_lowercase": 1}`, []string{"aBC"}, []string{"aB", "ABC"}, "The password needs at least 2 upper-case letters and 1 lower-case letter."},
		{`{"amount_lowercase": 1}`, []string{"aBC"}, []string{"ABC1!"}, "The password needs at least 1 lower-case letter."},
		{`{"amount_digits": 2}`, []string{"a12"}, []string{"a1b"}, "The password needs at least 2 digits."},
		{`{"amount_symbols": 2}`, []string{`a!\`, "a b c", "!!"}, []string{"a!", "§°"}, "The password needs at least 2 symbols."},
		{`{"amount_symbols": 1, "symbol_charset": "§§"}`, []string{"a§"}, []string{"a!"}, "The password needs at least 1 symbol."},
		{`{"length_min": 1, "amount_digits": 1, "amount_symbols": 1, "error_message": "No!"}`, []string{"1!"}, []string{"1", "!"}, "No!"},
		{`{"length_min": 9, "amount_digits": 1, "amount_symbols": 1}`, nil, []string{"x"}, "The password needs at least 9 characters, 1 digit and 1 symbol."},
	} {
		for _, password := range c.good {
			r, err := evaluate(t, "", c.settings, typed(password))
			require.NoError(t, err)
			require.True(t, r.Passing, "%s %q", c.settings, password)
			require.Empty(t, r.Messages)
		}
		for _, password := range c.bad {
			r, err := evaluate(t, "", c.settings, typed(password))
			require.NoError(t, err)
			require.False(t, r.Passing, "%s %q", c.settings, password)
			require.Equal(t, []string{c.message}, r.Messages)
		}
	}
}

// The first check that fails answers.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	settings := `{"length_min": 9, "check_have_i_been_pwned": true}`
	for password, says := range map[string]string{
		"short":                        "at least 9 characters",
		"password1":                    "breached passwords, 7 times",
		"correct horse battery staple": "",
	} {
		r, err := evaluate(t, directory(t, map[string]int{"password1": 7}, "qwertyuiop", "correct horse battery staple"), settings, typed(password))
		require.NoError(t, err)
		if says == "" {
			require.True(t, r.Passing, password)
			continue
		}
		require.False(t, r.Passing, password)
		require.Len(t, r.Messages, 1)
		require.Contains(t, r.Messages[0], says)
	}
}

func TestStrength(t *testing.T) {
	t.Parallel()
	ada := &idp.User{Username: "ada", Name: "Ada Lovelace", Email: "countess@analytical-engine.example"}
	for _, c := range []struct {
		password  string
		threshold int
		passing   bool
	}{
		{"password", 0, false}, {"password1990", 0, true}, {"password1990", 1, false},
		{"correct horse battery staple", 2, true}, {"correct horse battery staple", 3, true}, {"correct horse battery staple", 4, false},
		{"Lovelace1990", 1, false}, // the person
		{"countess@analytical-engine.example", 1, false},
		{"wintergarten1843", 2, false}, // the site
		{"sommerlaube1843", 2, false},  // what was typed beside it
		{"kellertreppe1843", 2, true},
		{strings.Repeat("a", 100) + "kellertreppe1843 correct horse", 2, false}, // only the first 100 characters count
	} {
		req := typed(c.password)
		req.User, req.Brand = ada, "Wintergarten"
		req.Context["prompt_data"].(map[string]any)["name"] = "Sommerlaube"
		r, err := evaluate(t, "", fmt.Sprintf(`{"check_zxcvbn": true, "zxcvbn_score_threshold": %d}`, c.threshold), req)
		require.NoError(t, err)
		require.Equal(t, c.passing, r.Passing, "%s above %d", c.password, c.threshold)
		if !c.passing {
			require.Equal(t, []string{"Password is too weak."}, r.Messages)
		}
	}
	r, err := evaluate(t, "", `{"check_zxcvbn": false, "zxcvbn_score_threshold": 4}`, typed("password"))
	require.NoError(t, err)
	require.True(t, r.Passing, "off is off")
}
