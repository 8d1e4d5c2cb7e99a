package policies

import (
	"context"
	"log/slog"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Effects writes the events and orders the mail that expressions ask for. It
// implements policy.Effects.
type Effects struct {
	Store idp.Store
	Post  Post // nil = no mail server
	Log   *slog.Logger
}

// Record implements policy.Effects.
func (e Effects) Record(ctx context.Context, event *idp.Event) error {
	return e.Store.Repos().Events.Append(ctx, event)
}

// Send implements policy.Effects: a job for each address, in one transaction. Why
// nothing is sent is logged, without addresses.
func (e Effects) Send(ctx context.Context, messages []idp.Message) (unsent string, err error) {
	for _, m := range messages {
		if m.Stage == (idp.StageID{}) && !e.ready() {
			return e.unsent(ctx, messages, noServer), nil
		}
	}
	err = e.Store.InTx(ctx, func(tx idp.Repos) error {
		for i := range messages {
			if err := tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobMessage, Message: &messages[i]}); err != nil {
				return err
			}
		}
		return nil
	})
	if idp.Is(err, idp.CodeRateLimited) {
		return e.unsent(ctx, messages, "one of the addresses was written to too often"), nil
	}
	return "", err
}

func (e Effects) unsent(ctx context.Context, messages []idp.Message, why string) string {
	if len(messages) > 0 {
		e.Log.WarnContext(ctx, "a policy's email is not sent", "policy", messages[0].Policy, "reason", why)
	}
	return why
}
