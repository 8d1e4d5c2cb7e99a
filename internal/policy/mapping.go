package policy

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/expr-lang/expr/types"
)

// mappingGuard is the one of expressions that make parts of webhooks. They see what
// is told and to whom, and do nothing.
var mappingGuard = sync.OnceValue(func() *guard {
	return newGuard(mappingTypes).without("webhook mappings", actFunctions())
})

var mappingHelp = []Entry{
	{"event", "variable", "map", "The event: pk, action, app, user, context, client_ip, brand and created."},
	{"notification", "variable", "map", "What is told: severity and body."},
	{"rule", "variable", "map", "The rule that matched: pk and name."},
	{"user", "variable", "map", "Whom it is for: pk, username, name and email; empty when it is for nobody in particular."},
}

func mappingTypes() types.Map {
	out := types.Map{}
	for _, e := range mappingHelp {
		out[e.Name] = types.Map{types.Extra: types.Any}
	}
	return out
}

// MappingEnvironment lists the names that webhook mappings see beside the functions
// of Environment.
func MappingEnvironment() []Entry { return mappingHelp }

// mappings are the compiled ones.
var mappings = newCache[string, *Expression](64)

func mapping(source string) (*Expression, error) {
	return mappings.get(source, func() (*Expression, error) { return compile(source, mappingGuard()) })
}

// CheckMapping compiles a webhook mapping. The error is an *idp.Error on the field
// expression, with the place of the fault.
func CheckMapping(source string) error {
	_, err := mapping(source)
	var fault *Error
	if errors.As(err, &fault) {
		return fault.Invalid("expression")
	}
	return err
}

// Map evaluates a webhook mapping over the names of MappingEnvironment, given as plain
// data. The result is plain data. The error is an *Error.
func Map(ctx context.Context, source string, facts map[string]any) (any, error) {
	e, err := mapping(source)
	if err != nil {
		return nil, err
	}
	value, err := e.run(ctx, func(m *meter) (map[string]any, error) {
		left := maxInputs
		env := map[string]any{nameRun: m}
		for _, entry := range mappingHelp {
			v, err := plain(facts[entry.Name], entry.Name, 1, &left)
			if err != nil {
				return nil, err
			}
			if _, ok := v.(map[string]any); !ok {
				v = map[string]any{}
			}
			env[entry.Name] = v
		}
		return env, nil
	})
	if err != nil {
		return nil, fmt.Errorf("evaluating a webhook mapping: %w", err)
	}
	return value.Data, nil
}
