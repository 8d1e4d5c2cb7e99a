package flow

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// debugAttribute is the attribute of an account, or of a group that it belongs
// to, by which the contract lets somebody see why a flow failed.
const debugAttribute = "goauthentik.io/user/debug"

// maxTraceback is the longest text that tells how a fault came about, in bytes.
const maxTraceback = 32 << 10

// crash is the panic of a stage, caught where the stage was called: it ends the
// run like every other fault of a stage, with its event and its challenge.
type crash struct {
	value any
	stack string
}

// Error implements error.
func (c *crash) Error() string { return fmt.Sprintf("panic: %v", c.value) }

// entered is what the present stage wants when the browser arrives at it.
func (p *passage) entered(ctx context.Context) (step Step, err error) {
	defer caught(&step, &err)
	return p.here.stage.Enter(ctx, p.run)
}

// submitted is what the present stage makes of an answer.
func (p *passage) submitted(ctx context.Context, in Input) (step Step, err error) {
	defer caught(&step, &err)
	return p.here.stage.Submit(ctx, p.run, in)
}

func caught(step *Step, err *error) {
	if v := recover(); v != nil {
		*step, *err = nil, &crash{v, string(debug.Stack())}
	}
}

// traceback tells how a fault came about: every error of its chain with its type,
// outermost first, and where a stage panicked the stack at that moment.
func traceback(err error) string {
	var b strings.Builder
	chain(&b, err, 0)
	if s := stack(err); s != "" {
		b.WriteString("\n" + s)
	}
	return clipText(b.String(), maxTraceback)
}

func chain(b *strings.Builder, err error, depth int) {
	fmt.Fprintf(b, "%s%T: %v\n", strings.Repeat("  ", depth), err, err)
	switch e := err.(type) { //nolint:errorlint // every link of the chain is told
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			chain(b, inner, depth+1)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			chain(b, inner, depth+1)
		}
	}
}

// stack is where a stage panicked, "" for every other fault.
func stack(err error) string {
	var c *crash
	if errors.As(err, &c) {
		return c.stack
	}
	return ""
}

func clipText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// debugs reports whether somebody may see why a flow failed: who may inspect
// flows, and whose account or group says so. What the account says wins.
func (p *passage) debugs(ctx context.Context, who idp.Actor) (bool, error) {
	if who.User == nil || p.inspects(who) {
		return who.User != nil, nil
	}
	if own, said := who.User.Attributes[debugAttribute]; said || len(who.User.AllGroups) == 0 {
		return own == true, nil
	}
	page, err := p.x.store.Repos().Groups.Find(ctx, idp.GroupFilter{IDs: who.User.AllGroups,
		Attributes: idp.Attributes{debugAttribute: true}, Paging: idp.Paging{Limit: 1}})
	return len(page.Items) > 0, err
}
