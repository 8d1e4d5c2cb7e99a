package app_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// BenchmarkPlan plans the default authentication flow for a browser that has
// just arrived, and enters its first stage, with the configuration in memory.
func BenchmarkPlan(b *testing.B) {
	cfg, err := config.Load(config.Source{Flags: map[string]string{"database_url": testkit.EmptyDatabase(b)}})
	require.NoError(b, err)
	a, err := app.Open(b.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, a.Close()) })
	visit := flow.Visit{Slug: "default-authentication-flow", Browser: make([]byte, 32)}
	_, err = a.Flows.Get(b.Context(), visit)
	require.NoError(b, err)
	for b.Loop() {
		answer, err := a.Flows.Get(b.Context(), visit)
		require.NoError(b, err)
		require.Equal(b, "identification", answer.Stage)
	}
}
