package identification

import (
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Settings configure the stage.
type Settings struct {
	UserFields              []string     `json:"user_fields" enum:"email,username,upn" help:"By what people may name themselves. upn is the attribute of that name. None: the page has nothing but its links."`
	PasswordStage           *idp.StageID `json:"password_stage" ref:"stage:password" help:"Ask for the password on the same page, with this stage's settings."`
	CaptchaStage            *idp.StageID `json:"captcha_stage" ref:"stage:captcha" unoffered:"true" help:"Not offered; must be unset."`
	CaseInsensitiveMatching bool         `json:"case_insensitive_matching" help:"Upper and lower case make no difference."`
	ShowMatchedUser         bool         `json:"show_matched_user" help:"Later pages show the username instead of what was typed. Only with pretend_user_exists off: it would tell who exists."`
	EnrollmentFlow          *idp.FlowID  `json:"enrollment_flow" ref:"flow" help:"Flow in which people sign up; adds a link."`
	RecoveryFlow            *idp.FlowID  `json:"recovery_flow" ref:"flow" help:"Flow for people who forgot their password; adds a link."`
	PasswordlessFlow        *idp.FlowID  `json:"passwordless_flow" ref:"flow" help:"Flow that signs in without a password; adds a link."`
	Sources                 []idp.UUID   `json:"sources" unoffered:"true" help:"Not offered; must be empty."`
	ShowSourceLabels        bool         `json:"show_source_labels" unoffered:"true" help:"Show the names of sources beside their icons."`
	PretendUserExists       bool         `json:"pretend_user_exists" help:"Go on with names that nobody has, so that nobody learns who exists."`
	EnableRememberMe        bool         `json:"enable_remember_me" help:"Let clients offer to remember the name on this device."`
	WebauthnStage           *idp.StageID `json:"webauthn_stage" ref:"stage:authenticator_validate" help:"Offer passkeys where the name is typed: whoever has one signs in with it alone. With this stage's settings, which must count passkeys."`
}

func defaults() any {
	return &Settings{UserFields: []string{"username", "email"}, CaseInsensitiveMatching: true, ShowMatchedUser: true,
		PretendUserExists: true, Sources: []idp.UUID{}}
}

func (s Settings) judge() error {
	var faults idp.Faults
	if len(s.UserFields) == 0 && s.PasswordlessFlow == nil {
		faults.Add("user_fields", "At least one of email, username and upn is expected, unless passwordless_flow leads on.")
	}
	if len(s.UserFields) == 0 && s.PasswordStage != nil {
		faults.Add("password_stage", "A page that asks for no name cannot ask for a password; leave this unset.")
	}
	if s.CaptchaStage != nil {
		faults.Add("captcha_stage", "Captcha stages are not offered; leave this unset.")
	}
	if len(s.Sources) > 0 {
		faults.Add("sources", "Sources are not offered; leave this empty.")
	}
	return faults.Err()
}

// hides reports whether later pages show what was typed.
func (s Settings) hides() bool { return s.PretendUserExists || !s.ShowMatchedUser }

// Challenge asks who somebody is.
type Challenge struct {
	UserFields        []string        `json:"user_fields"` // nil: there is nothing to fill in
	Identifier        string          `json:"pending_user_identifier,omitempty"`
	PasswordFields    bool            `json:"password_fields"`
	ApplicationPre    string          `json:"application_pre,omitempty"`
	AllowShowPassword bool            `json:"allow_show_password"`
	FlowDesignation   idp.Designation `json:"flow_designation"`
	EnrollURL         string          `json:"enroll_url,omitempty"`
	RecoveryURL       string          `json:"recovery_url,omitempty"`
	PasswordlessURL   string          `json:"passwordless_url,omitempty"`
	PrimaryAction     string          `json:"primary_action"`
	Sources           []any           `json:"sources"`
	ShowSourceLabels  bool            `json:"show_source_labels"`
	EnableRememberMe  bool            `json:"enable_remember_me"`
	// Passkey is what navigator.credentials.get takes as publicKey; nil = none is asked for.
	Passkey map[string]any `json:"passkey_challenge,omitempty"`
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-identification" }

// Frame implements flow.Framed.
func (c Challenge) Frame() flow.Frame {
	var f flow.Frame
	for _, l := range []flow.Link{{Label: "Forgot your password?", Href: c.RecoveryURL}, {Label: "Sign in without a password", Href: c.PasswordlessURL},
		{Label: "Create an account", Href: c.EnrollURL}} {
		if l.Href != "" {
			f.Links = append(f.Links, l)
		}
	}
	return f
}

func (c Challenge) label() string {
	names := map[string]string{"username": "Username", "email": "Email", "upn": "UPN"}
	out := ""
	for i, f := range c.UserFields {
		name := names[f]
		switch {
		case i == 0:
		case i == len(c.UserFields)-1:
			out, name = out+" or ", lowerFirst(f, name)
		default:
			out, name = out+", ", lowerFirst(f, name)
		}
		out += name
	}
	return out
}

func lowerFirst(field, name string) string {
	if field == "upn" {
		return name
	}
	return field
}

// kind is the kind of keyboard and completion that fits the fields.
func (c Challenge) onlyEmail() bool { return len(c.UserFields) == 1 && c.UserFields[0] == "email" }
