package accountlockdown

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

// CompletePath is the built-in page for people who have locked their own
// account; it needs no session.
const CompletePath = "/if/lockdown-complete/"

// noTarget is the contract's wording for a flow without a usable target.
const noTarget = "No target user specified"

// Lockdowns contains accounts.
type Lockdowns interface {
	Contain(ctx context.Context, actor idp.Actor, req lockdown.Request) ([]lockdown.Result, error)
}

// Repos reads what the stage looks up.
type Repos interface{ Repos() idp.Repos }

// kindName is what flows call the stage by.
const kindName = "account_lockdown"

// Kind describes the stage.
func Kind(store Repos, lockdowns Lockdowns) flow.Kind {
	return flow.Kind{
		Name: kindName, Model: "authentik_stages_account_lockdown.accountlockdownstage", Form: "ak-stage-account-lockdown-form",
		Verbose: "Account Lockdown Stage", VerbosePlural: "Account Lockdown Stages",
		Summary:  "Contains the accounts that the flow is about: switches them off and ends whatever they hold.",
		Settings: defaults,
		Build: func(settings any) (flow.Stage, error) {
			return stage{*settings.(*Settings), store, lockdowns}, nil
		},
		Check: check,
		Facts: func(ctx context.Context, run *flow.Run, out map[string]any) error {
			return facts(ctx, store, run, out)
		},
		Headless: true,
	}
}

type stage struct {
	settings  Settings
	store     Repos
	lockdowns Lockdowns
}

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	users, err := targets(ctx, run)
	if err != nil {
		return nil, err
	}
	_, several := KeyTargets.In(run.Vars)
	if len(users) == 0 {
		return flow.Deny{Reason: noTarget}, nil
	}
	if !several {
		if why := users[0].Protected(); why != "" {
			return flow.Deny{Reason: why}, nil
		}
	}
	ids := make([]idp.UserID, 0, len(users))
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	done, err := s.lockdowns.Contain(ctx, run.Actor, lockdown.Request{Users: ids, Reason: reason(run),
		Switches: s.settings.switches(), Batch: batch(run)})
	if err != nil {
		return nil, err
	}
	if !several && len(done) == 1 && done[0].Status != lockdown.Success {
		if done[0].Err != nil && idp.Is(done[0].Err, idp.CodeInternal) {
			return nil, done[0].Err
		}
		return flow.Deny{Reason: done[0].Error}, nil
	}
	for _, r := range done {
		run.Note(r.Err)
	}
	KeyResults.Put(run.Vars, results(done, users))
	run.Forget()
	return s.on(ctx, run, done), nil
}

// batch names the act: a request sent twice finds it done.
func batch(run *flow.Run) idp.UUID {
	return uuid.NewSHA1(run.ID.UUID(), run.Binding.ID[:])
}

func results(done []lockdown.Result, users []*idp.User) []Result {
	out := make([]Result, 0, len(done))
	for _, r := range done {
		subject := Subject{PK: r.User, Username: r.Username}
		if i := slices.IndexFunc(users, func(u *idp.User) bool { return u.ID == r.User }); i >= 0 {
			subject.Name = users[i].Name
		}
		out = append(out, Result{User: subject, Success: r.Status == lockdown.Success, Status: string(r.Status), Error: r.Error})
	}
	return out
}

// on leads the browser on. Whoever has locked their own account so that their
// session cannot act any more goes to the completion; everybody else goes on
// in the flow.
func (s stage) on(ctx context.Context, run *flow.Run, done []lockdown.Result) flow.Step {
	self := slices.ContainsFunc(done, func(r lockdown.Result) bool {
		return r.Status == lockdown.Success && run.Actor.Is(r.User)
	})
	if !self || (!s.settings.DeleteSessions && !s.settings.DeactivateUser) {
		return flow.Next{}
	}
	run.SignOut()
	return flow.Redirect{URL: s.completion(ctx, run)}
}

// completion is the page of the completion flow, or the built-in one where the
// flow is unset, gone, closed to people without a session, or cannot be read:
// the account is locked by now, and its owner must be told.
func (s stage) completion(ctx context.Context, run *flow.Run) string {
	if s.settings.SelfServiceCompletionFlow == nil {
		return CompletePath
	}
	f, err := s.store.Repos().Flows.Get(ctx, *s.settings.SelfServiceCompletionFlow)
	if err != nil {
		run.Note(fmt.Errorf("completion flow of the lockdown stage: %w", err))
		return CompletePath
	}
	if f.Authentication != idp.AuthenticationNone {
		return CompletePath
	}
	return flow.Path(f.Slug)
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	return s.Enter(ctx, run)
}
