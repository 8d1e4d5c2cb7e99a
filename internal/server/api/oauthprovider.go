package api

import (
	"maps"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// OAuth2Provider is how an application speaks OAuth 2 and OpenID Connect.
type OAuth2Provider struct {
	Provider
	ClientType     idp.ClientType    `json:"client_type" enum:"confidential,public"`
	ClientID       string            `json:"client_id"`
	ClientSecret   string            `json:"client_secret" doc:"Empty for whoever may not change the provider, and of public clients."`
	CodeValidity   string            `json:"access_code_validity"`
	AccessValidity string            `json:"access_token_validity"`
	RefreshValid   string            `json:"refresh_token_validity"`
	Threshold      string            `json:"refresh_token_threshold"`
	ClaimsInID     bool              `json:"include_claims_in_id_token"`
	SigningKey     *string           `json:"signing_key" format:"uuid" doc:"Always null: the server keeps its signing keys itself, and replaces them."`
	EncryptionKey  *string           `json:"encryption_key" format:"uuid"`
	RedirectURIs   []idp.RedirectURI `json:"redirect_uris"`
	LogoutURI      string            `json:"logout_uri"`
	LogoutMethod   idp.LogoutMethod  `json:"logout_method" enum:"backchannel,frontchannel"`
	SubMode        idp.SubjectMode   `json:"sub_mode" enum:"hashed_user_id,user_id,user_uuid,user_username,user_email,user_upn"`
	IssuerMode     idp.IssuerMode    `json:"issuer_mode" enum:"global,per_provider"`
	Sources        []string          `json:"jwt_federation_sources"`
	Providers      []int             `json:"jwt_federation_providers"`

	GrantTypes     []idp.GrantType  `json:"grant_types" doc:"The ways in which the client may get tokens."`
	AccessFormat   idp.AccessFormat `json:"access_token_format" enum:"opaque,jwt" doc:"Opaque tokens end at once with the session, the account or a lockdown; signed ones are good until they expire wherever nobody asks."`
	PostLogoutURIs []string         `json:"post_logout_redirect_uris"`
}

type oauthProviderBody struct {
	Name               Optional[string]               `json:"name" api:"required" max:"255"`
	AuthenticationFlow Optional[idp.FlowID]           `json:"authentication_flow" api:"null" help:"null: the brand's."`
	AuthorizationFlow  Optional[idp.FlowID]           `json:"authorization_flow" api:"required"`
	InvalidationFlow   Optional[idp.FlowID]           `json:"invalidation_flow" api:"required"`
	PropertyMappings   Optional[[]idp.ScopeMappingID] `json:"property_mappings"`
	ClientType         Optional[string]               `json:"client_type" enum:"confidential,public"`
	ClientID           Optional[string]               `json:"client_id" max:"255" help:"Made when it is absent."`
	ClientSecret       Optional[string]               `json:"client_secret" api:"blank" max:"255" help:"Made when it is absent, and anew when it is empty; public clients have none."`
	CodeValidity       Optional[string]               `json:"access_code_validity" help:"minutes=1, for example: seconds=10 to minutes=10."`
	AccessValidity     Optional[string]               `json:"access_token_validity" help:"At most days=1; hours=1 for signed tokens."`
	RefreshValidity    Optional[string]               `json:"refresh_token_validity"`
	Threshold          Optional[string]               `json:"refresh_token_threshold" help:"How long before its end a refresh token is replaced; seconds=0: at every use."`
	ClaimsInIDToken    Optional[bool]                 `json:"include_claims_in_id_token"`
	SigningKey         Optional[idp.ID[any]]          `json:"signing_key" api:"null" help:"null: the server keeps its signing keys itself."`
	EncryptionKey      Optional[idp.ID[any]]          `json:"encryption_key" api:"null" help:"null: tokens are not encrypted."`
	RedirectURIs       Optional[[]idp.RedirectURI]    `json:"redirect_uris" api:"required"`
	LogoutURI          Optional[string]               `json:"logout_uri" api:"blank"`
	LogoutMethod       Optional[string]               `json:"logout_method" enum:"backchannel,frontchannel" help:"backchannel: frontchannel is refused, for nothing would be told."`
	SubMode            Optional[string]               `json:"sub_mode" enum:"hashed_user_id,user_id,user_uuid,user_username,user_email,user_upn"`
	IssuerMode         Optional[string]               `json:"issuer_mode" enum:"global,per_provider"`
	Sources            Optional[[]string]             `json:"jwt_federation_sources" help:"Leave it empty: clients prove who they are by their secret."`
	Providers          Optional[[]int32]              `json:"jwt_federation_providers" help:"Leave it empty: clients prove who they are by their secret."`
	GrantTypes         Optional[[]string]             `json:"grant_types" enum:"authorization_code,refresh_token,client_credentials,urn:ietf:params:oauth:grant-type:device_code" help:"authorization_code and refresh_token, unless said otherwise."`
	AccessFormat       Optional[string]               `json:"access_token_format" enum:"opaque,jwt"`
	PostLogoutURIs     Optional[[]string]             `json:"post_logout_redirect_uris"`

	_ struct{} `ignore:"pk,component,assigned_application_slug,assigned_application_name,assigned_backchannel_application_slug,assigned_backchannel_application_name,verbose_name,verbose_name_plural,meta_model_name"`
}

// apply puts the body on a provider; in a full replacement what is absent gets its
// default, but for the client's ID and secret, which applications know.
func (b *oauthProviderBody) apply(to *idp.OAuthProvider, partial bool) error {
	var faults idp.Faults
	b.refuse(&faults)
	assign(&to.Name, b.Name, true, "") // required where it matters
	if b.AuthenticationFlow.Set || !partial {
		to.AuthenticationFlow = b.AuthenticationFlow.Ptr()
	}
	assign(&to.AuthorizationFlow, b.AuthorizationFlow, true, idp.FlowID{})
	assign(&to.InvalidationFlow, b.InvalidationFlow, true, idp.FlowID{})
	assign(&to.Mappings, b.PropertyMappings, partial, nil)
	assign(&to.RedirectURIs, b.RedirectURIs, true, nil)
	assign(&to.ClientID, b.ClientID, true, "")
	assign(&to.ClientSecret, b.ClientSecret, true, "")
	assign(&to.ClaimsInIDToken, b.ClaimsInIDToken, partial, true)
	assign(&to.LogoutURI, b.LogoutURI, partial, "")
	assign(&to.PostLogoutURIs, b.PostLogoutURIs, partial, nil)
	assignWord(&to.ClientType, b.ClientType, partial, idp.ClientConfidential)
	assignWord(&to.LogoutMethod, b.LogoutMethod, partial, idp.LogoutBackchannel)
	assignWord(&to.SubjectMode, b.SubMode, partial, idp.SubjectHashedID)
	assignWord(&to.IssuerMode, b.IssuerMode, partial, idp.IssuerPerProvider)
	assignWord(&to.AccessFormat, b.AccessFormat, partial, idp.AccessOpaque)
	if b.GrantTypes.Set && !b.GrantTypes.Null {
		to.GrantTypes = make([]idp.GrantType, len(b.GrantTypes.Value))
		for i, g := range b.GrantTypes.Value {
			to.GrantTypes[i] = idp.GrantType(g)
		}
	} else if !partial {
		to.GrantTypes = []idp.GrantType{idp.GrantCode, idp.GrantRefresh}
	}
	assignDuration(&faults, &to.CodeLifetime, "access_code_validity", b.CodeValidity, partial, time.Minute)
	assignDuration(&faults, &to.AccessLifetime, "access_token_validity", b.AccessValidity, partial, 5*time.Minute)
	assignDuration(&faults, &to.RefreshLifetime, "refresh_token_validity", b.RefreshValidity, partial, 30*24*time.Hour)
	assignDuration(&faults, &to.RefreshThreshold, "refresh_token_threshold", b.Threshold, partial, 0)
	return faults.Err()
}

// refuse says what of the contract is not offered: dropping it would promise what does
// not happen.
func (b *oauthProviderBody) refuse(faults *idp.Faults) {
	if b.SigningKey.Ptr() != nil {
		faults.Add("signing_key", "The server keeps its signing keys itself, and replaces them. Leave it null.")
	}
	if b.EncryptionKey.Ptr() != nil {
		faults.Add("encryption_key", "Tokens are not encrypted. Leave it null.")
	}
	if len(b.Sources.Value) > 0 {
		faults.Add("jwt_federation_sources", "Clients prove who they are by their secret. Leave it empty.")
	}
	if len(b.Providers.Value) > 0 {
		faults.Add("jwt_federation_providers", "Clients prove who they are by their secret. Leave it empty.")
	}
}

func assignWord[T ~string](to *T, from Optional[string], partial bool, otherwise T) {
	if s := from.Patch(partial, string(otherwise)); s != nil {
		*to = T(*s)
	}
}

func (a *API) oauthProviders() resource[OAuth2Provider, oauthProviderBody] {
	duration := func(name string) param {
		return param{name: name, kind: text, check: func(v string) string {
			if _, err := idp.ParseDuration(v); err != nil {
				return err.Error()
			}
			return ""
		}}
	}
	return resource[OAuth2Provider, oauthProviderBody]{
		path: "/providers/oauth2/", key: "id", name: "OAuth2Provider", id: "providers_oauth2", plural: "OAuth2 providers", tag: "providers",
		filters: []param{{name: "name", kind: text}, {name: "authorization_flow", kind: id}, {name: "property_mappings", kind: id, many: true},
			{name: "application", kind: id}, {name: "client_type", kind: text, enum: words(idp.ClientTypes())}, {name: "client_id", kind: text},
			duration("access_code_validity"), duration("access_token_validity"), duration("refresh_token_validity"),
			{name: "include_claims_in_id_token", kind: boolean}, {name: "signing_key", kind: id, help: "No provider has one."},
			{name: "sub_mode", kind: text, enum: words(idp.SubjectModes())}, {name: "issuer_mode", kind: text, enum: words(idp.IssuerModes())}},
		ordering: []string{"name", "client_id", "client_type", "access_code_validity", "access_token_validity", "refresh_token_validity",
			"include_claims_in_id_token", "sub_mode", "issuer_mode", "authorization_flow", "application", "pk"},
		list: a.listOAuthProviders, get: a.getOAuthProvider, create: a.createOAuthProvider, change: a.changeOAuthProvider,
		destroy: a.deleteProvider, usedBy: a.providerUsedBy,
	}
}

func words[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = string(v)
	}
	return out
}

// span is a filter by a duration, which was judged before.
func span(q query, name string) *time.Duration {
	s := q.text(name)
	if s == nil {
		return nil
	}
	d, err := idp.ParseDuration(*s)
	if err != nil {
		return nil
	}
	return &d
}

func (a *API) listOAuthProviders(c *call, p idp.Paging) ([]OAuth2Provider, int, error) {
	if err := a.mayApply(c, idp.VerbList); err != nil {
		return nil, 0, err
	}
	f := idp.OAuthProviderFilter{Paging: p, Name: c.query.text("name"), ClientID: c.query.text("client_id"), ClientType: word[idp.ClientType](c.query, "client_type"),
		SubjectMode: word[idp.SubjectMode](c.query, "sub_mode"), IssuerMode: word[idp.IssuerMode](c.query, "issuer_mode"),
		ClaimsInIDToken: c.query.bool("include_claims_in_id_token"), CodeLifetime: span(c.query, "access_code_validity"),
		AccessLifetime: span(c.query, "access_token_validity"), RefreshLifetime: span(c.query, "refresh_token_validity"),
		Mappings: ids[idp.ScopeMapping](c.query, "property_mappings")}
	if one := ids[idp.Flow](c.query, "authorization_flow"); len(one) > 0 {
		f.AuthorizationFlow = &one[0]
	}
	if one := ids[idp.Application](c.query, "application"); len(one) > 0 {
		f.ApplicationID = &one[0]
	}
	if c.query.text("signing_key") != nil {
		f.IDs = []idp.OAuthProviderID{} // none
	}
	page, err := a.Store.Repos().OAuthProviders.Find(c, f)
	if err != nil {
		return nil, 0, err
	}
	views, err := a.oauthProviderViews(c, page.Items)
	return views, page.Total, err
}

func (a *API) oauthProviderViews(c *call, list []idp.OAuthProvider) ([]OAuth2Provider, error) {
	apps, err := a.assigned(c, list)
	if err != nil {
		return nil, err
	}
	shown := a.mayApply(c, idp.VerbUpdate) == nil
	views := make([]OAuth2Provider, 0, len(list))
	for i := range list {
		p := &list[i]
		v := OAuth2Provider{Provider: providerView(p, apps[p.ID]), ClientType: p.ClientType, ClientID: p.ClientID,
			CodeValidity: idp.FormatDuration(p.CodeLifetime), AccessValidity: idp.FormatDuration(p.AccessLifetime), RefreshValid: idp.FormatDuration(p.RefreshLifetime),
			Threshold: idp.FormatDuration(p.RefreshThreshold), ClaimsInID: p.ClaimsInIDToken, RedirectURIs: append([]idp.RedirectURI{}, p.RedirectURIs...),
			LogoutURI: p.LogoutURI, LogoutMethod: p.LogoutMethod, SubMode: p.SubjectMode, IssuerMode: p.IssuerMode, Sources: []string{}, Providers: []int{},
			GrantTypes: append([]idp.GrantType{}, p.GrantTypes...), AccessFormat: p.AccessFormat, PostLogoutURIs: append([]string{}, p.PostLogoutURIs...)}
		if shown {
			// One that cannot be opened any more is shown as none: it is of no use.
			v.ClientSecret, _ = a.Configure.ClientSecret(p)
		}
		views = append(views, v)
	}
	return views, nil
}

func (a *API) oauthProviderView(c *call, p *idp.OAuthProvider, err error) (*OAuth2Provider, error) {
	if err != nil {
		return nil, err
	}
	views, err := a.oauthProviderViews(c, []idp.OAuthProvider{*p})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (a *API) getOAuthProvider(c *call, _ string) (*OAuth2Provider, error) {
	p, err := a.findProvider(c, idp.VerbRead)
	return a.oauthProviderView(c, p, err)
}

func (a *API) createOAuthProvider(c *call, b *oauthProviderBody) (*OAuth2Provider, error) {
	if err := a.mayApply(c, idp.VerbCreate); err != nil {
		return nil, err
	}
	var p idp.OAuthProvider
	if err := b.apply(&p, false); err != nil {
		return nil, err
	}
	made, err := a.Configure.CreateOAuthProvider(c, c.actor, p)
	return a.oauthProviderView(c, made, err)
}

func (a *API) changeOAuthProvider(c *call, _ string, b *oauthProviderBody, partial bool) (*OAuth2Provider, error) {
	found, err := a.findProvider(c, idp.VerbUpdate)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdateOAuthProvider(c, c.actor, found.ID, func(p *idp.OAuthProvider) error { return b.apply(p, partial) })
	return a.oauthProviderView(c, changed, err)
}

// OAuth2ProviderSetupURLs are what a client has to be told.
type OAuth2ProviderSetupURLs struct {
	Issuer       string `json:"issuer"`
	Authorize    string `json:"authorize"`
	Token        string `json:"token"`
	UserInfo     string `json:"user_info"`
	ProviderInfo string `json:"provider_info"`
	Logout       string `json:"logout"`
	JWKS         string `json:"jwks"`
}

// PropertyMappingPreview is what an application would be told of somebody.
type PropertyMappingPreview struct {
	Preview map[string]any `json:"preview"`
}

func (a *API) mountOAuthProviderActions() {
	a.kit.add(operation{method: http.MethodGet, path: "/providers/oauth2/{id}/setup_urls/", id: "providers_oauth2_setup_urls_retrieve", tag: "providers",
		summary: "Get the addresses that the provider's client needs", response: reflect.TypeFor[OAuth2ProviderSetupURLs](), run: a.setupURLs})
	a.kit.add(operation{method: http.MethodGet, path: "/providers/oauth2/{id}/preview_user/", id: "providers_oauth2_preview_user_retrieve", tag: "providers",
		summary: "Get the claims that the provider's mappings make of somebody", params: []param{{name: "for_user", kind: integer}},
		response: reflect.TypeFor[PropertyMappingPreview](), run: a.previewUser})
}

// setupURLs are those of the provider's application; without one nothing answers.
func (a *API) setupURLs(c *call) (any, error) {
	p, err := a.findProvider(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	apps, err := a.assigned(c, []idp.OAuthProvider{*p})
	if err != nil {
		return nil, err
	}
	app := apps[p.ID]
	if app == nil {
		return nil, &idp.Error{Code: idp.CodeNotFound, Message: "The provider has no application yet, so it has no addresses."}
	}
	e := application.EndpointsOf(strings.TrimSuffix(a.absolute(c.r, "/"), "/"), app, p.IssuerMode)
	return OAuth2ProviderSetupURLs{Issuer: e.Issuer, Authorize: e.Authorize, Token: e.Token, UserInfo: e.UserInfo, ProviderInfo: e.ProviderInfo,
		Logout: e.Logout, JWKS: e.JWKS}, nil
}

// previewUser evaluates the mappings of a provider in their order, as for all its
// scopes, and adds the subject.
func (a *API) previewUser(c *call) (any, error) {
	p, err := a.findProvider(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	user, err := a.forUser(c)
	if err != nil {
		return nil, err
	}
	apps, err := a.assigned(c, []idp.OAuthProvider{*p})
	if err != nil {
		return nil, err
	}
	app := apps[p.ID]
	if app == nil {
		app = &idp.Application{}
	}
	all, err := every(func(paging idp.Paging) (idp.Page[idp.ScopeMapping], error) {
		return a.Store.Repos().ScopeMappings.Find(c, idp.ScopeMappingFilter{IDs: append([]idp.ScopeMappingID{}, p.Mappings...), Paging: paging})
	})
	if err != nil {
		return nil, err
	}
	scopes := []any{}
	for _, m := range all {
		scopes = append(scopes, m.Scope)
	}
	req := applicationRequest(c)
	req.User, req.Debug = user, true
	out := map[string]any{}
	for _, m := range all {
		made, err := policy.Claims(c, m.Expression, policy.ScopeRequest{PolicyRequest: req, Token: map[string]any{"scopes": scopes},
			Application: app.Facts(), Provider: p.Facts()})
		if err != nil {
			return nil, idp.Invalid("property_mappings", "The mapping %q cannot be evaluated: %s", m.Name, err.Error())
		}
		maps.Copy(out, made)
	}
	out["sub"] = oidc.Subject(&oidc.Client{Provider: p, Application: app}, user)
	return PropertyMappingPreview{Preview: out}, nil
}
