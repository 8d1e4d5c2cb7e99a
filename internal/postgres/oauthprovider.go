package postgres

import (
	"context"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var oauthProviderTable = newTable(table[idp.OAuthProvider]{
	listing: listing{
		noun: "provider",
		columns: `t.id, t.pk, t.name, t.authentication_flow, t.authorization_flow, t.invalidation_flow, t.client_type, t.client_id,
			t.client_secret, t.redirect_uris, t.grant_types, ` + seconds("code_lifetime") + `, ` + seconds("access_lifetime") + `,
			` + seconds("refresh_lifetime") + `, ` + seconds("refresh_threshold") + `, t.access_format, t.subject_mode, t.issuer_mode,
			t.claims_in_id_token, t.mappings, t.logout_uri, t.logout_method, t.post_logout_uris, t.created_at, t.updated_at`,
		orders: map[string]string{"pk": "t.pk", "name": "fold(t.name)", "client_id": "t.client_id", "client_type": "t.client_type",
			"access_code_validity": "t.code_lifetime", "access_token_validity": "t.access_lifetime", "refresh_token_validity": "t.refresh_lifetime",
			"include_claims_in_id_token": "t.claims_in_id_token", "sub_mode": "t.subject_mode", "issuer_mode": "t.issuer_mode",
			"authorization_flow": "t.authorization_flow", "application": "(SELECT fold(a.name) FROM applications a WHERE a.provider_id = t.id)"},
		usual: []string{"name"},
	},
	id: func(p *idp.OAuthProvider) *idp.OAuthProviderID { return &p.ID },
	values: func(p *idp.OAuthProvider) pgx.NamedArgs {
		return pgx.NamedArgs{"name": p.Name, "authentication_flow": p.AuthenticationFlow, "authorization_flow": p.AuthorizationFlow,
			"invalidation_flow": p.InvalidationFlow, "client_type": p.ClientType, "client_id": p.ClientID, "client_secret": p.ClientSecret,
			"redirect_uris": list(p.RedirectURIs), "grant_types": list(p.GrantTypes), "code_lifetime": whole(p.CodeLifetime),
			"access_lifetime": whole(p.AccessLifetime), "refresh_lifetime": whole(p.RefreshLifetime), "refresh_threshold": whole(p.RefreshThreshold),
			"access_format": p.AccessFormat, "subject_mode": p.SubjectMode, "issuer_mode": p.IssuerMode, "claims_in_id_token": p.ClaimsInIDToken,
			"mappings": list(p.Mappings), "logout_uri": p.LogoutURI, "logout_method": p.LogoutMethod, "post_logout_uris": list(p.PostLogoutURIs)}
	},
}, "oauth_providers", true, "name", "authentication_flow", "authorization_flow", "invalidation_flow", "client_type", "client_id",
	"client_secret", "redirect_uris", "grant_types", "code_lifetime", "access_lifetime", "refresh_lifetime", "refresh_threshold",
	"access_format", "subject_mode", "issuer_mode", "claims_in_id_token", "mappings", "logout_uri", "logout_method", "post_logout_uris")

// whole is a duration in seconds, as the tables keep it.
func whole(d time.Duration) int64 { return int64(d / time.Second) }

type oauthProviders struct{ rows[idp.OAuthProvider] }

func newOAuthProviders(q querier) oauthProviders {
	return oauthProviders{rows[idp.OAuthProvider]{oauthProviderTable, q}}
}

// Create fills in the enumerations that are unset.
func (r oauthProviders) Create(ctx context.Context, p *idp.OAuthProvider) error {
	fallback(&p.ClientType, idp.ClientConfidential)
	fallback(&p.AccessFormat, idp.AccessOpaque)
	fallback(&p.SubjectMode, idp.SubjectHashedID)
	fallback(&p.IssuerMode, idp.IssuerPerProvider)
	fallback(&p.LogoutMethod, idp.LogoutBackchannel)
	return r.rows.Create(ctx, p)
}

func (r oauthProviders) GetByPK(ctx context.Context, pk idp.ProviderPK) (*idp.OAuthProvider, error) {
	return one(ctx, r.q, r.noun, "reading provider "+pk.String(), r.scan, `SELECT `+r.columns+` FROM oauth_providers t WHERE t.pk = $1`, pk)
}

// columnsOf are some columns of a row, so that two structs can be read from one.
type columnsOf struct {
	pgx.CollectableRow
	from, count int
}

func (c columnsOf) FieldDescriptions() []pgconn.FieldDescription {
	return c.CollectableRow.FieldDescriptions()[c.from : c.from+c.count]
}

func (c columnsOf) Scan(dest ...any) error {
	all := make([]any, len(c.CollectableRow.FieldDescriptions())) // nil = not read
	copy(all[c.from:], dest)
	return c.CollectableRow.Scan(all...)
}

func scanClient(row pgx.CollectableRow) (out idp.OAuthClient, err error) {
	all := len(row.FieldDescriptions())
	first := reflect.TypeFor[idp.OAuthProvider]().NumField()
	if out.Provider, err = oauthProviderTable.scan(columnsOf{row, 0, first}); err != nil {
		return out, err
	}
	if out.Application, err = applicationTable.scan(columnsOf{row, first, all - first - 1}); err != nil {
		return out, err
	}
	return out, columnsOf{row, all - 1, 1}.Scan(&out.Version)
}

func (r oauthProviders) GetClient(ctx context.Context, clientID string) (*idp.OAuthProvider, *idp.Application, error) {
	found, err := one(ctx, r.q, r.noun, "reading the provider of a client", scanClient,
		`SELECT `+clientColumns+` FROM `+r.clients()+` ON a.provider_id = p.id WHERE p.client_id = $1`, clientID)
	if err != nil {
		return nil, nil, err
	}
	return &found.Provider, &found.Application, nil
}

func (r oauthProviders) GetClientOf(ctx context.Context, provider idp.OAuthProviderID, application idp.ApplicationID) (*idp.OAuthClient, error) {
	return one(ctx, r.q, r.noun, "reading the client that something was granted to", scanClient, `SELECT `+clientColumns+` FROM `+r.clients()+
		` ON true WHERE p.id = $1 AND a.id = $2`, provider, application)
}

// clients joins providers p and applications a; what joins them follows.
func (r oauthProviders) clients() string {
	return `(SELECT ` + r.columns + ` FROM oauth_providers t) p JOIN (SELECT ` + applicationTable.columns + ` FROM applications t) a`
}

var clientColumns = `p.*, a.*, ` + clientVersion("p.id", "a.id")

// clientVersion names the versions of two rows: the transaction that wrote each, and where
// that put it.
func clientVersion(provider, application string) string {
	return `concat((SELECT v.xmin::text || v.ctid::text FROM oauth_providers v WHERE v.id = ` + provider + `), ' ',
		(SELECT v.xmin::text || v.ctid::text FROM applications v WHERE v.id = ` + application + `))`
}

func (r oauthProviders) Find(ctx context.Context, f idp.OAuthProviderFilter) (idp.Page[idp.OAuthProvider], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	if f.PKs != nil {
		w.with("t.pk = ANY(@pks)", "pks", f.PKs)
	}
	if f.Mappings != nil {
		w.with("t.mappings && @with_mappings", "with_mappings", f.Mappings)
	}
	equal(&w, "t.pk", f.PK)
	equal(&w, "t.name", f.Name)
	equal(&w, "t.client_id", f.ClientID)
	equal(&w, "t.client_type", f.ClientType)
	equal(&w, "t.authorization_flow", f.AuthorizationFlow)
	equal(&w, "t.claims_in_id_token", f.ClaimsInIDToken)
	equal(&w, "t.subject_mode", f.SubjectMode)
	equal(&w, "t.issuer_mode", f.IssuerMode)
	for column, d := range map[string]*time.Duration{"t.code_lifetime": f.CodeLifetime, "t.access_lifetime": f.AccessLifetime, "t.refresh_lifetime": f.RefreshLifetime} {
		if d != nil {
			n := whole(*d)
			equal(&w, column, &n)
		}
	}
	if f.FlowID != nil {
		w.with("@flow IN (t.authentication_flow, t.authorization_flow, t.invalidation_flow)", "flow", *f.FlowID)
	}
	if f.Mapping != nil {
		w.with("@mapping = ANY(t.mappings)", "mapping", *f.Mapping)
	}
	if f.Application != nil {
		w.with("EXISTS (SELECT FROM applications a WHERE a.provider_id = t.id) = @has_application", "has_application", *f.Application)
	}
	if f.ApplicationID != nil {
		w.with("t.id = (SELECT a.provider_id FROM applications a WHERE a.id = @application)", "application", *f.ApplicationID)
	}
	w.search(f.Search, "t.name", "t.client_id", "(SELECT a.name FROM applications a WHERE a.provider_id = t.id)")
	return r.find(ctx, w, f.Paging)
}
