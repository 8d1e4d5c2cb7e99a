package geo

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
)

// How changes of the files are followed.
const (
	calm       = 250 * time.Millisecond // files are looked at when nothing has changed for so long,
	impatience = 2 * time.Second        // or this long after the first change
	checkEvery = time.Hour              // where the file system does not tell of changes
	maxLinks   = 40                     // on the way to a file
)

// watch follows the files through whatever links lead to them. It learns of
// changes from the file system and costs nothing while there are none.
type watch struct {
	files   *fsnotify.Watcher
	paths   []string
	changed func()
	log     *slog.Logger
	stop    context.CancelFunc
	ended   chan struct{}
	names   map[string]bool // whose changes concern us
}

// Start follows the files until Stop. Without any it does nothing.
func (d *Databases) Start(ctx context.Context) error {
	var paths []string
	for _, one := range []*database{d.places, d.networks} {
		if one.path != "" {
			paths = append(paths, one.path)
		}
	}
	if len(paths) == 0 || d.watch != nil {
		return nil
	}
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching the databases of addresses: %w", err)
	}
	look := func() {
		d.places.refresh()
		d.networks.refresh()
	}
	d.watch = &watch{files: files, paths: paths, changed: look, log: d.log, ended: make(chan struct{})}
	d.watch.follow()
	look() // what changed since Open
	ctx, d.watch.stop = context.WithCancel(context.WithoutCancel(ctx))
	go d.watch.run(ctx)
	return nil
}

// Stop ends what Start began and waits for a look under way. What is loaded
// stays in use.
func (d *Databases) Stop() {
	if d.watch == nil {
		return
	}
	d.watch.stop()
	<-d.watch.ended
	_ = d.watch.files.Close() // nothing is listened to any more
	d.watch = nil
}

// follow listens to every directory in which a change can lead to another file,
// and no longer to those in which none can.
func (w *watch) follow() {
	w.names = map[string]bool{}
	wanted := map[string]bool{}
	for _, path := range w.paths {
		for _, name := range way(path) {
			w.names[name] = true
			wanted[filepath.Dir(name)] = true
		}
	}
	for dir := range wanted {
		w.names[dir] = true // it may go, too
		if err := w.files.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.log.Warn("following a directory with databases of addresses; changes there are seen by the hourly check only", "path", dir, "error", err)
		}
	}
	for _, dir := range w.files.WatchList() {
		if !wanted[dir] {
			_ = w.files.Remove(dir) // it may be gone already
		}
	}
}

// way lists the names that lead to a file and that a change can make lead
// elsewhere: links on the way, and the file itself or the first name that does
// not exist. The directories they stand in have no links in them.
func way(path string) []string {
	var names []string
	at, left, links := "/", split(path), 0
	for len(left) > 0 {
		next := filepath.Join(at, left[0])
		left = left[1:]
		info, err := os.Lstat(next)
		switch {
		case err != nil:
			return append(names, next)
		case info.Mode()&fs.ModeSymlink == 0:
			if at = next; len(left) == 0 {
				names = append(names, next)
			}
			continue
		}
		names = append(names, next)
		target, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return names
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		// Not cleaned: what “..” means depends on the links before it.
		left = append(split(target), left...)
	}
	return names
}

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// run looks at the files once nothing has changed for a moment.
func (w *watch) run(ctx context.Context) {
	defer close(w.ended)
	timer := time.NewTimer(checkEvery)
	defer timer.Stop()
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
			if !w.names[e.Name] {
				continue
			}
			if since.IsZero() {
				since = time.Now()
			}
			timer.Reset(min(calm, max(0, impatience-time.Since(since))))
		case <-timer.C:
			since = time.Time{}
			w.follow() // before looking: what comes later is an event
			w.changed()
			timer.Reset(checkEvery)
		}
	}
}
