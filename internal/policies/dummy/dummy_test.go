package dummy

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for source, field := range map[string]string{
		`{"wait_min": -1}`:                 "wait_min",
		`{"wait_max": -1, "wait_min": -2}`: "wait_max",
		`{"wait_max": 3601}`:               "wait_max",
		`{"wait_min": 31}`:                 "wait_max",
		`{"result": 1}`:                    "result",
		`{"wait_min": 0.5}`:                "wait_min",
		`{"results": true}`:                "results",
	} {
		_, err := build(json.RawMessage(source))
		var e *idp.Error
		require.True(t, errors.As(err, &e), source)
		require.Equal(t, idp.CodeInvalid, e.Code, source)
		require.Contains(t, e.Fields, field, source)
	}
	p, err := build(nil)
	require.NoError(t, err)
	require.Equal(t, Settings{WaitMin: 5, WaitMax: 30}, p.(rule).settings)
}

func TestItWaitsAndAnswers(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]struct {
		passing     bool
		least, most time.Duration
	}{
		`{"result": true, "wait_min": 0, "wait_max": 0}`: {true, 0, 0},
		`{"wait_min": 2, "wait_max": 2}`:                 {false, 2 * time.Second, 2 * time.Second},
		`{"result": true, "wait_max": 10}`:               {true, 5 * time.Second, 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, err := build(json.RawMessage(source))
			require.NoError(t, err)
			began := time.Now()
			r, err := p.Evaluate(t.Context(), idp.PolicyRequest{})
			require.NoError(t, err)
			require.Equal(t, idp.PolicyResult{Passing: want.passing, Messages: []string{"dummy"}}, r, source)
			require.GreaterOrEqual(t, time.Since(began), want.least)
			require.LessOrEqual(t, time.Since(began), want.most)
		})
	}
}

func TestItEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		settings := json.RawMessage(`{"result": true, "wait_min": 60, "wait_max": 60}`)
		p := &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "slow", Kind: "dummy", Settings: settings}
		engine := policy.NewEngine(policy.NewKinds([]policy.Kind{Kind()}))
		b := idp.PolicyBinding{PolicyID: &p.ID, Policy: p, Enabled: true, Timeout: 3 * time.Second}
		r, err := engine.Evaluate(t.Context(), []idp.PolicyBinding{b}, idp.PolicyAll, idp.PolicyRequest{})
		require.NoError(t, err)
		require.False(t, r.Passing)
		require.ErrorIs(t, r.Faults()[0].Err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(began))

		rule, err := build(settings)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		answer, err := rule.Evaluate(ctx, idp.PolicyRequest{})
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, answer.Passing)
	})
}
