package secret

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// MaxPassword is the longest password in bytes of UTF-8, as typed. NIST SP
// 800-63B asks for at least 64 characters; the limit keeps hashing a constant cost.
const MaxPassword = 1024

const (
	queuePerSlot = 128             // waiting callers per processor; at 30 ms each the last one waits about 4 s
	busyRetry    = 5 * time.Second // by then a full queue has drained
)

// Hasher hashes and verifies passwords, at most one per processor at a time.
// Make one per process with New and share it.
type Hasher struct {
	slots   chan struct{}
	large   chan struct{} // one hash above our own memory parameter at a time
	queue   int64
	waiting atomic.Int64
	room    room
	pace    atomic.Pointer[Pace] // nil = the collector's own
}

// Result is the outcome of a verification.
type Result struct {
	// OK is whether the password matches.
	OK bool
	// Rehash is whether the caller should Hash the password anew and store the
	// outcome: the stored hash is foreign or weaker than today's. Only with OK.
	Rehash bool
}

// New returns a Hasher for this process's processors (GOMAXPROCS, which
// respects a container's CPU limit).
func New() *Hasher {
	n := runtime.GOMAXPROCS(0)
	return newHasher(n, n*queuePerSlot)
}

func newHasher(slots, queue int) *Hasher {
	return &Hasher{
		slots: make(chan struct{}, slots),
		large: make(chan struct{}, 1),
		queue: int64(queue),
		room:  room{limit: slots * ourMemory},
	}
}

// Follow has the collector keep the pace while hashes run that begin from now on.
func (h *Hasher) Follow(p *Pace) { h.pace.Store(p) }

// Hash returns the encoded argon2id hash of a password. An empty or over-long
// password is idp.CodeInvalid on the field "password"; a full queue is
// idp.CodeBusy; a context that ends while waiting is the context's error.
// Never call it inside a database transaction: it takes tens of milliseconds.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	switch {
	case password == "":
		return "", idp.Invalid("password", "This field may not be blank.")
	case len(password) > MaxPassword:
		return "", idp.Invalid("password", "Ensure this field has no more than %d bytes.", MaxPassword)
	}
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails: crypto/rand ends the process instead
	hash := argon2id{memory: ourMemory, passes: ourPasses, lanes: ourLanes, salt: salt}
	err := h.run(ctx, ourMemory, func() {
		hash.key = hash.derive(norm.NFKC.Bytes([]byte(password)), keyLength)
	})
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return hash.String(), nil
}

// Verify compares a password with an encoded hash. Whatever cannot match (an
// unusable hash, an empty or over-long password) is a Result without OK after
// the usual time, not an error. Errors are idp.CodeBusy, the context's, and
// idp.CodeInternal for a stored hash that cannot be read; callers must treat
// each of them as a refusal.
func (h *Hasher) Verify(ctx context.Context, encoded, password string) (Result, error) {
	if len(password) > MaxPassword {
		return Result{}, nil // whoever is asked for: tells nothing about the account
	}
	if !Usable(encoded) {
		return Result{}, h.VerifyAbsent(ctx, password)
	}
	stored, err := parse(encoded)
	if err != nil {
		if burnt := h.VerifyAbsent(ctx, password); burnt != nil {
			return Result{}, burnt
		}
		return Result{}, fmt.Errorf("verifying a password: %w", err)
	}
	for i, candidate := range candidates(password, stored.foreign()) {
		var ok bool
		if err := h.run(ctx, stored.kibibytes(), func() { ok = stored.matches(candidate) }); err != nil {
			return Result{}, fmt.Errorf("verifying a password: %w", err)
		}
		if ok && password != "" {
			return Result{OK: true, Rehash: i > 0 || stored.outdated()}, nil
		}
	}
	return Result{}, nil
}

// VerifyAbsent takes the time of a failed Verify, for accounts that do not
// exist or have no password. Its errors are those of Verify.
func (h *Hasher) VerifyAbsent(ctx context.Context, password string) error {
	if len(password) > MaxPassword {
		return nil
	}
	for _, candidate := range candidates(password, false) {
		if err := h.run(ctx, ourMemory, func() { absent.matches(candidate) }); err != nil {
			return fmt.Errorf("verifying a password: %w", err)
		}
	}
	return nil
}

// absent is compared with when there is nothing to compare with.
var absent = argon2id{memory: ourMemory, passes: ourPasses, lanes: ourLanes,
	salt: make([]byte, saltLength), key: make([]byte, keyLength)}

// candidates are the forms of a password to try, the likelier first.
func candidates(password string, asTypedFirst bool) [][]byte {
	typed := []byte(password)
	if norm.NFKC.IsNormal(typed) {
		return [][]byte{typed}
	}
	normal := norm.NFKC.Bytes(typed)
	if asTypedFirst {
		return [][]byte{typed, normal}
	}
	return [][]byte{normal, typed}
}

// run waits for a slot and runs work, which allocates the memory given.
func (h *Hasher) run(ctx context.Context, kibibytes int, work func()) error {
	if kibibytes > ourMemory {
		if err := h.acquire(ctx, h.large); err != nil {
			return err
		}
		defer func() { <-h.large }()
	}
	if err := h.acquire(ctx, h.slots); err != nil {
		return err
	}
	defer func() { <-h.slots }()
	if kibibytes > 0 {
		if p := h.pace.Load(); p != nil {
			p.enter()
			defer p.leave()
		}
		h.room.enter(kibibytes)
		defer h.room.leave(kibibytes)
	}
	work()
	return nil
}

func (h *Hasher) acquire(ctx context.Context, slots chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case slots <- struct{}{}:
		return nil
	default:
	}
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.queue {
		return &idp.Error{Code: idp.CodeBusy, RetryAfter: busyRetry,
			Message: "Too many sign-ins at once. Try again in a moment."}
	}
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
