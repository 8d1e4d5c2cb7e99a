package authenticatorstatic

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/adding"
)

// Settings configure the stage.
type Settings struct {
	ConfigureFlow *idp.FlowID `json:"configure_flow" ref:"flow" help:"Flow in which people get recovery codes from their settings."`
	FriendlyName  string      `json:"friendly_name" help:"What people read where they choose what to set up."`
	TokenCount    int         `json:"token_count" min:"1" help:"How many codes there are, at most 50. Each is good once."`
	TokenLength   int         `json:"token_length" min:"10" help:"How many letters and digits each has, at most 64."`
}

func (s *Settings) judge() error {
	var faults idp.Faults
	if s.TokenCount > factor.MaxCodes {
		faults.Add("token_count", "Ensure this value is less than or equal to %d.", factor.MaxCodes)
	}
	if s.TokenLength > factor.MaxLength {
		faults.Add("token_length", "Ensure this value is less than or equal to %d.", factor.MaxLength)
	}
	return faults.Err()
}

// keyDraft is what is being set up.
const keyDraft flow.Key[factor.Draft] = "goauthentik.io/authenticator/static"

// Factors sets up recovery codes.
type Factors interface {
	adding.Factors
	NewCodes(count, length int) (factor.Draft, error)
	Codes(d factor.Draft) ([]string, error)
	AddStatic(ctx context.Context, actor idp.Actor, a factor.Adding, d factor.Draft) (*idp.Factor, error)
}

// Kind describes the stage.
func Kind(factors Factors) flow.Kind {
	return flow.Kind{
		Name: "authenticator_static", Model: "authentik_stages_authenticator_static.authenticatorstaticstage", Form: "ak-stage-authenticator-static-form",
		Verbose: "Static Authenticator Setup Stage", VerbosePlural: "Static Authenticator Setup Stages",
		Summary:  "Gives somebody recovery codes, each good once instead of another second factor.",
		Settings: func() any { return &Settings{TokenCount: 6, TokenLength: 12} },
		Build: func(settings any) (flow.Stage, error) {
			s := settings.(*Settings)
			return stage{*s, factors}, s.judge()
		},
		Examples: []flow.Challenge{Challenge{UserInfo: flow.NewUserInfo("ada"), Codes: []string{"k4m2x7pqrs9a", "b7c8d9e2f3g4", "h5j6k7m8n9p2"}}},
		View:     func(c flow.Challenge, p flow.Page) flow.View { return View(c.(Challenge), p) },
	}
}

// Challenge shows the codes.
type Challenge struct {
	flow.UserInfo
	Codes []string `json:"codes"`
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-authenticator-static" }

type stage struct {
	settings Settings
	factors  Factors
}

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	a, err := adding.In(ctx, run)
	if err != nil {
		return nil, err
	}
	if err := s.factors.MayAdd(ctx, run.Actor, a); err != nil {
		return nil, err
	}
	d, ok := keyDraft.In(run.Vars)
	var codes []string
	if ok {
		codes, err = s.factors.Codes(d)
	}
	if !ok || idp.Is(err, idp.CodeInvalid) {
		if d, err = s.factors.NewCodes(s.settings.TokenCount, s.settings.TokenLength); err != nil {
			return nil, err
		}
		keyDraft.Put(run.Vars, d)
		codes, err = s.factors.Codes(d)
	}
	if err != nil {
		return nil, err
	}
	return flow.Ask{Challenge: Challenge{UserInfo: flow.NewUserInfo(a.User.Username), Codes: codes}}, nil
}

// Submit implements flow.Stage. Having seen codes proves nothing, so the run goes by none.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	a, err := adding.In(ctx, run)
	if err != nil {
		return nil, err
	}
	d, ok := keyDraft.In(run.Vars)
	if !ok {
		return nil, idp.Invalid("", "This set-up is not valid any more. Start again.")
	}
	if _, err := s.factors.AddStatic(ctx, run.Actor, a, d); err != nil {
		return nil, err
	}
	keyDraft.Drop(run.Vars)
	run.Forget()
	return flow.Next{}, nil
}
