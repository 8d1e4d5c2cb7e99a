package policy

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Effects carries out what expressions ask to be done.
type Effects interface {
	// Record writes an event.
	Record(ctx context.Context, e *idp.Event) error
	// Prepare makes a draft's messages: one for each recipient, none where there
	// is nobody to write to. It sends none, and tells why none could be sent, ""
	// when they could. What is wrong with the draft is CodeInvalid.
	Prepare(ctx context.Context, d idp.Draft) (messages []idp.Message, unsent string, err error)
	// Send orders the messages, all of them or none. It returns why none of them
	// will be sent, "" when they will.
	Send(ctx context.Context, messages []idp.Message) (unsent string, err error)
}

// What one evaluation may do, with all policies it asks.
const (
	maxEvents  = 5 // events written
	maxLetters = 3 // calls that send mail
	maxLookups = 5 // lookups in the DNS that are not answered from what is kept
)

// App is what speaks in the events of policies.
const App = "authentik.policies"

// allowance is what remains to the outermost evaluation and all below.
type allowance struct{ asks, events, letters, lookups atomic.Int32 }

func newAllowance() *allowance {
	a := &allowance{}
	a.asks.Store(maxAsks)
	a.events.Store(maxEvents)
	a.letters.Store(maxLetters)
	a.lookups.Store(maxLookups)
	return a
}

// Acting returns an engine whose expressions may also write events and send
// mail.
func (e *Engine) Acting(x Effects) *Engine {
	with := *e
	with.effects = x
	return &with
}

// Resolving returns an engine whose expressions may also look up names and
// addresses.
func (e *Engine) Resolving(r Resolver) *Engine {
	with := *e
	with.lookups = newLookups(r)
	return &with
}

// actor returns what the run may reach, having paid one of what remains for
// something done.
func (m *meter) actor(left func(*allowance) *atomic.Int32, most int, what string) (*asking, error) {
	a, ok := m.ctx.Value(askingKey{}).(*asking)
	if !ok || a.engine.effects == nil {
		return nil, fmt.Errorf("only a policy can do this, and only where policies are kept")
	}
	if left(a.left).Add(-1) < 0 {
		return nil, tooMuch("an evaluation %s at most %d times", what, most)
	}
	return a, m.spend(1000)
}

// dry reports whether nothing may be done: somebody only tries the policy.
func (a *asking) dry(m *meter) bool { return a.journal != nil || m.request.Debug }
