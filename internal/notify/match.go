package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// eventsAtOnce is how many events are compared in one transaction.
	eventsAtOnce = 200
	// peopleAtMost bounds whom one rule tells of one event.
	peopleAtMost = 10_000
)

// Round is what came of comparing once.
type Round struct {
	Events int
	Queued int  // deliveries
	Told   int  // people, in the console
	More   bool // there are more events
}

// Round does the next jobs: it compares their events with the rules. What it queues,
// and that the jobs are done, are kept or lost together: no event is told of twice, and
// none is missed.
func (s *Service) Round(ctx context.Context) (out Round, err error) {
	err = s.Store.InTx(ctx, func(tx idp.Repos) error {
		out = Round{}
		events, held, err := tx.Deliveries.Compare(ctx, eventsAtOnce)
		if err != nil || held || len(events) == 0 {
			return err
		}
		out.Events, out.More = len(events), len(events) == eventsAtOnce
		rules, err := s.rules(ctx, tx)
		if err != nil {
			return err
		}
		done := make([]idp.EventID, len(events))
		for i := range events {
			done[i] = events[i].ID
			for r := range rules {
				if err := s.judge(ctx, tx, &rules[r], &events[i], &out); err != nil {
					return err
				}
			}
		}
		for _, r := range rules {
			if err := tx.NotificationRules.Faulted(ctx, r.row.ID, r.fault); err != nil {
				return err
			}
		}
		return tx.Deliveries.Compared(ctx, done)
	})
	if err != nil {
		return Round{}, fmt.Errorf("comparing events with notification rules: %w", err)
	}
	return out, nil
}

// rule is a rule with what belongs to it.
type rule struct {
	row        idp.NotificationRule
	bindings   []idp.PolicyBinding
	transports []idp.Transport
	fault      string
}

// rules reads the rules that may match: enabled, with a policy and a transport.
func (s *Service) rules(ctx context.Context, tx idp.Repos) ([]rule, error) {
	yes := true
	page, err := tx.NotificationRules.Find(ctx, idp.NotificationRuleFilter{Enabled: &yes, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, err
	}
	ids, targets := []idp.TransportID{}, []idp.UUID{} // not nil, which would be all
	for _, r := range page.Items {
		ids, targets = append(ids, r.Transports...), append(targets, r.ID.UUID())
	}
	transports, err := tx.Transports.Find(ctx, idp.TransportFilter{IDs: ids, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, err
	}
	bindings, err := tx.PolicyBindings.Find(ctx, idp.PolicyBindingFilter{Targets: targets, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, err
	}
	var out []rule
	for _, row := range page.Items {
		r := rule{row: row}
		for _, b := range bindings.Items {
			if b.Target == row.ID.UUID() && b.Enabled {
				r.bindings = append(r.bindings, b)
			}
		}
		for _, id := range row.Transports {
			if i := slices.IndexFunc(transports.Items, func(t idp.Transport) bool { return t.ID == id }); i >= 0 {
				r.transports = append(r.transports, transports.Items[i])
			}
		}
		if len(r.bindings) > 0 && len(r.transports) > 0 {
			out = append(out, r)
		}
	}
	return out, nil
}

// judge queues what a rule has to say of an event.
func (s *Service) judge(ctx context.Context, tx idp.Repos, r *rule, e *idp.Event, out *Round) error {
	actor, err := s.actor(ctx, tx, e)
	if err != nil {
		return err
	}
	facts := idp.CleanEvent(e, maxEvent)
	result, err := s.Engine.Evaluate(ctx, r.bindings, idp.PolicyAny, idp.PolicyRequest{User: actor, ClientIP: e.ClientIP,
		Context: map[string]any{"event": facts}, Object: r.row.Facts()})
	if err != nil {
		return err
	}
	// A policy that breaks writes no event, which it might be asked about again: the
	// rule says so.
	if faults := result.Faults(); len(faults) > 0 {
		r.fault = fmt.Sprintf("%s: %v", nameOf(faults[0].Policy), faults[0].Err)
	}
	if !result.Passing {
		return nil
	}
	people, err := s.people(ctx, tx, r, e, actor)
	if err != nil {
		return err
	}
	return s.queue(ctx, tx, r, e, people, out)
}

func nameOf(p *idp.Policy) string {
	if p == nil {
		return "A binding"
	}
	return fmt.Sprintf("Policy %q", p.Name)
}

// actor is who acted, as far as they are known and still there.
func (s *Service) actor(ctx context.Context, tx idp.Repos, e *idp.Event) (*idp.User, error) {
	user := e.User
	if as, ok := user["authenticated_as"].(map[string]any); ok {
		user = as
	}
	id, ok := keyOf(user["pk"])
	if !ok {
		return nil, nil
	}
	return existing(tx.Users.Get(ctx, id))
}

func existing(u *idp.User, err error) (*idp.User, error) {
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil
	}
	return u, err
}

func keyOf(v any) (idp.UserID, bool) {
	switch n := v.(type) {
	case float64:
		return idp.UserID(n), n > 0
	case int:
		return idp.UserID(n), n > 0
	}
	return 0, false
}

// affected is whom an event is about: whose account was changed, or who is named.
func affected(ctx context.Context, tx idp.Repos, e *idp.Event, actor *idp.User) (*idp.User, error) {
	if name, ok := e.Context["affected_user"].(string); ok && name != "" {
		page, err := tx.Users.Find(ctx, idp.UserFilter{Usernames: []string{name}, Paging: idp.Paging{Limit: 1}})
		if err != nil || len(page.Items) == 0 {
			return nil, err
		}
		return &page.Items[0], nil
	}
	if model, ok := e.Context["model"].(map[string]any); ok && model["model_name"] == "user" {
		if text, ok := model["pk"].(string); ok {
			if id, err := idp.ParseUserID(text); err == nil {
				return existing(tx.Users.Get(ctx, id))
			}
		}
		if id, ok := keyOf(model["pk"]); ok {
			return existing(tx.Users.Get(ctx, id))
		}
	}
	if id, ok := keyOf(e.User["pk"]); ok { // such as whoever failed to sign in
		return existing(tx.Users.Get(ctx, id))
	}
	return actor, nil
}

// people are whom a rule tells of an event, each once.
func (s *Service) people(ctx context.Context, tx idp.Repos, r *rule, e *idp.Event, actor *idp.User) ([]*idp.User, error) {
	var out []*idp.User
	add := func(u *idp.User) {
		if u != nil && !slices.ContainsFunc(out, func(o *idp.User) bool { return o.ID == u.ID }) {
			out = append(out, u)
		}
	}
	if r.row.DestinationEventUser {
		add(actor)
	}
	if r.row.DestinationAffectedUser {
		u, err := affected(ctx, tx, e, actor)
		if err != nil {
			return nil, err
		}
		add(u)
	}
	if r.row.DestinationGroup != nil {
		members, err := membersOf(ctx, tx, *r.row.DestinationGroup)
		if err != nil {
			return nil, err
		}
		for i := range members {
			add(&members[i])
		}
	}
	return out, nil
}

// membersOf are the accounts of a group and of those below it that can read what they
// are told.
func membersOf(ctx context.Context, tx idp.Repos, id idp.GroupID) ([]idp.User, error) {
	groups := []idp.GroupID{id}
	for i := 0; i < len(groups) && len(groups) < 1000; i++ {
		below, err := tx.Groups.Find(ctx, idp.GroupFilter{ParentID: &groups[i], Paging: idp.Paging{Limit: 1000}})
		if err != nil {
			return nil, err
		}
		for _, g := range below.Items {
			if !slices.Contains(groups, g.ID) {
				groups = append(groups, g.ID)
			}
		}
	}
	active := true
	var out []idp.User
	for len(out) < peopleAtMost {
		page, err := tx.Users.Find(ctx, idp.UserFilter{GroupIDs: groups, IsActive: &active, Paging: idp.Paging{Limit: 1000, Offset: len(out), Order: []string{"pk"}}})
		if err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
		if len(page.Items) < 1000 {
			break
		}
	}
	return out, nil
}

// queue queues what each transport of a rule is to send. What is for the console is
// there at once.
func (s *Service) queue(ctx context.Context, tx idp.Repos, r *rule, e *idp.Event, people []*idp.User, out *Round) error {
	var told []idp.Notification
	var all []idp.Delivery
	for i := range r.transports {
		t, to := &r.transports[i], people
		switch {
		case t.Mode == idp.TransportLocal:
			for _, u := range people {
				told = append(told, idp.Notification{UserID: u.ID, EventID: &e.ID, Severity: r.row.Severity, Body: idp.EventBody(e)})
			}
			continue
		case t.Mode == idp.TransportEmail && s.MailReady != nil && !s.MailReady():
			continue // the console says that no mail server is configured
		}
		one := idp.Delivery{EventID: e.ID, RuleID: &r.row.ID, RuleName: r.row.Name, Severity: r.row.Severity,
			TransportID: &t.ID, TransportName: t.Name, Mode: t.Mode}
		if t.Mode == idp.TransportEmail {
			to = slices.DeleteFunc(slices.Clone(people), func(u *idp.User) bool { return u.Email == "" })
		}
		if t.Mode.Hooks() && (t.SendOnce || len(people) == 0) {
			all = append(all, one)
			continue
		}
		if t.SendOnce && len(to) > 1 {
			to = to[:1]
		}
		for _, u := range to {
			d := one
			d.UserID, d.Recipient = &u.ID, u.Username
			all = append(all, d)
		}
	}
	if len(told) > 0 {
		if err := tx.Notifications.Create(ctx, told); err != nil {
			return err
		}
	}
	if len(all) > 0 {
		if err := tx.Deliveries.Create(ctx, all); err != nil {
			return err
		}
	}
	out.Told += len(told)
	out.Queued += len(all)
	return nil
}

// ErrFinal is of a delivery that no other try would mend.
var ErrFinal = errors.New("it will not be tried again")
