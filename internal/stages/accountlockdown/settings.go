package accountlockdown

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

// Settings configure the stage.
type Settings struct {
	DeactivateUser            bool        `json:"deactivate_user" help:"Switch the account off."`
	SetUnusablePassword       bool        `json:"set_unusable_password" help:"Make the account's own password invalid. Passwords held elsewhere are not changed."`
	DeleteSessions            bool        `json:"delete_sessions" help:"End all sessions of the account. Without it, whoever has one can go on."`
	RevokeTokens              bool        `json:"revoke_tokens" help:"End all tokens and grants: API, app password, recovery, verification, OAuth."`
	SelfServiceCompletionFlow *idp.FlowID `json:"self_service_completion_flow" ref:"flow" help:"Where people go who have locked their own account. It must not require authentication. Unset shows a built-in page."`
}

func (s Settings) switches() idp.Switches {
	return idp.Switches{DeactivateUser: s.DeactivateUser, SetUnusablePassword: s.SetUnusablePassword,
		DeleteSessions: s.DeleteSessions, RevokeTokens: s.RevokeTokens}
}

func defaults() any {
	return &Settings{DeactivateUser: true, SetUnusablePassword: true, DeleteSessions: true, RevokeTokens: true}
}

// check refuses a completion flow that asks for the session that is gone by
// then.
func check(ctx context.Context, repos idp.Repos, settings any) error {
	id := settings.(*Settings).SelfServiceCompletionFlow
	if id == nil {
		return nil
	}
	f, err := repos.Flows.Get(ctx, *id)
	switch {
	case idp.Is(err, idp.CodeNotFound):
		return idp.Invalid("self_service_completion_flow", "Invalid pk \"%s\" - object does not exist.", id)
	case err != nil:
		return err
	case f.Authentication != idp.AuthenticationNone:
		return idp.Invalid("self_service_completion_flow",
			"The completion flow must not require authentication; %q has authentication %s.", f.Slug, f.Authentication)
	}
	return nil
}

// The keys of a lockdown's context.
const (
	// KeyTargets are the users of a lockdown of several. A lockdown of one is
	// about the pending user.
	KeyTargets flow.Key[[]idp.UserID] = "lockdown_target_users"
	// KeyReason is the reason where no prompt asked for it.
	KeyReason flow.Key[string] = "lockdown_reason"
	// KeyResults is what became of each user.
	KeyResults flow.Key[[]Result] = "lockdown_results"
)

// Result is what became of one user, as policies and expressions see it.
type Result struct {
	User    Subject `json:"user"`
	Success bool    `json:"success"`
	Status  string  `json:"status"` // success, failed or skipped
	Error   string  `json:"error"`  // "" with success
}

// Subject names the user of a Result.
type Subject struct {
	PK       idp.UserID `json:"pk"`
	Username string     `json:"username"`
	Name     string     `json:"name"`
}

// For returns what to plan a lockdown flow with: flow.Executor.Begin takes it.
func For(users ...*idp.User) func(*flow.Run) {
	return func(run *flow.Run) {
		if len(users) == 1 {
			run.SetPending(users[0])
			return
		}
		ids := make([]idp.UserID, 0, len(users))
		for _, u := range users {
			ids = append(ids, u.ID)
		}
		KeyTargets.Put(run.Vars, ids)
	}
}

// targets are the users the run is about.
func targets(ctx context.Context, run *flow.Run) ([]*idp.User, error) {
	ids, several := KeyTargets.In(run.Vars)
	if !several {
		u, err := run.Pending(ctx)
		if u == nil || err != nil {
			return nil, err
		}
		return []*idp.User{u}, nil
	}
	return run.Users(ctx, ids)
}

// maxCounted is how many targets are shown with what they hold: a longer list is
// read by nobody, and counting takes a statement each.
const maxCounted = 25

// facts are the lockdown's names in policies and expressions. What the targets
// hold is counted where a lockdown is possible: in flows that hold this stage, and
// where somebody chose the targets. A sign-in asks its policies many times.
func facts(ctx context.Context, store Repos, run *flow.Run, out map[string]any) error {
	users, err := targets(ctx, run)
	if err != nil {
		return err
	}
	_, chosen := KeyTargets.In(run.Vars)
	counted := len(users) <= maxCounted && (chosen || run.Holds(kindName))
	list := make([]any, 0, len(users))
	for _, u := range users {
		about := u.Facts()
		if counted {
			held, err := store.Repos().Holder.Holdings(ctx, u.ID)
			if err != nil {
				return fmt.Errorf("counting what user %d holds: %w", u.ID, err)
			}
			about["holdings"] = map[string]any{"sessions": held.Sessions, "tokens": held.TokenTotal(),
				"consents": held.Consents, "invitations": held.Invitations, "grants": held.Grants, "applications": held.Applications}
			if about["applications"], err = applications(ctx, store, u.ID); err != nil {
				return err
			}
		}
		list = append(list, about)
	}
	out["lockdown_target_users"], out["lockdown_target_user"] = list, nil
	if len(list) > 0 {
		out["lockdown_target_user"] = list[0]
	}
	out["lockdown_self_service"] = len(users) == 1 && run.Actor.Is(users[0].ID)
	if out["lockdown_results"] == nil {
		out["lockdown_results"] = []any{}
	}
	out["lockdown_reason"] = reason(run)
	return nil
}

// applications are those that are told when everything ends, as expressions see them:
// by name, with whether each can be told and what would be left there otherwise.
func applications(ctx context.Context, store Repos, id idp.UserID) ([]any, error) {
	held, err := store.Repos().Holder.Applications(ctx, id, lockdown.MaxApplications)
	if err != nil {
		return nil, err
	}
	out := make([]any, 0, len(held))
	for _, h := range held {
		out = append(out, map[string]any{"name": h.Name, "slug": h.Slug, "told": h.Told, "cookie_lifetime": int(h.CookieLifetime.Seconds())})
	}
	return out, nil
}

// reason is what a prompt asked for, else what the flow began with.
func reason(run *flow.Run) string {
	data, _ := flow.KeyPromptData.In(run.Vars)
	if text, ok := data["lockdown_reason"].(string); ok && text != "" {
		return text
	}
	text, _ := KeyReason.In(run.Vars)
	return text
}
