package lockdown_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// vanishing runs act before the given lockdown transaction, counted from 1.
type vanishing struct {
	idp.Store
	before int64
	act    func()
	count  atomic.Int64
}

func (v *vanishing) Lockdown(ctx context.Context, fn func(tx idp.Repos) error) error {
	if v.count.Add(1) == v.before {
		v.act()
	}
	return v.Store.Lockdown(ctx, fn)
}

// allowed lets everybody do everything.
type allowed struct{ idp.Unlocked }

func (allowed) Check(idp.Actor, idp.Verb, idp.Object) error { return nil }

func (allowed) Covers(idp.Actor, idp.Rights) error { return nil }

func (allowed) Fresh(idp.Actor) error { return nil }

func cancellable(t *testing.T) (context.Context, func()) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

func fields(t *testing.T, err error) map[string][]string {
	t.Helper()
	var e *idp.Error
	require.True(t, errors.As(err, &e), "%v", err)
	return e.Fields
}

func many(n int) []idp.UserID {
	out := make([]idp.UserID, n)
	for i := range out {
		out[i] = idp.UserID(1_000_000 + i)
	}
	return out
}
