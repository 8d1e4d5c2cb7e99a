package policies

import (
	"context"
	"log/slog"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Post says whether there is somebody to take mail; mail.Service does.
type Post interface {
	// Ready reports whether the installation has a mail server.
	Ready() bool
}

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

// Sends implements policy.Effects.
func (e Effects) Sends() bool { return e.Post != nil && e.Post.Ready() }

// Send implements policy.Effects: a job for each address, in one transaction. Why
// nothing is sent is logged, without addresses.
func (e Effects) Send(ctx context.Context, messages []idp.Message) (unsent string, err error) {
	if !e.Sends() {
		return e.unsent(ctx, messages, "the installation has no mail server"), nil
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
