package applicationpage

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// providerFields are the names of the fields, as on the wire.
var providerFields = []string{"name", "authentication_flow", "authorization_flow", "invalidation_flow", "client_type", "client_id", "redirect_uris", "grant_types",
	"access_code_validity", "access_token_validity", "refresh_token_validity", "refresh_token_threshold", "access_token_format", "sub_mode", "issuer_mode",
	"include_claims_in_id_token", "property_mappings", "logout_uri", "logout_method", "post_logout_redirect_uris"}

// providerForm holds what was typed.
type providerForm struct {
	Name, Authentication, Authorization, Invalidation, Type, ClientID, RedirectURIs string
	Code, Access, Refresh, Threshold, Format, Subject, Issuer                       string
	LogoutURI, LogoutMethod, PostLogout                                             string
	Grants, Mappings                                                                []string
	Claims                                                                          bool
}

func readProviderForm(form web.Form) providerForm {
	return providerForm{Name: form.Trimmed("name"), Authentication: form.Trimmed("authentication_flow"), Authorization: form.Trimmed("authorization_flow"),
		Invalidation: form.Trimmed("invalidation_flow"), Type: form.Trimmed("client_type"), ClientID: form.Trimmed("client_id"),
		RedirectURIs: strings.Join(lines(form.Text("redirect_uris")), "\n"), Code: form.Trimmed("access_code_validity"), Access: form.Trimmed("access_token_validity"),
		Refresh: form.Trimmed("refresh_token_validity"), Threshold: form.Trimmed("refresh_token_threshold"), Format: form.Trimmed("access_token_format"),
		Subject: form.Trimmed("sub_mode"), Issuer: form.Trimmed("issuer_mode"), LogoutURI: form.Trimmed("logout_uri"), LogoutMethod: form.Trimmed("logout_method"),
		PostLogout: strings.Join(lines(form.Text("post_logout_redirect_uris")), "\n"), Grants: form.Texts("grant_types"), Mappings: form.Texts("property_mappings"),
		Claims: form.Bool("include_claims_in_id_token")}
}

// regexMark begins a line that is a regular expression.
const regexMark = "regex:"

func providerFormOf(p *idp.OAuthProvider) providerForm {
	f := providerForm{Name: p.Name, Authorization: p.AuthorizationFlow.String(), Invalidation: p.InvalidationFlow.String(), Type: string(p.ClientType), ClientID: p.ClientID,
		Code: idp.FormatDuration(p.CodeLifetime), Access: idp.FormatDuration(p.AccessLifetime), Refresh: idp.FormatDuration(p.RefreshLifetime),
		Threshold: idp.FormatDuration(p.RefreshThreshold), Format: string(p.AccessFormat), Subject: string(p.SubjectMode), Issuer: string(p.IssuerMode),
		LogoutURI: p.LogoutURI, LogoutMethod: string(p.LogoutMethod), PostLogout: strings.Join(p.PostLogoutURIs, "\n"), Claims: p.ClaimsInIDToken}
	if p.AuthenticationFlow != nil {
		f.Authentication = p.AuthenticationFlow.String()
	}
	var uris []string
	for _, u := range p.RedirectURIs {
		if u.Mode == idp.MatchRegex {
			u.URL = regexMark + " " + u.URL
		}
		uris = append(uris, u.URL)
	}
	f.RedirectURIs = strings.Join(uris, "\n")
	for _, g := range p.GrantTypes {
		f.Grants = append(f.Grants, string(g))
	}
	for _, id := range p.Mappings {
		f.Mappings = append(f.Mappings, id.String())
	}
	return f
}

// apply puts what was typed into the provider.
func (f providerForm) apply(p *idp.OAuthProvider) error {
	var faults idp.Faults
	flow := func(field, raw string) idp.FlowID {
		id, err := idp.ParseID[idp.Flow](raw)
		if err != nil {
			faults.Add(field, "Choose a flow of the list.")
		}
		return id
	}
	lasts := func(field, raw string) time.Duration {
		d, err := idp.ParseDuration(raw)
		if err != nil {
			faults.Add(field, "%s", err.Error())
		}
		return d
	}
	p.Name, p.ClientType, p.ClientID = f.Name, idp.ClientType(f.Type), f.ClientID
	p.AuthorizationFlow, p.InvalidationFlow = flow("authorization_flow", f.Authorization), flow("invalidation_flow", f.Invalidation)
	p.AuthenticationFlow = nil
	if f.Authentication != "" {
		id := flow("authentication_flow", f.Authentication)
		p.AuthenticationFlow = &id
	}
	p.RedirectURIs = nil
	for _, l := range lines(f.RedirectURIs) {
		u := idp.RedirectURI{Mode: idp.MatchStrict, URL: l}
		if rest, ok := strings.CutPrefix(l, regexMark); ok {
			u = idp.RedirectURI{Mode: idp.MatchRegex, URL: strings.TrimSpace(rest)}
		}
		p.RedirectURIs = append(p.RedirectURIs, u)
	}
	p.CodeLifetime, p.AccessLifetime = lasts("access_code_validity", f.Code), lasts("access_token_validity", f.Access)
	p.RefreshLifetime, p.RefreshThreshold = lasts("refresh_token_validity", f.Refresh), lasts("refresh_token_threshold", f.Threshold)
	p.AccessFormat, p.SubjectMode, p.IssuerMode = idp.AccessFormat(f.Format), idp.SubjectMode(f.Subject), idp.IssuerMode(f.Issuer)
	p.LogoutURI, p.LogoutMethod, p.PostLogoutURIs, p.ClaimsInIDToken = f.LogoutURI, idp.LogoutMethod(f.LogoutMethod), lines(f.PostLogout), f.Claims
	p.GrantTypes = []idp.GrantType{}
	for _, g := range f.Grants {
		p.GrantTypes = append(p.GrantTypes, idp.GrantType(g))
	}
	p.Mappings = nil
	for _, raw := range f.Mappings {
		id, err := idp.ParseID[idp.ScopeMapping](raw)
		if err != nil {
			faults.Add("property_mappings", "Choose mappings of the list.")
			continue
		}
		p.Mappings = append(p.Mappings, id)
	}
	return faults.Err()
}

// usualProvider is what a new provider is filled in with: the shipped flows and scopes.
func (p *Pages) usualProvider(r *http.Request) (providerForm, error) {
	f := providerForm{Type: string(idp.ClientConfidential), Code: "minutes=1", Access: "minutes=5", Refresh: "days=30", Threshold: "seconds=0",
		Format: string(idp.AccessOpaque), Subject: string(idp.SubjectHashedID), Issuer: string(idp.IssuerPerProvider), LogoutMethod: string(idp.LogoutBackchannel),
		Grants: []string{string(idp.GrantCode), string(idp.GrantRefresh)}, Claims: true}
	flows, err := p.flows(r)
	if err != nil {
		return f, err
	}
	for i := range flows {
		switch flows[i].Slug {
		case "default-provider-authorization-explicit-consent":
			f.Authorization = flows[i].ID.String()
		case "default-provider-invalidation-flow":
			f.Invalidation = flows[i].ID.String()
		}
	}
	mappings, err := p.allScopes(r)
	for i := range mappings {
		if m := mappings[i].Managed; m != nil && strings.HasPrefix(*m, "goauthentik.io/providers/oauth2/scope-") && mappings[i].Scope != idp.ScopeAPI {
			f.Mappings = append(f.Mappings, mappings[i].ID.String())
		}
	}
	return f, err
}

func (p *Pages) flows(r *http.Request) ([]idp.Flow, error) {
	return every("flows", func(at idp.Paging) (idp.Page[idp.Flow], error) {
		at.Order = []string{"slug"}
		return p.d.Store.Repos().Flows.Find(r.Context(), idp.FlowFilter{Paging: at})
	})
}

func (p *Pages) allScopes(r *http.Request) ([]idp.ScopeMapping, error) {
	return every("scope mappings", func(at idp.Paging) (idp.Page[idp.ScopeMapping], error) {
		return p.d.Store.Repos().ScopeMappings.Find(r.Context(), idp.ScopeMappingFilter{Paging: at})
	})
}

// flowFields are the fields that choose flows.
func (p *Pages) flowFields(r *http.Request, f providerForm, faults page.Faults) ([]ui.FieldProps, error) {
	flows, err := p.flows(r)
	if err != nil {
		return nil, err
	}
	var out []ui.FieldProps
	for _, part := range []struct {
		field, label, hint, value, none string
		is                              idp.Designation
	}{
		{"authorization_flow", "Authorization flow", "Runs when people sign in to the application: with or without asking for their consent.", f.Authorization, "Choose…", idp.DesignationAuthorization},
		{"invalidation_flow", "Invalidation flow", "Runs when people leave the application.", f.Invalidation, "Choose…", idp.DesignationInvalidation},
		{"authentication_flow", "Authentication flow", "Signs people in who are not.", f.Authentication, "The brand's", idp.DesignationAuthentication},
	} {
		field := ui.FieldProps{Name: part.field, Label: part.label, Hint: part.hint, Type: ui.FieldSelect, Value: part.value, NoOptional: true, Error: faults.Of(part.field),
			Options: []ui.Option{{Value: "", Label: part.none}}}
		for i := range flows {
			if flows[i].Designation == part.is || flows[i].ID.String() == part.value {
				field.Options = append(field.Options, ui.Option{Value: flows[i].ID.String(), Label: flows[i].Name + " (" + flows[i].Slug + ")"})
			}
		}
		out = append(out, field)
	}
	return out, nil
}

// grants are the grant types in words.
func grants(f providerForm, fault string) ui.PickerProps {
	out := ui.PickerProps{Name: "grant_types", Label: "Ways to get tokens", Unordered: true, Error: fault}
	for _, g := range []struct {
		is          idp.GrantType
		label, hint string
	}{
		{idp.GrantCode, "Authorization code", "People sign in in their browser."},
		{idp.GrantRefresh, "Refresh token", "The application renews what it was given."},
		{idp.GrantClientCredentials, "Client credentials", "The application acts for itself, without anybody signed in."},
		{idp.GrantDevice, "Device code", "For devices without a browser: people enter a code elsewhere."},
	} {
		out.Options = append(out.Options, ui.Option{Value: string(g.is), Label: g.label, Hint: g.hint, Selected: slices.Contains(f.Grants, string(g.is))})
	}
	return out
}

// scopePicker lists the mappings to choose from.
func (p *Pages) scopePicker(r *http.Request, chosen []string, fault string) (ui.PickerProps, error) {
	out := ui.PickerProps{Name: "property_mappings", Label: "Scopes", Unordered: true, Error: fault, Hint: "What the application may ask for, and is told then.",
		Empty: "There are no scope mappings yet.", More: ui.Anchor("New scope mapping", scopesPath+"new/")}
	all, err := p.allScopes(r)
	for i := range all {
		out.Options = append(out.Options, ui.Option{Value: all[i].ID.String(), Label: all[i].Name, Hint: all[i].Scope, Selected: slices.Contains(chosen, all[i].ID.String())})
	}
	return out, err
}
