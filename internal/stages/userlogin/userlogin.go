package userlogin

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// Sessions starts sessions.
type Sessions interface {
	Start(ctx context.Context, actor idp.Actor, b session.Begin) (*idp.Session, string, error)
	Device(ctx context.Context, u *idp.User, value string, lifetime time.Duration) (session.Device, error)
}

// Kind describes the stage.
func Kind(sessions Sessions) flow.Kind {
	return flow.Kind{
		Name: "user_login", Model: "authentik_stages_user_login.userloginstage", Form: "ak-stage-user-login-form",
		Verbose: "User Login Stage", VerbosePlural: "User Login Stages",
		Summary:  "Signs the pending user in.",
		Settings: func() any { return defaults() },
		Build:    func(settings any) (flow.Stage, error) { return build(settings.(*Settings), sessions) },
		Examples: []flow.Challenge{
			Challenge{UserInfo: flow.NewUserInfo("ada")},
		},
		View: func(c flow.Challenge, p flow.Page) flow.View { return view(c.(Challenge), p) },
		Acts: true,
	}
}

func build(s *Settings, sessions Sessions) (flow.Stage, error) {
	d, err := s.durations()
	return stage{settings: *s, durations: d, sessions: sessions}, err
}

// Challenge asks whether to stay signed in.
type Challenge struct{ flow.UserInfo }

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-user-login" }

type stage struct {
	settings Settings
	durations
	sessions Sessions
}

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	if s.offset == 0 {
		return s.signIn(ctx, run, s.lasts)
	}
	if _, err := run.Admit(ctx, idp.DoorSignIn); err != nil {
		return nil, err
	}
	who, err := run.Who(ctx)
	if err != nil {
		return nil, err
	}
	return flow.Ask{Challenge: Challenge{who}}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	if _, sent := in["remember_me"]; !sent && !in.FromForm() {
		return nil, idp.Invalid("remember_me", "This field is required.")
	}
	stay, err := in.Bool("remember_me")
	if err != nil {
		return nil, err
	}
	if stay {
		return s.signIn(ctx, run, s.lasts+s.offset)
	}
	return s.signIn(ctx, run, s.lasts)
}

func (s stage) signIn(ctx context.Context, run *flow.Run, lasts time.Duration) (flow.Step, error) {
	u, err := run.Admit(ctx, idp.DoorSignIn)
	if err != nil {
		return nil, err
	}
	b := s.begin(run, u, lasts)
	d, err := s.sessions.Device(ctx, u, run.Device.Value, s.device)
	if err != nil {
		return nil, err
	}
	if b.Met = d.Met; s.device > 0 && run.Device.Keeps {
		b.Device = &d
	}
	started, cookie, err := s.sessions.Start(ctx, run.Actor, b)
	if err != nil {
		return nil, err
	}
	flow.KeyLink.Drop(run.Vars)
	var expires time.Time
	if lasts > 0 {
		expires = started.ExpiresAt
	}
	run.SignIn(u, started, cookie, expires)
	if started.DeviceID != nil {
		run.Remember(b.Device.Value, b.Device.Expires(started.CreatedAt))
	}
	if s.settings.TerminateOtherSessions {
		run.Forget() // ending them raised the user's generation
		now, err := run.User(ctx, u.ID)
		if err != nil {
			return nil, err
		}
		run.SetPending(now)
	}
	return flow.Next{}, nil
}

// begin says what session the stage wants. It carries all that is in force: the
// stage may be another one tomorrow.
func (s stage) begin(run *flow.Run, u *idp.User, lasts time.Duration) session.Begin {
	pending, _ := flow.KeyPending.In(run.Vars)
	method, _ := flow.KeyAuthMethod.In(run.Vars)
	b := session.Begin{User: u.ID, Generation: pending.Generation, AuthMethod: method, Lifetime: lasts, IP: run.Actor.ClientIP(),
		IdleTimeout: s.idle, Binding: s.settings.binding(), EndOthers: s.settings.TerminateOtherSessions}
	if r := run.Actor.Request; r != nil {
		b.UserAgent = r.UserAgent
	}
	if link, ok := flow.KeyLink.In(run.Vars); ok {
		b.Link = &link
	}
	if id, ok := flow.KeyFactor.In(run.Vars); ok {
		b.Factor = &id
		if _, b.FactorProved = run.FactorProved(); method == flow.MethodMFA && run.FirstMethod() != "password" {
			b.AuthMethod += "_" + run.FirstMethod() // it was no password that it came after
		}
	}
	if former := run.Actor.Session; former != nil {
		b.Replace = &former.ID
	}
	return b
}
