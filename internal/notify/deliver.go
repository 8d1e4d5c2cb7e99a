package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

const (
	// patience bounds one try.
	patience = 15 * time.Second
	// lease is how long a delivery is one server's: longer than a try takes. When the
	// server dies meanwhile, another one tries after that.
	lease = patience + 5*time.Second
	// giveUp is how long a delivery is tried.
	giveUp = 24 * time.Hour
	// maxEvent is the size of an event that leaves the house, in bytes of JSON.
	maxEvent = 64 << 10
	// maxAnswer is how much is kept of an answer.
	maxAnswer = 4 << 10
)

// pauseAfter is how long to wait after so many tries: from a second to an hour.
func pauseAfter(tries int) time.Duration {
	return min(time.Hour, time.Second<<min(tries-1, 12))
}

// try sends one delivery and writes down what came of it.
func (s *Service) try(ctx context.Context, d *idp.Delivery) {
	limit, cancel := context.WithTimeout(ctx, patience)
	answer, err := s.send(limit, d)
	cancel()
	if ctx.Err() != nil {
		return // the server stops: the next one tries once the lease is over
	}
	out := idp.DeliveryOutcome{State: idp.DeliveryDelivered, Answer: clip(answer)}
	if err != nil {
		out.Answer = clip(joined(answer, err))
		out.State, out.Pause = idp.DeliveryPending, pauseAfter(d.Tries+1)
		if errors.Is(err, ErrFinal) || time.Since(d.CreatedAt)+out.Pause > giveUp {
			out.State = idp.DeliveryFailed
		}
	}
	if _, err := s.Store.Repos().Deliveries.End(ctx, d.ID, d.Tries, out); err != nil {
		s.Log.WarnContext(ctx, "what came of a delivery could not be written down; it is tried again", "delivery", d.ID, "error", err)
	}
}

func joined(answer string, err error) string {
	if answer == "" {
		return err.Error()
	}
	return err.Error() + "\n" + answer
}

func clip(s string) string {
	if len(s) > maxAnswer {
		return s[:maxAnswer] + "…"
	}
	return s
}

// send reads what a delivery is of, as it is now, and sends it.
func (s *Service) send(ctx context.Context, d *idp.Delivery) (string, error) {
	repos := s.Store.Repos()
	if d.TransportID == nil {
		return "", fmt.Errorf("the transport was deleted: %w", ErrFinal)
	}
	t, err := repos.Transports.Get(ctx, *d.TransportID)
	if idp.Is(err, idp.CodeNotFound) {
		return "", fmt.Errorf("the transport was deleted: %w", ErrFinal)
	}
	if err != nil {
		return "", err
	}
	e, err := repos.Events.Get(ctx, d.EventID)
	if idp.Is(err, idp.CodeNotFound) {
		return "", fmt.Errorf("the event is not kept any more: %w", ErrFinal)
	}
	if err != nil {
		return "", err
	}
	m := &Message{Delivery: d.ID, Try: d.Tries + 1, Redelivery: d.Redeliveries, Event: e, Rule: d.RuleName, Severity: d.Severity, Body: idp.EventBody(e), Transport: t}
	if d.Recipient != "" {
		if d.UserID == nil {
			return "", fmt.Errorf("the account was deleted: %w", ErrFinal)
		}
		if m.User, err = repos.Users.Get(ctx, *d.UserID); err != nil {
			if idp.Is(err, idp.CodeNotFound) {
				err = fmt.Errorf("the account was deleted: %w", ErrFinal)
			}
			return "", err
		}
	}
	return s.hand(ctx, m, d.RuleID)
}

// hand maps and sends a message.
func (s *Service) hand(ctx context.Context, m *Message, rule *idp.NotificationRuleID) (string, error) {
	sender := s.Senders[m.Transport.Mode]
	if sender == nil {
		return "", fmt.Errorf("nothing sends over transports of mode %q: %w", m.Transport.Mode, ErrFinal)
	}
	facts := m.Facts(rule)
	for _, part := range []struct {
		id   *idp.WebhookMappingID
		what string
		take func(any) error
	}{
		{m.Transport.WebhookMappingBody, "body", func(v any) error { m.Mapped = v; return nil }},
		{m.Transport.WebhookMappingHeaders, "headers", func(v any) error {
			headers, ok := v.(map[string]any)
			if !ok {
				return errors.New("it must give a map of header names and values")
			}
			m.Headers = headers
			return nil
		}},
	} {
		if part.id == nil || !m.Transport.Mode.Hooks() {
			continue
		}
		mapping, err := s.Store.Repos().WebhookMappings.Get(ctx, *part.id)
		if idp.Is(err, idp.CodeNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		value, err := policy.Map(ctx, mapping.Expression, facts)
		if err == nil {
			err = part.take(value)
		}
		if err != nil {
			return "", fmt.Errorf("the mapping %q of the %s: %v: %w", mapping.Name, part.what, err, ErrFinal)
		}
	}
	return sender.Send(ctx, m)
}

// Facts are a message as plain data: what mappings see.
func (m *Message) Facts(rule *idp.NotificationRuleID) map[string]any {
	user := map[string]any{}
	if m.User != nil {
		user = map[string]any{"pk": int(m.User.ID), "username": m.User.Username, "name": m.User.Name, "email": m.User.Email}
	}
	about := map[string]any{"name": m.Rule}
	if rule != nil {
		about["pk"] = rule.String()
	}
	return map[string]any{"event": idp.CleanEvent(m.Event, maxEvent), "rule": about, "user": user,
		"notification": map[string]any{"severity": string(m.Severity), "body": m.Body}}
}

// Payload is what a webhook without a mapping sends, as JSON: the original's fields,
// and the whole event.
func (m *Message) Payload() map[string]any {
	out := map[string]any{"body": m.Body, "severity": string(m.Severity), "rule": m.Rule, "event": idp.CleanEvent(m.Event, maxEvent), "test": m.Test,
		"user_email": "", "user_username": ""}
	if m.User != nil {
		out["user_email"], out["user_username"] = m.User.Email, m.User.Username
	}
	for name, key := range map[string]string{"event_user_email": "email", "event_user_username": "username"} {
		out[name], _ = m.Event.User[key].(string)
	}
	return out
}
