package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	benchClient = "bench-client"
	benchSecret = "bench-client-secret-of-some-length"
)

// registered makes an application that may ask about tokens, over the API.
func registered(ctx context.Context, client *http.Client, address string) error {
	flows := map[string]string{}
	for _, slug := range []string{"default-provider-authorization-implicit-consent", "default-provider-invalidation-flow"} {
		raw, err := send(ctx, client, http.MethodGet, address+"/api/v3/flows/instances/"+slug+"/", nil)
		if err != nil {
			return err
		}
		var flow struct{ PK string }
		if err := json.Unmarshal(raw, &flow); err != nil {
			return err
		}
		flows[slug] = flow.PK
	}
	raw, err := send(ctx, client, http.MethodPost, address+"/api/v3/providers/oauth2/", map[string]any{"name": "bench", "client_type": "confidential",
		"client_id": benchClient, "client_secret": benchSecret, "authorization_flow": flows["default-provider-authorization-implicit-consent"],
		"invalidation_flow": flows["default-provider-invalidation-flow"], "redirect_uris": []map[string]string{{"matching_mode": "strict", "url": "https://bench.example.org/"}}})
	if err != nil {
		return err
	}
	var provider struct{ PK int }
	if err := json.Unmarshal(raw, &provider); err != nil {
		return err
	}
	_, err = send(ctx, client, http.MethodPost, address+"/api/v3/core/applications/", map[string]any{"name": "bench", "slug": "bench", "provider": provider.PK})
	return err
}

// granted gives each account that fill made under the name a grant in its session with
// an access token, and returns those, in the order of the accounts.
func granted(ctx context.Context, db *pgx.Conn, name string, n int) ([]string, error) {
	if _, err := db.Exec(ctx, `
		INSERT INTO oauth_grants (id, provider_id, application_id, user_id, session_id, kind, scopes, issuer, subject, auth_time, generation, open_until)
		SELECT gen_random_uuid(), a.provider_id, a.id, u.id, s.id, 'authorization_code', '{openid}', 'https://id.example.org/', u.username, clock_timestamp(), 0,
		       clock_timestamp() + interval '1 hour'
		  FROM applications a, users u JOIN sessions s ON s.user_id = u.id WHERE a.slug = 'bench' AND u.username LIKE $1 || '%'`, name); err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, `
		INSERT INTO oauth_tokens (id, grant_id, kind, digest, scopes, expires_at)
		SELECT gen_random_uuid(), g.id, 'access', sha256((g.subject || '-access')::bytea), '{openid}', clock_timestamp() + interval '1 hour'
		  FROM oauth_grants g WHERE g.subject LIKE $1 || '%'`, name); err != nil {
		return nil, err
	}
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("%s%d-access", name, i+1)
	}
	_, err := db.Exec(ctx, "VACUUM (ANALYZE) oauth_grants, oauth_tokens")
	return tokens, err
}

// introspected asks about a token as the application does.
func introspected(ctx context.Context, client *http.Client, address, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/application/o/introspect/", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return err
	}
	request.SetBasicAuth(benchClient, benchSecret)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return answered(client, request)
}

// introspection compares what applications ask about tokens with the bare handler.
func introspection(ctx context.Context, r *report) error {
	p, end, err := served(ctx, "PORTCULLIS_BOOTSTRAP_TOKEN="+adminKey)
	if err != nil {
		return err
	}
	defer end()
	db, err := pgx.Connect(ctx, p.db)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	if err := registered(ctx, &http.Client{Transport: transport}, p.URL); err != nil {
		return err
	}
	if _, err := fill(ctx, db, "known", passes); err != nil {
		return err
	}
	tokens, err := granted(ctx, db, "known", passes)
	if err != nil {
		return err
	}
	if _, err := pulls(ctx, p, transport, tokens, once, introspected); err != nil {
		return err
	}
	var rate, each []float64
	for range loadRounds + 1 {
		yard, err := checks(ctx, p, transport, bare, loadFor)
		if err != nil {
			return err
		}
		asked, err := pulls(ctx, p, transport, tokens, loadFor, introspected)
		if err != nil {
			return err
		}
		rate, each = append(rate, 100*asked.rate/yard.rate), append(each, asked.rate)
	}
	r.figure("introspection, answers per second", "%.0f", median(each))
	r.figure("introspection, of the bare handler's rate", "%.0f %%", median(rate))
	return nil
}
