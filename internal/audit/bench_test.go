package audit_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// BenchmarkWriters is what an event costs those who write many at once, each in a
// transaction of its own, while nobody seals and while a server does.
func BenchmarkWriters(b *testing.B) {
	for _, seals := range []bool{false, true, false, true} {
		b.Run(map[bool]string{false: "alone", true: "sealed"}[seals], func(b *testing.B) {
			db, err := postgres.Open(b.Context(), testkit.Database(b), postgres.Options{MaxConns: 16})
			require.NoError(b, err)
			b.Cleanup(db.Close)
			if seals {
				s := audit.New(audit.Deps{Store: db, Access: access.New(), Keys: sealer(b, "a"), Log: discard})
				db.HearAppends(s.Wake)
				ctx, stop := context.WithCancel(b.Context())
				ended := make(chan struct{})
				go func() { s.Run(ctx); close(ended) }()
				b.Cleanup(func() { stop(); <-ended })
			}
			b.SetParallelism(4)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					err := db.InTx(b.Context(), func(tx idp.Repos) error {
						return tx.Events.Append(b.Context(), &idp.Event{Action: idp.ActionLogin, App: "bench", Context: map[string]any{"auth_method": "password"}})
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkVerify is one event.
func BenchmarkVerify(b *testing.B) {
	db, err := postgres.Open(b.Context(), testkit.Database(b), postgres.Options{})
	require.NoError(b, err)
	b.Cleanup(db.Close)
	s := audit.New(audit.Deps{Store: db, Access: access.New(), Keys: sealer(b, "a"), Log: discard})
	require.NoError(b, db.InTx(b.Context(), func(tx idp.Repos) error {
		for range b.N {
			if err := tx.Events.Append(b.Context(), &idp.Event{Action: idp.ActionLogin, App: "bench"}); err != nil {
				return err
			}
		}
		return nil
	}))
	for more := true; more; {
		r, err := s.Seal(b.Context())
		require.NoError(b, err)
		more = r.More
	}
	b.ResetTimer()
	r, err := s.Verify(b.Context(), idp.SystemActor(), audit.Query{}, nil)
	require.NoError(b, err)
	require.EqualValues(b, b.N, r.Last)
}
