package page

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The addresses of the console's pages about tokens.
const (
	TokensPath         = AdminPath + "tokens/"
	ServiceAccountPath = AdminPath + "service-accounts/new/"
)

// Whence refuses to show a secret to what another site has made the browser ask
// for: showing it uses it up.
func Whence(r *http.Request) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return idp.Forbidden("The key of a token is not shown to other sites.")
	}
	return nil
}

// TokenTerm is how long a token can be made to last.
type TokenTerm struct {
	Value, Label string
	Lasts        time.Duration // 0 = for good
}

// The values of terms that are no time.
const (
	TokenNever = "never" // it does not end
	TokenKeep  = "keep"  // it ends when it did
)

var tokenTerms = []TokenTerm{
	{"30m", "30 minutes", 30 * time.Minute}, {"1d", "1 day", 24 * time.Hour}, {"7d", "7 days", 7 * 24 * time.Hour},
	{"30d", "30 days", 30 * 24 * time.Hour}, {"90d", "90 days", 90 * 24 * time.Hour}, {"365d", "1 year", 365 * 24 * time.Hour},
	{TokenNever, "Never", 0},
}

// TokenForm is what the forms for tokens hold.
type TokenForm struct {
	Identifier, Description string
	Term                    string // the value of a TokenTerm, or TokenKeep
	Until                   string // in UTC, instead of the term
	// Ends says that this one has to end: what people make for themselves and acts
	// for them in full does (facts of the API).
	Ends bool
	// Keeps says which end it has, for TokenKeep; "" = it is a new one.
	Keeps string
	// StepUpExempt marks it as allowed without a fresh proof.
	StepUpExempt bool
	// Link says that it opens a flow and has no such mark.
	Link bool
}

// StepUpField is the name of the field of TokenForm.StepUpExempt.
const StepUpField = "step_up_exempt"

// OpensFlow reports whether a token is a link into a flow.
func OpensFlow(t *idp.Token) bool {
	_, byHand := kindFor(t.Intent)
	return !byHand
}

// StepUpText says whether a token may do what people are asked to prove first who they
// are for.
func StepUpText(t *idp.Token) string {
	if t.StepUpExempt {
		return "Not asked for: it may lock accounts down, restore them, change roles and make tokens"
	}
	return "May not do what takes one"
}

// StepUpTag marks such a token in lists; nil = it is not one, or opens nothing.
func StepUpTag(t *idp.Token) templ.Component {
	if !t.StepUpExempt || !t.Live || OpensFlow(t) {
		return nil
	}
	return ui.Tag(ui.ToneWarn, "No step-up")
}

// TokenFields are the names of the fields that TokenFieldset shows.
var TokenFields = []string{"identifier", "description", "expires", "until", "intent", StepUpField}

// ReadTokenForm takes what was sent.
func ReadTokenForm(form web.Form) TokenForm {
	return TokenForm{Identifier: form.Trimmed("identifier"), Description: form.Trimmed("description"),
		Term: form.Trimmed("expires"), Until: form.Trimmed("until"), StepUpExempt: form.Bool(StepUpField)}
}

// FirstTerm is the term that a form for a new token begins with.
func FirstTerm(intent idp.TokenIntent) string {
	if intent == idp.IntentAppPassword {
		return "365d"
	}
	return "30m"
}

// terms are the choices of the form.
func (f TokenForm) terms() []ui.Option {
	var out []ui.Option
	if f.Keeps != "" {
		out = append(out, ui.Option{Value: TokenKeep, Label: f.Keeps})
	}
	for _, t := range tokenTerms {
		if t.Value != TokenNever || !f.Ends {
			out = append(out, ui.Option{Value: t.Value, Label: t.Label})
		}
	}
	return out
}

// Expiry is when the token ends, nil for never; clock is the database's. keep says
// that it is to stay as it is. The error is CodeInvalid on expires or until.
func (f TokenForm) Expiry(clock time.Time) (at *time.Time, keep bool, err error) {
	if f.Until != "" {
		end, err := time.Parse("2006-01-02T15:04", f.Until)
		if err != nil {
			end, err = time.Parse("2006-01-02T15:04:05", f.Until) // as some browsers send it
		}
		if err != nil {
			return nil, false, idp.Invalid("until", "“%.40s” is not a time. Write it as 2026-12-01T22:27, in UTC.", f.Until)
		}
		if !end.After(clock) {
			return nil, false, idp.Invalid("until", "Expected a time in the future.")
		}
		return &end, false, nil
	}
	if f.Term == TokenKeep && f.Keeps != "" {
		return nil, true, nil
	}
	i := slices.IndexFunc(tokenTerms, func(t TokenTerm) bool { return t.Value == f.Term })
	switch {
	case i < 0:
		return nil, false, idp.Invalid("expires", "Choose how long it is good, or say until when.")
	case tokenTerms[i].Lasts > 0:
		end := clock.Add(tokenTerms[i].Lasts)
		return &end, false, nil
	case f.Ends:
		return nil, false, idp.Invalid("expires", "An API token has to end: choose when.")
	}
	return nil, false, nil
}

// TokenKind says what a token is for people to choose between.
type TokenKind struct {
	Intent      idp.TokenIntent
	Slug        string // in addresses
	Noun, Label string // in a sentence; on a button
	What        string
}

// TokenKinds are those that are made by hand.
var TokenKinds = []TokenKind{
	{idp.IntentAppPassword, "app-password", "app password", "New app password",
		"A password for one program that can only ask for a name and a password. It is typed where the password is, and can be revoked by itself."},
	{idp.IntentAPI, "api-token", "API token", "New API token",
		"A key with which a program calls this server’s API. It may do whatever its account may do."},
}

// NewTokenButtons lead to the forms; path is the address of one.
func NewTokenButtons(path func(TokenKind) string, small bool) templ.Component {
	var out []templ.Component
	for _, k := range TokenKinds {
		out = append(out, ui.Button(ui.ButtonProps{Label: k.Label, Icon: ui.IconPlus, Href: path(k), Small: small}))
	}
	return ui.Join(out...)
}

// kindFor returns the kind of an intent; ok is false for links.
func kindFor(intent idp.TokenIntent) (TokenKind, bool) {
	i := slices.IndexFunc(TokenKinds, func(k TokenKind) bool { return k.Intent == intent })
	if i < 0 {
		return TokenKind{}, false
	}
	return TokenKinds[i], true
}

// TokenKey is a key that is shown once.
type TokenKey struct {
	Token *idp.Token
	Key   string // "" = it cannot be shown
	Why   string // why not
	Base  string // the address of the server
	Back  string // where to go on to
	Stays bool   // it can be shown again
}

// Title is what its page is called.
func (k TokenKey) Title() string {
	if kind, ok := kindFor(k.Token.Intent); ok {
		return "Your new " + kind.Noun
	}
	return "Key of " + k.Token.Identifier
}

// Revealer shows keys once; see token.Service.
type Revealer interface {
	Reveal(ctx context.Context, actor idp.Actor, id idp.TokenID) (string, error)
}

// Reveal takes the key, or says why there is none to be shown. The error is what a
// person cannot be told here.
func (k *TokenKey) Reveal(r *http.Request, from Revealer) error {
	key, err := from.Reveal(r.Context(), web.Actor(r), k.Token.ID)
	var e *idp.Error
	if errors.As(err, &e) && e.Code == idp.CodeConflict {
		k.Why = "The key of this token was shown already, and is not shown again. If nobody has it, revoke this token and make another one."
		return nil
	}
	k.Key = key
	return err
}

// Usage is how a program sends the key; "" for tokens no program sends.
func (k TokenKey) Usage() string {
	api := strings.TrimSuffix(k.Base, "/") + "/api/v3/core/users/me/"
	switch k.Token.Intent {
	case idp.IntentAppPassword:
		return "curl -u '" + strings.ReplaceAll(k.Token.Username, "'", `'\''`) + "' " + api
	case idp.IntentAPI:
		return "curl -H 'Authorization: Bearer <key>' " + api
	}
	return ""
}

// Base is the address in front of a path of this server, as the request has it.
func Base(r *http.Request) string {
	info, scheme := web.RequestInfo(r), "http"
	if info.Secure {
		scheme = "https"
	}
	if info.Host == "" {
		return scheme + "://" + r.Host
	}
	return scheme + "://" + info.Host
}
