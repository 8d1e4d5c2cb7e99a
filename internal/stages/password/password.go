package password

import (
	"context"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The names of backends on the wire.
const (
	BackendInbuilt = "authentik.core.auth.InbuiltBackend"
	BackendToken   = "authentik.core.auth.TokenBackend"
)

// Settings configure the stage.
type Settings struct {
	Backends                   []string    `json:"backends" unoffered:"true" enum:"authentik.core.auth.InbuiltBackend,authentik.core.auth.TokenBackend,authentik.sources.ldap.auth.LDAPBackend,authentik.sources.kerberos.auth.KerberosBackend" help:"What the password is compared with. Only the account's own password (InbuiltBackend) is; the other names are accepted for configurations that come from elsewhere."`
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
	// Authenticate reports whether by.Secret is the password of by.User. It takes
	// the same time for a nil user.
	Authenticate(ctx context.Context, actor idp.Actor, by idp.Attempt) (bool, error)
}

// Kind describes the stage.
func Kind(accounts Accounts) flow.Kind {
	return flow.Kind{
		Name: "password", Model: "authentik_stages_password.passwordstage", Form: "ak-stage-password-form",
		Verbose: "Password Stage", VerbosePlural: "Password Stages",
		Summary: "Asks the pending user for their password.",
		Settings: func() any {
			return &Settings{Backends: []string{BackendInbuilt, BackendToken}, FailedAttemptsBeforeCancel: 5}
		},
		Build: func(settings any) (flow.Stage, error) {
			s := *settings.(*Settings)
			if !slices.Contains(s.Backends, BackendInbuilt) {
				return nil, idp.Invalid("backends", "Must contain %s: no other backend verifies passwords here.", BackendInbuilt)
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
	if method, _ := flow.KeyAuthMethod.In(run.Vars); method == "password" {
		facts["user_backend"] = BackendInbuilt
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
	passed, err := s.accounts.Authenticate(ctx, run.Actor, idp.Attempt{User: u, Name: typed, Device: run.Device.Value, Secret: sent})
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
	flow.KeyAuthMethod.Put(run.Vars, "password")
	flow.KeyAuthMethodArgs.Put(run.Vars, map[string]any{})
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
