package authenticatorwebauthn

import (
	"context"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/adding"
)

// Settings configure the stage.
type Settings struct {
	ConfigureFlow           *idp.FlowID `json:"configure_flow" ref:"flow" help:"Flow in which people register a passkey from their settings."`
	FriendlyName            string      `json:"friendly_name" help:"What people read where they choose what to set up."`
	UserVerification        string      `json:"user_verification" enum:"required,preferred,discouraged" help:"Whether the passkey has to verify its person, by a PIN or a finger. One that cannot is no use instead of a password."`
	AuthenticatorAttachment *string     `json:"authenticator_attachment" help:"platform: built into the device. cross-platform: one to carry around. Empty: either."`
	ResidentKeyRequirement  string      `json:"resident_key_requirement" enum:"required,preferred,discouraged" help:"Whether the passkey has to know its account by itself, so that it signs in without a name."`
	DeviceTypeRestrictions  []idp.UUID  `json:"device_type_restrictions" unoffered:"true" help:"Not offered; must be empty."`
	MaxAttempts             int         `json:"max_attempts" min:"0" help:"How many failed attempts end the flow; 0 = none does."`
}

func (s *Settings) judge() error {
	var faults idp.Faults
	if a := s.AuthenticatorAttachment; a != nil && !slices.Contains([]string{"platform", "cross-platform"}, *a) {
		faults.Add("authenticator_attachment", "%q is not a valid choice. Expected platform, cross-platform, or nothing.", *a)
	}
	if len(s.DeviceTypeRestrictions) > 0 {
		faults.Add("device_type_restrictions", "Restrictions to models are not offered; leave this empty.")
	}
	return faults.Err()
}

// keyCeremony is the question that was asked last, and keyFailures how many answers to
// such were refused.
const (
	keyCeremony flow.Key[factor.Ceremony] = "goauthentik.io/authenticator/webauthn"
	keyFailures flow.Key[int]             = "goauthentik.io/authenticator/failures"
)

// Factors registers passkeys.
type Factors interface {
	adding.Factors
	BeginRegistration(ctx context.Context, actor idp.Actor, u *idp.User, r factor.Registering) (map[string]any, factor.Ceremony, error)
	AddWebAuthn(ctx context.Context, actor idp.Actor, a factor.Adding, c factor.Ceremony, response any) (*idp.Factor, error)
}

// Kind describes the stage.
func Kind(factors Factors) flow.Kind {
	return flow.Kind{
		Name: "authenticator_webauthn", Model: "authentik_stages_authenticator_webauthn.authenticatorwebauthnstage", Form: "ak-stage-authenticator-webauthn-form",
		Verbose: "WebAuthn Authenticator Setup Stage", VerbosePlural: "WebAuthn Authenticator Setup Stages",
		Summary: "Registers a passkey or security key, asked for as a second factor or instead of a password.",
		Settings: func() any {
			return &Settings{UserVerification: "preferred", ResidentKeyRequirement: "preferred", DeviceTypeRestrictions: []idp.UUID{}}
		},
		Build: func(settings any) (flow.Stage, error) {
			s := settings.(*Settings)
			return stage{*s, factors}, s.judge()
		},
		Examples: []flow.Challenge{Challenge{UserInfo: flow.NewUserInfo("ada"), Registration: map[string]any{
			"challenge": "c2FtcGxl", "rp": map[string]any{"id": "idp.example.org", "name": "idp.example.org"}, "timeout": 300000,
			"user":             map[string]any{"id": "AAAA", "name": "ada", "displayName": "Ada"},
			"pubKeyCredParams": []any{map[string]any{"type": "public-key", "alg": -7}}}}},
		View: func(c flow.Challenge, p flow.Page) flow.View { return View(c.(Challenge), p) },
	}
}

// Challenge asks for a new passkey.
type Challenge struct {
	flow.UserInfo
	Registration map[string]any `json:"registration"` // what navigator.credentials.create takes as publicKey
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-authenticator-webauthn" }

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
	r := factor.Registering{Verification: factor.Verification(s.settings.UserVerification), Resident: s.settings.ResidentKeyRequirement}
	if s.settings.AuthenticatorAttachment != nil {
		r.Attachment = *s.settings.AuthenticatorAttachment
	}
	asked, c, err := s.factors.BeginRegistration(ctx, run.Actor, a.User, r)
	if err != nil {
		return nil, err
	}
	keyCeremony.Put(run.Vars, c)
	return flow.Ask{Challenge: Challenge{UserInfo: flow.NewUserInfo(a.User.Username), Registration: asked}}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	response, sent := in["response"]
	if !sent || response == nil || response == "" {
		return nil, idp.Invalid("response", "This field is required.")
	}
	c, _ := keyCeremony.In(run.Vars)
	keyCeremony.Drop(run.Vars) // whatever comes of it, it was answered
	a, err := adding.In(ctx, run)
	if err != nil {
		return nil, err
	}
	f, err := s.factors.AddWebAuthn(ctx, run.Actor, a, c, response)
	if idp.Is(err, idp.CodeInvalid) {
		n, _ := keyFailures.In(run.Vars)
		if n++; s.settings.MaxAttempts > 0 && n >= s.settings.MaxAttempts {
			return flow.Deny{Reason: "Too many failed attempts. Start again."}, nil
		}
		keyFailures.Put(run.Vars, n)
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	keyFailures.Drop(run.Vars)
	run.Forget()
	run.Factored(a.User.ID, f.ID, factor.Device(f))
	return flow.Next{}, nil
}
