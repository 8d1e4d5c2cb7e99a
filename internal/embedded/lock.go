package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a waiting process asks for a lock again. flock(2)
// cannot be waited for with a deadline, so it is asked for without waiting.
const lockPoll = 15 * time.Millisecond

// errLocked says that another process holds the lock.
var errLocked = errors.New("held by another process")

// fileLock is an flock(2): the kernel drops it when its last holder dies, so
// a killed process never leaves one behind.
type fileLock struct{ file *os.File }

// tryLock takes the lock at path (unix.LOCK_SH or unix.LOCK_EX) or returns
// errLocked at once.
func tryLock(path string, how int) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening lock file: %w", err)
	}
	for {
		err = unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err == nil {
		return &fileLock{file}, nil
	}
	_ = file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errLocked
	}
	return nil, fmt.Errorf("locking %s: %w", path, err)
}

// waitLock is tryLock that waits for its turn until ctx ends.
func waitLock(ctx context.Context, path string, how int) (*fileLock, error) {
	for {
		lock, err := tryLock(path, how)
		if !errors.Is(err, errLocked) {
			return lock, err
		}
		if !pause(ctx, lockPoll) {
			return nil, fmt.Errorf("waiting for %s: %w", path, context.Cause(ctx))
		}
	}
}

// release drops the lock. Closing is enough: nobody else holds this open file
// except a child it was handed to on purpose (see cluster.initialise).
func (l *fileLock) release() {
	if l != nil {
		_ = l.file.Close()
	}
}

// pause waits for d and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
