package oidc_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	core "github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server/oidc"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const (
	callback = "https://wiki.example.org/callback"
	odd      = "a secret: with/odd+characters% & ü"
)

// rig is the back channel alone, of an installation with the client wiki, whose secret
// is odd, and the public client spa.
type rig struct {
	*testing.T
	db      *postgres.DB
	handler http.Handler
	user    *idp.User
	session *idp.Session
}

type everybody struct{}

func (everybody) MayUse(context.Context, *idp.User, *idp.Application, idp.PolicyRequest) (idp.PolicyResult, error) {
	return idp.PolicyResult{Passing: true}, nil
}

func (everybody) Claims(_ context.Context, _ []idp.ScopeMapping, about core.About) (map[string]any, error) {
	return map[string]any{"email": about.User.Email}, nil
}

func newRig(t *testing.T) *rig {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	sealer, err := secret.NewSealer([]byte(strings.Repeat("k", secret.MinSecret)))
	require.NoError(t, err)
	back := &oidc.Back{Origin: func(*http.Request) core.Origin { return "https://id.example.org" },
		Service: core.New(core.Deps{Store: db, Access: access.New(), Sealer: sealer, Applications: everybody{}, Claims: everybody{}})}
	mux := chi.NewRouter()
	mux.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(web.With(r.Context(), &web.Scope{Record: &web.Record{}})))
		})
	})
	back.Mount(mux)
	r := &rig{T: t, db: db, handler: mux, user: &idp.User{Username: "ada", Email: "ada@example.org", Path: "users", Type: idp.UserInternal, IsActive: true}}
	flow := &idp.Flow{Name: "Agree", Slug: "agree", Title: "Agree", Designation: idp.DesignationAuthorization, Authentication: idp.AuthenticationNone,
		DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(t, db.Repos().Flows.Create(t.Context(), flow))
	var mappings []idp.ScopeMappingID
	for _, scope := range []string{"openid", "email"} {
		m := &idp.ScopeMapping{Name: scope, Scope: scope, Expression: "{}"}
		require.NoError(t, db.Repos().ScopeMappings.Create(t.Context(), m))
		mappings = append(mappings, m.ID)
	}
	for slug, secret := range map[string]string{"wiki": odd, "spa": ""} {
		p := &idp.OAuthProvider{Name: slug, ClientID: slug, ClientSecret: secret, ClientType: idp.ClientConfidential, AuthorizationFlow: flow.ID, InvalidationFlow: flow.ID,
			RedirectURIs: []idp.RedirectURI{{Mode: idp.MatchStrict, URL: callback}}, GrantTypes: idp.GrantTypes(), CodeLifetime: time.Minute,
			AccessLifetime: 5 * time.Minute, RefreshLifetime: time.Hour, Mappings: mappings}
		if secret == "" {
			p.ClientType = idp.ClientPublic
		}
		require.NoError(t, db.Repos().OAuthProviders.Create(t.Context(), p))
		require.NoError(t, db.Repos().Applications.Create(t.Context(), &idp.Application{Name: slug, Slug: slug, ProviderID: &p.ID}))
	}
	require.NoError(t, db.Repos().Users.Create(t.Context(), r.user))
	r.session = &idp.Session{UserID: r.user.ID, Digest: secret.DigestOf("cookie").Bytes(), Generation: r.user.SessionGeneration, ExpiresAt: time.Now().Add(time.Hour)}
	require.NoError(t, db.Repos().Sessions.Create(t.Context(), r.session))
	return r
}

func (r *rig) code() string {
	r.Helper()
	p, _, err := r.db.Repos().OAuthProviders.GetClient(r.Context(), "wiki")
	require.NoError(r, err)
	code := secret.Token()
	require.NoError(r, r.db.Repos().OAuthRequests.CreateCode(r.Context(), &idp.OAuthCode{Digest: secret.DigestOf(code).Bytes(), ProviderID: p.ID, UserID: r.user.ID,
		SessionID: r.session.ID, Scopes: []string{"openid", "email"}, RedirectURI: callback, AuthTime: time.Now(), Generation: r.user.SessionGeneration,
		TokenGeneration: r.user.TokenGeneration}, time.Minute))
	return code
}

// ask makes a request; pairs are headers.
func (r *rig) ask(method, path, body string, pairs ...string) (*httptest.ResponseRecorder, map[string]any) {
	r.Helper()
	request := httptest.NewRequestWithContext(r.Context(), method, path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(pairs); i += 2 {
		if request.Header.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			request.Header.Del(pairs[i])
		}
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, request)
	got := map[string]any{}
	if w.Body.Len() > 0 {
		require.NoError(r, json.Unmarshal(w.Body.Bytes(), &got), w.Body)
	}
	return w, got
}

// fields encodes pairs as a form.
func fields(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func (r *rig) tokens() map[string]any {
	r.Helper()
	w, got := r.ask(http.MethodPost, core.TokenPath, fields("grant_type", "authorization_code", "code", r.code(), "redirect_uri", callback), "Authorization", basic("wiki", odd))
	require.Equal(r, http.StatusOK, w.Code, got)
	return got
}

func TestTheTokenEndpointAnswersAsRFC6749Says(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	w, got := r.ask(http.MethodPost, core.TokenPath, fields("grant_type", "authorization_code", "code", r.code(), "redirect_uri", callback,
		"client_id", "wiki", "client_secret", odd), "Origin", "https://wiki.example.org")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "Bearer", got["token_type"])
	require.EqualValues(t, 300, got["expires_in"])
	require.Equal(t, "openid email", got["scope"])
	require.Len(t, strings.Split(got["id_token"].(string), "."), 3)
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "https://wiki.example.org", w.Header().Get("Access-Control-Allow-Origin"))
	require.Empty(t, w.Header().Get("Access-Control-Allow-Credentials"))
	require.Empty(t, w.Result().Cookies())
	w, _ = r.ask(http.MethodPost, core.TokenPath, fields("client_id", "wiki", "client_secret", odd), "Origin", "https://evil.example")
	require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	require.NotEmpty(t, r.tokens()["refresh_token"], "by the header, with a secret that has to be encoded")
}

func TestRequestsThatAreNotAsTheyShouldBe(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	proof := fields("client_id", "wiki", "client_secret", odd)
	for name, c := range map[string]struct {
		body   string
		header []string
		status int
		code   string
	}{
		"RFC 6749 3.2: a parameter twice":         {proof + "&grant_type=refresh_token&grant_type=refresh_token", nil, 400, "invalid_request"},
		"RFC 6749 3.2: the client twice":          {proof + "&client_id=wiki", nil, 400, "invalid_request"},
		"RFC 6749 3.2: a value that is empty":     {proof + "&grant_type=", nil, 400, "invalid_request"},
		"RFC 6749 5.2: no grant type":             {proof, nil, 400, "invalid_request"},
		"RFC 6749 5.2: one that is not offered":   {proof + "&grant_type=password&username=ada&password=x", nil, 400, "invalid_request"},
		"RFC 6749 5.2: an unknown one":            {proof + "&grant_type=implicit", nil, 400, "unsupported_grant_type"},
		"RFC 6749 5.2: a wrong code":              {proof + "&grant_type=authorization_code&code=x", nil, 400, "invalid_grant"},
		"RFC 6749 5.2: no client":                 {"grant_type=refresh_token", nil, 401, "invalid_client"},
		"RFC 6749 5.2: a wrong secret":            {fields("client_id", "wiki", "client_secret", "x"), nil, 401, "invalid_client"},
		"RFC 6749 5.2: a wrong one in the header": {"grant_type=x", []string{"Authorization", basic("wiki", "x")}, 401, "invalid_client"},
		"RFC 6749 2.3: two ways at once":          {proof, []string{"Authorization", basic("wiki", odd)}, 400, "invalid_request"},
		"RFC 6749 2.3: two clients":               {"client_id=spa", []string{"Authorization", basic("wiki", odd)}, 400, "invalid_request"},
		"RFC 6749 2.3.1: a secret without a code": {"", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("wiki:"+odd))}, 401, "invalid_client"},
		"RFC 6749 3.2.1: confidential, no secret": {"client_id=wiki&grant_type=refresh_token", nil, 401, "invalid_client"},
		"RFC 7523: an assertion":                  {"client_id=wiki&client_assertion=x", nil, 401, "invalid_client"},
		"a bearer token":                          {proof, []string{"Authorization", "Bearer x"}, 401, "invalid_client"},
		"JSON":                                    {`{"grant_type":"x"}`, []string{"Content-Type", "application/json"}, 400, "invalid_request"},
		"a form with parts":                       {"x", []string{"Content-Type", "multipart/form-data; boundary=x"}, 400, "invalid_request"},
		"no type":                                 {proof, []string{"Content-Type", ""}, 400, "invalid_request"},
		"what is not encoded":                     {"grant_type=%zz", nil, 400, "invalid_request"},
		"what is no text":                         {proof + "&code=%00", nil, 400, "invalid_request"},
		"too much":                                {proof + "&code=" + strings.Repeat("x", 1<<16), nil, 413, "invalid_request"},
	} {
		w, got := r.ask(http.MethodPost, core.TokenPath, c.body, c.header...)
		require.Equal(t, c.status, w.Code, "%s: %v", name, got)
		require.Equal(t, c.code, got["error"], name)
		require.Regexp(t, `^[\x20\x21\x23-\x5B\x5D-\x7E]+$`, got["error_description"], name)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), name)
		challenged := c.status == 401 && len(c.header) > 0
		require.Equal(t, challenged, w.Header().Get("WWW-Authenticate") != "", name)
	}
	w, got := r.ask(http.MethodPost, core.TokenPath+"?"+proof+"&grant_type=client_credentials", "")
	require.Equal(t, http.StatusUnauthorized, w.Code, "RFC 6749, section 2.3.1: secrets in addresses are not looked at")
	require.Equal(t, "invalid_client", got["error"])
	for _, path := range []string{core.TokenPath, core.IntrospectPath, core.RevokePath, core.PushPath, core.DevicePath} {
		w := httptest.NewRecorder()
		r.handler.ServeHTTP(w, httptest.NewRequestWithContext(r.Context(), http.MethodGet, path+"?"+proof, nil))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code, path)
	}
}

func TestUserInfoAnswersAsRFC6750Says(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.tokens()["access_token"].(string)
	for name, c := range map[string]struct {
		method, body string
		header       []string
		status       int
		challenge    string
	}{
		"the header":            {"GET", "", []string{"Authorization", "Bearer " + token}, 200, ""},
		"in small letters":      {"GET", "", []string{"Authorization", "bearer " + token}, 200, ""},
		"the header of a POST":  {"POST", "", []string{"Authorization", "Bearer " + token}, 200, ""},
		"the body":              {"POST", "access_token=" + token, nil, 200, ""},
		"nothing":               {"GET", "", nil, 401, `Bearer realm="userinfo"`},
		"another token":         {"GET", "", []string{"Authorization", "Bearer x"}, 401, `error="invalid_token"`},
		"both":                  {"POST", "access_token=" + token, []string{"Authorization", "Bearer " + token}, 400, `error="invalid_request"`},
		"the body, twice":       {"POST", "access_token=" + token + "&access_token=" + token, nil, 400, `error="invalid_request"`},
		"another scheme":        {"GET", "", []string{"Authorization", "Basic " + token}, 400, `error="invalid_request"`},
		"a body of another GET": {"GET", "access_token=" + token, nil, 401, `Bearer realm="userinfo"`},
	} {
		w, got := r.ask(c.method, core.UserInfoPath, c.body, append(c.header, "Origin", "https://wiki.example.org")...)
		require.Equal(t, c.status, w.Code, name)
		require.Contains(t, w.Header().Get("WWW-Authenticate"), c.challenge, name)
		if c.status == 200 {
			require.Equal(t, "ada@example.org", got["email"], name)
			require.NotEmpty(t, got["sub"], name)
			require.Equal(t, "https://wiki.example.org", w.Header().Get("Access-Control-Allow-Origin"), name)
		}
	}
	w, _ := r.ask(http.MethodGet, core.UserInfoPath+"?access_token="+token, "")
	require.Equal(t, http.StatusUnauthorized, w.Code, "RFC 9700, section 4.3.2: not in addresses")
	w, _ = r.ask(http.MethodGet, core.UserInfoPath, "", "Authorization", "Bearer "+token, "Origin", "https://evil.example")
	require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	w, _ = r.ask(http.MethodOptions, core.UserInfoPath, "", "Origin", "https://wiki.example.org", "Access-Control-Request-Headers", "authorization")
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "Authorization")
}

func TestIntrospectionAndRevocation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.tokens()["access_token"].(string)
	proof := []string{"Authorization", basic("wiki", odd)}
	_, got := r.ask(http.MethodPost, core.IntrospectPath, fields("token", token, "token_type_hint", "refresh_token"), proof...)
	require.Equal(t, true, got["active"])
	require.Equal(t, "ada", got["username"])
	w, got := r.ask(http.MethodPost, core.IntrospectPath, fields("token", token, "client_id", "spa"))
	require.Equal(t, http.StatusUnauthorized, w.Code, "a public client is a stranger")
	require.Equal(t, "invalid_client", got["error"])
	for _, path := range []string{core.IntrospectPath, core.RevokePath} {
		w, got = r.ask(http.MethodPost, path, "", proof...)
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Equal(t, "invalid_request", got["error"])
	}
	for _, value := range []string{"unknown", token, token} {
		w, _ = r.ask(http.MethodPost, core.RevokePath, fields("token", value), proof...)
		require.Equal(t, http.StatusOK, w.Code)
		require.Zero(t, w.Body.Len())
	}
	_, got = r.ask(http.MethodPost, core.IntrospectPath, fields("token", token), proof...)
	require.Equal(t, map[string]any{"active": false}, got)
}

func TestPushedRequestsAreJudgedAndWorkOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	good := []string{"response_type", "code", "redirect_uri", callback, "scope", "openid", "state", "s"}
	proof := []string{"Authorization", basic("wiki", odd)}
	w, got := r.ask(http.MethodPost, core.PushPath, fields(good...), proof...)
	require.Equal(t, http.StatusCreated, w.Code, got)
	require.EqualValues(t, 60, got["expires_in"])
	uri, _ := got["request_uri"].(string)
	require.True(t, strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:"), uri)
	row, err := r.db.Repos().OAuthRequests.TakePushed(t.Context(), secret.DigestOf(uri).Bytes())
	require.NoError(t, err)
	require.Equal(t, "wiki", row.Params["client_id"])
	require.NotContains(t, row.Params, "client_secret")
	for name, c := range map[string]struct {
		body   string
		header []string
		status int
		code   string
	}{
		"RFC 9126 2.1: a request_uri":              {fields(append(good, "request_uri", "urn:x")...), proof, 400, "invalid_request"},
		"RFC 9126 2.1: another client":             {fields(append(good, "client_id", "spa")...), proof, 400, "invalid_request"},
		"RFC 9126 2.3: another redirect_uri":       {fields("response_type", "code", "redirect_uri", "https://evil.example/", "scope", "openid"), proof, 400, "invalid_request"},
		"RFC 9126 2.3: another response type":      {fields("response_type", "token", "redirect_uri", callback), proof, 400, "unsupported_response_type"},
		"RFC 9700 2.1.1: public, without PKCE":     {fields(append(good, "client_id", "spa")...), nil, 400, "invalid_request"},
		"RFC 9126 2: a client that does not prove": {fields(append(good, "client_id", "wiki")...), nil, 401, "invalid_client"},
	} {
		w, got := r.ask(http.MethodPost, core.PushPath, c.body, c.header...)
		require.Equal(t, c.status, w.Code, "%s: %v", name, got)
		require.Equal(t, c.code, got["error"], name)
		require.Regexp(t, `^[\x20\x21\x23-\x5B\x5D-\x7E]+$`, got["error_description"], name)
	}
}

func TestADeviceIsToldWhereToSendPeople(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	w, got := r.ask(http.MethodPost, core.DevicePath, fields("client_id", "spa", "scope", "openid"))
	require.Equal(t, http.StatusOK, w.Code, got)
	require.Equal(t, "https://id.example.org/device/", got["verification_uri"])
	require.Equal(t, "https://id.example.org/device/?code="+got["user_code"].(string), got["verification_uri_complete"])
	require.EqualValues(t, 600, got["expires_in"])
	require.EqualValues(t, 5, got["interval"])
	w, got = r.ask(http.MethodPost, core.TokenPath, fields("client_id", "spa", "grant_type", string(idp.GrantDevice), "device_code", got["device_code"].(string)))
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Equal(t, "authorization_pending", got["error"])
}

func TestDiscoveryClaimsWhatThereIs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	w, got := r.ask(http.MethodGet, "/application/o/wiki/.well-known/openid-configuration", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "public, max-age=300", w.Header().Get("Cache-Control"))
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "https://id.example.org/application/o/wiki/", got["issuer"])
	require.Equal(t, []any{"openid", "email"}, got["scopes_supported"])
	require.Equal(t, []any{"code"}, got["response_types_supported"])
	require.Equal(t, []any{"S256"}, got["code_challenge_methods_supported"])
	require.Equal(t, []any{"RS256"}, got["id_token_signing_alg_values_supported"])
	require.Equal(t, []any{"client_secret_basic", "client_secret_post"}, got["token_endpoint_auth_methods_supported"])
	require.Equal(t, false, got["frontchannel_logout_supported"])
	for _, name := range []string{"authorization_response_iss_parameter_supported", "backchannel_logout_supported", "backchannel_logout_session_supported"} {
		require.Equal(t, true, got[name], name)
	}
	for name, method := range map[string]string{"token_endpoint": "POST", "userinfo_endpoint": "GET", "jwks_uri": "GET", "introspection_endpoint": "POST",
		"revocation_endpoint": "POST", "device_authorization_endpoint": "POST", "pushed_authorization_request_endpoint": "POST"} {
		path, ok := strings.CutPrefix(got[name].(string), "https://id.example.org")
		require.True(t, ok, name)
		w, _ := r.ask(method, path, "")
		require.NotContains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, w.Code, name)
	}
	_, got = r.ask(http.MethodGet, "/application/o/spa/.well-known/openid-configuration", "")
	require.Equal(t, []any{"none"}, got["token_endpoint_auth_methods_supported"])
	w, got = r.ask(http.MethodGet, "/application/o/wiki/jwks/", "")
	require.Equal(t, "public, max-age=300", w.Header().Get("Cache-Control"))
	keys := got["keys"].([]any)
	require.Len(t, keys, 1)
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		require.NotContains(t, keys[0], private)
	}
	for _, path := range []string{"/application/o/nobody/jwks/", "/application/o/nobody/.well-known/openid-configuration"} {
		w, _ := r.ask(http.MethodGet, path, "")
		require.Equal(t, http.StatusNotFound, w.Code)
	}
}
