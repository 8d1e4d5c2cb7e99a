package notify

import (
	"context"
	"errors"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Test sends a message over a transport to the actor, and returns what the receiver
// said. Nothing of it is kept but an event. Errors: CodeForbidden; CodeNotFound;
// CodeInvalid with what went wrong.
func (s *Service) Test(ctx context.Context, actor idp.Actor, id idp.TransportID) (string, error) {
	if err := s.Access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceNotification}); err != nil {
		return "", err
	}
	t, err := s.Store.Repos().Transports.Get(ctx, id)
	if err != nil {
		return "", err
	}
	now, err := s.Store.Now(ctx)
	if err != nil {
		return "", err
	}
	e := idp.ConfigWarningEvent(App, actor, nil, map[string]any{"message": "This is a test of the transport " + t.Name + ".", "action_id": "notification_test"})
	e.CreatedAt, e.ID = now, idp.NewID[idp.Event]()
	m := &Message{Try: 1, Event: e, Rule: "Test", Severity: idp.SeverityNotice, Body: idp.EventBody(e), User: actor.User, Transport: t, Test: true}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if t.Mode == idp.TransportLocal {
		if actor.User == nil {
			return "", idp.Invalid("", "Only somebody who is signed in can be told in the console.")
		}
		err := s.Store.InTx(ctx, func(tx idp.Repos) error {
			return tx.Notifications.Create(ctx, []idp.Notification{{UserID: actor.User.ID, Severity: m.Severity, Body: m.Body}})
		})
		return "It is in your list of notifications.", err
	}
	answer, err := s.hand(ctx, m, nil)
	var known *idp.Error
	if errors.As(err, &known) && known.Code != idp.CodeInvalid {
		return "", err // the database's, not the receiver's
	}
	if err != nil {
		invalid := idp.Invalid("", "%s", clip(joined(answer, err)))
		invalid.Err = err
		return "", invalid
	}
	return clip(answer), nil
}

// Redeliver queues a delivery that is over once more, after those that wait. Errors:
// CodeForbidden; CodeNotFound; CodeConflict when it is waiting.
func (s *Service) Redeliver(ctx context.Context, actor idp.Actor, id int64) (*idp.Delivery, error) {
	if err := s.Access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceNotification}); err != nil {
		return nil, err
	}
	var again *idp.Delivery
	err := s.Store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.Access)
		if err != nil {
			return err
		}
		if err := s.Access.Check(now, idp.VerbUpdate, idp.Object{Resource: idp.ResourceNotification}); err != nil {
			return err
		}
		if again, err = tx.Deliveries.Again(ctx, id); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(App, now, nil, map[string]any{"action_id": "notification_redelivered",
			"delivery": id, "rule": again.RuleName, "transport": again.TransportName, "event": again.EventID.String(), "redelivery": again.Redeliveries}))
	})
	if err != nil {
		return nil, fmt.Errorf("delivering again: %w", err)
	}
	nudge(s.due)
	return again, nil
}
