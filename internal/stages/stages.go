package stages

import (
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/accountlockdown"
	"github.com/portcullis-idp/portcullis/internal/stages/authenticatorstatic"
	"github.com/portcullis-idp/portcullis/internal/stages/authenticatortotp"
	"github.com/portcullis-idp/portcullis/internal/stages/authenticatorvalidate"
	"github.com/portcullis-idp/portcullis/internal/stages/authenticatorwebauthn"
	"github.com/portcullis-idp/portcullis/internal/stages/consent"
	"github.com/portcullis-idp/portcullis/internal/stages/deny"
	"github.com/portcullis-idp/portcullis/internal/stages/dummy"
	"github.com/portcullis-idp/portcullis/internal/stages/email"
	"github.com/portcullis-idp/portcullis/internal/stages/identification"
	"github.com/portcullis-idp/portcullis/internal/stages/invitation"
	"github.com/portcullis-idp/portcullis/internal/stages/password"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/stages/redirect"
	"github.com/portcullis-idp/portcullis/internal/stages/userdelete"
	"github.com/portcullis-idp/portcullis/internal/stages/userlogin"
	"github.com/portcullis-idp/portcullis/internal/stages/userlogout"
	"github.com/portcullis-idp/portcullis/internal/stages/userwrite"
)

// Repos reads what stages look up; idp.Store is one.
type Repos interface{ Repos() idp.Repos }

// Accounts is what stages need of accounts; account.Service is one.
type Accounts interface {
	password.Accounts
	userwrite.Accounts
	userdelete.Accounts
	email.Accounts
}

// Sessions is what stages need of sessions; session.Service is one.
type Sessions interface {
	userlogin.Sessions
	userlogout.Sessions
}

// Factors is what stages need of second factors; factor.Service is one.
type Factors interface {
	authenticatortotp.Factors
	authenticatorstatic.Factors
	authenticatorwebauthn.Factors
	authenticatorvalidate.Factors
}

// Deps are what the stages need.
type Deps struct {
	Store       Repos
	Accounts    Accounts
	Sessions    Sessions
	Factors     Factors
	Lockdowns   accountlockdown.Lockdowns
	Invitations invitation.Invitations
	Consents    consent.Consents
	Policies    prompt.Policies
	Links       email.Links
	Post        email.Post
}

// All lists every kind of stage. A new kind is one line here.
func All(d Deps) []flow.Kind {
	totp, static, webauthn := authenticatortotp.Kind(d.Factors), authenticatorstatic.Kind(d.Factors), authenticatorwebauthn.Kind(d.Factors)
	return []flow.Kind{
		totp, static, webauthn,
		authenticatorvalidate.Kind(d.Store, d.Factors, totp, static, webauthn),
		identification.Kind(d.Store, d.Accounts, d.Post, d.Factors),
		password.Kind(d.Accounts),
		userlogin.Kind(d.Sessions),
		userlogout.Kind(d.Sessions),
		userwrite.Kind(d.Accounts),
		userdelete.Kind(d.Accounts),
		prompt.Kind(d.Store, d.Policies),
		accountlockdown.Kind(d.Store, d.Lockdowns),
		invitation.Kind(d.Invitations),
		consent.Kind(d.Consents),
		deny.Kind(),
		dummy.Kind(d.Store),
		email.Kind(email.Deps{Store: d.Store, Links: d.Links, Accounts: d.Accounts, Post: d.Post}),
		redirect.Kind(),
	}
}
