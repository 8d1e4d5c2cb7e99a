package api

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// maxItems bounds every list in a body.
const maxItems = 10_000

var (
	timeType = reflect.TypeFor[time.Time]()
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// decode reads a value that is not null and returns what is wrong with it, in
// the words that clients of the contract know.
func (f *field) decode(raw json.RawMessage, into reflect.Value) []string {
	if !utf8.Valid(raw) {
		return []string{"Not valid UTF-8."}
	}
	switch {
	case into.Type() == timeType:
		return decodeTime(raw, into)
	case reflect.PointerTo(into.Type()).Implements(textType):
		return decodeText(raw, into)
	}
	switch into.Kind() {
	case reflect.String:
		return f.decodeString(raw, into)
	case reflect.Bool:
		if json.Unmarshal(raw, into.Addr().Interface()) != nil {
			return []string{"Must be a valid boolean."}
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return decodeInt(raw, into)
	case reflect.Float64:
		var n float64
		if json.Unmarshal(raw, &n) != nil || math.IsInf(n, 0) {
			return []string{"A valid number is required."}
		}
		into.SetFloat(n)
	case reflect.Slice:
		return f.decodeList(raw, into)
	case reflect.Map, reflect.Struct:
		return decodeDictionary(raw, into)
	default:
		return []string{"This field cannot be written."}
	}
	return nil
}

func (f *field) decodeString(raw json.RawMessage, into reflect.Value) []string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return []string{"Not a valid string."}
	}
	if problem := web.TextProblem(s); problem != "" {
		return []string{problem}
	}
	switch {
	case len(f.enum) > 0 && !slices.Contains(f.enum, s):
		return []string{fmt.Sprintf("%q is not a valid choice. Expected one of: %s.", limit(s, 50), strings.Join(f.enum, ", "))}
	case s == "" && !f.blank && len(f.enum) == 0:
		return []string{"This field may not be blank."}
	case f.max > 0 && utf8.RuneCountInString(s) > f.max:
		return []string{fmt.Sprintf("Ensure this field has no more than %d characters.", f.max)}
	}
	into.SetString(s)
	return nil
}

func decodeInt(raw json.RawMessage, into reflect.Value) []string {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || into.OverflowInt(n) {
		return []string{"A valid integer is required."}
	}
	into.SetInt(n)
	return nil
}

func decodeText(raw json.RawMessage, into reflect.Value) []string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return []string{"Must be a valid UUID."}
	}
	if into.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)) != nil {
		return []string{"Must be a valid UUID."}
	}
	return nil
}

func decodeTime(raw json.RawMessage, into reflect.Value) []string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if t, ok := parseTime(s); ok {
			into.Set(reflect.ValueOf(t))
			return nil
		}
	}
	return []string{"Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."}
}

// parseTime reads a time of ISO 8601; without a zone it is UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func (f *field) decodeList(raw json.RawMessage, into reflect.Value) []string {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return []string{fmt.Sprintf("Expected a list of items but got type %q.", jsonType(raw))}
	}
	if len(items) > maxItems {
		return []string{fmt.Sprintf("Ensure this field has no more than %d elements.", maxItems)}
	}
	list := reflect.MakeSlice(into.Type(), len(items), len(items))
	element := field{enum: f.enum, max: f.max}
	for i, item := range items {
		problems := []string{"This field may not be null."}
		if string(item) != "null" {
			problems = element.decode(item, list.Index(i))
		}
		if len(problems) > 0 {
			return []string{fmt.Sprintf("Item %d: %s", i+1, strings.Join(problems, " "))}
		}
	}
	into.Set(list)
	return nil
}

func decodeDictionary(raw json.RawMessage, into reflect.Value) []string {
	if jsonType(raw) != "dict" {
		return []string{fmt.Sprintf("Expected a dictionary of items but got type %q.", jsonType(raw))}
	}
	var plain any
	if json.Unmarshal(raw, &plain) != nil {
		return []string{"Value must be valid JSON."}
	}
	if !clean(plain) {
		return []string{"Null characters are not allowed."}
	}
	if json.Unmarshal(raw, into.Addr().Interface()) != nil {
		return []string{"Value must be valid JSON."}
	}
	return nil
}

// clean reports whether no text inside holds what the database cannot.
func clean(v any) bool {
	switch v := v.(type) {
	case string:
		return web.TextProblem(v) == ""
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !clean(item) })
	case map[string]any:
		for key, item := range v {
			if web.TextProblem(key) != "" || !clean(item) {
				return false
			}
		}
	}
	return true
}

// jsonType names the type of a JSON value as the contract's messages do.
func jsonType(raw []byte) string {
	for _, c := range raw {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '{':
			return "dict"
		case '[':
			return "list"
		case '"':
			return "str"
		case 't', 'f':
			return "bool"
		case 'n':
			return "null"
		}
		return "int"
	}
	return "nothing"
}
