package reputation

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// fixed notes what it is asked and gives one answer.
type fixed struct {
	score      int
	err        error
	ip         netip.Addr
	identifier string
}

func (f *fixed) Score(_ context.Context, ip netip.Addr, identifier string) (int, error) {
	f.ip, f.identifier = ip, identifier
	return f.score, f.err
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for source, field := range map[string]string{
		`{"check_ip": false, "check_username": false}`: idp.NonField,
		`{"threshold": "low"}`:                         "threshold",
		`{"check_ips": true}`:                          "check_ips",
	} {
		_, err := Kind(nil).New(json.RawMessage(source))
		var e *idp.Error
		require.True(t, errors.As(err, &e), source)
		require.Contains(t, e.Fields, field, source)
	}
	p, err := Kind(nil).New(nil)
	require.NoError(t, err)
	require.Equal(t, Settings{CheckIP: true, CheckUsername: true, Threshold: -5}, p.(rule).settings)
	_, err = p.Evaluate(t.Context(), idp.PolicyRequest{})
	require.ErrorContains(t, err, "no scores are kept")
}

func TestEvaluation(t *testing.T) {
	t.Parallel()
	ip, ada := netip.MustParseAddr("192.0.2.1"), &idp.User{Username: "ada"}
	for _, c := range []struct {
		settings   string
		score      int
		user       *idp.User
		want       bool
		ip         netip.Addr
		identifier string
	}{
		{`{}`, -4, ada, false, ip, "ada"},
		{`{}`, -5, ada, true, ip, "ada"},
		{`{}`, -6, ada, true, ip, "ada"},
		{`{}`, -5, nil, true, ip, ""},
		{`{"threshold": 0}`, 0, ada, true, ip, "ada"},
		{`{"threshold": 0}`, 1, ada, false, ip, "ada"},
		{`{"check_username": false}`, -5, ada, true, ip, ""},
		{`{"check_ip": false}`, -5, ada, true, netip.Addr{}, "ada"},
	} {
		scores := &fixed{score: c.score}
		p, err := Kind(scores).New(json.RawMessage(c.settings))
		require.NoError(t, err)
		r, err := p.Evaluate(t.Context(), idp.PolicyRequest{User: c.user, ClientIP: ip})
		require.NoError(t, err)
		require.Equal(t, c.want, r.Passing, "%+v", c)
		require.Equal(t, c.ip, scores.ip, "%+v", c)
		require.Equal(t, c.identifier, scores.identifier, "%+v", c)
	}
	broken := errors.New("no database")
	p, err := Kind(&fixed{score: -5, err: broken}).New(nil)
	require.NoError(t, err)
	r, err := p.Evaluate(t.Context(), idp.PolicyRequest{})
	require.ErrorIs(t, err, broken)
	require.False(t, r.Passing)
}
