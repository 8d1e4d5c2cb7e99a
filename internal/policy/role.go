package policy

import (
	"context"
	"sync"

	"github.com/expr-lang/expr/types"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// RoleConditions compiles the conditions of roles' rules once and judges acts by
// them. It may be used by many at once; use NewRoleConditions.
type RoleConditions struct{ cache *cache[string, *Expression] }

// NewRoleConditions returns an empty cache for as many conditions as a large
// installation has in use.
func NewRoleConditions() *RoleConditions { return &RoleConditions{newCache[string, *Expression](256)} }

// roleGuard is the one of conditions over what a role's rule is about. They see
// what is acted on and nothing else, and do nothing.
var roleGuard = sync.OnceValue(func() *guard {
	return newGuard(roleTypes).without("conditions of roles", actFunctions())
})

// Check compiles a condition. The error is an *Error with the place of the fault.
func (c *RoleConditions) Check(source string) error {
	_, err := c.get(source)
	return err
}

func (c *RoleConditions) get(source string) (*Expression, error) {
	return c.cache.get(source, func() (*Expression, error) { return condition(compile(source, roleGuard())) })
}

// Holds reports whether the condition holds for an act:
//
//	lock.target.role == "contractor"
//
// The bounds are those of every expression. Errors say that it could not be
// judged, never that it does not hold.
func (c *RoleConditions) Holds(source string, verb idp.Verb, on idp.Object) (bool, error) {
	e, err := c.get(source)
	if err != nil {
		return false, err
	}
	value, err := e.run(context.Background(), func(m *meter) (map[string]any, error) { return roleEnvironment(verb, on, m), nil })
	if err != nil {
		return false, err
	}
	return value.Truth()
}

var roleHelp = []Entry{
	{"resource", "variable", "text", "What is acted on, such as lock or user."},
	{"verb", "variable", "text", "What is done with it: list, read, create, update or delete."},
	{"owner", "variable", "number", "The key of the user it belongs to, nil when it is nobody's."},
	{"lock", "variable", "map", "The lock concerned: target (user, role, group, …, each \"\" when the lock does not name one), message and expires (nil = never). All are empty for other acts."},
}

// RoleEnvironment lists the names that conditions of roles see beside the
// functions of Environment.
func RoleEnvironment() []Entry { return roleHelp }

func roleTypes() types.Map {
	target := types.Map{}
	for _, k := range idp.LockKinds() {
		target[k.String()] = types.Any
	}
	return types.Map{"resource": types.Any, "verb": types.Any, "owner": types.Any,
		"lock": types.Map{"target": target, "message": types.Any, "expires": types.Any}}
}

// roleEnvironment gives a lock even where there is none, so that asking for a
// part of its target is never a fault.
func roleEnvironment(verb idp.Verb, on idp.Object, m *meter) map[string]any {
	target := map[string]any{}
	for _, k := range idp.LockKinds() {
		target[k.String()] = ""
	}
	lock := map[string]any{"target": target, "message": "", "expires": nil}
	if on.Lock != nil {
		for _, key := range on.Lock.Target {
			target[key.Kind.String()] = key.Value
		}
		lock["message"] = on.Lock.Message
		if on.Lock.ExpiresAt != nil {
			lock["expires"] = *on.Lock.ExpiresAt
		}
	}
	env := map[string]any{nameRun: m, "resource": string(on.Resource), "verb": string(verb), "owner": nil, "lock": lock}
	if on.Owner != nil {
		env["owner"] = int(*on.Owner)
	}
	return env
}
