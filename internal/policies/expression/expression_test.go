package expression

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

func settings(t *testing.T, source string) json.RawMessage {
	t.Helper()
	out, err := json.Marshal(Settings{Expression: source})
	require.NoError(t, err)
	return out
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for source, says := range map[string]string{
		`{}`:                                "required",
		`{"expression": ""}`:                "required",
		`{"expression": 1}`:                 "Not a valid string",
		`{"expression": "true", "x": 1}`:    "Unknown field",
		`{"expression": "user.usrname"}`:    "line 1, column 6: unknown field usrname",
		`{"expression": "1"}`:               "must give true or false",
		`{"expression": "return True"}`:     "looks like Python",
		`{"expression": "true\n and nope"}`: "line 2, column 6: unknown name nope",
	} {
		_, err := build(json.RawMessage(source))
		var e *idp.Error
		require.True(t, errors.As(err, &e), source)
		require.Equal(t, idp.CodeInvalid, e.Code)
		require.ErrorContains(t, err, says, source)
	}
}

func TestEvaluationThroughTheEngine(t *testing.T) {
	t.Parallel()
	engine := policy.NewEngine(policy.NewKinds([]policy.Kind{Kind()}))
	user := &idp.User{ID: 7, Username: "mallory", IsActive: true}
	for _, c := range []struct {
		source                string
		negate, failureResult bool
		want                  bool
		messages              []string
		fault                 string
	}{
		{source: `user.is_active`, want: true},
		{source: `user.is_active`, negate: true},
		{source: `user.pk == 8 or deny("Not you, " + user.username + ".")`, messages: []string{"Not you, mallory."}},
		{source: `context.nothing`},
		{source: `context.nothing.inner`, fault: "cannot fetch inner from nil"},
		{source: `context.nothing.inner`, negate: true, fault: "cannot fetch"},
		{source: `context.nothing.inner`, failureResult: true, want: true, fault: "cannot fetch"},
		{source: `user.username`, fault: "must give true or false"},
		{source: `message("x") and context.nothing.inner`, fault: "cannot fetch"},
	} {
		p := &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "test", Kind: "expression", Settings: settings(t, c.source)}
		b := idp.PolicyBinding{PolicyID: &p.ID, Policy: p, Enabled: true, Negate: c.negate, FailureResult: c.failureResult, Timeout: time.Minute}
		r, err := engine.Evaluate(t.Context(), []idp.PolicyBinding{b}, idp.PolicyAll, idp.PolicyRequest{User: user})
		require.NoError(t, err)
		require.Equal(t, c.want, r.Passing, c.source)
		require.Equal(t, c.messages, r.Messages, c.source)
		if c.fault == "" {
			require.Empty(t, r.Faults(), c.source)
			continue
		}
		require.Len(t, r.Faults(), 1, c.source)
		require.ErrorContains(t, r.Faults()[0].Err, c.fault)
	}
}
