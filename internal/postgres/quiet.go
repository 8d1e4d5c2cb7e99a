package postgres

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// quiet is what of the job queue's log is news. It lets warnings and errors
// through only: the queue tells of every start and stop of its parts. What goes
// wrong while it stops is a warning at most: its parts stop at the same time, so
// one finds that another has closed their connection, and what it did not finish
// is tried again.
type quiet struct {
	slog.Handler
	stopping *atomic.Bool
}

func quietly(log *slog.Logger, stopping *atomic.Bool) *slog.Logger {
	return slog.New(quiet{log.Handler(), stopping})
}

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, q.level(l))
}

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = q.level(r.Level)
	if !q.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

func (q quiet) level(l slog.Level) slog.Level {
	if q.stopping.Load() {
		return min(l, slog.LevelWarn)
	}
	return l
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.stopping}
}

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler {
	return quiet{q.Handler.WithGroup(name), q.stopping}
}
