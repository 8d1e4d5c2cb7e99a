package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// list decodes an answer that is a list of objects.
func (a *answer) list() (out []anyMap) {
	a.site.Helper()
	require.Equal(a.site, http.StatusOK, a.status, "%s: %s", a.path, a.body)
	require.NoError(a.site, json.Unmarshal(a.body, &out), "%s: %s", a.path, a.body)
	return out
}

// requireKeys asks for keys, by their names with spaces between.
func requireKeys(s *site, object anyMap, names string) {
	s.Helper()
	for _, name := range strings.Fields(names) {
		require.Contains(s, object, name)
	}
}

// TestAPIFacts proves what every part of the API promises its clients.
func TestAPIFacts(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	for _, table := range []map[string]func(*site){listFacts(), codeFacts(), callerFacts(), objectFacts(), actFacts()} {
		for title, prove := range table {
			t.Run(title, func(t *testing.T) {
				t.Parallel()
				prove(s.forRow(t))
			})
		}
	}
}

// collections are the lists of the API.
var collections = []string{"/core/users/", "/core/groups/", "/core/tokens/", "/core/brands/", "/core/authenticated_sessions/", "/core/user_consent/",
	"/events/events/", "/events/rules/", "/events/transports/", "/events/notifications/", "/propertymappings/notification/", "/flows/instances/", "/flows/bindings/", "/managed/blueprints/", "/policies/all/", "/policies/bindings/", "/policies/expression/",
	"/policies/event_matcher/", "/policies/password/", "/policies/password_expiry/", "/policies/reputation/", "/policies/dummy/",
	"/rbac/roles/", "/stages/all/", "/stages/prompt/prompts/", "/stages/prompt/stages/", "/stages/identification/", "/stages/password/", "/stages/user_login/",
	"/stages/user_logout/", "/stages/user_write/", "/stages/user_delete/", "/stages/deny/", "/stages/dummy/", "/stages/consent/", "/stages/email/",
	"/stages/invitation/stages/", "/stages/invitation/invitations/", "/stages/redirect/"}

// folk makes n groups whose names share a prefix, in the order of their names.
func (s *site) folk(n int) string {
	s.Helper()
	prefix := unique("folk") + "-"
	for i := range n {
		s.admin().api(http.StatusCreated, http.MethodPost, "/core/groups/", anyMap{"name": fmt.Sprintf("%s%d", prefix, i)})
	}
	return prefix
}

// names lists a field of the results of a list.
func (s *site) names(path, field string) []any {
	s.Helper()
	out := []any{}
	for _, item := range s.admin().api(http.StatusOK, http.MethodGet, path, nil)["results"].([]any) {
		out = append(out, item.(anyMap)[field])
	}
	return out
}

func listFacts() map[string]func(*site) {
	return map[string]func(*site){
		"every list has pagination, results and autocomplete": func(s *site) {
			for _, path := range collections {
				got := s.admin().api(http.StatusOK, http.MethodGet, path, nil)
				require.IsType(s, []any{}, got["results"], path)
				require.Equal(s, anyMap{}, got["autocomplete"], path)
				for _, name := range []string{"next", "previous", "count", "current", "total_pages", "start_index", "end_index"} {
					require.IsType(s, 0.0, got["pagination"].(anyMap)[name], "%s: %s", path, name)
				}
			}
		},
		"pages are numbered from 1, and 0 is none": func(s *site) {
			prefix := s.folk(5)
			page := func(n string) anyMap {
				return s.admin().api(http.StatusOK, http.MethodGet, "/core/groups/?page_size=2&search="+prefix+n, nil)["pagination"].(anyMap)
			}
			require.Equal(s, anyMap{"next": 2.0, "previous": 0.0, "count": 5.0, "current": 1.0, "total_pages": 3.0, "start_index": 1.0, "end_index": 2.0}, page(""))
			require.Equal(s, anyMap{"next": 3.0, "previous": 1.0, "count": 5.0, "current": 2.0, "total_pages": 3.0, "start_index": 3.0, "end_index": 4.0}, page("&page=2"))
			require.Equal(s, anyMap{"next": 0.0, "previous": 2.0, "count": 5.0, "current": 3.0, "total_pages": 3.0, "start_index": 5.0, "end_index": 5.0}, page("&page=3"))
			require.Equal(s, "Invalid page.", s.admin().api(http.StatusNotFound, http.MethodGet, "/core/groups/?page_size=2&page=4&search="+prefix, nil)["detail"])
		},
		"a list of nothing has one page": func(s *site) {
			got := s.admin().api(http.StatusOK, http.MethodGet, "/core/groups/?name="+unique("nobody"), nil)
			require.Equal(s, []any{}, got["results"])
			require.Equal(s, anyMap{"next": 0.0, "previous": 0.0, "count": 0.0, "current": 1.0, "total_pages": 1.0, "start_index": 0.0, "end_index": 0.0}, got["pagination"])
		},
		"a page has 20 results unless page_size says more": func(s *site) {
			prefix := s.folk(21)
			require.Len(s, s.names("/core/groups/?search="+prefix, "name"), 20)
			require.Len(s, s.names("/core/groups/?page_size=100&search="+prefix, "name"), 21)
			require.Len(s, s.names("/core/groups/?page_size=100000&search="+prefix, "name"), 21, "too large a size is the largest")
		},
		"ordering is by a field, with a minus the other way round": func(s *site) {
			prefix := s.folk(3)
			up := s.names("/core/groups/?ordering=name&search="+prefix, "name")
			require.Equal(s, []any{prefix + "0", prefix + "1", prefix + "2"}, up)
			slices.Reverse(up)
			require.Equal(s, up, s.names("/core/groups/?ordering=-name&search="+prefix, "name"))
			require.Contains(s, s.admin().api(http.StatusBadRequest, http.MethodGet, "/core/groups/?ordering=colour", nil), "ordering")
		},
		"filters are by equality": func(s *site) {
			prefix := s.folk(2)
			require.Equal(s, []any{prefix + "1"}, s.names("/core/groups/?name="+prefix+"1", "name"))
			require.Empty(s, s.names("/core/groups/?name="+prefix, "name"))
		},
		"filters that take several values repeat their name": func(s *site) {
			a, b := s.user(unique("in")), s.user(unique("ex"), func(n *account.NewUser) { n.Type = idp.UserExternal })
			both := "/core/users/?ordering=pk&type=internal&type=external&pk=" + a.ID.String() + "&pk=" + b.ID.String()
			require.Equal(s, []any{float64(a.ID), float64(b.ID)}, s.names(both, "pk"))
			require.Equal(s, []any{float64(b.ID)}, s.names(strings.Replace(both, "type=internal&", "", 1), "pk"))
		},
		"users are found by all that clients ask for": func(s *site) {
			g := s.admin().api(http.StatusCreated, http.MethodPost, "/core/groups/", anyMap{"name": unique("team")})
			name := unique("found")
			made := s.admin().api(http.StatusCreated, http.MethodPost, "/core/users/", anyMap{"username": name, "name": "", "email": name + "@example.org",
				"path": "staff/" + name, "groups": []any{g["pk"]}, "attributes": anyMap{"team": name}, "is_active": false})
			pk := made["pk"]
			for _, filter := range []string{"username=" + name, "email=" + name + "@example.org", "uuid=" + made["uuid"].(string), "path=staff/" + name, "path_startswith=staff/" + name,
				"groups_by_pk=" + g["pk"].(string), "groups_by_name=" + g["name"].(string), `attributes={"team":"` + name + `"}`, "search=" + name, "is_active=false&search=" + name,
				"is_superuser=false&search=" + name, "last_login__isnull=true&search=" + name, "date_joined__gt=2020-01-01T00:00:00Z&search=" + name, "last_login__lt=2020-01-01T00:00:00Z&last_login__isnull=true&search=" + name} {
				if strings.Contains(filter, "last_login__lt") {
					require.Empty(s, s.names("/core/users/?"+filter, "pk"), filter)
					continue
				}
				require.Equal(s, []any{pk}, s.names("/core/users/?"+filter, "pk"), filter)
			}
			require.Empty(s, s.names("/core/users/?is_active=true&search="+name, "pk"))
			plain := s.first("/core/users/?include_groups=false&include_roles=false&username=" + name)
			require.Equal(s, []any{g["pk"]}, plain["groups"], "the keys come along all the same")
			require.Nil(s, plain["groups_obj"])
			require.Len(s, s.first("/core/users/?username=" + name)["groups_obj"], 1)
		},
		"what is not a filter is refused, and nothing is listed": func(s *site) {
			require.Contains(s, s.admin().api(http.StatusBadRequest, http.MethodGet, "/core/users/?colour=red", nil), "colour")
			require.Contains(s, s.admin().api(http.StatusBadRequest, http.MethodGet, "/core/users/?is_active=perhaps", nil), "is_active")
		},
	}
}

func codeFacts() map[string]func(*site) {
	return map[string]func(*site){
		"creation answers with 201, change with 200, deletion with 204": func(s *site) {
			name := unique("codes")
			g := s.admin().api(http.StatusCreated, http.MethodPost, "/core/groups/", anyMap{"name": name})
			at := "/core/groups/" + g["pk"].(string) + "/"
			s.admin().api(http.StatusOK, http.MethodPut, at, anyMap{"name": name})
			s.admin().api(http.StatusOK, http.MethodPatch, at, anyMap{})
			gone := s.admin().do(http.MethodDelete, "/api/v3"+at, nil)
			require.Equal(s, http.StatusNoContent, gone.status)
			require.Empty(s, gone.body)
		},
		"what was deleted is 404 with a detail": func(s *site) {
			for _, path := range []string{"/core/groups/0198c0de-0000-7000-8000-000000000000/", "/core/users/2147483647/", "/core/tokens/nothing/", "/flows/instances/nothing/",
				"/core/brands/0198c0de-0000-7000-8000-000000000000/", "/managed/blueprints/0198c0de-0000-7000-8000-000000000000/", "/rbac/roles/0198c0de-0000-7000-8000-000000000000/"} {
				got := s.admin().api(http.StatusNotFound, http.MethodGet, path, nil)
				require.NotEmpty(s, got["detail"], path)
			}
		},
		"a field that is wrong is 400 with its name and a list of messages": func(s *site) {
			got := s.admin().api(http.StatusBadRequest, http.MethodPost, "/core/groups/", anyMap{"name": "", "is_superuser": "perhaps"})
			require.IsType(s, []any{}, got["name"])
			require.IsType(s, []any{}, got["is_superuser"])
			require.Equal(s, anyMap{"name": []any{"This field is required."}}, s.admin().api(http.StatusBadRequest, http.MethodPost, "/core/groups/", anyMap{}))
		},
		"what is wrong with all of it is non_field_errors": func(s *site) {
			got := s.admin().api(http.StatusBadRequest, http.MethodPost, "/managed/blueprints/", anyMap{"name": unique("n")})
			require.Equal(s, []any{"Either path or content must be set."}, got["non_field_errors"])
		},
		"who may not is 403 with a detail": func(s *site) {
			_, key := s.key(s.user(unique("nobody")), idp.IntentAPI)
			got := s.program(key).api(http.StatusForbidden, http.MethodGet, "/core/brands/", nil)
			require.Equal(s, `access denied to perform action "list" on "brand"`, got["detail"])
		},
		"a body that is not JSON is refused": func(s *site) {
			got := s.admin().do(http.MethodPost, "/api/v3/core/groups/", raw{"text/html", "<p>"})
			require.Equal(s, http.StatusUnsupportedMediaType, got.status)
			require.Contains(s, got.json(http.StatusUnsupportedMediaType), "detail")
			got = s.admin().do(http.MethodPost, "/api/v3/core/groups/", raw{"application/json", "{"})
			require.Contains(s, got.json(http.StatusBadRequest), "non_field_errors")
		},
		"answers are JSON and say so, errors too": func(s *site) {
			for _, path := range []string{"/core/users/", "/core/users/2147483647/", "/nowhere/", "/core/users/?colour=red"} {
				require.Regexp(s, `^application/json`, s.admin().get("/api/v3"+path).header.Get("Content-Type"), path)
			}
			require.Regexp(s, `^application/json`, s.browser().get("/api/v3/core/users/").header.Get("Content-Type"))
		},
		"paths end in a slash, and nothing is sent elsewhere": func(s *site) {
			for _, path := range []string{"/core/users", "/root/config", "/flows/executor/" + signInFlow} {
				require.Equal(s, http.StatusNotFound, s.admin().get("/api/v3"+path).status, path)
			}
		},
		"a method that there is not is 405": func(s *site) {
			require.Equal(s, http.StatusMethodNotAllowed, s.admin().do(http.MethodPost, "/api/v3/core/authenticated_sessions/", anyMap{}).status)
			require.Equal(s, http.StatusMethodNotAllowed, s.admin().do(http.MethodPut, "/api/v3/root/config/", anyMap{}).status)
		},
		"events are written by the server alone": func(s *site) {
			require.Equal(s, http.StatusMethodNotAllowed, s.admin().do(http.MethodPost, "/api/v3/events/events/", anyMap{"action": "login", "app": "x"}).status)
			pk := s.admin().api(http.StatusOK, http.MethodGet, "/events/events/?page_size=1", nil)["results"].([]any)[0].(anyMap)["pk"].(string)
			for _, method := range []string{http.MethodDelete, http.MethodPut, http.MethodPatch} {
				require.Equal(s, http.StatusMethodNotAllowed, s.admin().do(method, "/api/v3/events/events/"+pk+"/", anyMap{}).status, method)
			}
		},
		"nobody acts as somebody else": func(s *site) {
			u := s.user(unique("not-me"))
			require.Equal(s, http.StatusNotFound, s.admin().do(http.MethodPost, "/api/v3/core/users/"+u.ID.String()+"/impersonate/", anyMap{"reason": "x"}).status)
		},
		"a full replacement takes everything that is required, a change does not": func(s *site) {
			u := s.user(unique("put"))
			at := "/core/users/" + u.ID.String() + "/"
			got := s.admin().api(http.StatusBadRequest, http.MethodPut, at, anyMap{"name": "N"})
			require.Equal(s, anyMap{"username": []any{"This field is required."}}, got)
			s.admin().api(http.StatusOK, http.MethodPatch, at, anyMap{"email": "x@example.org", "attributes": anyMap{"a": 1}, "path": "p"})
			got = s.admin().api(http.StatusOK, http.MethodPut, at, anyMap{"username": u.Username, "name": ""})
			require.Equal(s, []any{"", anyMap{}, "users"}, []any{got["email"], got["attributes"], got["path"]}, "what is left out becomes its default")
		},
		"an empty text is none, where a field refers to something": func(s *site) {
			b := s.admin().api(http.StatusCreated, http.MethodPost, "/core/brands/", anyMap{"domain": unique("b") + ".example", "flow_recovery": s.flow(signInFlow).ID, "flow_authentication": ""})
			require.Nil(s, b["flow_authentication"])
			b = s.admin().api(http.StatusOK, http.MethodPatch, "/core/brands/"+b["brand_uuid"].(string)+"/", anyMap{"flow_recovery": ""})
			require.Nil(s, b["flow_recovery"])
		},
	}
}

func callerFacts() map[string]func(*site) {
	const me = "/core/users/me/"
	detail := func(s *site, b *browser, header ...string) any {
		s.Helper()
		return b.api(http.StatusForbidden, http.MethodGet, me, nil, header...)["detail"]
	}
	return map[string]func(*site){
		"nobody is 403, for there is no challenge to answer": func(s *site) {
			got := s.browser().do(http.MethodGet, "/api/v3"+me, nil)
			require.Equal(s, "Authentication credentials were not provided.", got.json(http.StatusForbidden)["detail"])
			require.Empty(s, got.header.Get("WWW-Authenticate"))
		},
		"a key that is wrong is told": func(s *site) {
			require.Equal(s, "Token invalid/expired", detail(s, s.program("nonsense")))
		},
		"another scheme is told": func(s *site) {
			require.Equal(s, "Unsupported authentication type", detail(s, s.browser(), "Authorization", "Digest YTpi"))
		},
		"only tokens of intent api open the API": func(s *site) {
			u := s.user(unique("intents"))
			for intent, status := range map[idp.TokenIntent]int{idp.IntentAPI: 200, idp.IntentAppPassword: 403} {
				_, key := s.key(u, intent)
				require.Equal(s, status, s.program(key).me(), intent)
			}
		},
		"an account that is switched off is refused": func(s *site) {
			u := s.user(unique("off"))
			_, key := s.key(u, idp.IntentAPI)
			s.admin().api(http.StatusOK, http.MethodPatch, "/core/users/"+u.ID.String()+"/", anyMap{"is_active": false})
			require.Equal(s, "Token invalid/expired", detail(s, s.program(key)))
		},
		"a session opens it too, from the same site": func(s *site) {
			b := s.with(s.user(unique("session")))
			require.Equal(s, http.StatusOK, b.me())
			body := anyMap{"identifier": unique("t")}
			b.api(http.StatusCreated, http.MethodPost, "/core/tokens/", body, "X-authentik-CSRF", "anything")
			b.api(http.StatusForbidden, http.MethodPost, "/core/tokens/", anyMap{"identifier": unique("t")}, "Sec-Fetch-Site", "cross-site", "Origin", "https://elsewhere.example")
		},
		"anybody may run flows, and see the configuration and the brand": func(s *site) {
			b := s.browser()
			for _, path := range []string{executor(signInFlow), "/root/config/", "/core/brands/current/"} {
				b.api(http.StatusOK, http.MethodGet, path, nil)
			}
		},
		"and nobody may see a list": func(s *site) {
			for _, path := range collections {
				got := s.browser().api(http.StatusForbidden, http.MethodGet, path, nil)
				require.Equal(s, "Authentication credentials were not provided.", got["detail"], path)
			}
		},
	}
}

// instant is how times are written.
var instant = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)

// times checks every text that is a time in any zone.
func (s *site) times(path string, v any) {
	s.Helper()
	switch v := v.(type) {
	case anyMap:
		for key, inner := range v {
			s.times(path+" "+key, inner)
		}
	case []any:
		for _, inner := range v {
			s.times(path, inner)
		}
	case string:
		if regexp.MustCompile(`^\d{4}-\d\d-\d\dT`).MatchString(v) {
			require.Regexp(s, instant, v, path)
		}
	}
}

func objectFacts() map[string]func(*site) {
	out := map[string]func(*site){
		"times are UTC and end in Z": func(s *site) {
			u := s.user(unique("times"))
			s.with(u)
			s.key(u, idp.IntentAPI)
			for _, path := range collections {
				s.times(path, s.admin().api(http.StatusOK, http.MethodGet, path+"?page_size=100", nil))
			}
		},
		"the key of a user is a number": func(s *site) {
			require.IsType(s, 0.0, s.first("/core/users/?username=admin")["pk"])
		},
		"users may have an empty name, and no e-mail": func(s *site) {
			u := s.admin().api(http.StatusCreated, http.MethodPost, "/core/users/", anyMap{"username": unique("bare"), "name": ""})
			require.Equal(s, []any{"", "", true, "internal", "users", []any{}, []any{}, nil}, []any{u["name"], u["email"], u["is_active"], u["type"], u["path"], u["groups"], u["roles"], u["last_login"]})
			require.NotNil(s, u["password_change_date"])
		},
		"whether somebody is a superuser comes from groups": func(s *site) {
			u := s.user(unique("super"))
			at := "/core/users/" + u.ID.String() + "/"
			s.admin().api(http.StatusOK, http.MethodPatch, at, anyMap{"is_superuser": true})
			require.False(s, s.now(u).IsSuperuser, "it is not said of a user")
			s.admin().api(http.StatusCreated, http.MethodPost, "/core/groups/", anyMap{"name": unique("g"), "is_superuser": true, "users": []any{u.ID}})
			require.True(s, s.now(u).IsSuperuser)
		},
		"a flow names its stages and policies": func(s *site) {
			f := s.admin().api(http.StatusOK, http.MethodGet, "/flows/instances/"+signInFlow+"/", nil)
			require.NotEmpty(s, f["stages"])
			require.Equal(s, f["pk"], f["policybindingmodel_ptr_id"])
			require.Equal(s, "/api/v3/flows/instances/"+signInFlow+"/export/", f["export_url"])
		},
		"flows of the current brand are slugs": func(s *site) {
			require.Equal(s, signInFlow, s.browser().api(http.StatusOK, http.MethodGet, "/core/brands/current/", nil)["flow_authentication"])
		},
		"clients report no errors anywhere": func(s *site) {
			c := s.browser().api(http.StatusOK, http.MethodGet, "/root/config/", nil)
			require.Equal(s, false, c["error_reporting"].(anyMap)["enabled"])
			requireKeys(s, c["error_reporting"].(anyMap), "enabled sentry_dsn environment send_pii traces_sample_rate")
		},
		"a group leaves out what is not asked for": func(s *site) {
			parent := s.admin().api(http.StatusCreated, http.MethodPost, "/core/groups/", anyMap{"name": unique("g")})
			u := s.user(unique("member"))
			g := s.admin().api(http.StatusCreated, http.MethodPost, "/core/groups/", anyMap{"name": unique("g"), "parents": []any{parent["pk"]}, "users": []any{u.ID}})
			bare := s.admin().api(http.StatusOK, http.MethodGet, "/core/groups/"+g["pk"].(string)+"/?include_children=false&include_inherited_roles=false&include_parents=false&include_users=false", nil)
			for _, name := range []string{"parents_obj", "users_obj", "children_obj", "inherited_roles_obj"} {
				require.Contains(s, bare, name)
				require.Nil(s, bare[name], name)
			}
			require.Equal(s, []any{parent["pk"]}, bare["parents"])
			require.Equal(s, []any{}, bare["roles_obj"])
			full := s.admin().api(http.StatusOK, http.MethodGet, "/core/groups/"+parent["pk"].(string)+"/?include_children=true&include_users=true&include_parents=true", nil)
			require.Equal(s, g["pk"], full["children_obj"].([]any)[0].(anyMap)["pk"])
			require.Equal(s, []any{g["pk"]}, full["children"])
		},
	}
	for name, o := range objects() {
		out["keys of "+name] = func(s *site) {
			got := o.read(s)
			requireKeys(s, got, o.keys)
		}
	}
	return out
}

// object is one that clients decode, and the keys they need.
type object struct {
	read func(s *site) anyMap
	keys string
}

// objects are read as an administrator, unless they are anybody's.
func objects() map[string]object {
	one := func(path string) func(*site) anyMap {
		return func(s *site) anyMap {
			s.Helper()
			return s.admin().api(http.StatusOK, http.MethodGet, path, nil)
		}
	}
	some := func(path string) func(*site) anyMap {
		return func(s *site) anyMap {
			s.Helper()
			if strings.Contains(path, "sessions") {
				s.with(s.user(unique("seen")))
			}
			list := s.admin().api(http.StatusOK, http.MethodGet, path, nil)["results"].([]any)
			require.NotEmpty(s, list, path)
			return list[0].(anyMap)
		}
	}
	within := func(read func(*site) anyMap, keys ...string) func(*site) anyMap {
		return func(s *site) anyMap {
			s.Helper()
			v := read(s)
			for _, k := range keys {
				if list, ok := v[k].([]any); ok {
					v = list[0].(anyMap)
				} else {
					v = v[k].(anyMap)
				}
			}
			return v
		}
	}
	return map[string]object{
		"a user":                           {some("/core/users/"), "pk username name is_active last_login date_joined is_superuser groups groups_obj roles roles_obj email avatar attributes uid path type uuid password_change_date last_updated"},
		"oneself":                          {within(one("/core/users/me/"), "user"), "pk username name is_active is_superuser groups roles email avatar uid settings type system_permissions"},
		"a group of oneself":               {within(one("/core/users/me/"), "user", "groups"), "name pk"},
		"a group":                          {some("/core/groups/"), "pk num_pk name is_superuser parents parents_obj users users_obj attributes roles roles_obj inherited_roles_obj children children_obj"},
		"a token":                          {some("/core/tokens/"), "pk managed identifier intent user user_obj description expires expiring"},
		"a session":                        {some("/core/authenticated_sessions/"), "uuid current user_agent geo_ip asn user last_ip last_user_agent last_used expires"},
		"the program of a session":         {within(some("/core/authenticated_sessions/"), "user_agent"), "device os user_agent string"},
		"the place of a session":           {within(some("/core/authenticated_sessions/"), "geo_ip"), "continent country lat long city"},
		"the network of a session":         {within(some("/core/authenticated_sessions/"), "asn"), "asn as_org network"},
		"a brand":                          {some("/core/brands/"), "brand_uuid domain default branding_title branding_logo branding_favicon branding_custom_css branding_default_flow_background flow_authentication flow_invalidation flow_recovery flow_unenrollment flow_user_settings flow_device_code flow_lockdown default_application web_certificate client_certificates attributes"},
		"the current brand":                {one("/core/brands/current/"), "matched_domain branding_title branding_logo branding_logo_themed_urls branding_favicon branding_favicon_themed_urls branding_custom_css ui_footer_links ui_theme default_locale flags"},
		"the flags of the current brand":   {within(one("/core/brands/current/"), "flags"), "enterprise_audit_include_expanded_diff policies_buffered_access_view flows_continuous_login flows_refresh_others"},
		"a flow":                           {some("/flows/instances/"), "pk policybindingmodel_ptr_id name slug title designation background background_url background_themed_urls stages policies cache_count policy_engine_mode compatibility_mode export_url layout denied_action authentication"},
		"a stage":                          {some("/stages/all/"), "pk name component verbose_name verbose_name_plural meta_model_name flow_set"},
		"a flow of a stage":                {within(some("/stages/password/"), "flow_set"), "pk policybindingmodel_ptr_id name slug title designation background_url export_url"},
		"a password stage":                 {some("/stages/password/"), "backends"},
		"a flow's binding":                 {some("/flows/bindings/"), "pk policybindingmodel_ptr_id target stage stage_obj order evaluate_on_plan re_evaluate_policies policy_engine_mode invalid_response_action"},
		"an event":                         {some("/events/events/"), "pk action app created user context client_ip expires brand"},
		"a role":                           {some("/rbac/roles/"), "pk name"},
		"a blueprint":                      {some("/managed/blueprints/"), "pk name path context last_applied last_applied_hash status enabled managed_models metadata content"},
		"the configuration of the product": {one("/root/config/"), "error_reporting capabilities cache_timeout cache_timeout_flows cache_timeout_policies"},
	}
}

func actFacts() map[string]func(*site) {
	return map[string]func(*site){
		"a password is set with 204": func(s *site) {
			u := s.user(unique("pw"))
			at := "/api/v3/core/users/" + u.ID.String() + "/set_password/"
			require.Equal(s, http.StatusNoContent, s.admin().do(http.MethodPost, at, anyMap{"password": "another long password"}).status)
			require.Contains(s, s.admin().do(http.MethodPost, at, anyMap{}).json(http.StatusBadRequest), "password")
		},
		"a recovery link has a duration, and is a link": func(s *site) {
			u := s.user(unique("rec"))
			at := "/core/users/" + u.ID.String() + "/recovery/"
			for _, duration := range []string{"hours=1;minutes=2;seconds=3", "days=1", "weeks=1", ""} {
				link := s.admin().api(http.StatusOK, http.MethodPost, at, anyMap{"token_duration": duration})["link"]
				require.Regexp(s, `^http://.+flow_token`, link)
			}
			require.Contains(s, s.admin().api(http.StatusBadRequest, http.MethodPost, at, anyMap{"token_duration": "an hour"}), "token_duration")
		},
		"a service account comes with its token": func(s *site) {
			name := unique("svc")
			got := s.admin().api(http.StatusOK, http.MethodPost, "/core/users/service_account/", anyMap{"name": name, "create_group": true, "expiring": false})
			requireKeys(s, got, "username token user_uid user_pk group_pk")
			require.Equal(s, http.StatusOK, s.program(got["token"].(string)).me())
			require.Equal(s, "service_account", s.first("/core/users/?username=" + name)["type"])
		},
		"the paths of users are a list": func(s *site) {
			require.Contains(s, s.admin().api(http.StatusOK, http.MethodGet, "/core/users/paths/", nil)["paths"], "users")
		},
		"members are added and removed with 204": func(s *site) {
			g, u := s.admin().api(http.StatusCreated, http.MethodPost, "/core/groups/", anyMap{"name": unique("g")}), s.user(unique("m"))
			at := "/api/v3/core/groups/" + g["pk"].(string) + "/"
			require.Equal(s, http.StatusNoContent, s.admin().do(http.MethodPost, at+"add_user/", anyMap{"pk": u.ID}).status)
			require.Equal(s, []any{float64(u.ID)}, s.admin().get(at).json(http.StatusOK)["users"])
			require.Equal(s, http.StatusNoContent, s.admin().do(http.MethodPost, at+"remove_user/", anyMap{"pk": u.ID}).status)
			require.Equal(s, []any{}, s.admin().get(at).json(http.StatusOK)["users"])
		},
		"a token is made, and its key asked for, and set": func(s *site) {
			name := unique("token")
			made := s.admin().api(http.StatusCreated, http.MethodPost, "/core/tokens/", anyMap{"identifier": name, "intent": "api", "user": s.named("admin").ID})
			require.Equal(s, name, made["identifier"])
			at := "/core/tokens/" + name + "/"
			key := s.admin().api(http.StatusOK, http.MethodGet, at+"view_key/", nil)["key"].(string)
			require.Equal(s, http.StatusOK, s.program(key).me())
			const own = "a-key-of-our-own-that-nobody-guesses"
			require.Equal(s, http.StatusNoContent, s.admin().do(http.MethodPost, "/api/v3"+at+"set_key/", anyMap{"key": own}).status)
			require.Equal(s, http.StatusOK, s.program(own).me())
			require.Equal(s, http.StatusForbidden, s.program(key).me())
			require.Contains(s, s.admin().api(http.StatusBadRequest, http.MethodPost, "/core/tokens/", anyMap{"identifier": "no slug"}), "identifier")
		},
		"sessions are ended one by one, and those of several people at once": func(s *site) {
			u := s.user(unique("many"))
			b, c := s.with(u), s.with(u)
			one := s.admin().api(http.StatusOK, http.MethodGet, "/core/authenticated_sessions/?user__username="+u.Username, nil)["results"].([]any)[0].(anyMap)
			require.Equal(s, http.StatusNoContent, s.admin().do(http.MethodDelete, "/api/v3/core/authenticated_sessions/"+one["uuid"].(string)+"/", nil).status)
			require.NotEqual(s, b.works(), c.works())
			got := s.admin().api(http.StatusOK, http.MethodDelete, "/core/authenticated_sessions/bulk_delete/?user_pks="+u.ID.String(), nil)
			require.Equal(s, 1.0, got["deleted"])
			require.False(s, b.works() || c.works())
		},
		"one's own session is current": func(s *site) {
			b := s.with(s.user(unique("own")))
			list := b.api(http.StatusOK, http.MethodGet, "/core/authenticated_sessions/", nil)["results"].([]any)
			require.Len(s, list, 1)
			require.Equal(s, true, list[0].(anyMap)["current"])
		},
		"durations are hours=1;minutes=2;seconds=3 and the like": func(s *site) {
			for _, good := range []string{"hours=1;minutes=2;seconds=3", "days=1", "weeks=2;days=3", "seconds=0", "minutes=90"} {
				got := s.admin().api(http.StatusCreated, http.MethodPost, "/stages/user_login/", anyMap{"name": unique("login"), "session_duration": good})
				require.Equal(s, good, got["session_duration"])
			}
			for _, bad := range []string{"an hour", "hours", "hours=", "fortnights=1", "hours=-1", "1h"} {
				got := s.admin().api(http.StatusBadRequest, http.MethodPost, "/stages/user_login/", anyMap{"name": unique("login"), "session_duration": bad})
				require.Contains(s, got, "session_duration", bad)
			}
		},
		"what refers to an object is told before it is deleted": func(s *site) {
			f := s.flow(signInFlow)
			used := s.admin().get("/api/v3/flows/instances/" + f.Slug + "/used_by/").list()
			require.NotEmpty(s, used)
			requireKeys(s, used[0], "app model_name pk name action")
		},
		"a flow is executed by a link": func(s *site) {
			got := s.admin().api(http.StatusOK, http.MethodGet, "/flows/instances/"+signInFlow+"/execute/", nil)
			require.Contains(s, got["link"], "/if/flow/"+signInFlow+"/")
		},
		"what is kept in memory is counted, and forgotten": func(s *site) {
			requireKeys(s, s.admin().api(http.StatusOK, http.MethodGet, "/flows/instances/cache_info/", nil), "count")
			require.Equal(s, http.StatusNoContent, s.admin().do(http.MethodPost, "/api/v3/flows/instances/cache_clear/", nil).status)
		},
	}
}
