package configure

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Bounds and usual values of providers.
const (
	clientIDLength     = 40
	clientSecretLength = 128
	maxMappings        = 100

	leastCode, usualCode, mostCode          = 10 * time.Second, time.Minute, 10 * time.Minute
	leastAccess, usualAccess, mostAccess    = 10 * time.Second, 5 * time.Minute, 24 * time.Hour
	mostSigned                              = time.Hour // nobody can end a signed token earlier
	leastRefresh, usualRefresh, mostRefresh = time.Minute, 30 * 24 * time.Hour, 366 * 24 * time.Hour
)

// CreateOAuthProvider makes a provider. A client ID and, of a confidential client, a
// secret are made where there is none; a secret is in clear, and sealed. Errors:
// CodeForbidden; CodeInvalid on the field concerned.
func (s *Service) CreateOAuthProvider(ctx context.Context, actor idp.Actor, p idp.OAuthProvider) (*idp.OAuthProvider, error) {
	return create(ctx, s, s.oauthProviders(), actor, p)
}

// UpdateOAuthProvider changes a provider as it is now; a secret that mutate sets is in
// clear, and "" makes a new one. mutate may run again. Errors: CodeForbidden;
// CodeNotFound; CodeInvalid on the field concerned; what mutate returns.
func (s *Service) UpdateOAuthProvider(ctx context.Context, actor idp.Actor, id idp.OAuthProviderID, mutate func(*idp.OAuthProvider) error) (*idp.OAuthProvider, error) {
	return update(ctx, s, s.oauthProviders(), actor, id, mutate)
}

// DeleteOAuthProvider deletes a provider and all that was granted through it; its
// application is left without. Errors: CodeForbidden; CodeNotFound.
func (s *Service) DeleteOAuthProvider(ctx context.Context, actor idp.Actor, id idp.OAuthProviderID) error {
	return remove(ctx, s, s.oauthProviders(), actor, id)
}

// CreateApplicationWith makes a provider and an application of it in one transaction.
// Errors: those of CreateApplication and CreateOAuthProvider.
func (s *Service) CreateApplicationWith(ctx context.Context, actor idp.Actor, p idp.OAuthProvider, a idp.Application) (*idp.OAuthProvider, *idp.Application, error) {
	if err := s.d.Access.Check(actor, idp.VerbCreate, idp.Object{Resource: idp.ResourceApplication}); err != nil {
		return nil, nil, err
	}
	provider, application := p, a
	err := s.d.Store.InTx(ctx, func(tx idp.Repos) error {
		provider, application = p, a
		now, err := s.permitted(ctx, tx, actor, idp.VerbCreate, idp.ResourceApplication)
		if err != nil {
			return err
		}
		wrong := settle(ctx, tx, s.oauthProviders(), now, nil, &provider)
		if wrong != nil && !idp.Is(wrong, idp.CodeInvalid) {
			return wrong
		}
		var faults idp.Faults // of both, so that whoever fills in one form hears of all
		var e *idp.Error
		if errors.As(wrong, &e) {
			faults = e.Fields
		}
		if err := gather(&faults, settle(ctx, tx, s.applications(), now, nil, &application)); err != nil {
			return err
		}
		if err := tx.OAuthProviders.Create(ctx, &provider); err != nil {
			return err
		}
		application.ProviderID = &provider.ID
		if err := tx.Applications.Create(ctx, &application); err != nil {
			return err
		}
		if err := tell(ctx, tx, s.oauthProviders(), idp.ActionModelCreated, now, &provider, nil); err != nil {
			return err
		}
		return tell(ctx, tx, s.applications(), idp.ActionModelCreated, now, &application, nil)
	})
	if err != nil {
		return nil, nil, err
	}
	return &provider, &application, nil
}

func (s *Service) oauthProviders() noun[idp.OAuthProvider] {
	return noun[idp.OAuthProvider]{
		what: "provider", resource: idp.ResourceApplication,
		rows:  func(tx idp.Repos) rows[idp.OAuthProvider] { return tx.OAuthProviders },
		id:    func(p *idp.OAuthProvider) *idp.OAuthProviderID { return &p.ID },
		model: func(*idp.OAuthProvider) string { return "authentik_providers_oauth2.oauth2provider" },
		name:  func(_ context.Context, _ idp.Repos, p *idp.OAuthProvider) (string, error) { return p.Name, nil },
		fields: func(p *idp.OAuthProvider) map[string]any {
			return map[string]any{"name": p.Name, "authentication_flow": p.AuthenticationFlow, "authorization_flow": p.AuthorizationFlow,
				"invalidation_flow": p.InvalidationFlow, "client_type": p.ClientType, "client_id": p.ClientID, "client_secret": p.ClientSecret,
				"redirect_uris": p.RedirectURIs, "grant_types": p.GrantTypes, "access_code_validity": p.CodeLifetime,
				"access_token_validity": p.AccessLifetime, "refresh_token_validity": p.RefreshLifetime, "refresh_token_threshold": p.RefreshThreshold,
				"access_token_format": p.AccessFormat, "sub_mode": p.SubjectMode, "issuer_mode": p.IssuerMode,
				"include_claims_in_id_token": p.ClaimsInIDToken, "property_mappings": p.Mappings, "logout_uri": p.LogoutURI,
				"logout_method": p.LogoutMethod, "post_logout_redirect_uris": p.PostLogoutURIs}
		},
		judge: s.judgeOAuthProvider,
		leave: func(ctx context.Context, tx idp.Repos, actor idp.Actor, p *idp.OAuthProvider) error {
			page, err := tx.Applications.Find(ctx, idp.ApplicationFilter{ProviderID: &p.ID, Paging: idp.Paging{Limit: 1}})
			if err != nil || len(page.Items) == 0 {
				return err
			}
			a, err := tx.Applications.Hold(ctx, page.Items[0].ID)
			if idp.Is(err, idp.CodeNotFound) {
				return nil // deleted while this waited for it
			}
			if err != nil {
				return err
			}
			return alter(ctx, tx, s.applications(), actor, a, func(a *idp.Application) error { a.ProviderID = nil; return nil })
		},
	}
}

// usual fills in what a new provider does not say.
func usual(p *idp.OAuthProvider) {
	fallback(&p.ClientType, idp.ClientConfidential)
	fallback(&p.AccessFormat, idp.AccessOpaque)
	fallback(&p.SubjectMode, idp.SubjectHashedID)
	fallback(&p.IssuerMode, idp.IssuerPerProvider)
	fallback(&p.LogoutMethod, idp.LogoutBackchannel)
	for d, value := range map[*time.Duration]time.Duration{&p.CodeLifetime: usualCode, &p.AccessLifetime: usualAccess, &p.RefreshLifetime: usualRefresh} {
		if *d == 0 {
			*d = value
		}
	}
	if p.GrantTypes == nil {
		p.GrantTypes = []idp.GrantType{idp.GrantCode, idp.GrantRefresh}
	}
}

func (s *Service) judgeOAuthProvider(ctx context.Context, tx idp.Repos, was, p *idp.OAuthProvider) error {
	if was == nil {
		usual(p)
	}
	var faults idp.Faults
	p.Name, p.LogoutURI = strings.TrimSpace(p.Name), strings.TrimSpace(p.LogoutURI)
	faults.Line("name", p.Name, maxName, false)
	idp.Choice(&faults, "client_type", p.ClientType, idp.ClientTypes())
	idp.Choice(&faults, "access_token_format", p.AccessFormat, idp.AccessFormats())
	idp.Choice(&faults, "sub_mode", p.SubjectMode, idp.SubjectModes())
	idp.Choice(&faults, "issuer_mode", p.IssuerMode, idp.IssuerModes())
	checkLogout(&faults, was, p)
	p.RedirectURIs = checkRedirectURIs(&faults, p.RedirectURIs)
	p.PostLogoutURIs = checkPostLogout(&faults, p.PostLogoutURIs)
	checkWebAddress(&faults, "logout_uri", p.LogoutURI)
	checkLifetimes(&faults, p)
	p.GrantTypes = checkGrants(&faults, p)
	checkClient(&faults, was, p)
	if err := checkFlows(ctx, tx, &faults, p); err != nil {
		return err
	}
	if err := checkMappings(ctx, tx, &faults, p); err != nil {
		return err
	}
	if err := faults.Err(); err != nil {
		return err
	}
	s.sealProvider(was, p)
	return nil
}

// checkLogout refuses what applications would wait for in vain: nothing here asks browsers
// to tell them. What was stored before that was said stays as it is.
func checkLogout(faults *idp.Faults, was, p *idp.OAuthProvider) {
	idp.Choice(faults, "logout_method", p.LogoutMethod, idp.LogoutMethods())
	if p.LogoutMethod == idp.LogoutFrontchannel && (was == nil || was.LogoutMethod != idp.LogoutFrontchannel) {
		faults.Add("logout_method", "Front-channel logout is not offered: use back-channel logout (backchannel), which needs no browser.")
	}
}

func checkPostLogout(faults *idp.Faults, all []string) []string {
	if len(all) > maxRedirectURIs {
		faults.Add("post_logout_redirect_uris", "Ensure this list has no more than %d entries.", maxRedirectURIs)
		return all
	}
	out := []string{}
	for _, s := range all {
		if s = strings.TrimSpace(s); !slices.Contains(out, s) {
			out = append(out, s)
			checkTarget(faults, "post_logout_redirect_uris", s)
		}
	}
	return out
}

func checkLifetimes(faults *idp.Faults, p *idp.OAuthProvider) {
	checkDuration(faults, "access_code_validity", p.CodeLifetime, leastCode, mostCode)
	checkDuration(faults, "access_token_validity", p.AccessLifetime, leastAccess, mostAccess)
	if p.AccessFormat == idp.AccessJWT && p.AccessLifetime > mostSigned && p.AccessLifetime <= mostAccess {
		faults.Add("access_token_validity", "Nobody can end a signed access token early, so it is valid for at most %s.", words(mostSigned))
	}
	checkDuration(faults, "refresh_token_validity", p.RefreshLifetime, leastRefresh, mostRefresh)
	checkDuration(faults, "refresh_token_threshold", p.RefreshThreshold, 0, mostRefresh)
	if p.RefreshThreshold >= p.RefreshLifetime && p.RefreshThreshold > 0 && p.RefreshLifetime > 0 {
		faults.Add("refresh_token_threshold", "Expected less than the validity of refresh tokens; 0 seconds replaces them at every use.")
	}
}

func checkGrants(faults *idp.Faults, p *idp.OAuthProvider) []idp.GrantType {
	out := []idp.GrantType{}
	for _, g := range p.GrantTypes {
		if idp.Choice(faults, "grant_types", g, idp.GrantTypes()) && !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	switch {
	case len(p.GrantTypes) == 0:
		faults.Add("grant_types", "Choose at least one: without any, the client gets no tokens.")
	case p.ClientType == idp.ClientPublic && slices.Contains(out, idp.GrantClientCredentials):
		faults.Add("grant_types", "A public client has no secret to prove who it is, so it cannot have client_credentials.")
	}
	return out
}

// checkClient judges the client's ID and secret, and makes what there is none of.
func checkClient(faults *idp.Faults, was, p *idp.OAuthProvider) {
	if p.ClientID == "" {
		p.ClientID = random(clientIDLength)
	}
	if faults.Line("client_id", p.ClientID, maxName, false) && (strings.ContainsFunc(p.ClientID, unprintable) || strings.TrimSpace(p.ClientID) != p.ClientID) {
		faults.Add("client_id", "A client ID has visible ASCII characters, and no spaces around them.")
	}
	switch {
	case p.ClientType == idp.ClientPublic:
		p.ClientSecret = ""
	case p.ClientSecret == "":
		p.ClientSecret = random(clientSecretLength)
	case was == nil || was.ClientSecret != p.ClientSecret:
		if faults.Line("client_secret", p.ClientSecret, maxName, false) && strings.ContainsFunc(p.ClientSecret, unprintable) {
			faults.Add("client_secret", "A client secret has visible ASCII characters.")
		}
	}
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

// random returns letters and digits that nobody guesses.
func random(length int) string {
	var b strings.Builder
	for b.Len() < length {
		b.WriteString(secret.Token())
	}
	return b.String()[:length]
}

// checkFlows asks for flows that are made for their part.
func checkFlows(ctx context.Context, tx idp.Repos, faults *idp.Faults, p *idp.OAuthProvider) error {
	for _, part := range []struct {
		field string
		id    *idp.FlowID
		is    idp.Designation
	}{
		{"authentication_flow", p.AuthenticationFlow, idp.DesignationAuthentication},
		{"authorization_flow", &p.AuthorizationFlow, idp.DesignationAuthorization},
		{"invalidation_flow", &p.InvalidationFlow, idp.DesignationInvalidation},
	} {
		switch {
		case part.id == nil:
			continue
		case part.id.IsZero():
			faults.Add(part.field, "This field is required.")
			continue
		}
		f, err := pointing(ctx, faults, part.field, *part.id, tx.Flows.Get)
		if err != nil {
			return err
		}
		if f != nil && f.Designation != part.is {
			faults.Add(part.field, "The flow %q is for %s. Expected one for %s.", f.Slug, f.Designation, part.is)
		}
	}
	return nil
}

// checkMappings asks for mappings that there are, each once.
func checkMappings(ctx context.Context, tx idp.Repos, faults *idp.Faults, p *idp.OAuthProvider) error {
	if len(p.Mappings) > maxMappings {
		faults.Add("property_mappings", "Ensure this list has no more than %d entries.", maxMappings)
		return nil
	}
	out := []idp.ScopeMappingID{}
	for _, id := range p.Mappings {
		if slices.Contains(out, id) {
			continue
		}
		out = append(out, id)
		if _, err := pointing(ctx, faults, "property_mappings", id, tx.ScopeMappings.Get); err != nil {
			return err
		}
	}
	p.Mappings = out
	return nil
}

// sealProvider seals a secret that is new. Only what this provider held already is
// believed to be sealed: anybody can type a text that looks so.
func (s *Service) sealProvider(was, p *idp.OAuthProvider) {
	if s.d.Sealer == nil || p.ClientSecret == "" || was != nil && was.ClientSecret == p.ClientSecret {
		return
	}
	if p.ID.IsZero() {
		p.ID = idp.NewID[idp.OAuthProvider]()
	}
	if was != nil && secret.IsSealed(was.ClientSecret) {
		if plain, err := s.ClientSecret(was); err == nil && secret.Equal(plain, p.ClientSecret) {
			p.ClientSecret = was.ClientSecret
			return
		}
	}
	p.ClientSecret = s.d.Sealer.SealText(ClientSecretUse(p.ID), p.ClientSecret)
}

// ClientSecretUse is what the secret of a provider's client is sealed for.
func ClientSecretUse(id idp.OAuthProviderID) string { return "oauth provider " + id.String() }

// ClientSecret returns the secret of a provider's client in clear; "" of a public one.
// The error is that of a secret that the server cannot open any more.
func (s *Service) ClientSecret(p *idp.OAuthProvider) (string, error) {
	if s.d.Sealer == nil || !secret.IsSealed(p.ClientSecret) {
		return p.ClientSecret, nil
	}
	return s.d.Sealer.OpenText(ClientSecretUse(p.ID), p.ClientSecret)
}
