package userlogin

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// noBinding is the one binding on offer.
const noBinding = "no_binding"

// Settings configure the stage.
type Settings struct {
	SessionDuration        string `json:"session_duration" format:"duration" help:"How long the session lasts. seconds=0 ends it when the browser closes."`
	TerminateOtherSessions bool   `json:"terminate_other_sessions" help:"End the user's other sessions."`
	RememberMeOffset       string `json:"remember_me_offset" format:"duration" help:"Above zero, people are asked whether to stay signed in; if so, the session lasts that much longer."`
	NetworkBinding         string `json:"network_binding" enum:"no_binding,bind_asn,bind_asn_network,bind_asn_network_ip" labels:"Not bound,Bound to the operator (ASN),Bound to the operator and network,Bound to the operator and network and address" help:"Bind the session to the network it began in."`
	GeoipBinding           string `json:"geoip_binding" enum:"no_binding,bind_continent,bind_continent_country,bind_continent_country_city" labels:"Not bound,Bound to the continent,Bound to the country,Bound to the city" help:"Bind the session to the place it began in."`
	RememberDevice         string `json:"remember_device" format:"duration" help:"How long this device counts as known; seconds=0 never."`
}

// Sessions starts and ends sessions.
type Sessions interface {
	Start(ctx context.Context, actor idp.Actor, b session.Begin) (*idp.Session, string, error)
	EndOthers(ctx context.Context, actor idp.Actor, user idp.UserID) (int, error)
}

// Kind describes the stage.
func Kind(sessions Sessions) flow.Kind {
	return flow.Kind{
		Name: "user_login", Model: "authentik_stages_user_login.userloginstage", Form: "ak-stage-user-login-form",
		Verbose: "User Login Stage", VerbosePlural: "User Login Stages",
		Summary: "Signs the pending user in.",
		Settings: func() any {
			return &Settings{SessionDuration: "seconds=0", RememberMeOffset: "seconds=0", NetworkBinding: noBinding,
				GeoipBinding: noBinding, RememberDevice: "days=30"}
		},
		Build: func(settings any) (flow.Stage, error) { return build(*settings.(*Settings), sessions) },
		Examples: []flow.Challenge{
			Challenge{UserInfo: flow.NewUserInfo("ada")},
		},
		View: func(c flow.Challenge, p flow.Page) flow.View { return view(c.(Challenge), p) },
		Acts: true,
	}
}

// build refuses bindings: a session that is said to be bound and is not would
// be worse than none.
func build(s Settings, sessions Sessions) (flow.Stage, error) {
	var faults idp.Faults
	if s.NetworkBinding != noBinding {
		faults.Add("network_binding", "Sessions cannot be bound to networks yet; expected %s.", noBinding)
	}
	if s.GeoipBinding != noBinding {
		faults.Add("geoip_binding", "Sessions cannot be bound to places yet; expected %s.", noBinding)
	}
	out := stage{settings: s, sessions: sessions}
	for field, to := range map[string]*time.Duration{"session_duration": &out.lasts, "remember_me_offset": &out.offset} {
		value := map[string]string{"session_duration": s.SessionDuration, "remember_me_offset": s.RememberMeOffset}[field]
		d, err := idp.ParseDuration(value)
		if err != nil {
			faults.Add(field, "%s", err.Error())
		}
		*to = d
	}
	return out, faults.Err()
}

// Challenge asks whether to stay signed in.
type Challenge struct{ flow.UserInfo }

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-user-login" }

type stage struct {
	settings      Settings
	sessions      Sessions
	lasts, offset time.Duration
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
	pending, _ := flow.KeyPending.In(run.Vars)
	method, _ := flow.KeyAuthMethod.In(run.Vars)
	b := session.Begin{User: u.ID, Generation: pending.Generation, AuthMethod: method, Lifetime: lasts, IP: run.Actor.ClientIP()}
	if r := run.Actor.Request; r != nil {
		b.UserAgent = r.UserAgent
	}
	if link, ok := flow.KeyLink.In(run.Vars); ok {
		b.Link = &link
	}
	if former := run.Actor.Session; former != nil {
		b.Replace = &former.ID
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
	if s.settings.TerminateOtherSessions {
		if _, err := s.sessions.EndOthers(ctx, run.Actor, u.ID); err != nil {
			return nil, err
		}
		run.Forget() // ending them raised the user's generation
		now, err := run.User(ctx, u.ID)
		if err != nil {
			return nil, err
		}
		run.SetPending(now)
	}
	return flow.Next{}, nil
}
