package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// anyMap is a JSON object.
type anyMap = map[string]any

// lock makes a lock over the API.
func (s *site) lock(target anyMap, more ...any) anyMap {
	s.Helper()
	body := anyMap{"target": target}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return s.admin().api(http.StatusCreated, http.MethodPost, "/locks/", body)
}

// lift lifts a lock over the API.
func (s *site) lift(l anyMap) {
	s.Helper()
	s.admin().api(http.StatusNoContent, http.MethodDelete, "/locks/"+l["name"].(string)+"/", nil)
}

// targets are those of a list, newest first, each as it is encoded.
func targets(list anyMap) []string {
	out := []string{}
	for _, l := range list["results"].([]any) {
		text, _ := json.Marshal(l.(anyMap)["target"])
		out = append(out, string(text))
	}
	return out
}

func TestLockResource(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	admin := s.admin()
	s.user("alice")
	made := s.lock(anyMap{"user": "Alice"}, "message", "Suspicious activity.", "ttl", "10h")
	require.Equal(t, anyMap{"user": "Alice"}, made["target"])
	require.Equal(t, `lock targeting User:"Alice" is in force: Suspicious activity.`, made["text"])
	require.Equal(t, true, made["in_force"])
	require.NotEmpty(t, made["created_by"])
	require.Nil(t, made["warnings"])
	expires, err := time.Parse(time.RFC3339Nano, made["expires"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(10*time.Hour), expires, time.Minute)

	// The document of the command line, with a name of its own.
	name := uuid.NewString()
	document := anyMap{"kind": "lock", "version": "v2", "metadata": anyMap{"name": name},
		"spec": anyMap{"target": anyMap{"login": "root", "node": "6d2da7b2-0b9c-4f0e-a1c8-9a8b3a2f3e11"}, "message": "Come back tomorrow.",
			"expires": "2199-12-01T22:27:00Z", "created_by": "somebody", "created_at": "2020-01-01T00:00:00Z"}}
	got := admin.api(http.StatusCreated, http.MethodPost, "/locks/", document)
	require.Equal(t, name, got["name"])
	require.Equal(t, anyMap{"login": "root", "server_id": "6d2da7b2-0b9c-4f0e-a1c8-9a8b3a2f3e11"}, got["target"])
	require.Equal(t, "2199-12-01T22:27:00Z", got["expires"])
	require.NotEqual(t, "somebody", got["created_by"])
	require.Equal(t, fmt.Sprintf("lock %q already exists", name), admin.api(http.StatusConflict, http.MethodPost, "/locks/", document)["detail"])
	document["force"] = true
	document["spec"].(anyMap)["message"] = ""
	require.Equal(t, "", admin.api(http.StatusCreated, http.MethodPost, "/locks/", document)["message"], "replaced")

	absent := s.lock(anyMap{"role": "pirate"})
	require.Len(t, absent["warnings"], 1)
	require.Contains(t, absent["warnings"].([]any)[0], `role "pirate"`)

	one := "/locks/" + name + "/"
	require.Equal(t, got["target"], admin.api(http.StatusOK, http.MethodGet, one, nil)["target"])
	got = admin.api(http.StatusOK, http.MethodPatch, one, anyMap{"message": "Still not."})
	require.Equal(t, []any{"Still not.", "2199-12-01T22:27:00Z"}, []any{got["message"], got["expires"]})
	got = admin.api(http.StatusOK, http.MethodPatch, one, anyMap{"ttl": "1h"})
	require.NotEqual(t, "2199-12-01T22:27:00Z", got["expires"])
	got = admin.api(http.StatusOK, http.MethodPut, one, anyMap{"name": name, "target": anyMap{"ip": "192.0.2.99/24", "source_asn": 64496}})
	require.Equal(t, []any{"", nil, anyMap{"ip": "192.0.2.0/24", "source_asn": "64496"}}, []any{got["message"], got["expires"], got["target"]})

	require.Equal(t, []string{`{"role":"pirate"}`, `{"ip":"192.0.2.0/24","source_asn":"64496"}`, `{"user":"Alice"}`}, targets(admin.api(http.StatusOK, http.MethodGet, "/locks/", nil)))
	s.lift(got)
	admin.api(http.StatusNotFound, http.MethodDelete, one, nil)
	admin.api(http.StatusNotFound, http.MethodPatch, one, anyMap{"message": "too late"})
	past := admin.api(http.StatusOK, http.MethodGet, one, nil)
	require.Equal(t, false, past["in_force"])
	require.NotNil(t, past["lifted_at"])
	require.Equal(t, past["lifted_by"], past["created_by"])

	for query, want := range map[string][]string{
		"active=true&user=ALICE": {`{"user":"Alice"}`}, "active=false": {`{"ip":"192.0.2.0/24","source_asn":"64496"}`},
		"active=all&ip=192.0.2.7%2F24": {`{"ip":"192.0.2.0/24","source_asn":"64496"}`}, "user=bob": {}, "search=suspicious": {`{"user":"Alice"}`},
		"role=pirate&user=alice": {}, "ordering=created": {`{"user":"Alice"}`, `{"role":"pirate"}`},
	} {
		require.Equal(t, want, targets(admin.api(http.StatusOK, http.MethodGet, "/locks/?"+query, nil)), query)
	}
	admin.api(http.StatusNotFound, http.MethodGet, "/locks/"+uuid.NewString()+"/", nil)

	// Who may not is told in the seed's words, and changes nothing.
	mallory := s.with(s.user("mallory"))
	for verb, ask := range map[string]*answer{
		"list":   mallory.do(http.MethodGet, "/api/v3/locks/", nil),
		"create": mallory.do(http.MethodPost, "/api/v3/locks/", anyMap{"target": anyMap{"user": "alice"}}),
		"read":   mallory.do(http.MethodGet, "/api/v3/locks/"+made["name"].(string)+"/", nil),
		"update": mallory.do(http.MethodPatch, "/api/v3/locks/"+made["name"].(string)+"/", anyMap{"message": ""}),
		"delete": mallory.do(http.MethodDelete, "/api/v3/locks/"+made["name"].(string)+"/", nil),
	} {
		require.Equal(t, fmt.Sprintf(`access denied to perform action %q on "lock"`, verb), ask.json(http.StatusForbidden)["detail"])
	}
	for _, path := range []string{"check/", "preview/", "bulk/"} {
		body := map[string]any{"check/": anyMap{"user": "x"}, "preview/": anyMap{"target": anyMap{"user": "x"}}, "bulk/": []anyMap{{"target": anyMap{"user": "x"}}}}[path]
		require.Equal(t, http.StatusForbidden, mallory.do(http.MethodPost, "/api/v3/locks/"+path, body).status, path)
	}
}

// Every wrong input is told by its field, and makes nothing.
func TestWrongLocksAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	admin := s.admin()
	someone := anyMap{"user": "alice"}
	for name, c := range map[string]struct {
		body        any
		field, want string
	}{
		"nothing":             {anyMap{}, "target", "at least one target field must be set"},
		"empty target":        {anyMap{"target": anyMap{}}, "target", "at least one target field must be set"},
		"unknown kind":        {anyMap{"target": anyMap{"username": "alice"}}, "username", "A lock cannot target “username”. It can target: user,"},
		"unknown key":         {anyMap{"target": someone, "colour": "red"}, "colour", "Unknown field."},
		"blank":               {anyMap{"target": anyMap{"user": " "}}, "user", "This field may not be blank."},
		"a list":              {anyMap{"target": anyMap{"user": []string{"alice"}}}, "user", "Not a valid string."},
		"no UUID":             {anyMap{"target": anyMap{"server_id": "web-1"}}, "server_id", "“web-1” is not a valid UUID."},
		"no address":          {anyMap{"target": anyMap{"ip": "localhost"}}, "ip", "no IP address"},
		"both ends":           {anyMap{"target": someone, "expires": "2199-01-01T00:00:00Z", "ttl": "1h"}, "expires", "use only one of --expires and --ttl"},
		"past":                {anyMap{"target": someone, "expires": "2020-01-01T00:00:00Z"}, "expires", "has passed"},
		"no time":             {anyMap{"target": someone, "expires": "tomorrow"}, "expires", "Datetime has wrong format."},
		"no duration":         {anyMap{"target": someone, "ttl": "1 week"}, "ttl", "“1 week” is not a duration, such as 10h"},
		"no time at all":      {anyMap{"target": someone, "ttl": "0s"}, "ttl", "greater than 0"},
		"long message":        {anyMap{"target": someone, "message": strings.Repeat("x", 1001)}, "message", "no more than 1000 characters"},
		"no name":             {anyMap{"target": someone, "name": "mine"}, "name", "Must be a valid UUID."},
		"another kind":        {anyMap{"kind": "role", "spec": anyMap{"target": someone}}, "kind", "Expected one of: lock."},
		"another version":     {anyMap{"kind": "lock", "version": "v9", "spec": anyMap{"target": someone}}, "version", "Expected one of: v2."},
		"no kind":             {anyMap{"spec": anyMap{"target": someone}}, "kind", "required"},
		"unknown in the spec": {anyMap{"kind": "lock", "spec": anyMap{"target": someone, "colour": 1}}, "spec.colour", "Unknown field."},
		"two forms":           {anyMap{"kind": "lock", "target": someone, "spec": anyMap{"target": someone}}, "target", "in its spec"},
	} {
		got := admin.api(http.StatusBadRequest, http.MethodPost, "/locks/", c.body)
		messages, _ := got[c.field].([]any)
		require.Len(t, messages, 1, "%s: %v", name, got)
		require.Contains(t, messages[0], c.want, name)
	}
	for query, field := range map[string]string{"colour=red": "colour", "active=perhaps": "active", "cursor=x": "cursor", "cursor=&page=2": "cursor",
		"cursor=&ordering=name": "cursor", "page_size=0": "page_size", "ordering=colour": "ordering"} {
		require.Contains(t, admin.api(http.StatusBadRequest, http.MethodGet, "/locks/?"+query, nil), field, query)
	}
	require.Equal(t, []any{"at least one target field must be set"}, admin.api(http.StatusBadRequest, http.MethodDelete, "/locks/", nil)["target"])
	require.Contains(t, admin.api(http.StatusBadRequest, http.MethodDelete, "/locks/?colour=red", nil), "colour")
	require.Contains(t, admin.api(http.StatusBadRequest, http.MethodPost, "/locks/preview/", anyMap{"target": anyMap{"colour": "red"}}), "colour")
	for _, body := range []string{`[]`, `{}`, `{"locks":[]}`, `{"locks":7}`, `{"locks":[7]}`, `[null]`, `{"lock":[]}`, `7`, `[{"target":{"user":"a"}},{"target":{}}]`, `{`} {
		require.Equal(t, http.StatusBadRequest, admin.do(http.MethodPost, "/api/v3/locks/bulk/", raw{"application/json", body}).status, body)
	}
	l := s.lock(anyMap{"login": "root"})
	require.Contains(t, admin.api(http.StatusBadRequest, http.MethodPut, "/locks/"+l["name"].(string)+"/",
		anyMap{"name": uuid.NewString(), "target": someone}), "name", "renaming is refused")
	require.Equal(t, []string{`{"login":"root"}`}, targets(admin.api(http.StatusOK, http.MethodGet, "/locks/?active=all", nil)))
}

func TestLocksAreLiftedByTarget(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.lock(anyMap{"login": "root"})
	s.lock(anyMap{"login": "root", "user": "alice"})
	s.lock(anyMap{"user": "alice"})
	got := s.admin().api(http.StatusOK, http.MethodDelete, "/locks/?login=root", nil)
	require.EqualValues(t, 2, got["count"])
	require.Equal(t, []string{`{"user":"alice"}`}, targets(s.admin().api(http.StatusOK, http.MethodGet, "/locks/", nil)))
	require.Contains(t, s.admin().api(http.StatusNotFound, http.MethodDelete, "/locks/?login=root", nil)["detail"], `Login:"root"`)
}

func TestALockIsPreviewed(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	alice := s.user("alice")
	s.cookie(alice)
	got := s.admin().api(http.StatusOK, http.MethodPost, "/locks/preview/", anyMap{"target": anyMap{"user": "ALICE"}})
	require.EqualValues(t, 1, got["user_total"])
	require.EqualValues(t, 1, got["sessions"])
	require.Equal(t, "alice", got["users"].([]any)[0].(anyMap)["username"])
	require.Equal(t, []any{false, false}, []any{got["you"], got["last_admin"]})
	got = s.admin().api(http.StatusOK, http.MethodPost, "/locks/preview/", anyMap{"target": anyMap{"group": account.AdministratorsGroup}})
	require.Equal(t, []any{true, true}, []any{got["you"], got["last_admin"]})
	require.Empty(t, targets(s.admin().api(http.StatusOK, http.MethodGet, "/locks/?active=all", nil)), "it makes none")
}

// A long list is walked without counting it, and without missing or repeating a
// lock while others are made.
func TestTheListOfLocksIsWalkedByCursor(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	admin := s.admin()
	var many []anyMap
	for i := range 25 {
		many = append(many, anyMap{"target": anyMap{"login": fmt.Sprint("l", i)}})
	}
	require.EqualValues(t, 25, admin.api(http.StatusCreated, http.MethodPost, "/locks/bulk/", many)["count"])
	first := admin.api(http.StatusOK, http.MethodGet, "/locks/?page_size=10", nil)
	require.EqualValues(t, 25, first["pagination"].(anyMap)["count"])
	seen := map[string]bool{}
	cursor := ""
	for pages := 1; ; pages++ {
		got := admin.api(http.StatusOK, http.MethodGet, "/locks/?page_size=10&cursor="+url.QueryEscape(cursor), nil)
		require.Nil(t, got["pagination"].(anyMap)["count"])
		if pages == 1 {
			require.Equal(t, targets(first), targets(got))
			require.Equal(t, first["pagination"].(anyMap)["next_cursor"], got["pagination"].(anyMap)["next_cursor"])
		}
		for _, target := range targets(got) {
			require.False(t, seen[target], target)
			seen[target] = true
		}
		s.lock(anyMap{"login": unique("later")})
		if cursor = got["pagination"].(anyMap)["next_cursor"].(string); cursor == "" {
			require.Equal(t, 3, pages)
			break
		}
	}
	require.Len(t, seen, 25)
}

// More than other bodies may hold, all or none.
func TestManyLocksAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	const n = 4_000
	many := make([]anyMap, n)
	for i := range many {
		many[i] = anyMap{"kind": "lock", "version": "v2", "metadata": anyMap{"name": uuid.NewString()},
			"spec": anyMap{"target": anyMap{"login": fmt.Sprint("l", i)}, "message": strings.Repeat("Suspicious activity. ", 10)}}
	}
	begin := time.Now()
	require.EqualValues(t, n, s.admin().api(http.StatusCreated, http.MethodPost, "/locks/bulk/", anyMap{"locks": many})["count"])
	t.Logf("%d locks in %s", n, time.Since(begin).Round(time.Millisecond))
	require.EqualValues(t, false, s.check(anyMap{"login": fmt.Sprint("l", n-1)})["allowed"])
	// All or none: the last one is there already.
	several := []anyMap{{"target": anyMap{"login": "new"}}, many[n-1]}
	got := s.admin().api(http.StatusConflict, http.MethodPost, "/locks/bulk/", several)
	require.Contains(t, got["detail"], "lock 2 of 2: lock ")
	require.EqualValues(t, true, s.check(anyMap{"login": "new"})["allowed"])
}

// check asks whether an interaction is allowed.
func (s *site) check(body anyMap) anyMap {
	s.Helper()
	return s.admin().api(http.StatusOK, http.MethodPost, "/locks/check/", body)
}

func TestProgramsAskWhatIsLocked(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	server := uuid.NewString()
	got := s.check(anyMap{"user": "alice", "login": "root", "server_id": server, "role": nil, "ip": ""})
	require.Equal(t, []any{true, nil, "best_effort", "", ""}, []any{got["allowed"], got["lock"], got["mode"], got["code"], got["detail"]})
	at, err := time.Parse(time.RFC3339Nano, got["as_of"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	require.Equal(t, true, s.check(anyMap{})["allowed"], "what carries nothing is matched by nothing")

	l := s.lock(anyMap{"login": "root", "server_id": server}, "message", "Suspicious activity.")
	text := fmt.Sprintf(`lock targeting Login:"root" ServerID:%q is in force: Suspicious activity.`, server)
	for name, c := range map[string]struct {
		body    anyMap
		allowed bool
	}{
		"all keys":          {anyMap{"login": "root", "server_id": strings.ToUpper(server)}, false},
		"and others":        {anyMap{"login": "root", "node": server, "user": "alice", "ip": "192.0.2.7"}, false},
		"among several":     {anyMap{"login": []string{"admin", "root"}, "server_id": server}, false},
		"one key only":      {anyMap{"login": "root"}, true},
		"another server":    {anyMap{"login": "root", "server_id": uuid.NewString()}, true},
		"another kind":      {anyMap{"user": "root", "server_id": server}, true},
		"case of a login":   {anyMap{"login": "Root", "server_id": server}, true},
		"nothing in common": {anyMap{"windows_desktop": "d", "access_requests": []string{uuid.NewString()}}, true},
	} {
		for _, r := range s.replicas {
			got := s.admin().at(r).api(http.StatusOK, http.MethodPost, "/locks/check/", c.body)
			require.Equal(t, c.allowed, got["allowed"], name)
			if !c.allowed {
				require.Equal(t, []any{text, "lock_in_force", l["name"]}, []any{got["detail"], got["code"], got["lock"].(anyMap)["name"]})
			}
		}
	}
	s.lift(l)
	require.Equal(t, true, s.check(anyMap{"login": "root", "server_id": server})["allowed"])

	for body, field := range map[string]string{`{"colour":"red"}`: "colour", `{"colour":null}`: "colour", `{"server_id":"web"}`: "server_id",
		`{"ip":"192.0.2.0/24"}`: "ip", `{"user":{}}`: "user", `{"roles":[1,{}]}`: "roles", `{"mode":"lax"}`: "mode", `[]`: "non_field_errors"} {
		got := s.admin().do(http.MethodPost, "/api/v3/locks/check/", raw{"application/json", body}).json(http.StatusBadRequest)
		require.Contains(t, got, field, body)
	}
	require.Equal(t, []any{`locking mode "lax" not supported`}, s.admin().api(http.StatusBadRequest, http.MethodPost, "/locks/check/", anyMap{"mode": "lax"})["mode"])
}

// A lock of a role or a group refuses who has it, also when the program knows
// only the name.
func TestProgramsNeedNotKnowRolesAndGroups(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	role := s.role("sailor", "")
	group, err := s.replicas[0].Accounts.CreateGroup(t.Context(), idp.SystemActor(), account.NewGroup{Name: "crew"})
	require.NoError(t, err)
	jim := s.user("jim", func(n *account.NewUser) { n.Groups = []idp.GroupID{group.ID} })
	require.NoError(t, s.repos().Roles.SetUserRoles(t.Context(), jim.ID, []idp.RoleID{role.ID}))
	require.Equal(t, anyMap{"user": []any{"jim"}, "role": []any{"sailor"}, "group": []any{"crew"}}, s.check(anyMap{"user": "JIM"})["targets"])
	for _, target := range []anyMap{{"role": "sailor"}, {"group": "crew"}} {
		l := s.lock(target)
		require.Equal(t, false, s.check(anyMap{"user": "jim"})["allowed"])
		require.Equal(t, true, s.check(anyMap{"user": "flint"})["allowed"])
		require.Equal(t, false, s.check(anyMap{"user": "flint", "roles": []string{"cook", "sailor"}, "groups": []string{"crew"}})["allowed"])
		s.lift(l)
	}
}

// role makes a role with a locking mode.
func (s *site) role(name string, lock idp.LockingMode) *idp.Role {
	s.Helper()
	role := &idp.Role{Name: name, Spec: idp.RoleSpec{Options: idp.RoleOptions{Lock: lock}}}
	require.NoError(s, s.replicas[0].DB.InTx(s.Context(), func(tx idp.Repos) error { return tx.Roles.Create(s.Context(), role) }))
	return role
}

func TestOneStrictAnywhereWins(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.role("unset", "")
	s.role("lax", idp.BestEffort)
	strict := s.role("careful", idp.Strict)
	jim := s.user("jim")
	require.NoError(t, s.repos().Roles.SetUserRoles(t.Context(), jim.ID, []idp.RoleID{strict.ID}))
	for name, c := range map[string]struct {
		body anyMap
		want string
	}{
		"nobody":            {anyMap{"login": "root"}, "best_effort"},
		"no roles":          {anyMap{"user": "alice", "roles": []string{}}, "best_effort"},
		"unset roles":       {anyMap{"roles": []string{"unset", "no such role"}}, "best_effort"},
		"a lax role":        {anyMap{"roles": []string{"lax"}}, "best_effort"},
		"a strict role":     {anyMap{"roles": []string{"lax", "careful"}}, "strict"},
		"that of a user":    {anyMap{"user": "jim", "roles": []string{"lax"}}, "strict"},
		"the program's":     {anyMap{"user": "alice", "mode": "strict"}, "strict"},
		"not the program's": {anyMap{"user": "jim", "mode": "best_effort"}, "strict"},
	} {
		require.Equal(t, c.want, s.check(c.body)["mode"], name)
	}
	s.open("locking_mode", "strict")
	got := s.admin().at(s.replicas[1]).api(http.StatusOK, http.MethodPost, "/locks/check/", anyMap{"roles": []string{"lax"}})
	require.Equal(t, "strict", got["mode"], "of the installation")
}

// The document names every operation, and the kinds.
func TestLocksAreDocumented(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	paths := s.browser().api(http.StatusOK, http.MethodGet, "/schema/", nil)["paths"].(anyMap)
	for path, methods := range map[string][]string{"": {"get", "post", "delete"}, "{lock_name}/": {"get", "put", "patch", "delete"},
		"bulk/": {"post"}, "check/": {"post"}, "preview/": {"post"}, "watch/": {"get"}} {
		for _, m := range methods {
			require.Contains(t, paths["/api/v3/locks/"+path], m, path)
		}
	}
}

// An account that no door lets in is refused to programs as well, at once, and on
// every server.
func TestProgramsHearOfAccountsThatMayNotAct(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	mia := s.user("mia")
	for _, r := range s.replicas {
		require.Equal(t, true, s.admin().at(r).api(http.StatusOK, http.MethodPost, "/locks/check/", anyMap{"user": "MIA"})["allowed"])
	}
	s.admin().api(http.StatusOK, http.MethodPost, "/lockdowns/", anyMap{"users": []idp.UserID{mia.ID}, "reason": "stolen"})
	for _, r := range s.replicas {
		got := s.admin().at(r).api(http.StatusOK, http.MethodPost, "/locks/check/", anyMap{"user": "MIA", "login": "root"})
		require.Equal(t, []any{false, nil, "account_inactive", `The account "mia" may not act: it is deactivated.`},
			[]any{got["allowed"], got["lock"], got["code"], got["detail"]})
	}
	l := s.lock(anyMap{"login": "root"})
	require.Equal(t, l["name"], s.check(anyMap{"user": "mia", "login": "root"})["lock"].(anyMap)["name"], "a lock says more")
	require.Equal(t, true, s.check(anyMap{"user": "nobody-yet"})["allowed"])
}
