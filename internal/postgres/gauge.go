package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Pool is how the connections of a pool are used now.
type Pool struct {
	Name             string // requests, or lockdowns
	InUse, Idle, Max int32
	// Waits is how many had to wait for a connection since the start, and Waited for
	// how long together.
	Waits  int64
	Waited time.Duration
}

// Pools tells how the connections are used. It asks nobody.
func (db *DB) Pools() []Pool {
	out := make([]Pool, 0, 2)
	for _, p := range []struct {
		name string
		pool *pgxpool.Pool
	}{{"requests", db.pool}, {"lockdowns", db.reserved}} {
		s := p.pool.Stat()
		out = append(out, Pool{Name: p.name, InUse: s.AcquiredConns(), Idle: s.IdleConns(), Max: s.MaxConns(),
			Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime()})
	}
	return out
}

// JobCount is how many jobs of a kind are in a state.
type JobCount struct {
	Kind, State string
	Count       int
}

// countedJobs is how many jobs are looked at in each state.
const countedJobs = 20_000

// JobCounts counts the jobs that are not done: those that wait, run, are to be tried
// again or were given up. Of each state it looks at so many, so that it costs little
// also when a great many wait.
func (db *DB) JobCounts(ctx context.Context) ([]JobCount, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT j.kind, s.state::text AS state, count(*) AS count
		  FROM unnest('{available,pending,scheduled,running,retryable,discarded}'::river_job_state[]) s (state)
		  JOIN LATERAL (SELECT kind FROM river_job WHERE river_job.state = s.state LIMIT $1) j ON true
		 GROUP BY 1, 2
		 UNION ALL SELECT 'notification', 'available', count(*) FROM (SELECT FROM notification_jobs LIMIT $1) n HAVING count(*) > 0
		 ORDER BY 1, 2`, countedJobs)
	if err != nil {
		return nil, wrap(err, "job", "counting jobs")
	}
	counts, err := pgx.CollectRows(rows, pgx.RowToStructByName[JobCount])
	return counts, wrap(err, "job", "counting jobs")
}
