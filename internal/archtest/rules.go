package archtest

import "strings"

// Module is the import path of the project.
const Module = "github.com/portcullis-idp/portcullis/"

// rule places the packages whose path starts with prefix. The longest prefix
// wins. A package may import packages of a lower layer, of its own prefix when
// family is set, and leaves.
type rule struct {
	prefix string
	layer  int
	family bool // packages under the prefix may import one another
}

// leaf packages may be imported by everyone and import (nearly) nothing.
const leaf = -1

var rules = []rule{
	{"internal/idp", 0, false},
	{"internal/flow", 1, false}, {"internal/policy", 1, false}, {"internal/secret", 1, false}, {"internal/feed", 1, false}, {"internal/gather", 1, false}, {"internal/herald", 1, false}, {"internal/document", 1, false},
	{"internal/lockdown", 2, false}, {"internal/lock", 2, false}, {"internal/lockout", 2, false}, {"internal/audit", 2, false}, {"internal/logout", 2, false}, {"internal/forward", 2, false},
	{"internal/session", 2, false}, {"internal/token", 2, false}, {"internal/account", 2, false},
	{"internal/access", 2, false}, {"internal/notify", 2, false}, {"internal/blueprint", 2, false},
	{"internal/invitation", 2, false}, {"internal/consent", 2, false}, {"internal/restore", 2, false},
	{"internal/application", 2, false}, {"internal/factor", 2, false}, {"internal/elevate", 2, false},
	{"internal/configure", 2, false}, {"internal/oidc", 2, false}, {"internal/demo", 2, false},
	{"internal/stages", 3, true}, {"internal/policies", 3, true},
	{"internal/server", 4, true}, {"internal/cli", 4, false}, {"internal/postgres", 4, true},
	{"internal/embedded", 4, false}, {"internal/mail", 4, false}, {"internal/webhook", 4, false}, {"internal/geo", 4, false},
	{"internal/trace", 4, false},
	{"internal/app", 5, true}, {"internal/bench", 5, true}, {"cmd/portcullis", 6, false},
	{"internal/config", leaf, false}, {"internal/archtest", leaf, false},
	{"migrations", leaf, false}, {"blueprints", leaf, false},
	{"lockwatch", leaf, false}, // the only package that others may import
	{"web/static", leaf, false}, {"web/ui", leaf, true},
	// testkit is a leaf to those who use it, but makes databases with the
	// real migration runner.
	{"internal/testkit", leaf, true},
}

// exceptions are edges that the rules forbid and a decision record allows.
var exceptions = map[string]string{
	"internal/testkit → internal/postgres/migration": "the template database is made by the real runner",
	"internal/testkit → internal/embedded":           "the test database is a cluster of the real supervisor",
	"web/ui → web/static":                            "pages name their assets by hashed path",
}

// reserved libraries and who alone may import them, by prefix. Tests are free.
var reserved = map[string][]string{
	"github.com/jackc/pgx":          {"internal/postgres", "internal/embedded", "internal/testkit", "internal/bench"},
	"github.com/riverqueue/river":   {"internal/postgres", "internal/testkit"},
	"github.com/golang-migrate":     {"internal/postgres/migration"},
	"github.com/go-chi/chi":         {"internal/server", "internal/app"},
	"github.com/danielgtaylor/huma": {"internal/server/api"},
	"github.com/alexedwards/scs":    {"internal/server"},
	"github.com/expr-lang/expr":     {"internal/policy"},
	"github.com/spf13/cobra":        {"internal/cli"},
	"github.com/oschwald/maxmind":   {"internal/geo"},
	"github.com/maxmind/mmdbwriter": {"internal/testkit/mmdb"},
	"github.com/descope/virtualweb": {"internal/testkit/credential"},
	"github.com/go-jose/go-jose":    {"internal/oidc"},
	"github.com/go-webauthn":        {"internal/factor"},
	"github.com/pquerna/otp":        {"internal/factor"},
	"github.com/boombuler/barcode":  {"internal/factor"},
	"net/http":                      {"internal/server", "internal/oidc", "internal/webhook", "internal/cli", "internal/app", "internal/bench", "internal/testkit", "lockwatch", "internal/trace"},
}

// public packages are imported from outside, and need the standard library alone.
var public = []string{"lockwatch"}

// core is what internal/idp may import beside the standard library.
var core = []string{"github.com/google/uuid"}

func find(pkg string) (rule, bool) {
	var best rule
	found := false
	for _, r := range rules {
		if (pkg == r.prefix || strings.HasPrefix(pkg, r.prefix+"/")) && len(r.prefix) > len(best.prefix) {
			best, found = r, true
		}
	}
	return best, found
}

// forbidden says why from may not import to (both relative to Module), or "".
func forbidden(from, to string) string {
	if exceptions[from+" → "+to] != "" {
		return ""
	}
	f, okFrom := find(from)
	t, okTo := find(to)
	switch {
	case !okFrom:
		return "package " + from + " has no layer: add it to internal/archtest/rules.go"
	case !okTo:
		return "package " + to + " has no layer: add it to internal/archtest/rules.go"
	case f.prefix == t.prefix && f.family, t.layer == leaf:
		return ""
	case f.layer == leaf:
		return "a leaf imports nothing of the project"
	case t.layer < f.layer:
		return ""
	case t.layer == f.layer:
		return "packages of one layer never import each other"
	}
	return "imports go downward only"
}
