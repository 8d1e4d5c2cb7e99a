package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func (r *rig) addUser(name string) *idp.User {
	u, err := r.accounts.Create(r.t.Context(), idp.SystemActor(), account.NewUser{Username: name, Name: name})
	require.NoError(r.t, err)
	return u
}

// results returns one key of every item of a list.
func results(got map[string]any, key string) []any {
	out := []any{}
	for _, item := range got["results"].([]any) {
		out = append(out, item.(map[string]any)[key])
	}
	return out
}

func TestUsersAreKept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.do(request{method: http.MethodPost, path: path("/core/users/"), as: r.admin, body: map[string]any{
		"username": "linus", "name": "", "email": "linus@example.org", "attributes": map[string]any{"a": []int{1}},
		"path": "people/kernel", "type": "external", "groups": []string{}, "roles": []string{}, "uid": "ignored", "last_login": nil}}).json(http.StatusCreated)
	require.Equal(t, "linus", got["username"])
	require.Equal(t, true, got["is_active"])
	require.Equal(t, "external", got["type"])
	require.True(t, strings.HasPrefix(got["avatar"].(string), "data:image/"))
	one := path("/core/users/%d/", int(got["pk"].(float64)))

	got = r.do(request{path: one, as: r.admin}).json(http.StatusOK)
	require.Equal(t, map[string]any{"a": []any{1.0}}, got["attributes"])

	got = r.do(request{method: http.MethodPatch, path: one, as: r.admin, body: map[string]any{"name": "Linus"}}).json(http.StatusOK)
	require.Equal(t, "Linus", got["name"])
	require.Equal(t, "people/kernel", got["path"], "what is absent stays")

	r.do(request{method: http.MethodPatch, path: one, as: r.admin, body: map[string]any{"is_active": false}}).json(http.StatusOK)
	got = r.do(request{method: http.MethodPut, path: one, as: r.admin, body: map[string]any{"username": "linus", "name": "L"}}).json(http.StatusOK)
	require.Equal(t, "users", got["path"], "a replacement brings defaults")
	require.Equal(t, "internal", got["type"])
	require.Equal(t, "", got["email"])
	require.Equal(t, false, got["is_active"], "nobody is reopened by not being mentioned")

	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodPost, path: one + "set_password/", as: r.admin,
		body: map[string]any{"password": "correct horse battery staple"}}).Code)
	require.Equal(t, http.StatusOK, r.do(request{path: one + "used_by/", as: r.admin}).Code)
	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: one, as: r.admin}).Code)
	r.do(request{path: one, as: r.admin}).json(http.StatusNotFound)
	r.do(request{method: http.MethodDelete, path: one, as: r.admin}).json(http.StatusNotFound)
}

func TestUserListFilters(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 25 {
		r.addUser(fmt.Sprintf("user-%02d", i))
	}
	key := r.keyOf(r.admin)
	list := func(query string) map[string]any {
		return r.do(request{path: path("/core/users/?") + query, key: key}).json(http.StatusOK)
	}
	got := list("ordering=username&search=user-")
	require.Equal(t, map[string]any{"next": 2.0, "previous": 0.0, "count": 25.0, "current": 1.0, "total_pages": 2.0, "start_index": 1.0, "end_index": 20.0}, got["pagination"])
	require.Len(t, got["results"], 20)
	got = list("ordering=-username&search=user-&page=2&page_size=10")
	require.Equal(t, map[string]any{"next": 3.0, "previous": 1.0, "count": 25.0, "current": 2.0, "total_pages": 3.0, "start_index": 11.0, "end_index": 20.0}, got["pagination"])
	require.Equal(t, "user-14", results(got, "username")[0])
	require.Equal(t, 0.0, list("search=zzz")["pagination"].(map[string]any)["count"])
	for query, want := range map[string][]any{
		"username=GRACE": {"grace"}, "email=grace@example.org": {"grace"}, "is_superuser=true": {"root"}, "uuid=" + r.person.UUID.String(): {"grace"},
		"type=external": {}, "groups_by_name=admins": {"root"}, "is_active=false": {}, "username=": nil, "attributes=" + url.QueryEscape(`{"x":1}`): {},
		"last_login__isnull=false": {}, "date_joined__lt=2020-01-01T00:00:00Z": {}, fmt.Sprintf("pk=%d&pk=%d", r.admin.ID, r.person.ID): {"grace", "root"},
		"path_startswith=nowhere": {}, "groups_by_pk=00000000-0000-0000-0000-000000000000": {}, "locked_down=true": {},
	} {
		got := results(list(query), "username")
		if want == nil {
			require.Len(t, got, 20, query)
			continue
		}
		require.ElementsMatch(t, want, got, query)
	}
	require.Equal(t, []any{nil}, results(list("username=root&include_groups=false"), "groups_obj"))
	for query, field := range map[string]string{"page=0": "page", "page=x": "page", "page_size=0": "page_size", "page_size=-1": "page_size",
		"page=99999999999": "page", "ordering=password": "ordering", "is_active=perhaps": "is_active", "uuid=1": "uuid", "type=robot": "type",
		"attributes=[]": "attributes", "attributes=x": "attributes", "last_login__gt=yesterday": "last_login__gt", "unknown=1": "unknown",
		"roles_by_pk=x": "roles_by_pk", "last_updated=never": "last_updated", "pk=a": "pk", "groups_by_pk=g": "groups_by_pk"} {
		got := r.do(request{path: path("/core/users/?") + query, key: key}).json(http.StatusBadRequest)
		require.Contains(t, got, field, query)
	}
	r.do(request{path: path("/core/users/?page=3"), key: key}).json(http.StatusNotFound)
	require.Len(t, list("page_size=100000")["results"], 27)
}

func TestPeopleSeeThemselvesOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie, key := r.cookieOf(r.person), r.keyOf(r.person)
	other := path("/core/users/%d/", r.admin.ID)
	own := path("/core/users/%d/", r.person.ID)
	got := r.do(request{path: path("/core/users/"), key: key}).json(http.StatusOK)
	require.Equal(t, []any{"grace"}, results(got, "username"))
	got = r.do(request{path: path("/core/users/?username=root"), key: key}).json(http.StatusOK)
	require.Empty(t, got["results"])
	got = r.do(request{path: path("/core/users/?pk=%d", r.admin.ID), key: key}).json(http.StatusOK)
	require.Empty(t, got["results"])
	r.do(request{path: own, key: key}).json(http.StatusOK)
	r.do(request{path: other, key: key}).json(http.StatusNotFound)
	for _, q := range []request{
		{method: http.MethodPatch, path: other, body: map[string]any{"name": "x"}},
		{method: http.MethodPatch, path: own, body: map[string]any{"groups": r.adminGroups()}},
		{method: http.MethodDelete, path: other}, {method: http.MethodDelete, path: own},
		{method: http.MethodPost, path: path("/core/users/"), body: map[string]any{"username": "x", "name": "x"}},
		{method: http.MethodPost, path: other + "set_password/", body: map[string]any{"password": "correct horse battery"}},
		{method: http.MethodPost, path: other + "recovery/", body: map[string]any{}},
		{path: path("/core/users/paths/")}, {path: path("/core/groups/")}, {path: path("/core/brands/")}, {path: path("/events/events/")},
		{path: path("/stages/account_lockdown/")}, {path: path("/lockdowns/")},
		{method: http.MethodPost, path: path("/core/groups/"), body: map[string]any{"name": "x"}},
		{method: http.MethodPost, path: path("/core/brands/"), body: map[string]any{"domain": "x"}},
		{method: http.MethodDelete, path: path("/core/brands/%s/", r.brand.ID)},
		{method: http.MethodPost, path: path("/stages/account_lockdown/"), body: map[string]any{"name": "x"}},
		{method: http.MethodPost, path: path("/lockdowns/"), body: map[string]any{"users": []int{int(r.admin.ID)}}},
		{method: http.MethodDelete, path: path("/core/authenticated_sessions/bulk_delete/?user_pks=%d", r.admin.ID)},
	} {
		q.cookie = cookie
		code := r.do(q).Code
		require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, code, "%s %s", q.method, q.path)
	}
	u, err := r.db.Repos().Users.Get(t.Context(), r.person.ID)
	require.NoError(t, err)
	require.False(t, u.IsSuperuser)
}

func (r *rig) adminGroups() []string {
	u, err := r.db.Repos().Users.Get(r.t.Context(), r.admin.ID)
	require.NoError(r.t, err)
	return []string{u.Groups[0].String()}
}

func TestUserBodiesNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.keyOf(r.admin)
	for name, c := range map[string]struct {
		body string
		want map[string]any
	}{
		"nothing":        {`{}`, map[string]any{"username": "This field is required.", "name": "This field is required."}},
		"unknown field":  {`{"username":"a","name":"a","nmae":"b"}`, map[string]any{"nmae": "Unknown field."}},
		"null":           {`{"username":null,"name":"a"}`, map[string]any{"username": "This field may not be null."}},
		"blank":          {`{"username":"","name":"a"}`, map[string]any{"username": "This field may not be blank."}},
		"number":         {`{"username":1,"name":"a"}`, map[string]any{"username": "Not a valid string."}},
		"too long":       {`{"username":"` + strings.Repeat("é", 151) + `","name":"a"}`, map[string]any{"username": "Ensure this field has no more than 150 characters."}},
		"bytes":          {"{\"username\":\"\xff\",\"name\":\"a\"}", map[string]any{"username": "Not valid UTF-8."}},
		"NUL":            {`{"username":"a\u0000b","name":"a"}`, map[string]any{"username": "Null characters are not allowed."}},
		"NUL inside":     {`{"username":"a","name":"a","attributes":{"x":["\u0000"]}}`, map[string]any{"attributes": "Null characters are not allowed."}},
		"list":           {`{"username":"a","name":"a","attributes":[]}`, map[string]any{"attributes": `Expected a dictionary of items but got type "list".`}},
		"not a list":     {`{"username":"a","name":"a","groups":"x"}`, map[string]any{"groups": `Expected a list of items but got type "str".`}},
		"not a UUID":     {`{"username":"a","name":"a","groups":["x"]}`, map[string]any{"groups": "Item 1: Must be a valid UUID."}},
		"not a boolean":  {`{"username":"a","name":"a","is_active":"true"}`, map[string]any{"is_active": "Must be a valid boolean."}},
		"unknown choice": {`{"username":"a","name":"a","type":"robot"}`, map[string]any{"type": `"robot" is not a valid choice. Expected one of: internal, external, service_account, internal_service_account.`}},
		"top-level list": {`[]`, map[string]any{"non_field_errors": "Invalid data. Expected a dictionary, but got list."}},
		"null body":      {`null`, map[string]any{"non_field_errors": "Invalid data. Expected a dictionary, but got null."}},
		"two at once":    {`{"username":1,"name":2}`, map[string]any{"username": "Not a valid string.", "name": "Not a valid string."}},
	} {
		got := r.do(request{method: http.MethodPost, path: path("/core/users/"), key: key, body: c.body}).json(http.StatusBadRequest)
		for field, message := range c.want {
			require.Equal(t, []any{message}, got[field], name)
		}
		require.Len(t, got, len(c.want), name)
	}
	for _, body := range []string{`{"username":"x"`, `{"username":}`, `{} {}`, "\x00", "\xef\xbb\xbf{}"} {
		got := r.do(request{method: http.MethodPost, path: path("/core/users/"), key: key, body: body}).json(http.StatusBadRequest)
		require.Contains(t, got["non_field_errors"].([]any)[0], "JSON parse error", body)
	}
	for _, body := range []string{`{"username":"root","name":"a"}`, `{"username":"ROOT","name":"a"}`, `{"username":"b","name":"a","email":"x"}`,
		`{"username":"b","name":"a","groups":["00000000-0000-0000-0000-000000000001"]}`, `{"username":"b","name":"a","roles":["x"]}`,
		`{"username":"b","name":"a","path":"//"}`, `{"username":"b","name":"a","type":"internal_service_account","attributes":{"a":"` + strings.Repeat("x", 70_000) + `"}}`} {
		r.do(request{method: http.MethodPost, path: path("/core/users/"), key: key, body: body}).json(http.StatusBadRequest)
	}
	page, err := r.db.Repos().Users.Find(t.Context(), idp.UserFilter{})
	require.NoError(t, err)
	for _, u := range page.Items {
		require.NotEqual(t, "b", u.Username, "nothing half-done")
	}
}

func TestMe(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.do(request{path: path("/core/users/me/"), as: r.admin}).json(http.StatusOK)["user"].(map[string]any)
	require.Contains(t, got["system_permissions"], "access_admin_interface")
	require.Equal(t, "admins", got["groups"].([]any)[0].(map[string]any)["name"])
	got = r.do(request{path: path("/core/users/me/"), cookie: r.cookieOf(r.person)}).json(http.StatusOK)["user"].(map[string]any)
	require.Empty(t, got["system_permissions"])
	require.Equal(t, []any{"users"}, r.do(request{path: path("/core/users/paths/?search=USE"), as: r.admin}).json(http.StatusOK)["paths"])
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	one := path("/core/users/%d/recovery/", r.person.ID)
	key := r.keyOf(r.admin)
	got := r.do(request{method: http.MethodPost, path: one, key: key}).json(http.StatusBadRequest)
	require.Equal(t, []any{"No recovery flow set."}, got["non_field_errors"])
	r.brand.FlowRecovery = &r.flow.ID
	require.NoError(t, r.db.Repos().Brands.Update(t.Context(), r.brand))
	got = r.do(request{method: http.MethodPost, path: one, key: key, body: map[string]any{"token_duration": "minutes=5"}}).json(http.StatusOK)
	require.True(t, strings.HasPrefix(got["link"].(string), "http://localhost/if/flow/sign-in/?flow_token="))
	for _, bad := range []string{"minutes", "days=365", "seconds=-1"} {
		got = r.do(request{method: http.MethodPost, path: one, key: key, body: map[string]any{"token_duration": bad}}).json(http.StatusBadRequest)
		require.Contains(t, got, "token_duration", bad)
	}
	r.do(request{method: http.MethodPatch, path: path("/core/users/%d/", r.person.ID), key: key, body: map[string]any{"is_active": false}}).json(http.StatusOK)
	r.do(request{method: http.MethodPost, path: one, key: key}).json(http.StatusForbidden)
}

func TestSchemaDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.do(request{path: path("/schema/")})
	require.Equal(t, http.StatusOK, got.Code)
	var document struct {
		Paths      map[string]map[string]any `json:"paths"`
		Components struct {
			Schemas map[string]any `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(got.Body.Bytes(), &document))
	for _, name := range []string{"User", "UserRequest", "PatchedUserRequest", "PaginatedUserList", "Group", "PaginatedGroupList", "Token",
		"TokenRequest", "AccountLockdownStage", "PatchedAccountLockdownStageRequest", "PaginatedAccountLockdownStageList", "Event", "LockdownRequest"} {
		require.Contains(t, document.Components.Schemas, name)
	}
	for _, ref := range references(got.Body.String()) {
		require.Contains(t, document.Components.Schemas, ref)
	}
	operations := 0
	for p, methods := range document.Paths {
		for method := range methods {
			operations++
			at := strings.NewReplacer("{id}", "4711", "{flow_slug}", "none").Replace(p)
			if i := strings.Index(at, "{"); i >= 0 {
				at = at[:i] + "00000000-0000-0000-0000-000000000009" + at[strings.Index(at, "}")+1:]
			}
			code := r.do(request{method: strings.ToUpper(method), path: at}).Code
			require.NotEqual(t, http.StatusMethodNotAllowed, code, "%s %s", method, p)
		}
	}
	require.Greater(t, operations, 50)
}

func references(document string) []string {
	var out []string
	for _, part := range strings.Split(document, "#/components/schemas/")[1:] {
		out = append(out, part[:strings.IndexByte(part, '"')])
	}
	return out
}
