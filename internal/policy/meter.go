package policy

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The bounds of an expression. A warning for a thousand users takes about 30,000
// steps and 300 kB of text.
const (
	MaxSource   = 16 << 10  // bytes of source
	maxNodes    = 2000      // nodes of the syntax tree
	maxDepth    = 1000      // levels of the syntax tree
	maxNesting  = 32        // levels of lists and maps, in sources, inputs and results
	maxSteps    = 500_000   // nodes run inside loops, plus elements that functions touch
	maxElements = 100_000   // elements of all lists that operators make in one run
	maxList     = 10_000    // elements of one list, made by a function or given as input
	maxText     = 256 << 10 // bytes of one text that a function makes
	maxTexts    = 4 << 20   // bytes of all texts that functions make in one run
	maxInputs   = 250_000   // values of one environment, all lists and maps together
	maxInput    = 1 << 20   // bytes of one text given as input
	maxTime     = 100 * time.Millisecond
	maxStall    = 20 * time.Millisecond
	maxMessages = 20
	maxMessage  = 500 // characters
)

// meter is the state of one run. Expressions reach it through a hidden first
// argument and cannot look inside: it has no exported fields or methods.
type meter struct {
	ctx      context.Context
	request  idp.PolicyRequest
	now      time.Time
	looked   time.Time     // when the clock was last looked at
	used     time.Duration // of maxTime
	steps    int
	bytes    int
	messages []string
	env      map[string]any      // what the run sees; nil = not a request
	set      map[string]any      // of the flow's context
	patterns map[string]*pattern // those of the source, compiled; read only
	made     map[string]*pattern // those this run has made
}

func newMeter(ctx context.Context, patterns map[string]*pattern) *meter {
	now := time.Now()
	return &meter{ctx: ctx, now: now, looked: now, steps: maxSteps, bytes: maxTexts, patterns: patterns}
}

// tick pays for one turn of a loop and looks at the clock. Of one turn at most
// maxStall counts: more than that is a machine that was busy elsewhere, and a
// policy must not refuse people for it.
func (m *meter) tick(cost int) error {
	now := time.Now()
	m.used += min(now.Sub(m.looked), maxStall)
	m.looked = now
	if m.used > maxTime {
		return context.DeadlineExceeded
	}
	if err := m.ctx.Err(); err != nil {
		return err
	}
	return m.spend(cost)
}

// waited takes the time since out again, in which others were asked for something, such as
// the directory. It is not the expression's: a slow database must not refuse people as if a
// policy computed too long. How often it asks is bounded, and how long altogether by the time
// its policy has.
func (m *meter) waited(since time.Time) { m.looked = m.looked.Add(time.Since(since)) }

// spend pays for steps.
func (m *meter) spend(steps int) error {
	if m.steps -= steps; m.steps < 0 {
		return tooMuch("the expression takes more than %d steps", maxSteps)
	}
	return nil
}

// text pays for a text of n bytes that is about to be made.
func (m *meter) text(n int) error {
	if n > maxText {
		return tooMuch("a text of more than %d kB would be made", maxText>>10)
	}
	if m.bytes -= n; m.bytes < 0 {
		return tooMuch("texts of more than %d MB would be made", maxTexts>>20)
	}
	return m.spend(1 + n>>6)
}

// list pays for a list of n elements that is about to be made.
func (m *meter) list(n int) error {
	if n > maxList {
		return tooMuch("a list of more than %d elements would be made", maxList)
	}
	return m.spend(1 + n)
}

// message notes a message for the person the policy is about.
func (m *meter) message(text string) error {
	if len(m.messages) >= maxMessages {
		return tooMuch("more than %d messages", maxMessages)
	}
	if r := []rune(text); len(r) > maxMessage {
		return tooMuch("a message of more than %d characters", maxMessage)
	}
	m.messages = append(m.messages, text)
	return nil
}

func wrongType(position int, want string, got any) error {
	return fmt.Errorf("argument %d: %s is expected, got %s", position, want, typeName(got))
}
