package app

import (
	"context"
	"fmt"
	"sync"
)

// follow puts what is held in memory in step with the database, and keeps it so.
// From here on every act waits until it has taken effect on all servers.
func (a *App) follow(ctx context.Context) error {
	if err := a.Feed.Start(ctx); err != nil {
		return fmt.Errorf("waiting for the change feed: %w", err)
	}
	a.DB.Await(a.Feed.Await)
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { a.crier.Run(own) })
	done.Go(func() { a.view.Run(own, a.Log) })
	done.Go(func() { a.Locked.Run(own) })
	done.Go(func() { a.Audit.Run(own) })
	done.Go(func() { a.Notify.Run(own) })
	done.Go(func() { a.Logouts.Run(own) })
	done.Go(func() { a.Locks.Run(own, a.Log) })
	done.Go(func() {
		a.Lockouts.Run(own, func(err error) { a.Log.Warn("attempts that lockouts refused were not counted", "error", err) })
	})
	a.uses = func() {
		stop()
		done.Wait()
	}
	return nil
}
