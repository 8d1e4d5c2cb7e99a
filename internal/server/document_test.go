package server_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
)

// Every route of the API is in the document, and every operation of the document
// is a route.
func TestTheDocumentIsTheRoutes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var routes []string
	router := chi.NewRouter()
	r.rest.Mount(router)
	require.NoError(t, chi.Walk(router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(route, "/api/") {
			routes = append(routes, method+" "+route)
		}
		return nil
	}))
	require.Greater(t, len(routes), 100)
	var documented []string
	operations := map[string]string{}
	for path, item := range r.json(http.StatusOK, request{path: "/api/v3/schema/"})["paths"].(object) {
		for method, op := range item.(object) {
			if method == "parameters" {
				continue
			}
			at := strings.ToUpper(method) + " " + path
			documented = append(documented, at)
			id := op.(object)["operationId"].(string)
			require.Empty(t, operations[id], "%s and %s have one id", at, operations[id])
			operations[id] = at
			require.NotEmpty(t, op.(object)["summary"], at)
		}
	}
	slices.Sort(routes)
	slices.Sort(documented)
	require.Equal(t, routes, documented)
}

// Every reference of the document leads somewhere.
func TestTheDocumentIsWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	raw := r.do(request{path: "/api/v3/schema/"})
	schemas := raw.json(http.StatusOK)["components"].(object)["schemas"].(object)
	refs := regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(raw.Body.String(), -1)
	require.NotEmpty(t, refs)
	for _, ref := range refs {
		require.Contains(t, schemas, ref[1])
	}
}

func TestTheDocumentCanBeReadInABrowser(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tags := map[string]int{}
	for _, item := range r.json(http.StatusOK, request{path: "/api/v3/schema/"})["paths"].(object) {
		for _, op := range item.(object) {
			tags[op.(object)["tags"].([]any)[0].(string)]++
		}
	}
	for _, path := range []string{"/api/v3/", "/api/v3/schema/browser/"} {
		start := r.do(request{path: path})
		require.Equal(t, http.StatusOK, start.Code, "anybody may read it")
		require.Equal(t, "text/html; charset=utf-8", start.Header().Get("Content-Type"))
		for tag := range tags {
			require.Contains(t, start.Body.String(), `href="/api/v3/schema/browser/?tag=`+tag+`"`)
		}
	}
	for tag, count := range tags {
		body := r.do(request{path: "/api/v3/?tag=" + tag}).Body.String()
		require.Equal(t, count, strings.Count(body, "api-op"), tag)
		require.NotContains(t, body, "style=")
	}
	users := r.do(request{path: "/api/v3/?search=list+users"}).Body.String()
	for _, want := range []string{"/api/v3/core/users/", "core_users_list", "path_startswith", "PaginatedUserList", "last_login", "403"} {
		require.Contains(t, users, want)
	}
	body := r.do(request{path: "/api/v3/?tag=managed"}).Body.String()
	require.Contains(t, body, "multipart/form-data")
	require.Contains(t, body, "orphaned", "the values of an enumeration")
	odd := r.do(request{path: "/api/v3/?search=%3Cscript%3E"}).Body.String()
	require.NotContains(t, odd, "<script>&")
	require.Contains(t, odd, "No operations match")
	require.Contains(t, odd, "&lt;script&gt;")
	require.Equal(t, http.StatusBadRequest, r.do(request{path: "/api/v3/?colour=red"}).Code)
}
