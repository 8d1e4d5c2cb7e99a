package passwordexpiry

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type clock struct{ err error }

func (c clock) Now(context.Context) (time.Time, error) { return now, c.err }

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for source, field := range map[string]string{
		`{}`:                          "days",
		`{"deny_only": true}`:         "days",
		`{"days": null}`:              "days",
		`{"days": -1}`:                "days",
		`{"days": "3"}`:               "days",
		`{"days": 3, "deny_only": 1}`: "deny_only",
		`{"days": 3, "day": 1}`:       "day",
	} {
		_, err := Kind(clock{}).New(json.RawMessage(source))
		var e *idp.Error
		require.True(t, errors.As(err, &e), source)
		require.Equal(t, idp.CodeInvalid, e.Code, source)
		require.Contains(t, e.Fields, field, source)
	}
}

func TestEvaluation(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	const day = 24 * time.Hour
	for _, c := range []struct {
		name     string
		settings string
		changed  *time.Time
		joined   time.Duration
		password string
		want     bool
	}{
		{"fresh", `{"days": 30}`, ago(time.Hour), 0, "x", true},
		{"the last moment", `{"days": 30}`, ago(30*day - time.Second), 0, "x", true},
		{"too old", `{"days": 30}`, ago(30 * day), 0, "x", false},
		{"much too old", `{"days": 30}`, ago(3000 * day), 0, "x", false},
		{"only denied", `{"days": 30, "deny_only": true}`, ago(30 * day), 0, "x", false},
		{"at once", `{"days": 0}`, ago(0), 0, "x", false},
		{"never", `{"days": 1000000}`, ago(3000 * day), 0, "x", true},
		{"as old as the account", `{"days": 30}`, nil, 31 * day, "x", false},
		{"as young as the account", `{"days": 30}`, nil, 29 * day, "x", true},
		{"changed after joining", `{"days": 30}`, ago(day), 900 * day, "x", true},
		{"changed in the future", `{"days": 30}`, ago(-day), 0, "x", true},
		{"none that works", `{"days": 30}`, ago(900 * day), 900 * day, "!", true},
	} {
		p, err := Kind(clock{}).New(json.RawMessage(c.settings))
		require.NoError(t, err)
		u := &idp.User{Password: c.password, PasswordChangedAt: c.changed, JoinedAt: now.Add(-c.joined)}
		before := *u
		r, err := p.Evaluate(t.Context(), idp.PolicyRequest{User: u})
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, r.Passing, c.name)
		if !c.want {
			require.Equal(t, []string{"Password expired"}, r.Messages, c.name)
		}
		require.Equal(t, before, *u, "the account is left alone")
	}
}

func TestWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	user := &idp.User{Password: "x", JoinedAt: now}
	broken := errors.New("no database")
	for says, c := range map[string]struct {
		clock Clock
		user  *idp.User
	}{
		"no user":     {clock{}, nil},
		"no database": {clock{broken}, user},
		"no clock":    {nil, user},
	} {
		p, err := Kind(c.clock).New(json.RawMessage(`{"days": 3}`))
		require.NoError(t, err)
		r, err := p.Evaluate(t.Context(), idp.PolicyRequest{User: c.user})
		require.ErrorContains(t, err, says)
		require.False(t, r.Passing)
	}
}
