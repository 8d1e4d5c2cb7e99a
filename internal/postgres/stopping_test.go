package postgres

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// told keeps the messages of a log by their levels.
type told struct {
	slog.Handler
	mu   sync.Mutex
	said map[slog.Level][]string
}

func (l *told) Enabled(context.Context, slog.Level) bool { return true }

func (l *told) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said[r.Level] = append(l.said[r.Level], r.Message)
	return nil
}

// The parts of the job queue stop at the same time, and one may find that another
// has closed their connection. That is nobody's error.
func TestWorkersStopWithoutErrors(t *testing.T) {
	t.Parallel()
	db := open(t)
	log := &told{said: map[slog.Level][]string{}}
	db.log = slog.New(log)
	for range 100 {
		w, err := db.NewWorker(nil)
		require.NoError(t, err)
		require.NoError(t, w.Start(t.Context()))
		w.Stop()
	}
	require.Empty(t, log.said[slog.LevelError])
	w, err := db.NewWorker(nil)
	require.NoError(t, err)
	for _, stopping := range []bool{false, true} {
		w.stopping.Store(stopping)
		queue := quietly(db.log, &w.stopping)
		queue.Info("news of nobody")
		queue.Error("a connection is lost")
	}
	require.Empty(t, log.said[slog.LevelInfo])
	require.Equal(t, []string{"a connection is lost"}, log.said[slog.LevelError], "not while it stops")
	require.Contains(t, log.said[slog.LevelWarn], "a connection is lost")
}
