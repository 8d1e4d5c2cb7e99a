package policy

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// slow is a directory and a ledger that keep everybody waiting.
type slow struct {
	shelf
	*ledger
}

const kept = 5 * maxStall // by each question

func (s slow) PolicyNamed(ctx context.Context, name string) (*idp.Policy, error) {
	time.Sleep(kept)
	return s.shelf.PolicyNamed(ctx, name)
}

func (s slow) UserBy(ctx context.Context, field, value string) (*idp.User, error) {
	time.Sleep(kept)
	return s.shelf.UserBy(ctx, field, value)
}

func (s slow) FactorsOf(ctx context.Context, id idp.UserID) ([]idp.FactorKind, error) {
	time.Sleep(kept)
	return s.shelf.FactorsOf(ctx, id)
}

func (s slow) GroupsNamed(ctx context.Context, names []string) ([]idp.Group, error) {
	time.Sleep(kept)
	return s.shelf.GroupsNamed(ctx, names)
}

func (s slow) Record(ctx context.Context, e *idp.Event) error {
	time.Sleep(kept)
	return s.ledger.Record(ctx, e)
}

func (s slow) Prepare(ctx context.Context, d idp.Draft) ([]idp.Message, string, error) {
	time.Sleep(kept)
	return s.ledger.Prepare(ctx, d)
}

func (s slow) Send(ctx context.Context, messages []idp.Message) (string, error) {
	time.Sleep(kept)
	return s.ledger.Send(ctx, messages)
}

// The time that others take to answer is not the expression's: not a moment of it counts,
// whatever is asked.
func TestWaitingForOthersIsNotComputing(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]any{
		"ak_call_policy":            {"inner"},
		"ak_user_by":                {"username", "eve"},
		"ak_user_has_authenticator": {map[string]any{"pk": 7}},
		"ak_is_group_member":        {map[string]any{"groups": []any{"staff"}}, map[string]any{"name": "staff", "is_superuser": true}},
		"ak_create_event":           {"suspicious_request"},
		"ak_send_email":             {"a@example.org", "Hello", map[string]any{"body": "Text"}},
		"resolve_dns":               {"slow.example"},
		"reverse_dns":               {"192.0.2.1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			z := &zone{}
			z.slow.Store(true)
			s := slow{shelf{"inner": "true"}, &ledger{}}
			ctx, _ := actingEngine(nil, z).With(s).Acting(s).asks(t.Context())
			m := newMeter(ctx, nil)
			m.request = request()
			all := functions()
			f := all[slices.IndexFunc(all, func(f function) bool { return f.name == name })]
			began := time.Now()
			_, err := f.run(m, args)
			require.NoError(t, err, name)
			require.GreaterOrEqual(t, time.Since(began), kept, "%s asked nobody", name)
			require.NoError(t, m.tick(0))
			require.Zero(t, m.used, name)
		})
	}
}

// A policy may ask for all that it may ask for, however long that takes.
func TestAPolicyMayAskASlowDirectory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := actingEngine(nil, nil).With(slow{shelf: shelf{"inner": "true"}})
		r, err := e.EvaluatePolicy(t.Context(), asPolicy(`all(1..20, {ak_call_policy("inner").passing})`), request())
		require.NoError(t, err)
		require.True(t, r.Passing)
	})
}
