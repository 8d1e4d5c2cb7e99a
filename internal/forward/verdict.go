package forward

import (
	"net/netip"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// verdictFor is how long what policies said is remembered: they may ask for the time
	// of day, or for scores that change.
	verdictFor = 5 * time.Second
	// verdictsAtMost bounds how much is remembered.
	verdictsAtMost = 50_000
)

// question is what policies were asked.
type question struct {
	application idp.ApplicationID
	user        idp.UserID
	from        netip.Addr
	elevations  string // see having
}

// having tells sessions apart that have other groups for a while than their account.
func having(elevations []idp.Elevation) string {
	var out string
	for _, e := range elevations {
		out += string(e.Request[:])
	}
	return out
}

type verdict struct {
	passing  bool
	messages []string
	until    time.Time
}

// verdicts remembers what policies said. The zero value is ready.
type verdicts struct {
	mu    sync.RWMutex
	era   uint64 // another one after each clearing
	known map[question]verdict
}

// get returns what was said, and the era in which to keep what is said instead.
func (v *verdicts) get(q question, now time.Time) (found verdict, ok bool, era uint64) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	found, ok = v.known[q]
	return found, ok && now.Before(found.until), v.era
}

// put keeps what was said, unless something changed since it was asked.
func (v *verdicts) put(q question, said verdict, era uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.era != era {
		return
	}
	if v.known == nil || len(v.known) >= verdictsAtMost {
		v.known = map[question]verdict{}
	}
	v.known[q] = said
}

func (v *verdicts) clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.era++
	v.known = nil
}
