package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// kind is the type of a query parameter.
type kind string

const (
	text    kind = "string"
	boolean kind = "boolean"
	integer kind = "integer"
	instant kind = "date-time"
	id      kind = "uuid"
	object  kind = "object" // a JSON object
)

// param is one query parameter of an operation.
type param struct {
	name     string
	kind     kind
	many     bool // may be repeated
	required bool
	enum     []string
	help     string
	check    func(string) string // what is wrong with a value beside its kind, "" = nothing; nil = not asked
}

// query is a checked query string: its getters cannot fail. A parameter sent
// without a value counts as absent.
type query map[string][]string

// readQuery checks the query string against what the operation takes.
func readQuery(values url.Values, params []param) (query, error) {
	q := query{}
	var faults idp.Faults
	for name, list := range values {
		i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
		if i < 0 {
			faults.Add(limit(name, 100), "Unknown query parameter.")
			continue
		}
		list = slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v == "" })
		if len(list) == 0 {
			continue
		}
		if !params[i].many {
			list = list[len(list)-1:]
		}
		if len(list) > maxItems {
			faults.Add(name, "Ensure this field has no more than %d elements.", maxItems)
			continue
		}
		for _, v := range list {
			if problem := params[i].problem(v); problem != "" {
				faults.Add(name, "%s", problem)
				break
			}
		}
		q[name] = list
	}
	for _, p := range params {
		if p.required && len(q[p.name]) == 0 {
			faults.Add(p.name, "This field is required.")
		}
	}
	return q, faults.Err()
}

func (p param) problem(v string) string {
	switch p.kind {
	case boolean:
		if _, ok := parseBool(v); !ok {
			return "Must be a valid boolean."
		}
	case integer:
		if _, err := strconv.ParseInt(v, 10, 32); err != nil {
			return "A valid integer is required."
		}
	case instant:
		if _, ok := parseTime(v); !ok {
			return "Enter a valid date/time."
		}
	case id:
		if _, err := idp.ParseID[any](v); err != nil {
			return fmt.Sprintf("“%s” is not a valid UUID.", limit(v, 50))
		}
	case object:
		var o map[string]any
		if json.Unmarshal([]byte(v), &o) != nil || o == nil || !clean(o) {
			return "Enter a valid JSON object."
		}
	case text:
		if len(p.enum) > 0 && !slices.Contains(p.enum, v) {
			return notAChoice(v)
		}
	}
	if p.check != nil {
		return p.check(v)
	}
	return ""
}

func notAChoice(v string) string {
	return fmt.Sprintf("Select a valid choice. %s is not one of the available choices.", limit(v, 50))
}

func parseBool(v string) (value, ok bool) {
	switch strings.ToLower(v) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

func (q query) text(name string) *string {
	if len(q[name]) == 0 {
		return nil
	}
	return &q[name][0]
}

func (q query) texts(name string) []string { return q[name] }

func (q query) bool(name string) *bool {
	if len(q[name]) == 0 {
		return nil
	}
	b, _ := parseBool(q[name][0])
	return &b
}

// is returns the flag, and otherwise when it is absent.
func (q query) is(name string, otherwise bool) bool {
	if b := q.bool(name); b != nil {
		return *b
	}
	return otherwise
}

func (q query) ints(name string) []int {
	var out []int
	for _, v := range q[name] {
		n, _ := strconv.ParseInt(v, 10, 32)
		out = append(out, int(n))
	}
	return out
}

func (q query) time(name string) *time.Time {
	if len(q[name]) == 0 {
		return nil
	}
	t, _ := parseTime(q[name][0])
	return &t
}

func (q query) uuid(name string) *uuid.UUID {
	if len(q[name]) == 0 {
		return nil
	}
	u, err := uuid.Parse(q[name][0])
	if err != nil {
		return nil
	}
	return &u
}

func (q query) object(name string) map[string]any {
	if len(q[name]) == 0 {
		return nil
	}
	var o map[string]any
	_ = json.Unmarshal([]byte(q[name][0]), &o) // checked by readQuery
	return o
}

// ids returns the identifiers of a parameter; nil when it is absent.
func ids[T any](q query, name string) []idp.ID[T] {
	var out []idp.ID[T]
	for _, v := range q[name] {
		if one, err := idp.ParseID[T](v); err == nil {
			out = append(out, one)
		}
	}
	return out
}
