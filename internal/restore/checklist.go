package restore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Checklist says how far the restore of a lockdown has come. since is the suspected
// moment to judge by; nil = the record's, or Before the lockdown. It takes the right to
// read lockdowns. Errors: CodeForbidden; CodeNotFound; CodeInvalid on since.
func (s *Service) Checklist(ctx context.Context, actor idp.Actor, id idp.LockdownID, since *time.Time) (*Checklist, error) {
	if err := s.d.Access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceLockdown}); err != nil {
		return nil, err
	}
	now, err := s.d.Store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	if err := checkSince(since, now); err != nil {
		return nil, err
	}
	repos := s.d.Store.Repos()
	l, err := repos.Lockdowns.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	c, err := s.compute(ctx, repos, l, since, now)
	if err != nil {
		return nil, fmt.Errorf("reading how far the restore of lockdown %s has come: %w", id, err)
	}
	s.hide(actor, c)
	return c, nil
}

// Last returns the newest lockdown of an account: the one to restore from. Errors:
// CodeForbidden; CodeNotFound when it was never locked down.
func (s *Service) Last(ctx context.Context, actor idp.Actor, user idp.UserID) (*idp.Lockdown, error) {
	if err := s.d.Access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceLockdown}); err != nil {
		return nil, err
	}
	return s.d.Store.Repos().Restores.Last(ctx, user)
}

func checkSince(since *time.Time, now time.Time) error {
	switch {
	case since == nil:
	case since.After(now):
		return idp.Invalid("since", "This moment is in the future: expected one that has passed.")
	case since.Year() < 1970:
		return idp.Invalid("since", "Expected a moment after 1970.")
	}
	return nil
}

// hide takes out what the actor may not see.
func (s *Service) hide(actor idp.Actor, c *Checklist) {
	c.Hidden = map[idp.RestoreStep]string{}
	if err := s.d.Access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceFactor}); err != nil {
		c.Factors, c.Hidden[idp.RestoreFactors] = nil, "You may not see the second factors of others."
	}
	if err := s.d.Access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceEvent}); err != nil {
		c.Changes, c.More, c.Hidden[idp.RestoreChanges] = nil, false, "You may not see the audit log."
	}
	for i := range c.Items {
		if why, hidden := c.Hidden[c.Items[i].Step]; hidden {
			c.Items[i].Summary = why
		}
	}
}

// compute judges every step with what is true in repos.
func (s *Service) compute(ctx context.Context, repos idp.Repos, l *idp.Lockdown, since *time.Time, now time.Time) (*Checklist, error) {
	c := &Checklist{Lockdown: l, Now: now, Since: l.StartedAt.Add(-Before)}
	if since == nil {
		since = l.SuspectedAt
	}
	if since != nil {
		c.Since = *since
	}
	var err error
	if c.Acts, err = repos.Restores.Acts(ctx, l.ID); err != nil {
		return nil, err
	}
	if l.UserID != nil {
		if c.User, err = repos.Users.Get(ctx, *l.UserID); idp.Is(err, idp.CodeNotFound) {
			c.User, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if c.User != nil {
		if err := s.examine(ctx, repos, c); err != nil {
			return nil, err
		}
	}
	for _, step := range idp.RestoreSteps() {
		c.Items = append(c.Items, c.judge(step))
	}
	return c, nil
}

// examine reads what is so of an account that there is.
func (s *Service) examine(ctx context.Context, repos idp.Repos, c *Checklist) error {
	last, err := repos.Restores.Last(ctx, c.User.ID)
	if err != nil {
		return err
	}
	if last.ID != c.Lockdown.ID {
		c.Newer = &last.ID
	}
	factors, err := repos.Factors.Of(ctx, c.User.ID)
	if err != nil {
		return err
	}
	for _, f := range factors {
		f.Secret, f.Credential = "", nil // nobody needs them here
		c.Factors = append(c.Factors, Factor{Factor: f, Added: f.CreatedAt.After(c.Since)})
	}
	switch {
	case s.d.Post == nil || !s.d.Post.Ready():
		c.Unsent = "No mail server is configured, so nothing can be sent: tell the person on another way."
	case c.User.Email == "":
		c.Unsent = "The account has no e-mail address: tell the person on another way."
	}
	c.Changes, c.More, err = changesSince(ctx, repos, c)
	return err
}

// judge is the state of one step: what is true counts first, then what was done last.
func (c *Checklist) judge(step idp.RestoreStep) Item {
	item := Item{Step: step, State: Open}
	last := c.lastAct(step)
	done := func(state State, a *idp.RestoreAct) {
		item.State = state
		if a != nil {
			at := a.CreatedAt
			item.At, item.By = &at, a.ActorName
			if a.Deed == idp.DeedSkipped {
				item.Note = a.Note
			}
		}
	}
	if c.User == nil {
		done(Skipped, last)
		item.Summary = "The account was deleted."
		return item
	}
	ok, summary := c.truth(step, last)
	item.Summary = summary
	switch {
	case ok:
		done(Done, last)
		if step == idp.RestoreActivate && last == nil && c.Lockdown.RestoredAt != nil {
			item.At, item.By = c.Lockdown.RestoredAt, c.Lockdown.RestoredByName
		}
	case last != nil && last.Deed == idp.DeedSkipped:
		done(Skipped, last)
	}
	return item
}

// truth says whether a step is done, and how things are.
func (c *Checklist) truth(step idp.RestoreStep, last *idp.RestoreAct) (bool, string) {
	u := c.User
	switch step {
	case idp.RestoreActivate:
		if u.IsActive {
			return true, "The account is active."
		}
		return false, "The account is switched off: nobody can sign in to it."
	case idp.RestorePassword:
		return c.password(last)
	case idp.RestoreFactors:
		return c.reviewedFactors()
	case idp.RestoreChanges:
		return c.reviewedChanges()
	case idp.RestoreRenew:
		switch {
		case u.RenewPassword && u.RenewFactor:
			return true, "A new password and a new second factor are asked for at the next sign-in."
		case u.RenewPassword:
			return true, "A new password is asked for at the next sign-in."
		case u.RenewFactor:
			return true, "A new second factor is asked for at the next sign-in."
		case last != nil && last.Deed == idp.DeedRequired:
			return true, "What was asked for has been renewed."
		}
		return false, "Nothing has to be renewed at the next sign-in."
	case idp.RestoreTell:
		if last != nil && last.Deed == idp.DeedTold {
			return true, "A mail was ordered to " + last.Note + "."
		}
		return false, "The person has not been told."
	}
	return false, ""
}

func (c *Checklist) password(last *idp.RestoreAct) (bool, string) {
	changed := c.User.PasswordChangedAt
	switch {
	case last != nil && last.Deed == idp.DeedPasswordSet:
		return true, "A new password was set."
	case last != nil && last.Deed == idp.DeedLinkMade:
		return true, "A recovery link was made."
	case last != nil && last.Deed == idp.DeedLinkMailed:
		return true, "A recovery link was ordered by mail."
	case c.User.HasUsablePassword() && changed != nil && changed.After(c.Lockdown.StartedAt):
		return true, "The password was changed after the lockdown."
	case c.User.HasUsablePassword():
		return false, "The password is the one from before the lockdown."
	}
	return false, "There is no password: nobody can sign in with one."
}

func (c *Checklist) reviewedFactors() (bool, string) {
	reviewed, added, since := c.lastDeed(idp.RestoreFactors, idp.DeedReviewed), 0, 0
	for _, f := range c.Factors {
		if f.Added {
			added++
		}
		if reviewed != nil && f.CreatedAt.After(reviewed.CreatedAt) {
			since++
		}
	}
	switch {
	case len(c.Factors) == 0:
		return true, "There is no second factor."
	case since > 0:
		return false, count(since, "second factor was", "second factors were") + " added since they were reviewed."
	case reviewed != nil:
		return true, count(len(c.Factors), "second factor was", "second factors were") + " reviewed."
	case added > 0:
		return false, count(added, "second factor was", "second factors were") + " added after the suspected moment."
	}
	return false, count(len(c.Factors), "second factor is", "second factors are") + " there; none was added after the suspected moment."
}

func (c *Checklist) reviewedChanges() (bool, string) {
	reviewed, open, since := c.lastDeed(idp.RestoreChanges, idp.DeedReviewed), 0, 0
	for i := range c.Changes {
		if !c.Changes[i].Open {
			continue
		}
		open++
		if reviewed != nil && c.Changes[i].At.After(reviewed.CreatedAt) {
			since++
		}
	}
	switch {
	case open == 0 && c.More:
		return reviewed != nil, "There is more in the log than is looked at: choose a later moment."
	case open == 0:
		return true, "Nothing is left that was changed since the suspected moment."
	case since > 0:
		return false, count(since, "change was", "changes were") + " made since they were reviewed."
	case reviewed != nil:
		return true, count(open, "change stays", "changes stay") + " as reviewed."
	}
	return false, count(open, "change", "changes") + " since the suspected moment can be reverted."
}

// lastAct is what was done in a step last.
func (c *Checklist) lastAct(step idp.RestoreStep) *idp.RestoreAct {
	for i := len(c.Acts) - 1; i >= 0; i-- {
		if c.Acts[i].Step == step {
			return &c.Acts[i]
		}
	}
	return nil
}

func (c *Checklist) lastDeed(step idp.RestoreStep, deed idp.RestoreDeed) *idp.RestoreAct {
	for i := len(c.Acts) - 1; i >= 0; i-- {
		if c.Acts[i].Step == step && c.Acts[i].Deed == deed {
			return &c.Acts[i]
		}
	}
	return nil
}

func count(n int, one, many string) string {
	words := many
	if n == 1 {
		words = one
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", n, words))
}
