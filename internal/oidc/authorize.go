package oidc

import (
	"context"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The codes of errors that applications are sent (RFC 6749, section 4.1.2.1; OpenID
// Connect Core, section 3.1.2.6).
const (
	ErrInvalidRequest      = "invalid_request"
	ErrUnauthorizedClient  = "unauthorized_client"
	ErrAccessDenied        = "access_denied"
	ErrUnsupportedResponse = "unsupported_response_type"
	ErrInvalidScope        = "invalid_scope"
	ErrLoginRequired       = "login_required"
	ErrConsentRequired     = "consent_required"
	ErrInteractionRequired = "interaction_required"
	ErrRequestNotSupported = "request_not_supported"
)

const (
	maxParam = 2048 // bytes of one parameter
	maxHint  = 8192 // bytes of an ID token as a hint
	// RequestLifetime is how long somebody may take to sign in and agree.
	RequestLifetime = 30 * time.Minute
)

// ScopeOpenID makes a request one of OpenID Connect, and ScopeOffline asks for what
// outlives the session.
const (
	ScopeOpenID  = "openid"
	ScopeOffline = "offline_access"
)

// Authorization is an authorization request that was judged.
type Authorization struct {
	Client      *Client
	Origin      Origin
	RedirectURI string
	Mode        ResponseMode
	State       string
	Nonce       string
	Challenge   string         // PKCE, S256; "" = none
	Scopes      []string       // those that are offered of those asked for
	Prompts     []string       // none, login, consent, select_account
	MaxAge      *time.Duration // since the person proved who they are; nil = any
	LoginHint   string
	// Hinted is the subject of the ID token that the client sent along: whom it means;
	// "" = it did not say.
	Hinted string
	Wanted []idp.ScopeMapping // the mappings of the scopes
}

// Asks reports whether the request has a prompt.
func (a *Authorization) Asks(prompt string) bool { return slices.Contains(a.Prompts, prompt) }

// Expects reports whether the account is whom the client means.
func (a *Authorization) Expects(u *idp.User) bool {
	return a.Hinted == "" || a.Hinted == Subject(a.Client, u)
}

// Judge reads an authorization request. An *idp.Error is for the person who sent it: who
// asks, or where the answer goes, is not certain. A *Refusal goes to the application.
func (s *Service) Judge(ctx context.Context, origin Origin, params map[string]string) (*Authorization, error) {
	for name, value := range params {
		most := maxParam
		if name == "id_token_hint" {
			most = maxHint
		}
		if len(value) > most {
			return nil, idp.Invalid(name, "Ensure this value has no more than %d bytes.", most)
		}
	}
	if params["client_id"] == "" {
		return nil, idp.Invalid("client_id", "The application did not say which one it is: client_id is missing.")
	}
	provider, application, err := s.Store.Repos().OAuthProviders.GetClient(ctx, params["client_id"])
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.Invalid("client_id", "No application has this client ID.")
	}
	if err != nil {
		return nil, err
	}
	a := &Authorization{Client: &Client{Provider: provider, Application: application}, Origin: origin, State: params["state"], Nonce: params["nonce"],
		LoginHint: params["login_hint"]}
	if a.RedirectURI, err = redirectURI(provider, params["redirect_uri"]); err != nil {
		return nil, err
	}
	a.Mode = modeOf(params["response_mode"], a.RedirectURI)
	if err := a.read(params); err != nil {
		return nil, err
	}
	if err := s.hint(ctx, a, params["id_token_hint"]); err != nil {
		return nil, err
	}
	return a, s.scopes(ctx, a, params["scope"])
}

// hint reads whom the client means (OpenID Connect Core 1.0, section 3.1.2.1): an ID
// token that it was given here, be it as old as it may.
func (s *Service) hint(ctx context.Context, a *Authorization, token string) error {
	if token == "" {
		return nil
	}
	claims, known, err := s.Verify(ctx, TypeID, token)
	if err != nil {
		return err
	}
	if !known || claims["aud"] != a.Client.Provider.ClientID {
		return a.Refuse(ErrInvalidRequest, "id_token_hint is no ID token that this application was given.")
	}
	a.Hinted, _ = claims["sub"].(string)
	return nil
}

// redirectURI is the one that was asked for, if the provider has it; without one, the
// only one that there is. The error is for the person: nothing is sent to an address
// that nobody registered (RFC 9700, section 2.1).
func redirectURI(p *idp.OAuthProvider, asked string) (string, error) {
	if asked == "" {
		if len(p.RedirectURIs) == 1 && p.RedirectURIs[0].Mode == idp.MatchStrict {
			return p.RedirectURIs[0].URL, nil
		}
		return "", idp.Invalid("redirect_uri", "The application did not say where the answer goes: redirect_uri is missing.")
	}
	for _, allowed := range p.RedirectURIs {
		if matches(allowed, asked) {
			return asked, nil
		}
	}
	return "", idp.Invalid("redirect_uri", "The application asks to send the answer to an address that is not registered for it.")
}

// matches compares by characters, or the whole of the address with the expression. Of
// an address on this very machine the port may be any (RFC 8252, section 7.3).
func matches(allowed idp.RedirectURI, asked string) bool {
	if !sendable(asked) {
		return false
	}
	if allowed.Mode == idp.MatchRegex {
		re, err := regexp.Compile(`\A(?:` + allowed.URL + `)\z`)
		return err == nil && re.MatchString(asked)
	}
	if allowed.URL == asked {
		return true
	}
	want, err := url.Parse(allowed.URL)
	if err != nil || !loopback(want) {
		return false
	}
	got, err := url.Parse(asked)
	if err != nil || !loopback(got) || got.User != nil {
		return false
	}
	got.Host, want.Host = got.Hostname(), want.Hostname()
	return got.String() == want.String()
}

func loopback(u *url.URL) bool {
	a, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && err == nil && a.IsLoopback()
}

// sendable keeps browsers from reading an address as another one than we do.
func sendable(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '\\' || r == '#' || r == '"' || r == '<' || r == '>'
	}) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.User != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "javascript", "data", "vbscript", "file", "blob", "about":
		return false
	case "http", "https":
		return u.Host != ""
	}
	return true
}

// read judges what is not about scopes.
func (a *Authorization) read(params map[string]string) error {
	p := a.Client.Provider
	switch {
	case params["request"] != "":
		return a.Refuse(ErrRequestNotSupported, "Signed requests are not supported: push the request instead (RFC 9126).")
	case params["response_type"] == "":
		return a.Refuse(ErrInvalidRequest, "response_type is missing: expected code.")
	case params["response_type"] != "code":
		return a.Refuse(ErrUnsupportedResponse, "Only the response type code is offered.")
	case params["response_mode"] != "" && params["response_mode"] != string(a.Mode):
		return a.Refuse(ErrInvalidRequest, "Only the response modes query, fragment and form_post are offered, form_post for addresses of http and https alone.")
	case !slices.Contains(p.GrantTypes, idp.GrantCode):
		return a.Refuse(ErrUnauthorizedClient, "This application may not use authorization codes.")
	}
	challenge, method := params["code_challenge"], params["code_challenge_method"]
	switch {
	case challenge == "" && method != "":
		return a.Refuse(ErrInvalidRequest, "code_challenge is missing.")
	case challenge == "" && p.ClientType == idp.ClientPublic:
		return a.Refuse(ErrInvalidRequest, "Public clients have to use PKCE: code_challenge is missing.")
	case challenge != "" && method != "S256":
		return a.Refuse(ErrInvalidRequest, "code_challenge_method has to be S256.")
	case challenge != "" && !challengeForm.MatchString(challenge):
		return a.Refuse(ErrInvalidRequest, "code_challenge is no SHA-256 in base64url without padding.")
	}
	a.Challenge = challenge
	a.Prompts = strings.Fields(params["prompt"])
	for _, prompt := range a.Prompts {
		if !slices.Contains(Prompts(), prompt) || prompt == "none" && len(a.Prompts) > 1 {
			return a.Refuse(ErrInvalidRequest, "prompt has to be none alone, or some of login, consent and select_account.")
		}
	}
	if raw := params["max_age"]; raw != "" {
		seconds, err := strconv.ParseUint(raw, 10, 31)
		if err != nil {
			return a.Refuse(ErrInvalidRequest, "max_age has to be a number of seconds.")
		}
		age := time.Duration(seconds) * time.Second
		a.MaxAge = &age
	}
	return nil
}

// challengeForm is a SHA-256 in base64url without padding (RFC 7636, section 4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// Prompts lists the prompts that are understood.
func Prompts() []string { return []string{"none", "login", "consent", "select_account"} }

// scopes keeps what is offered of what was asked for.
func (s *Service) scopes(ctx context.Context, a *Authorization, asked string) error {
	wanted, scopes, err := s.offered(ctx, a.Client.Provider, strings.Fields(asked))
	if err != nil {
		return err
	}
	a.Wanted, a.Scopes = wanted, scopes
	if len(scopes) == 0 && asked != "" {
		return a.Refuse(ErrInvalidScope, "None of the scopes asked for is offered to this application.")
	}
	if !slices.Contains(scopes, ScopeOpenID) && a.Nonce != "" {
		a.Nonce = "" // nothing would carry it
	}
	return nil
}

// offered are the scopes of a list that a provider has mappings for, each once, and
// those mappings, in the provider's order.
func (s *Service) offered(ctx context.Context, p *idp.OAuthProvider, asked []string) (wanted []idp.ScopeMapping, scopes []string, err error) {
	mappings, err := s.mappings(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	for _, scope := range asked {
		if slices.Contains(scopes, scope) || scope == ScopeOffline && !slices.Contains(p.GrantTypes, idp.GrantRefresh) {
			continue
		}
		// To say who somebody is takes no claims.
		if scope == ScopeOpenID || slices.ContainsFunc(mappings, func(m idp.ScopeMapping) bool { return m.Scope == scope }) {
			scopes = append(scopes, scope)
		}
	}
	for _, m := range mappings {
		if slices.Contains(scopes, m.Scope) {
			wanted = append(wanted, m)
		}
	}
	return wanted, scopes, nil
}

// mappings are those of a provider, in its order.
func (s *Service) mappings(ctx context.Context, p *idp.OAuthProvider) ([]idp.ScopeMapping, error) {
	if len(p.Mappings) == 0 {
		return nil, nil
	}
	all := idp.Paging{Limit: len(p.Mappings) + 1} // where there is room left, nothing is counted
	page, err := s.Store.Repos().ScopeMappings.Find(ctx, idp.ScopeMappingFilter{IDs: p.Mappings, Paging: all})
	if err != nil {
		return nil, err
	}
	out := make([]idp.ScopeMapping, 0, len(page.Items))
	for _, id := range p.Mappings {
		if i := slices.IndexFunc(page.Items, func(m idp.ScopeMapping) bool { return m.ID == id }); i >= 0 {
			out = append(out, page.Items[i])
		}
	}
	return out, nil
}
