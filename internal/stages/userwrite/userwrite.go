package userwrite

import (
	"context"
	"errors"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
)

// nobody is said whether there is no account or no proof that it is one's own:
// the difference would tell who exists.
const nobody = "No user found and can't create new user."

// Accounts makes and changes accounts.
type Accounts interface {
	// Settle changes an account that a flow has established to be the one it
	// is about.
	Settle(ctx context.Context, actor idp.Actor, id idp.UserID, c account.Settlement) (*idp.User, error)
	// Enroll makes an account.
	Enroll(ctx context.Context, actor idp.Actor, e account.Enrollment) (*idp.User, error)
}

// Kind describes the stage.
func Kind(accounts Accounts) flow.Kind {
	return flow.Kind{
		Name: "user_write", Model: "authentik_stages_user_write.userwritestage", Form: "ak-stage-user-write-form",
		Verbose: "User Write Stage", VerbosePlural: "User Write Stages",
		Summary:  "Writes what prompts collected to the account that the flow is about, or makes one of it.",
		Settings: defaults,
		Build:    func(settings any) (flow.Stage, error) { return build(settings, accounts) },
		Headless: true,
	}
}

type stage struct {
	settings Settings
	path     pathTemplate
	accounts Accounts
}

// Enter implements flow.Stage. Faults in the answers are CodeInvalid on the
// prompts' fields, so that the engine can show them there.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	u, err := run.Subject(ctx)
	if err != nil {
		return nil, err
	}
	data, _ := flow.KeyPromptData.In(run.Vars)
	switch {
	case s.settings.UserCreationMode == AlwaysCreate, s.settings.UserCreationMode == CreateWhenRequired && u == nil:
		return s.enroll(ctx, run, data)
	case !run.Proven(u):
		if u != nil {
			run.Note(fmt.Errorf("flow %s would change user %d, whom it has only been told the name of", run.Flow.Slug, u.ID))
		}
		return flow.Deny{Reason: nobody}, nil
	}
	return s.settle(ctx, run, u, data)
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	return s.Enter(ctx, run)
}

// settle changes the account that the flow is about.
func (s stage) settle(ctx context.Context, run *flow.Run, u *idp.User, data map[string]any) (flow.Step, error) {
	pending, ok := flow.KeyPending.In(run.Vars)
	if !ok {
		run.SetPending(u)
		pending, _ = flow.KeyPending.In(run.Vars)
	}
	a := read(data)
	groups, _ := KeyGroups.In(run.Vars)
	if !a.some() && len(groups) == 0 {
		return flow.Next{}, nil
	}
	change := account.Settlement{Username: a.username, Name: a.name, Email: a.email, Password: a.password,
		Attributes: a.attributes, Groups: groups, Generation: pending.Generation}
	if link, ok := flow.KeyLink.In(run.Vars); ok {
		change.Link = &link
	}
	changed, err := s.accounts.Settle(ctx, run.Actor, u.ID, change)
	if err != nil {
		return nil, ours(err)
	}
	flow.KeyLink.Drop(run.Vars)
	forgetSecrets(run, data)
	run.Forget()
	run.SetPending(changed)
	return flow.Next{}, nil
}

// enroll makes an account, which the rest of the run is about.
func (s stage) enroll(ctx context.Context, run *flow.Run, data map[string]any) (flow.Step, error) {
	path, err := s.pathFor(ctx, run, data)
	if err != nil {
		return nil, err
	}
	a, active := read(data), !s.settings.CreateUsersAsInactive
	e := account.Enrollment{Flow: run.Flow, NewUser: account.NewUser{Username: of(a.username), Name: of(a.name), Email: of(a.email),
		Path: path, Type: idp.UserType(s.settings.UserType), IsActive: &active, Attributes: a.attributes, Password: a.password}}
	if t, ok := KeyType.In(run.Vars); ok {
		e.Type = t
	}
	e.Groups, _ = KeyGroups.In(run.Vars)
	if s.settings.CreateUsersGroup != nil {
		e.Groups = append(e.Groups, *s.settings.CreateUsersGroup)
	}
	if held, ok := invitation.Key.In(run.Vars); ok {
		e.Invitation = &held.ID
	}
	made, err := s.accounts.Enroll(ctx, run.Actor, e)
	if err != nil {
		return nil, ours(err)
	}
	// What was established so far was about somebody else.
	for _, drop := range []func(flow.Vars){invitation.Key.Drop, flow.KeyPendingIdentifier.Drop, flow.KeyLink.Drop,
		flow.KeyRestored.Drop, flow.KeyAuthMethod.Drop, flow.KeyAuthMethodArgs.Drop, flow.KeyFactor.Drop} {
		drop(run.Vars)
	}
	forgetSecrets(run, data)
	run.Forget()
	run.SetPending(made)
	flow.KeyEnrolled.Put(run.Vars, made.ID)
	return flow.Next{}, nil
}

// pathFor is the path of a new account; "" = the usual one.
func (s stage) pathFor(ctx context.Context, run *flow.Run, data map[string]any) (string, error) {
	if path, ok := KeyPath.In(run.Vars); ok && path != "" {
		return path, nil
	}
	if s.settings.UserPathTemplate == "" {
		return "", nil
	}
	facts, err := run.Facts(ctx)
	if err != nil {
		return "", err
	}
	return s.path.path(data, facts)
}

func of(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ours makes a fault of ours of what no answer can put right: what the stage's
// settings or the context say of groups, path and type.
func ours(err error) error {
	var e *idp.Error
	if !errors.As(err, &e) {
		return err
	}
	for _, field := range []string{"groups", "path", "type"} {
		if len(e.Fields[field]) > 0 {
			return fmt.Errorf("settings of the user write stage: %v", err) //nolint:errorlint // no longer the visitor's
		}
	}
	return err
}
