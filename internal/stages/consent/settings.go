package consent

import (
	"time"

	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The modes.
const (
	AlwaysRequire = "always_require"
	Permanent     = "permanent"
	Expiring      = "expiring"
)

// Settings configure the stage.
type Settings struct {
	Mode            string `json:"mode" enum:"always_require,permanent,expiring" labels:"Every time,Once for good,Again after some time" help:"Ask every time, once for good, or again after some time."`
	ConsentExpireIn string `json:"consent_expire_in" format:"duration" help:"In the mode expiring: how long an answer counts."`
}

// The keys of what is asked.
const (
	// KeyApplication is whom consent is given to. Without it nothing can be
	// remembered, so the stage always asks.
	KeyApplication flow.Key[consent.Application] = "application"
	// KeyHeader is a sentence above the permissions.
	KeyHeader flow.Key[string] = "consent_header"
	// KeyTitle names what is asked, for clients that show a title.
	KeyTitle flow.Key[string] = "consent_title"
	// KeyPermissions are the permissions.
	KeyPermissions flow.Key[[]Permission] = "consent_permissions"
	// KeyAdditional are more of them, shown apart.
	KeyAdditional flow.Key[[]Permission] = "consent_additional_permissions"

	// KeyAgain has people asked although their consent is remembered.
	KeyAgain flow.Key[bool] = "goauthentik.io/consent_again"

	keyToken flow.Key[string] = "consent_token"
)

// Permission is one thing that the application may do.
type Permission struct {
	ID   string `json:"id"`
	Name string `json:"name"` // "" = the id says enough
}

// Challenge asks for consent.
type Challenge struct {
	flow.UserInfo
	HeaderText            string       `json:"header_text,omitempty"`
	Title                 string       `json:"consent_title,omitempty"`
	Permissions           []Permission `json:"permissions"`
	AdditionalPermissions []Permission `json:"additional_permissions"`
	Token                 string       `json:"token"`
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-consent" }

func examples() []flow.Challenge {
	return []flow.Challenge{
		Challenge{UserInfo: flow.NewUserInfo("ada"), HeaderText: "You are about to sign in to Wiki.", Token: "an-example",
			Permissions:           []Permission{{ID: "openid", Name: "Know who you are"}, {ID: "email", Name: "See your e-mail address"}},
			AdditionalPermissions: []Permission{}},
		Challenge{UserInfo: flow.NewUserInfo("ada"), HeaderText: "You are about to sign in to Wiki.", Token: "an-example",
			Permissions:           []Permission{{ID: "openid", Name: "Know who you are"}},
			AdditionalPermissions: []Permission{{ID: "groups", Name: "See your groups"}, {ID: "offline_access"}}},
		Challenge{UserInfo: flow.NewUserInfo("ada"), Title: "Terms of use", HeaderText: "I have read the terms of use and agree to them.",
			Token: "an-example", Permissions: []Permission{}, AdditionalPermissions: []Permission{}},
	}
}

func build(settings any, consents Consents) (flow.Stage, error) {
	s := *settings.(*Settings)
	lasts, err := idp.ParseDuration(s.ConsentExpireIn)
	switch {
	case err != nil:
		return nil, idp.Invalid("consent_expire_in", "%s", err.Error())
	case s.Mode == Expiring && lasts < time.Second:
		return nil, idp.Invalid("consent_expire_in", "In the mode expiring, an answer must count for some time; expected a form like weeks=4.")
	case s.Mode == Permanent:
		lasts = 0
	}
	return stage{mode: s.Mode, lasts: lasts, consents: consents}, nil
}
