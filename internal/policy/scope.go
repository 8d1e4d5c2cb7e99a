package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of what one scope mapping gives.
const (
	maxClaims    = 200      // names
	maxClaimSize = 16 << 10 // bytes of JSON
)

// ownClaims are what the product alone says in a token: who it is about and for, how
// long it lasts, and how it came about (OpenID Connect Core 1.0, RFC 7519, RFC 7800,
// RFC 8693, RFC 9068).
var ownClaims = []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "nonce", "auth_time", "azp", "at_hash", "c_hash", "s_hash",
	"events", "amr", "acr", "act", "cnf", "client_id", "scope", "typ"}

// OwnClaim reports whether a claim is one that no mapping makes.
func OwnClaim(name string) bool { return slices.Contains(ownClaims, name) }

// ScopeRequest is what a scope mapping may look at. User is whom the token is about.
type ScopeRequest struct {
	idp.PolicyRequest
	Token       map[string]any // what is being made: scopes, grant_type, …; plain data
	Application map[string]any // for which it is
	Provider    map[string]any
}

// scopeGuard is the one of expressions that make claims. They are evaluated at every
// use of a token, so they neither act nor ask for what is not in their request.
var scopeGuard = sync.OnceValue(func() *guard {
	return newGuard(scopeTypes).without("scope mappings", actFunctions(), askFunctions(), lookupFunctions())
})

var scopeHelp = []Entry{
	{"token", "variable", "map", "What the claims are for: scopes, a list of texts."},
	{"application", "variable", "map", "The application: pk, name, slug and group."},
	{"provider", "variable", "map", "Its provider: pk, name and client_id."},
}

// ScopeEnvironment lists the names that scope mappings see.
func ScopeEnvironment() []Entry {
	return append(slices.Clone(scopeHelp), slices.DeleteFunc(Environment(), func(e Entry) bool { return scopeGuard().absent[e.Name] })...)
}

func scopeTypes() types.Map {
	out := environmentTypes()
	for _, e := range scopeHelp {
		out[e.Name] = types.Map{types.Extra: types.Any}
	}
	return out
}

// scopes are the compiled ones.
var scopes = newCache[string, *Expression](256)

func scopeMapping(source string) (*Expression, error) {
	return scopes.get(source, func() (*Expression, error) {
		e, err := compile(source, scopeGuard())
		if err != nil {
			return nil, suggest(err, source, false)
		}
		if e.result != nil && e.result.Kind() != reflect.Map {
			return nil, &Error{Message: fmt.Sprintf(`A scope mapping gives a map of claims, such as {"email": user.email}; this one gives %s.`, kindName(e.result)),
				Hint: pythonHint(source, "")}
		}
		return e, nil
	})
}

// CheckScope compiles a scope mapping. The error is an *idp.Error on the field
// expression, with the place of the fault; also when it plainly makes a claim that is
// the product's own.
func CheckScope(source string) error {
	_, err := scopeMapping(source)
	var fault *Error
	switch {
	case errors.As(err, &fault):
		return fault.Invalid("expression")
	case err != nil:
		return err
	}
	for _, name := range scopeGuard().names(source) {
		if OwnClaim(name) {
			return idp.Invalid("expression", "The claim %q is made by the server itself. Choose another name; these are taken: %s.", name, strings.Join(ownClaims, ", "))
		}
	}
	return nil
}

// names lists the names in the map that an expression ends with, as far as they are
// written out.
func (g *guard) names(source string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	tree, err := parser.ParseWithConfig(source, g.author)
	if err != nil {
		return nil
	}
	return literalNames(tree.Node)
}

func literalNames(n ast.Node) (out []string) {
	switch n := n.(type) {
	case *ast.MapNode:
		for _, pair := range n.Pairs {
			if pair, ok := pair.(*ast.PairNode); ok {
				if key, ok := pair.Key.(*ast.StringNode); ok {
					out = append(out, key.Value)
				}
			}
		}
	case *ast.ConditionalNode:
		return append(literalNames(n.Exp1), literalNames(n.Exp2)...)
	case *ast.VariableDeclaratorNode:
		return literalNames(n.Expr)
	case *ast.SequenceNode:
		if len(n.Nodes) > 0 {
			return literalNames(n.Nodes[len(n.Nodes)-1])
		}
	}
	return out
}

// Claims evaluates a scope mapping. What it gives is plain data that JSON can hold; a
// claim of the product's own is left out, nil is no claims. The error is an *Error;
// the bounds are those of every expression, 200 names and 16 kB.
func Claims(ctx context.Context, source string, req ScopeRequest) (map[string]any, error) {
	e, err := scopeMapping(source)
	if err != nil {
		return nil, err
	}
	value, err := e.run(ctx, func(m *meter) (map[string]any, error) {
		m.request = req.PolicyRequest
		env, err := environment(req.PolicyRequest, m)
		if err != nil {
			return nil, err
		}
		left := maxInputs
		for name, facts := range map[string]map[string]any{"token": req.Token, "application": req.Application, "provider": req.Provider} {
			v, err := plain(facts, name, 1, &left)
			if err != nil {
				return nil, err
			}
			if v, _ := v.(map[string]any); v != nil {
				env[name] = v
			} else {
				env[name] = map[string]any{}
			}
		}
		m.env = env
		return env, nil
	})
	if err != nil {
		return nil, err
	}
	return claims(value.Data)
}

// claims judges what an expression gave.
func claims(data any) (map[string]any, error) {
	if data == nil {
		return map[string]any{}, nil
	}
	out, ok := data.(map[string]any)
	if !ok {
		return nil, &Error{Message: fmt.Sprintf("A scope mapping gives a map of claims; this one gives %s.", typeName(data))}
	}
	out = maps.Clone(out)
	maps.DeleteFunc(out, func(name string, _ any) bool { return OwnClaim(name) })
	if len(out) > maxClaims {
		return nil, &Error{Message: fmt.Sprintf("A scope mapping gives at most %d claims.", maxClaims), Err: errTooMuch}
	}
	for name, v := range out {
		out[name] = claim(v)
	}
	raw, err := json.Marshal(out)
	switch {
	case err != nil:
		return nil, &Error{Message: "The claims cannot be written as JSON.", Err: err}
	case len(raw) > maxClaimSize:
		return nil, &Error{Message: fmt.Sprintf("The claims have more than %d bytes.", maxClaimSize), Err: errTooMuch}
	}
	return out, nil
}

// claim is a value as JSON has it: a time is the number of seconds since 1970, as in
// every token, and a duration a number of seconds.
func claim(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.Unix()
	case time.Duration:
		return v.Seconds()
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = claim(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = claim(v[name])
		}
		return out
	}
	return v
}
