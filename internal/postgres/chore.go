package postgres

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// Chore is work of a use case that is done again and again, by one of the
// replicas each time.
type Chore struct {
	Name  string
	Every time.Duration // at least a minute; the first time is that long after the start
	Do    func(ctx context.Context) error
}

// choreArgs names a chore in the queue.
type choreArgs struct {
	Name string `json:"name"`
}

// Kind implements river.JobArgs.
func (choreArgs) Kind() string { return "chore" }

// InsertOpts implements river.JobArgsWithInsertOpts. What failed comes round
// again, so it is not tried again for days.
func (choreArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 2, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: time.Minute}}
}

// periodic are the worker's own rounds and the chores.
func periodic(chores []Chore) []*river.PeriodicJob {
	out := []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(purgeInterval),
		func() (river.JobArgs, *river.InsertOpts) { return purgeArgs{}, nil }, nil)}
	for _, c := range chores {
		out = append(out, river.NewPeriodicJob(river.PeriodicInterval(c.Every),
			func() (river.JobArgs, *river.InsertOpts) { return choreArgs{c.Name}, nil }, nil))
	}
	return out
}

// addChores lets the worker do them.
func addChores(register *river.Workers, chores []Chore) {
	river.AddWorker(register, river.WorkFunc(func(ctx context.Context, job *river.Job[choreArgs]) error {
		for _, c := range chores {
			if c.Name == job.Args.Name {
				return c.Do(ctx)
			}
		}
		return nil // of another version, which does it itself
	}))
}
