package blueprint

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

func applications() model {
	return noun[idp.Application, idp.ApplicationFilter, *applicationWire]{
		model: applicationModel, title: "Application", help: "Something that people sign in to. Policies bound to it say who may.",
		resource: idp.ResourceApplication, key: []string{"slug"},
		table: func(r idp.Repos) idp.HeldTable[idp.Application, idp.ApplicationID, idp.ApplicationFilter] {
			return r.Applications
		},
		pk: func(a *idp.Application) *idp.ApplicationID { return &a.ID },
		fresh: func() (*idp.Application, *applicationWire) {
			return &idp.Application{PolicyMode: idp.PolicyAny, ForwardHosts: []string{}}, &applicationWire{}
		},
		name: func(_ context.Context, _ *run, a *idp.Application) (string, error) { return a.Slug, nil },
		narrow: func(fields map[string]any) idp.ApplicationFilter {
			return idp.ApplicationFilter{Slug: word(fields, "slug"), Name: word(fields, "name")}
		},
		page: func(f *idp.ApplicationFilter) *idp.Paging { return &f.Paging },
	}
}

type applicationWire struct {
	Name             string               `json:"name" help:"What people call it."`
	Slug             string               `json:"slug" help:"The name of its endpoints; unique."`
	Group            string               `json:"group" help:"Under which people's pages show it."`
	Provider         *idp.OAuthProviderID `json:"provider" ref:"provider" help:"How it speaks OAuth 2; each provider is of one application."`
	OpenInNewTab     bool                 `json:"open_in_new_tab" help:"Whether people's pages open it in a tab of its own."`
	MetaLaunchURL    string               `json:"meta_launch_url" help:"Where people begin to use it; empty: the origin of the provider's first redirect URI."`
	MetaIcon         string               `json:"meta_icon" help:"An address, a path of the server or a data: URL of a picture."`
	MetaDescription  string               `json:"meta_description" help:"What it is for."`
	MetaPublisher    string               `json:"meta_publisher" help:"Who publishes it."`
	PolicyEngineMode idp.PolicyMode       `json:"policy_engine_mode" enum:"all,any" help:"Whether all or any of its bindings have to pass."`
	ForwardHosts     []string             `json:"forward_hosts" help:"Hosts that proxies ask the forward-auth endpoint about."`
	CookieLifetime   string               `json:"cookie_lifetime" help:"How long the application keeps people signed in by itself, such as hours=8."`
}

func (w *applicationWire) from(a *idp.Application) {
	*w = applicationWire{a.Name, a.Slug, a.Group, a.ProviderID, a.OpenInNew, a.LaunchURL, a.Icon, a.Description, a.Publisher, a.PolicyMode,
		append([]string{}, a.ForwardHosts...), idp.FormatDuration(a.CookieLifetime)}
}

func (w *applicationWire) into(a *idp.Application) error {
	a.Name, a.Slug, a.Group, a.ProviderID, a.OpenInNew = w.Name, w.Slug, w.Group, w.Provider, w.OpenInNewTab
	a.LaunchURL, a.Icon, a.Description, a.Publisher = w.MetaLaunchURL, w.MetaIcon, w.MetaDescription, w.MetaPublisher
	a.PolicyMode, a.ForwardHosts = w.PolicyEngineMode, w.ForwardHosts
	return lasting(map[string]string{"cookie_lifetime": w.CookieLifetime}, map[string]*time.Duration{"cookie_lifetime": &a.CookieLifetime})
}

// lasting reads durations by their fields.
func lasting(from map[string]string, to map[string]*time.Duration) error {
	var faults idp.Faults
	for field, d := range to {
		read, err := idp.ParseDuration(from[field])
		if err != nil {
			faults.Add(field, "%s", err.Error())
			continue
		}
		*d = read
	}
	return faults.Err()
}

func oauthProviders() model {
	return noun[idp.OAuthProvider, idp.OAuthProviderFilter, *oauthProviderWire]{
		model: oauthProviderModel, title: "OAuth2 provider", help: "How an application speaks OAuth 2 and OpenID Connect.",
		resource: idp.ResourceApplication, key: []string{"name"},
		table: func(r idp.Repos) idp.HeldTable[idp.OAuthProvider, idp.OAuthProviderID, idp.OAuthProviderFilter] {
			return r.OAuthProviders
		},
		pk: func(p *idp.OAuthProvider) *idp.OAuthProviderID { return &p.ID },
		fresh: func() (*idp.OAuthProvider, *oauthProviderWire) {
			return &idp.OAuthProvider{ClientType: idp.ClientConfidential, GrantTypes: []idp.GrantType{idp.GrantCode, idp.GrantRefresh},
				CodeLifetime: time.Minute, AccessLifetime: 5 * time.Minute, RefreshLifetime: 30 * 24 * time.Hour, AccessFormat: idp.AccessOpaque,
				SubjectMode: idp.SubjectHashedID, IssuerMode: idp.IssuerPerProvider, ClaimsInIDToken: true, LogoutMethod: idp.LogoutBackchannel}, &oauthProviderWire{}
		},
		narrow: func(fields map[string]any) idp.OAuthProviderFilter {
			return idp.OAuthProviderFilter{Name: word(fields, "name"), ClientID: word(fields, "client_id")}
		},
		page: func(f *idp.OAuthProviderFilter) *idp.Paging { return &f.Paging },
		hidden: func(was, now *idp.OAuthProvider) []string {
			if secret.Equal(was.ClientSecret, now.ClientSecret) {
				return nil
			}
			return []string{"client_secret"}
		},
	}
}

// oauthProviderWire never shows the secret: it is nil unless a file sets it.
type oauthProviderWire struct {
	Name                   string               `json:"name" help:"What the console calls the provider; unique."`
	AuthenticationFlow     *idp.FlowID          `json:"authentication_flow" ref:"flow" help:"Signs people in; the brand's when it is left out."`
	AuthorizationFlow      idp.FlowID           `json:"authorization_flow" ref:"flow" help:"Lets people in; asks for consent, or not."`
	InvalidationFlow       idp.FlowID           `json:"invalidation_flow" ref:"flow" help:"Runs when people leave the application."`
	PropertyMappings       []idp.ScopeMappingID `json:"property_mappings" ref:"scope" help:"What the application is told, scope by scope."`
	ClientType             idp.ClientType       `json:"client_type" enum:"confidential,public" help:"public: it cannot keep a secret."`
	ClientID               string               `json:"client_id" help:"Made when it is left out."`
	ClientSecret           *string              `json:"client_secret,omitempty" secret:"true" help:"Made when it is left out."`
	RedirectURIs           []idp.RedirectURI    `json:"redirect_uris" help:"Where answers may be sent: mappings with matching_mode (strict or regex) and url."`
	GrantTypes             []idp.GrantType      `json:"grant_types" enum:"authorization_code,refresh_token,client_credentials,urn:ietf:params:oauth:grant-type:device_code" help:"The ways in which the client may get tokens."`
	AccessCodeValidity     string               `json:"access_code_validity" help:"How long a code is valid: seconds=10 to minutes=10."`
	AccessTokenValidity    string               `json:"access_token_validity" help:"How long an access token is valid: at most days=1, signed ones hours=1."`
	RefreshTokenValidity   string               `json:"refresh_token_validity" help:"How long a refresh token is valid."`
	RefreshTokenThreshold  string               `json:"refresh_token_threshold" help:"How long before its end a refresh token is replaced; seconds=0: at every use."`
	AccessTokenFormat      idp.AccessFormat     `json:"access_token_format" enum:"opaque,jwt" help:"opaque ones end at once; jwt: signed ones are good until they expire wherever nobody asks."`
	SubMode                idp.SubjectMode      `json:"sub_mode" enum:"hashed_user_id,user_id,user_uuid,user_username,user_email,user_upn" help:"What the sub of an account is."`
	IssuerMode             idp.IssuerMode       `json:"issuer_mode" enum:"global,per_provider" help:"One issuer for the installation, or one for each application."`
	IncludeClaims          bool                 `json:"include_claims_in_id_token" help:"Whether ID tokens hold the claims of scopes."`
	LogoutURI              string               `json:"logout_uri" help:"Where the application is told that a session is over."`
	LogoutMethod           idp.LogoutMethod     `json:"logout_method" enum:"backchannel,frontchannel" help:"How it is told: by back-channel. Front-channel logout is not offered."`
	PostLogoutRedirectURIs []string             `json:"post_logout_redirect_uris" help:"Where browsers may be sent after signing out."`
	SigningKey             *string              `json:"signing_key" help:"Not offered; must be empty: the server keeps its keys itself."`
	EncryptionKey          *string              `json:"encryption_key" help:"Not offered; must be empty."`
}

func (w *oauthProviderWire) from(p *idp.OAuthProvider) {
	*w = oauthProviderWire{Name: p.Name, AuthenticationFlow: p.AuthenticationFlow, AuthorizationFlow: p.AuthorizationFlow, InvalidationFlow: p.InvalidationFlow,
		PropertyMappings: append([]idp.ScopeMappingID{}, p.Mappings...), ClientType: p.ClientType, ClientID: p.ClientID,
		RedirectURIs: append([]idp.RedirectURI{}, p.RedirectURIs...), GrantTypes: append([]idp.GrantType{}, p.GrantTypes...),
		AccessCodeValidity: idp.FormatDuration(p.CodeLifetime), AccessTokenValidity: idp.FormatDuration(p.AccessLifetime),
		RefreshTokenValidity: idp.FormatDuration(p.RefreshLifetime), RefreshTokenThreshold: idp.FormatDuration(p.RefreshThreshold),
		AccessTokenFormat: p.AccessFormat, SubMode: p.SubjectMode, IssuerMode: p.IssuerMode, IncludeClaims: p.ClaimsInIDToken,
		LogoutURI: p.LogoutURI, LogoutMethod: p.LogoutMethod, PostLogoutRedirectURIs: append([]string{}, p.PostLogoutURIs...)}
}

func (w *oauthProviderWire) into(p *idp.OAuthProvider) error {
	p.Name, p.AuthenticationFlow, p.AuthorizationFlow, p.InvalidationFlow = w.Name, w.AuthenticationFlow, w.AuthorizationFlow, w.InvalidationFlow
	p.Mappings, p.ClientType, p.ClientID, p.RedirectURIs, p.GrantTypes = w.PropertyMappings, w.ClientType, w.ClientID, w.RedirectURIs, w.GrantTypes
	p.AccessFormat, p.SubjectMode, p.IssuerMode, p.ClaimsInIDToken = w.AccessTokenFormat, w.SubMode, w.IssuerMode, w.IncludeClaims
	p.LogoutURI, p.LogoutMethod, p.PostLogoutURIs = w.LogoutURI, w.LogoutMethod, w.PostLogoutRedirectURIs
	if w.ClientSecret != nil {
		p.ClientSecret = *w.ClientSecret
	}
	for field, set := range map[string]*string{"signing_key": w.SigningKey, "encryption_key": w.EncryptionKey} {
		if set != nil && *set != "" {
			return &wrong{field: field, message: "the server keeps its keys itself; leave it empty", unsupported: true}
		}
	}
	return lasting(map[string]string{"access_code_validity": w.AccessCodeValidity, "access_token_validity": w.AccessTokenValidity,
		"refresh_token_validity": w.RefreshTokenValidity, "refresh_token_threshold": w.RefreshTokenThreshold},
		map[string]*time.Duration{"access_code_validity": &p.CodeLifetime, "access_token_validity": &p.AccessLifetime,
			"refresh_token_validity": &p.RefreshLifetime, "refresh_token_threshold": &p.RefreshThreshold})
}

func scopeMappings() model {
	return noun[idp.ScopeMapping, idp.ScopeMappingFilter, *scopeMappingWire]{
		model: scopeMappingModel, title: "Scope mapping", help: "Says what claims a scope brings.", resource: idp.ResourceApplication, key: []string{"name"},
		table: func(r idp.Repos) idp.HeldTable[idp.ScopeMapping, idp.ScopeMappingID, idp.ScopeMappingFilter] {
			return r.ScopeMappings
		},
		pk:    func(m *idp.ScopeMapping) *idp.ScopeMappingID { return &m.ID },
		fresh: func() (*idp.ScopeMapping, *scopeMappingWire) { return &idp.ScopeMapping{}, &scopeMappingWire{} },
		narrow: func(fields map[string]any) idp.ScopeMappingFilter {
			f := idp.ScopeMappingFilter{Name: word(fields, "name"), Scope: word(fields, "scope_name")}
			if managed := word(fields, "managed"); managed != nil {
				f.Managed = []string{*managed}
			}
			return f
		},
		page: func(f *idp.ScopeMappingFilter) *idp.Paging { return &f.Paging },
	}
}

type scopeMappingWire struct {
	Name        string  `json:"name" help:"What the console calls the mapping; unique."`
	Managed     *string `json:"managed" help:"By what name files find it; unique."`
	ScopeName   string  `json:"scope_name" help:"The scope that brings the claims."`
	Description string  `json:"description" help:"What people are asked to agree to; they are not shown it when it is empty."`
	Expression  string  `json:"expression" help:"Gives a map of claims."`
}

func (w *scopeMappingWire) from(m *idp.ScopeMapping) {
	*w = scopeMappingWire{m.Name, m.Managed, m.Scope, m.Description, m.Expression}
}

func (w *scopeMappingWire) into(m *idp.ScopeMapping) error {
	m.Name, m.Managed, m.Scope, m.Description, m.Expression = w.Name, w.Managed, w.ScopeName, w.Description, w.Expression
	return nil
}
