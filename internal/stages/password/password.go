package password

import (
	"context"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Settings configure the stage.
type Settings struct {
	Backends                   []string    `json:"backends" label:"Compared with" unordered:"true" labels:"The account's password,App passwords of the account,LDAP (not offered),Kerberos (not offered)" enum:"authentik.core.auth.InbuiltBackend,authentik.core.auth.TokenBackend,authentik.sources.ldap.auth.LDAPBackend,authentik.sources.kerberos.auth.KerberosBackend" help:"What is compared with what somebody types: the account's own password (InbuiltBackend), its app passwords (TokenBackend). The other names are accepted for configurations that come from elsewhere, and compare with nothing."`
	ConfigureFlow              *idp.FlowID `json:"configure_flow" ref:"flow" help:"Flow in which people set their password."`
	FailedAttemptsBeforeCancel int         `json:"failed_attempts_before_cancel" min:"1" help:"How many wrong passwords end the flow."`
	AllowShowPassword          bool        `json:"allow_show_password" help:"Offer a button that shows the password as it is typed."`
}

// keyFailures counts the wrong passwords of a run.
const keyFailures flow.Key[int] = "password_failures"

// message is the same whatever was wrong.
const message = "Failed to authenticate."

// maxPassword is the longest password accepted, in bytes: hashing is not free.
const maxPassword = 4096

// Accounts verifies passwords.
type Accounts interface {
	// Prove reports whether by.Secret is the password of by.User or, where by says
	// so, one of their app passwords, which it returns. It takes the same time for a
	// nil user.
	Prove(ctx context.Context, actor idp.Actor, by idp.Attempt) (passed bool, with *idp.Token, err error)
}

// Kind describes the stage.
func Kind(accounts Accounts) flow.Kind {
	return flow.Kind{
		Name: "password", Model: "authentik_stages_password.passwordstage", Form: "ak-stage-password-form",
		Verbose: "Password Stage", VerbosePlural: "Password Stages",
		Summary: "Asks the pending user for their password.",
		Settings: func() any {
			return &Settings{Backends: []string{flow.BackendPassword, flow.BackendAppPassword}, FailedAttemptsBeforeCancel: 5}
		},
		Build: func(settings any) (flow.Stage, error) {
			s := *settings.(*Settings)
			if !slices.Contains(s.Backends, flow.BackendPassword) && !slices.Contains(s.Backends, flow.BackendAppPassword) {
				return nil, idp.Invalid("backends", "Must contain %s or %s: no other backend verifies passwords here.", flow.BackendPassword, flow.BackendAppPassword)
			}
			return stage{s, accounts}, nil
		},
		Examples: []flow.Challenge{
			Challenge{UserInfo: flow.NewUserInfo("ada")},
			Challenge{UserInfo: flow.NewUserInfo("ada@example.org"), RecoveryURL: "/if/flow/default-recovery-flow/", AllowShowPassword: true},
		},
		View:  func(c flow.Challenge, p flow.Page) flow.View { return view(c.(Challenge), p) },
		Facts: backend,
	}
}

// backend tells policies what the password was compared with, wherever it was
// asked for.
func backend(_ context.Context, run *flow.Run, facts map[string]any) error {
	restored, _ := flow.KeyRestored.In(run.Vars)
	switch method := run.FirstMethod(); {
	case method == "password":
		facts["user_backend"] = flow.BackendPassword
	case method == "token" && !restored: // and not by a link
		facts["user_backend"] = flow.BackendAppPassword
	}
	return nil
}

// Challenge asks for a password.
type Challenge struct {
	flow.UserInfo
	RecoveryURL       string `json:"recovery_url,omitempty"`
	AllowShowPassword bool   `json:"allow_show_password"`
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-password" }

// Frame implements flow.Framed.
func (c Challenge) Frame() flow.Frame {
	f := flow.Frame{Person: c.PendingUser}
	if c.RecoveryURL != "" {
		f.Links = append(f.Links, flow.Link{Label: "Forgot your password?", Href: c.RecoveryURL})
	}
	return f
}

type stage struct {
	settings Settings
	accounts Accounts
}

// Enter implements flow.Stage. Whoever is signed in and not pending is asked
// for their own password: a flow may want it once more.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	if err := adopt(ctx, run); err != nil {
		return nil, err
	}
	who, err := run.Who(ctx)
	if err != nil {
		return nil, err
	}
	if who.PendingUser == "" {
		return flow.Deny{Reason: message}, nil
	}
	url, _ := flow.KeyRecoveryURL.In(run.Vars)
	return flow.Ask{Challenge: Challenge{UserInfo: who, RecoveryURL: url, AllowShowPassword: s.settings.AllowShowPassword}}, nil
}

// adopt makes whoever is signed in the pending user where a flow has none.
func adopt(ctx context.Context, run *flow.Run) error {
	if _, typed := flow.KeyPendingIdentifier.In(run.Vars); typed || run.Actor.User == nil {
		return nil
	}
	u, err := run.Pending(ctx)
	if err == nil && u == nil {
		run.SetPending(run.Actor.User)
	}
	return err
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	sent, err := in.Required("password")
	if err != nil {
		return nil, err
	}
	if len(sent) > maxPassword {
		return nil, idp.Invalid("password", "Ensure this field has no more than %d characters.", maxPassword)
	}
	if err := adopt(ctx, run); err != nil {
		return nil, err
	}
	u, err := run.Pending(ctx)
	if err != nil {
		return nil, err
	}
	typed, _ := flow.KeyPendingIdentifier.In(run.Vars)
	by := idp.Attempt{User: u, Name: typed, Device: run.Device.Value, Secret: sent}
	flow.Compare(&by, s.settings.Backends)
	passed, with, err := s.accounts.Prove(ctx, run.Actor, by)
	if err != nil && (!idp.Is(err, idp.CodeRefused) || idp.Locked(err)) {
		return nil, err
	}
	if err != nil || !passed {
		return s.failed(run)
	}
	run.Forget() // the hash may have been renewed, and the account closed while it was computed
	switch _, err := run.Admit(ctx, idp.DoorPassword); {
	case idp.Is(err, idp.CodeRefused):
		return s.failed(run)
	case err != nil:
		return nil, err
	}
	keyFailures.Drop(run.Vars)
	run.Proved(with)
	return flow.Next{}, nil
}

func (s stage) failed(run *flow.Run) (flow.Step, error) {
	n, _ := keyFailures.In(run.Vars)
	n++
	if n >= s.settings.FailedAttemptsBeforeCancel {
		keyFailures.Drop(run.Vars)
		return flow.Deny{Reason: "Too many failed attempts. Start again."}, nil
	}
	keyFailures.Put(run.Vars, n)
	return nil, idp.Invalid("password", message)
}
