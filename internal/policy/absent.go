package policy

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr/ast"
)

// absent are names that other products offer and that are left out here on
// purpose, with the reason and what to do instead. See adr/0006.
var absent = []struct{ name, why string }{
	{"ak_create_jwt", jwtAbsent},
	{"ak_create_jwt_raw", jwtAbsent},
	{"requests", "is not offered: a policy must not call other servers, because it would wait for strangers and could be led to addresses inside the network. " +
		"Bring what it needs into user.attributes or a group by way of the API, and look at it there"},
}

const jwtAbsent = "is not offered: the keys that sign such tokens come with OpenID Connect. " +
	"Give the other side an API token, or let it ask the API"

// whyAbsent says why there is no such name, or "".
func whyAbsent(name string) string {
	for _, a := range absent {
		if a.name == name {
			return a.name + " " + a.why
		}
	}
	return ""
}

// absentIn finds a line's use of an absent name: a call, something taken of it,
// or an import. Comments and texts do not count.
var absentIn = sync.OnceValue(func() *regexp.Regexp {
	names := make([]string, len(absent))
	for i, a := range absent {
		names[i] = a.name
	}
	return regexp.MustCompile(`(?:\b(` + strings.Join(names, "|") + `)\s*[.(])|(?:^\s*(?:from|import)\s+(requests)\b)`)
})

// absentLine says why a line of Python cannot be written here, or "".
func absentLine(text string) string {
	m := absentIn().FindStringSubmatchIndex(text)
	if m == nil {
		return ""
	}
	before := text[:m[0]]
	if strings.Contains(before, "#") || strings.Count(before, `"`)%2 == 1 || strings.Count(before, `'`)%2 == 1 {
		return ""
	}
	if m[2] < 0 {
		return whyAbsent(text[m[4]:m[5]])
	}
	return whyAbsent(text[m[2]:m[3]])
}

// root is the name that something is taken of: requests in requests.get("x").
func root(node ast.Node) string {
	for {
		switch n := node.(type) {
		case *ast.IdentifierNode:
			return n.Value
		case *ast.MemberNode:
			node = n.Node
		case *ast.ChainNode:
			node = n.Node
		case *ast.CallNode:
			node = n.Callee
		default:
			return ""
		}
	}
}

// absentFrom is whyAbsent for names the author has not given to a value, and says
// how notes are taken.
func (in *inspector) absentFrom(name string) string {
	switch {
	case slices.Contains(in.given, name):
		return ""
	case name == "ak_logger":
		return "ak_logger is not offered: write log(value), which shows when the policy is tried"
	}
	return whyAbsent(name)
}
