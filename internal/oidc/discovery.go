package oidc

import (
	"context"
	"net/url"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The paths of the endpoints that all applications share.
const (
	AuthorizePath  = "/application/o/authorize/"
	TokenPath      = "/application/o/token/"
	UserInfoPath   = "/application/o/userinfo/"
	IntrospectPath = "/application/o/introspect/"
	RevokePath     = "/application/o/revoke/"
	DevicePath     = "/application/o/device/"
	PushPath       = "/application/o/par/"
	VerifyPath     = "/device/" // where people type user codes
)

// CancelParam is added to where a flow about an application leads to, where somebody
// leaves the flow and does not go on: whoever waits for an answer is given one.
const CancelParam = "cancelled"

// Metadata is what an application's clients are told of this installation (OpenID
// Connect Discovery 1.0, section 3; RFC 8414; RFC 8628; RFC 9126; RFC 9207). It claims
// nothing that is not there.
type Metadata struct {
	Issuer                 string         `json:"issuer"`
	AuthorizationEndpoint  string         `json:"authorization_endpoint"`
	TokenEndpoint          string         `json:"token_endpoint"`
	UserinfoEndpoint       string         `json:"userinfo_endpoint"`
	JWKSURI                string         `json:"jwks_uri"`
	EndSessionEndpoint     string         `json:"end_session_endpoint"`
	IntrospectionEndpoint  string         `json:"introspection_endpoint"`
	RevocationEndpoint     string         `json:"revocation_endpoint"`
	DeviceEndpoint         string         `json:"device_authorization_endpoint"`
	PushEndpoint           string         `json:"pushed_authorization_request_endpoint"`
	RequirePush            bool           `json:"require_pushed_authorization_requests"`
	Scopes                 []string       `json:"scopes_supported"`
	ResponseTypes          []string       `json:"response_types_supported"`
	ResponseModes          []ResponseMode `json:"response_modes_supported"`
	GrantTypes             []string       `json:"grant_types_supported"`
	SubjectTypes           []string       `json:"subject_types_supported"`
	SigningAlgorithms      []string       `json:"id_token_signing_alg_values_supported"`
	TokenAuthentication    []string       `json:"token_endpoint_auth_methods_supported"`
	RevokeAuthentication   []string       `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectAuthenticity []string       `json:"introspection_endpoint_auth_methods_supported"`
	ChallengeMethods       []string       `json:"code_challenge_methods_supported"`
	Prompts                []string       `json:"prompt_values_supported"`
	ContextClasses         []string       `json:"acr_values_supported"`
	Claims                 []string       `json:"claims_supported"`
	ClaimsParameter        bool           `json:"claims_parameter_supported"`
	RequestParameter       bool           `json:"request_parameter_supported"`
	RequestURIParameter    bool           `json:"request_uri_parameter_supported"`
	IssuerInAnswer         bool           `json:"authorization_response_iss_parameter_supported"`
	BackchannelLogout      bool           `json:"backchannel_logout_supported"`
	BackchannelSession     bool           `json:"backchannel_logout_session_supported"`
	FrontchannelLogout     bool           `json:"frontchannel_logout_supported"`
}

// Metadata describes what a client may use.
func (s *Service) Metadata(ctx context.Context, origin Origin, c *Client) (*Metadata, error) {
	mappings, err := s.mappings(ctx, c.Provider)
	if err != nil {
		return nil, err
	}
	asked := []string{ScopeOpenID} // always offered
	for _, m := range mappings {
		asked = append(asked, m.Scope)
	}
	_, scopes, err := s.offered(ctx, c.Provider, asked)
	if err != nil {
		return nil, err
	}
	own := string(origin) + "/application/o/" + url.PathEscape(c.Application.Slug) + "/"
	methods := []string{"client_secret_basic", "client_secret_post"}
	introspects := methods
	if c.Provider.ClientType == idp.ClientPublic {
		methods = []string{"none"}
		introspects = []string{} // nobody whom we can tell from a stranger
	}
	grants := make([]string, 0, len(c.Provider.GrantTypes))
	for _, g := range c.Provider.GrantTypes {
		grants = append(grants, string(g))
	}
	at := func(path string) string { return string(origin) + path }
	return &Metadata{Issuer: origin.Issuer(c), AuthorizationEndpoint: at(AuthorizePath), TokenEndpoint: at(TokenPath), UserinfoEndpoint: at(UserInfoPath),
		JWKSURI: own + "jwks/", EndSessionEndpoint: own + "end-session/", IntrospectionEndpoint: at(IntrospectPath), RevocationEndpoint: at(RevokePath),
		DeviceEndpoint: at(DevicePath), PushEndpoint: at(PushPath), Scopes: append([]string{}, scopes...), ResponseTypes: []string{"code"}, ResponseModes: ResponseModes(),
		GrantTypes: grants, SubjectTypes: []string{"public"}, SigningAlgorithms: []string{Algorithm}, TokenAuthentication: methods,
		RevokeAuthentication: methods, IntrospectAuthenticity: introspects, ChallengeMethods: []string{"S256"}, Prompts: Prompts(),
		ContextClasses: []string{ContextClass}, Claims: []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "azp", "at_hash", "sid"},
		RequestURIParameter: false, IssuerInAnswer: true, BackchannelLogout: true, BackchannelSession: true}, nil
}
