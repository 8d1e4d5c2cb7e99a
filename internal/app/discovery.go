package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/portcullis-idp/portcullis/blueprints"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/postgres"
)

// How changes of the blueprints directory are followed.
const (
	calm       = 250 * time.Millisecond // files are looked at when nothing has changed for so long,
	impatience = 2 * time.Second        // or this long after the first change
	checkEvery = time.Hour              // where the file system does not tell of changes
)

// library makes what keeps blueprints applied.
func (a *App) library() *blueprint.Library {
	d := blueprint.LibraryDeps{Store: a.DB, Access: a.Access, Prints: a.Prints, Shipped: blueprints.FS, Directory: a.Config.BlueprintsDir}
	if path, err := os.Executable(); err == nil {
		if info, err := os.Stat(path); err == nil {
			d.ShippedAt = info.ModTime()
		}
	}
	l := blueprint.NewLibrary(d)
	a.Prints.Instances = l
	return l
}

// discover applies the blueprint files that changed since the last start. What
// is wrong with a file is told in the log and the console and stops nothing,
// except for shipped ones on an empty database: without its flows nobody could
// sign in.
func (a *App) discover(ctx context.Context) error {
	found, err := a.Library.Discover(ctx)
	if err != nil {
		return fmt.Errorf("applying blueprints: %w", err)
	}
	a.report(ctx, found)
	for _, f := range found.Failed {
		if found.First && f.Shipped {
			return fmt.Errorf("applying the shipped blueprint %s: %s", f.Path, f.Reason)
		}
	}
	return nil
}

// refresh looks at the blueprint files while the server runs.
func (a *App) refresh(ctx context.Context) error {
	found, err := a.Library.Refresh(ctx)
	if err != nil {
		return fmt.Errorf("checking the blueprint files: %w", err)
	}
	a.report(ctx, found)
	return nil
}

// expireEvery is how often it is written down which sessions' time is over.
const expireEvery = 5 * time.Minute

// sweepLockouts is how often lockouts that are over and attempts that count no more
// are tidied away.
const sweepLockouts = time.Minute

// purgeEvery is how often locks of the past are purged.
const purgeEvery = time.Hour

// purgeEvents is how often events that are older than they are kept are purged.
const purgeEvents = 10 * time.Minute

// chores are what the replicas do again and again.
func (a *App) chores() []postgres.Chore {
	return []postgres.Chore{{Name: "blueprints", Every: checkEvery, Do: a.refresh},
		{Name: "notifications", Every: time.Hour, Do: func(ctx context.Context) error { return a.Notify.Sweep(ctx) }},
		{Name: "logouts", Every: time.Hour, Do: func(ctx context.Context) error { return a.Logouts.Sweep(ctx) }},
		{Name: "signing keys", Every: time.Hour, Do: func(ctx context.Context) error { return a.OIDC.TendKeys(ctx) }},
		{Name: "grants", Every: time.Hour, Do: func(ctx context.Context) error { return a.OIDC.Purge(ctx) }},
		{Name: "sessions", Every: expireEvery, Do: a.Sessions.Expire},
		{Name: "access requests", Every: expireEvery, Do: a.Elevations.Expire},
		{Name: "lockouts", Every: sweepLockouts, Do: func(ctx context.Context) error { return a.Lockouts.Sweep(ctx, a.Config.LockRetention) }},
		{Name: "locks", Every: purgeEvery, Do: func(ctx context.Context) error { return a.Locks.Purge(ctx, a.Config.LockRetention) }},
		{Name: "events", Every: purgeEvents, Do: a.Audit.Purge}}
}

// report tells the log what a check of the blueprints came to.
func (a *App) report(ctx context.Context, d *blueprint.Discovery) {
	if d.Unreadable != nil {
		a.Log.WarnContext(ctx, "the blueprints directory cannot be read; what was applied from it stays", "error", d.Unreadable)
	}
	for _, name := range d.Applied {
		a.Log.InfoContext(ctx, "blueprint applied", "name", name)
	}
	for _, name := range d.Orphaned {
		a.Log.WarnContext(ctx, "the file of a blueprint is gone; what it made stays", "name", name)
	}
	for _, f := range d.Failed {
		a.Log.WarnContext(ctx, "a blueprint cannot be applied", "name", f.Name, "path", f.Path, "problems", f.Problems, "first", f.Reason, "error", f.Err)
	}
}

// watch follows the changes of a directory and of the folders in it. It learns
// of them from the file system, so it costs nothing while there are none.
type watch struct {
	dir     string
	files   *fsnotify.Watcher
	log     *slog.Logger
	changed func(context.Context) error
	stop    context.CancelFunc
	ended   chan struct{}
}

// newWatch begins to listen; what changes from now on is seen by run.
func newWatch(dir string, log *slog.Logger, changed func(context.Context) error) (*watch, error) {
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching the blueprints directory: %w", err)
	}
	w := &watch{dir: dir, files: files, log: log, changed: changed, ended: make(chan struct{})}
	w.follow()
	return w, nil
}

// follow listens to the directory, to what it stands in (it may be replaced as a
// whole), and to its folders. Listening to one twice is no fault; one that is
// gone is left alone until something changes again.
func (w *watch) follow() {
	w.add(filepath.Dir(w.dir))
	err := filepath.WalkDir(w.dir+string(filepath.Separator), func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // it went while we looked; its folder tells
		case filepath.Clean(path) != w.dir && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return filepath.SkipDir
			}
		case e.IsDir():
			w.add(path)
		case e.Type()&fs.ModeSymlink != 0: // to a folder, maybe
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				w.add(path)
			}
		}
		return nil
	})
	if err != nil {
		w.log.Warn("following the blueprints directory", "error", err)
	}
}

func (w *watch) add(path string) {
	if err := w.files.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.log.Warn("following a folder of blueprints; changes there are seen by the hourly check only", "path", path, "error", err)
	}
}

// concerns reports whether an event may be about blueprints: everything in the
// directory (a link such as ..data too, which stands for all files behind it),
// and of what it stands in the directory alone.
func (w *watch) concerns(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	return e.Name == w.dir || filepath.Dir(e.Name) != filepath.Dir(w.dir)
}

// start runs the watch until Close.
func (w *watch) start(ctx context.Context) {
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	go w.run(ctx)
}

// run looks at the files once nothing has changed for a moment.
func (w *watch) run(ctx context.Context) {
	defer close(w.ended)
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	var since time.Time // of the first change not looked at
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-w.files.Errors:
			if err != nil { // events were lost, so anything may have changed
				timer.Reset(calm)
			}
		case e := <-w.files.Events:
			if !w.concerns(e) {
				continue
			}
			if since.IsZero() {
				since = time.Now()
			}
			timer.Reset(min(calm, max(0, impatience-time.Since(since))))
		case <-timer.C:
			since = time.Time{}
			w.follow() // before looking: what comes later is an event
			if err := w.changed(ctx); err != nil && ctx.Err() == nil {
				w.log.ErrorContext(ctx, "following the blueprints directory", "error", err)
			}
		}
	}
}

// Close stops the watch and waits for a check under way.
func (w *watch) Close() {
	if w.stop != nil {
		w.stop()
		<-w.ended
	}
	_ = w.files.Close() // nothing is listened to any more
}
