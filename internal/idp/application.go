package idp

import (
	"context"
	"strconv"
	"time"
)

// Application is something that people sign in to through this installation. Policies
// bound to it, by its own ID, say who may.
type Application struct {
	ID         ApplicationID
	Name       string
	Slug       string // unique; the name of its endpoints
	Group      string // under which people's pages show it; "" = none
	ProviderID *OAuthProviderID
	PolicyMode PolicyMode

	LaunchURL   string // "" = the origin of the provider's first redirect URI
	OpenInNew   bool
	Icon        string
	Description string
	Publisher   string

	// ForwardHosts are the hosts that proxies ask the forward-auth endpoint about for
	// this application ("wiki.example.org"), each of one application only; none = the
	// endpoint knows nothing of it.
	ForwardHosts []string
	// CookieLifetime is how long the application keeps somebody signed in by itself, as
	// whoever runs it says; 0 = nobody said.
	CookieLifetime time.Duration

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Facts returns what expressions and pages may know of it.
func (a *Application) Facts() map[string]any {
	return map[string]any{"pk": a.ID.String(), "model": "authentik_core.application", "name": a.Name, "slug": a.Slug, "group": a.Group}
}

// ProviderPK is the integer key of a provider, as the API shows it (`pk`).
type ProviderPK int32

// String returns the decimal form.
func (pk ProviderPK) String() string { return strconv.Itoa(int(pk)) }

// ClientType says whether a client can keep a secret (RFC 6749, section 2.1).
type ClientType string

// The client types.
const (
	ClientConfidential ClientType = "confidential"
	ClientPublic       ClientType = "public"
)

// ClientTypes lists them.
func ClientTypes() []ClientType { return []ClientType{ClientConfidential, ClientPublic} }

// MatchingMode says how a redirect URI is compared.
type MatchingMode string

// The modes. A regular expression has to match the whole of the address.
const (
	MatchStrict MatchingMode = "strict"
	MatchRegex  MatchingMode = "regex"
)

// MatchingModes lists them.
func MatchingModes() []MatchingMode { return []MatchingMode{MatchStrict, MatchRegex} }

// RedirectURI is where a client may have answers sent.
type RedirectURI struct {
	Mode MatchingMode `json:"matching_mode"`
	URL  string       `json:"url"`
}

// SubjectMode says what the `sub` of an account is.
type SubjectMode string

// The subject modes (the original's names).
const (
	SubjectHashedID SubjectMode = "hashed_user_id"
	SubjectID       SubjectMode = "user_id"
	SubjectUUID     SubjectMode = "user_uuid"
	SubjectUsername SubjectMode = "user_username"
	SubjectEmail    SubjectMode = "user_email"
	SubjectUPN      SubjectMode = "user_upn"
)

// SubjectModes lists them.
func SubjectModes() []SubjectMode {
	return []SubjectMode{SubjectHashedID, SubjectID, SubjectUUID, SubjectUsername, SubjectEmail, SubjectUPN}
}

// IssuerMode says what the issuer of a provider is.
type IssuerMode string

// The issuer modes: one for the installation, or one for each application.
const (
	IssuerGlobal      IssuerMode = "global"
	IssuerPerProvider IssuerMode = "per_provider"
)

// IssuerModes lists them.
func IssuerModes() []IssuerMode { return []IssuerMode{IssuerPerProvider, IssuerGlobal} }

// LogoutMethod says how an application is told that a session is over.
type LogoutMethod string

// The logout methods (OpenID Connect Back-Channel and Front-Channel Logout 1.0).
const (
	LogoutBackchannel  LogoutMethod = "backchannel"
	LogoutFrontchannel LogoutMethod = "frontchannel"
)

// LogoutMethods lists them.
func LogoutMethods() []LogoutMethod { return []LogoutMethod{LogoutBackchannel, LogoutFrontchannel} }

// AccessFormat is what access tokens are.
type AccessFormat string

// The formats. An opaque token is judged here at each use, so it ends at once; a signed
// one (RFC 9068) is good until it expires wherever nobody asks.
const (
	AccessOpaque AccessFormat = "opaque"
	AccessJWT    AccessFormat = "jwt"
)

// AccessFormats lists them.
func AccessFormats() []AccessFormat { return []AccessFormat{AccessOpaque, AccessJWT} }

// OAuthProvider is how one application speaks OAuth 2 and OpenID Connect.
type OAuthProvider struct {
	ID   OAuthProviderID
	PK   ProviderPK // given by the database
	Name string     // unique

	AuthenticationFlow *FlowID // nil = the brand's
	AuthorizationFlow  FlowID
	InvalidationFlow   FlowID

	ClientType ClientType
	ClientID   string // unique
	// ClientSecret is sealed with the server's secret; "" = a public client has none.
	ClientSecret string
	RedirectURIs []RedirectURI
	// GrantTypes are those that the client may use (RFC 6749; RFC 8628 for device codes).
	GrantTypes []GrantType

	CodeLifetime    time.Duration
	AccessLifetime  time.Duration
	RefreshLifetime time.Duration
	// RefreshThreshold is how long before its end a refresh token is replaced; 0 = at
	// every use.
	RefreshThreshold time.Duration
	AccessFormat     AccessFormat
	SubjectMode      SubjectMode
	IssuerMode       IssuerMode
	ClaimsInIDToken  bool
	Mappings         []ScopeMappingID

	LogoutURI    string // "" = the application cannot be told
	LogoutMethod LogoutMethod
	// PostLogoutURIs are where RP-initiated logout may send browsers.
	PostLogoutURIs []string

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Facts returns what expressions may know of it: nothing that is secret.
func (p *OAuthProvider) Facts() map[string]any {
	return map[string]any{"pk": int(p.PK), "model": "authentik_providers_oauth2.oauth2provider", "name": p.Name, "client_id": p.ClientID}
}

// GrantType is a way to get tokens.
type GrantType string

// The grant types.
const (
	GrantCode              GrantType = "authorization_code"
	GrantRefresh           GrantType = "refresh_token"
	GrantClientCredentials GrantType = "client_credentials"
	GrantDevice            GrantType = "urn:ietf:params:oauth:grant-type:device_code"
)

// GrantTypes lists them.
func GrantTypes() []GrantType {
	return []GrantType{GrantCode, GrantRefresh, GrantClientCredentials, GrantDevice}
}

// ScopeMapping says what claims a scope brings. Several mappings may have one scope.
type ScopeMapping struct {
	ID          ScopeMappingID
	Name        string // unique
	Managed     *string
	Scope       string // without spaces
	Description string // what people are asked to agree to; "" = they are not shown it
	// Expression returns a map of claims; see policy.ScopeMapping.
	Expression string
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// ApplicationFilter selects applications. Unset fields select all.
type ApplicationFilter struct {
	Paging
	IDs         []ApplicationID
	Name        *string
	Slug        *string
	Group       *string
	ProviderID  *OAuthProviderID
	ProviderIDs []OAuthProviderID // nil = all
	LaunchURL   *string
	Description *string
	Publisher   *string
}

// OAuthProviderFilter selects providers. Unset fields select all.
type OAuthProviderFilter struct {
	Paging
	IDs         []OAuthProviderID
	PK          *ProviderPK
	PKs         []ProviderPK // nil = all
	Name        *string
	ClientID    *string
	ClientType  *ClientType
	FlowID      *FlowID // in any part
	Mapping     *ScopeMappingID
	Application *bool // has one

	ApplicationID     *ApplicationID
	AuthorizationFlow *FlowID
	CodeLifetime      *time.Duration
	AccessLifetime    *time.Duration
	RefreshLifetime   *time.Duration
	ClaimsInIDToken   *bool
	SubjectMode       *SubjectMode
	IssuerMode        *IssuerMode
	Mappings          []ScopeMappingID // has one of them; nil = all
}

// ScopeMappingFilter selects mappings. Unset fields select all.
type ScopeMappingFilter struct {
	Paging
	IDs     []ScopeMappingID
	Name    *string
	Scope   *string
	Managed []string
	// ManagedNull selects those that nobody manages, or those that somebody does.
	ManagedNull *bool
}

// Applications stores applications.
type Applications interface {
	HeldTable[Application, ApplicationID, ApplicationFilter]
	GetBySlug(ctx context.Context, slug string) (*Application, error)
	// ForHost returns the application whose ForwardHosts have the host (with its port,
	// where that is not the usual one); CodeNotFound when there is none.
	ForHost(ctx context.Context, host string) (*Application, error)
}

// OAuthClient is a provider and an application, as they are found together.
type OAuthClient struct {
	Provider    OAuthProvider
	Application Application
	// Version is another one when either was written, whoever did.
	Version string
}

// OAuthProviders stores providers.
type OAuthProviders interface {
	HeldTable[OAuthProvider, OAuthProviderID, OAuthProviderFilter]
	GetByPK(ctx context.Context, pk ProviderPK) (*OAuthProvider, error)
	// GetClient returns the provider of a client ID and its application, in one
	// statement; CodeNotFound when there is none, or none that has an application.
	GetClient(ctx context.Context, clientID string) (*OAuthProvider, *Application, error)
	// GetClientOf returns a provider and the application that something was granted to,
	// in one statement; CodeNotFound when either is gone.
	GetClientOf(ctx context.Context, provider OAuthProviderID, application ApplicationID) (*OAuthClient, error)
}

// ScopeMappings stores scope mappings.
type ScopeMappings interface {
	HeldTable[ScopeMapping, ScopeMappingID, ScopeMappingFilter]
}
