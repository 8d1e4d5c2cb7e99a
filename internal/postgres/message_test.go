package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestEnqueueMessages(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	enqueue := func(to, subject, text string) error {
		return db.Repos().Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobMessage, Message: &idp.Message{To: to, Subject: subject, Text: text, Policy: "p"}})
	}
	jobs := func() int { return scalar[int](t, db, `SELECT count(*) FROM river_job WHERE kind = 'message'`) }
	require.NoError(t, enqueue("Mia@example.org", "Hello", "Text"))
	require.NoError(t, enqueue("mia@example.org", "Hello", "Text"))
	require.Equal(t, 1, jobs(), "the same again")
	require.NoError(t, enqueue("mia@example.org", "Hello", "Another text"))
	require.NoError(t, enqueue("mia@example.org", "Another subject", "Text"))
	require.NoError(t, enqueue("ada@example.org", "Hello", "Text"))
	require.Equal(t, 4, jobs())

	for i := range messageLimit - 3 {
		require.NoError(t, enqueue("mia@example.org", "Hello", fmt.Sprint(i)))
	}
	require.True(t, idp.Is(enqueue("MIA@example.org", "Hello", "one more"), idp.CodeRateLimited))
	require.NoError(t, enqueue("ada@example.org", "Hello", "one more"))
	sql(t, db, `UPDATE river_job SET created_at = created_at - interval '61 minutes' WHERE args ->> 'text' = '0'`)
	require.NoError(t, enqueue("mia@example.org", "Hello", "one more"))
	require.Error(t, enqueue("mia@example.org", "Hello", "and one"))

	require.True(t, idp.Is(db.Repos().Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobMessage}), idp.CodeInternal))
	before, boom := jobs(), errors.New("boom")
	require.ErrorIs(t, db.InTx(ctx, func(tx idp.Repos) error {
		return errors.Join(tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobMessage, Message: &idp.Message{To: "eve@example.org"}}), boom)
	}), boom)
	require.Equal(t, before, jobs(), "a job came out of a transaction that never was")
}

// outbox takes messages.
type outbox struct{ messages chan idp.Message }

func (outbox) Deliver(context.Context, idp.LinkID, bool) error { return nil }

func (o outbox) DeliverMessage(_ context.Context, m idp.Message, _ bool) error {
	o.messages <- m
	return nil
}

// The worker hands over what was ordered, as it was.
func TestWorkerDeliversMessages(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, cancel := background()
	defer cancel()
	box := outbox{make(chan idp.Message, 10)}
	w, err := db.NewWorker(box)
	require.NoError(t, err)
	done, unsubscribe := w.client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer unsubscribe()
	m := idp.Message{To: "Mia@example.org", Subject: "Hello", Text: "Text", Policy: "watch", User: map[string]any{"username": "mia"}}
	require.NoError(t, db.Repos().Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobMessage, Message: &m}))
	require.NoError(t, w.Start(ctx))
	defer w.Stop()
	for {
		select {
		case e := <-done:
			require.Equal(t, river.EventKindJobCompleted, e.Kind, "%+v", e.Job.Errors)
			if e.Job.Kind != string(idp.JobMessage) {
				continue
			}
			require.Equal(t, m, <-box.messages)
			return
		case <-time.After(30 * time.Second):
			t.Fatal("the message was never delivered")
		}
	}
}
