package authenticatortotp

import (
	"context"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/adding"
)

// Settings configure the stage.
type Settings struct {
	ConfigureFlow *idp.FlowID `json:"configure_flow" ref:"flow" help:"Flow in which people set up an authenticator app from their settings."`
	FriendlyName  string      `json:"friendly_name" help:"What people read where they choose what to set up."`
	Digits        string      `json:"digits" enum:"6,8" help:"How many digits a code has. Not every app can do 8."`
}

// keyDraft is what is being set up.
const keyDraft flow.Key[factor.Draft] = "goauthentik.io/authenticator/totp"

// Factors sets up authenticator apps.
type Factors interface {
	adding.Factors
	NewTOTP(digits int) (factor.Draft, error)
	ConfigURL(d factor.Draft, issuer, account string) (string, error)
	AddTOTP(ctx context.Context, actor idp.Actor, a factor.Adding, d factor.Draft, code string) (*idp.Factor, error)
}

// Kind describes the stage.
func Kind(factors Factors) flow.Kind {
	return flow.Kind{
		Name: "authenticator_totp", Model: "authentik_stages_authenticator_totp.authenticatortotpstage", Form: "ak-stage-authenticator-totp-form",
		Verbose: "TOTP Authenticator Setup Stage", VerbosePlural: "TOTP Authenticator Setup Stages",
		Summary:  "Sets up an authenticator app, whose codes are asked for as a second factor.",
		Settings: func() any { return &Settings{Digits: "6"} },
		Build: func(settings any) (flow.Stage, error) {
			s := *settings.(*Settings)
			return stage{s, factors}, nil
		},
		Examples: []flow.Challenge{Challenge{UserInfo: flow.NewUserInfo("ada"),
			ConfigURL: "otpauth://totp/Example:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example&algorithm=SHA1&digits=6&period=30"}},
		View: func(c flow.Challenge, p flow.Page) flow.View { return View(c.(Challenge), p) },
	}
}

// Challenge shows a secret, and asks for a code of it.
type Challenge struct {
	flow.UserInfo
	ConfigURL string `json:"config_url"` // otpauth://…
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-authenticator-totp" }

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
	var url string
	if ok {
		url, err = s.factors.ConfigURL(d, issuer(run), a.User.Username)
	}
	if !ok || idp.Is(err, idp.CodeInvalid) || strconv.Itoa(d.Digits) != s.settings.Digits {
		digits, _ := strconv.Atoi(s.settings.Digits)
		if d, err = s.factors.NewTOTP(digits); err != nil {
			return nil, err
		}
		keyDraft.Put(run.Vars, d)
		url, err = s.factors.ConfigURL(d, issuer(run), a.User.Username)
	}
	if err != nil {
		return nil, err
	}
	return flow.Ask{Challenge: Challenge{UserInfo: flow.NewUserInfo(a.User.Username), ConfigURL: url}}, nil
}

// issuer is what apps show beside the account. A colon would end it.
func issuer(run *flow.Run) string {
	name := "Portcullis"
	if run.Brand != nil && run.Brand.Title != "" {
		name = run.Brand.Title
	}
	return strings.ReplaceAll(name, ":", " ")
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	code, err := in.Required("code")
	if err != nil {
		return nil, err
	}
	a, err := adding.In(ctx, run)
	if err != nil {
		return nil, err
	}
	d, ok := keyDraft.In(run.Vars)
	if !ok {
		return nil, idp.Invalid("code", "This set-up is not valid any more. Start again.")
	}
	f, err := s.factors.AddTOTP(ctx, run.Actor, a, d, code)
	if err != nil {
		return nil, err
	}
	keyDraft.Drop(run.Vars)
	run.Forget()
	run.Factored(a.User.ID, f.ID, factor.Device(f))
	return flow.Next{}, nil
}
