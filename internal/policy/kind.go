package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Policy is a rule, built from its settings. It holds no state of an evaluation
// and may be used by many at once.
type Policy interface {
	// Evaluate answers for a request. It must end with its context. An error
	// means that there is no answer; the binding then decides.
	Evaluate(ctx context.Context, req idp.PolicyRequest) (idp.PolicyResult, error)
}

// Kind is a kind of policy. Kinds live in internal/policies, one folder each, and
// are listed in policies.go there.
type Kind struct {
	Name          string // as stored: expression
	Model         string // as in blueprints: authentik_policies_expression.expressionpolicy
	Component     string // as on the wire: ak-policy-expression-form
	Verbose       string // for people: Expression Policy
	VerbosePlural string
	Summary       string // one sentence for people who choose a kind
	Settings      any    // a pointer to the settings with their defaults, for forms, schema and documentation

	// New builds a policy from the JSON of its settings. The error is
	// idp.CodeInvalid with the fields that are wrong.
	New func(settings json.RawMessage) (Policy, error)
}

// Complete returns stored settings as a pointer to the kind's struct, with the
// defaults for what is not stored. It does not judge: settings that an earlier
// version kept are shown as far as they are understood.
func (k Kind) Complete(settings json.RawMessage) (any, error) {
	defaults := reflect.ValueOf(k.Settings).Elem()
	out := reflect.New(defaults.Type())
	out.Elem().Set(defaults)
	if len(bytes.TrimSpace(settings)) > 0 {
		if err := json.Unmarshal(settings, out.Interface()); err != nil {
			return nil, fmt.Errorf("reading the settings of a policy of kind %s: %w", k.Name, err)
		}
	}
	return out.Interface(), nil
}

// DecodeSettings decodes the JSON of a kind's settings strictly into a struct that
// holds the defaults. Unknown keys and wrong types are idp.CodeInvalid on the
// field concerned.
func DecodeSettings(settings json.RawMessage, into any) error {
	if len(bytes.TrimSpace(settings)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(settings))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return idp.Invalid("", "Invalid JSON: one object is expected.")
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return idp.Invalid(wrong.Field, "Not a valid %s.", jsonType(wrong.Type.Kind().String()))
	}
	if name, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		name = strings.Trim(name, `"`)
		return idp.Invalid(name, "Unknown field “%s”.", clip(name))
	}
	return idp.Invalid("", "Invalid JSON: one object is expected.")
}

func jsonType(kind string) string {
	switch {
	case kind == "bool":
		return "boolean"
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "integer"
	case strings.HasPrefix(kind, "float"):
		return "number"
	case kind == "struct", kind == "map":
		return "object"
	case kind == "slice", kind == "array":
		return "list"
	}
	return kind
}

// Kinds finds kinds by name and by model.
type Kinds struct {
	list   []Kind
	byName map[string]Kind
}

// NewKinds returns the kinds of a list. It panics on a name that occurs twice:
// the list is written by hand and checked by its test.
func NewKinds(list []Kind) *Kinds {
	k := &Kinds{list: list, byName: map[string]Kind{}}
	for _, kind := range list {
		for _, name := range []string{kind.Name, kind.Model} {
			if _, taken := k.byName[name]; taken || name == "" {
				panic(fmt.Sprintf("policy kind %q occurs twice", name))
			}
			k.byName[name] = kind
		}
	}
	return k
}

// List returns all kinds, in the order they were given.
func (k *Kinds) List() []Kind { return k.list }

// Get returns the kind of a name or model.
func (k *Kinds) Get(name string) (Kind, bool) {
	kind, ok := k.byName[name]
	return kind, ok
}

// Check returns nil when settings are valid for the kind of that name, otherwise
// idp.CodeInvalid.
func (k *Kinds) Check(name string, settings json.RawMessage) error {
	_, err := k.build(name, settings)
	return err
}

func (k *Kinds) build(name string, settings json.RawMessage) (Policy, error) {
	kind, ok := k.Get(name)
	if !ok {
		return nil, idp.Invalid("kind", "“%s” is not a kind of policy.", clip(name))
	}
	p, err := kind.New(settings)
	if err != nil {
		return nil, fmt.Errorf("building a policy of kind %s: %w", kind.Name, err)
	}
	return p, nil
}
