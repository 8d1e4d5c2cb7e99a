package contract

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// eventStream is the media type of answers that last.
const eventStream = "text/event-stream"

//go:embed contract.json
var raw []byte

// Table is the contract.
type Table struct {
	Objects    map[string]map[string]string `json:"objects"`
	Enums      map[string][]string          `json:"enums"`
	Challenges map[string]string            `json:"challenges"` // component → object
	Solutions  map[string]map[string]string `json:"solutions"`  // component → what answers it, beside the component; none = nothing does
	Answers    map[string]map[string]string `json:"answers"`    // "METHOD pattern" → status → type
}

// Load reads the table.
func Load() (*Table, error) {
	t := &Table{}
	if err := json.Unmarshal(raw, t); err != nil {
		return nil, fmt.Errorf("reading the contract: %w", err)
	}
	return t, nil
}

// Check says what is wrong with an answer: nil when it keeps the contract.
func (t *Table) Check(method, path string, status int, contentType string, body []byte) error {
	pattern := t.Pattern(method, path)
	if pattern == "" {
		if status < 400 {
			return fmt.Errorf("%s %s: answered with %d, but the contract does not know it", method, path, status)
		}
		return t.problem(status, contentType, body)
	}
	if status >= 400 {
		err := t.problem(status, contentType, body)
		if kind, own := t.Answers[pattern][fmt.Sprint(status)]; own && err != nil {
			v, undecoded := decode(contentType, body)
			if undecoded != nil {
				return err
			}
			return t.value(kind, v)
		}
		return err
	}
	if status == 302 && t.Answers[pattern]["200"] == "ChallengeTypes" {
		return nil
	}
	kind, known := t.Answers[pattern][fmt.Sprint(status)]
	if !known {
		return fmt.Errorf("%s: answered with %d, the contract knows %v", pattern, status, t.Answers[pattern])
	}
	if kind == "" {
		if len(body) > 0 {
			return fmt.Errorf("%s: %d with a body", pattern, status)
		}
		return nil
	}
	if media, text := strings.CutPrefix(kind, "media:"); text {
		if !strings.HasPrefix(contentType, media) || len(body) == 0 {
			return fmt.Errorf("%s: content type %q with %d bytes, expected %s", pattern, contentType, len(body), media)
		}
		return nil
	}
	if kind, stream := strings.CutPrefix(kind, "stream:"); stream {
		if err := t.stream(kind, contentType, body); err != nil {
			return fmt.Errorf("%s: %w", pattern, err)
		}
		return nil
	}
	v, err := decode(contentType, body)
	if err != nil {
		return fmt.Errorf("%s: %w", pattern, err)
	}
	if err := t.value(kind, v); err != nil {
		return fmt.Errorf("%s: %w", pattern, err)
	}
	return nil
}

// Pattern finds the route of a path, a literal segment before a named one; "" =
// none.
func (t *Table) Pattern(method, path string) string {
	best, literal := "", -1
	for pattern := range t.Answers {
		m, p, _ := strings.Cut(pattern, " ")
		if m != method {
			continue
		}
		if n, ok := match(p, path); ok && n > literal {
			best, literal = pattern, n
		}
	}
	return best
}

func match(pattern, path string) (literals int, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return 0, false
	}
	for i := range want {
		switch {
		case want[i] == got[i]:
			literals++
		case !strings.HasPrefix(want[i], "{") || got[i] == "":
			return 0, false
		}
	}
	return literals, true
}

func decode(contentType string, body []byte) (any, error) {
	if !strings.HasPrefix(contentType, "application/") || !strings.Contains(contentType, "json") {
		return nil, fmt.Errorf("content type %q: clients take JSON only", contentType)
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	return v, nil
}

// stream checks the whole messages of an answer of server-sent events. Those with
// a name of their own are not of the type.
func (t *Table) stream(kind, contentType string, body []byte) error {
	if !strings.HasPrefix(contentType, eventStream) {
		return fmt.Errorf("content type %q, expected %s", contentType, eventStream)
	}
	messages := strings.Split(string(body), "\n\n")
	for _, m := range messages[:len(messages)-1] {
		data, plain := "", true
		for line := range strings.SplitSeq(m, "\n") {
			plain = plain && !strings.HasPrefix(line, "event:")
			if value, ok := strings.CutPrefix(line, "data: "); ok {
				data += value
			}
		}
		if !plain || data == "" {
			continue
		}
		v, err := decode("application/json", []byte(data))
		if err != nil {
			return err
		}
		if err := t.value(kind, v); err != nil {
			return err
		}
	}
	return nil
}

// problem checks the answer to a request that failed: 400 is messages by field,
// everything else a detail.
func (t *Table) problem(status int, contentType string, body []byte) error {
	if status >= 500 {
		return fmt.Errorf("answered with %d: %s", status, body)
	}
	v, err := decode(contentType, body)
	if err != nil {
		return fmt.Errorf("%d: %w", status, err)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%d: not an object: %s", status, body)
	}
	if status == 400 {
		for field, messages := range object {
			list, ok := messages.([]any)
			if !ok || len(list) == 0 || slices.ContainsFunc(list, func(m any) bool { s, text := m.(string); return !text || s == "" }) {
				return fmt.Errorf("400: %s: not a list of messages: %v", field, messages)
			}
		}
		if len(object) == 0 {
			return fmt.Errorf("400 without a message")
		}
		return nil
	}
	if detail, ok := object["detail"].(string); !ok || detail == "" {
		return fmt.Errorf("%d without a detail: %s", status, body)
	}
	return nil
}

// value checks a decoded value against a type.
func (t *Table) value(kind string, v any) error {
	if strings.HasSuffix(kind, "?") {
		if v == nil {
			return nil
		}
		kind = strings.TrimSuffix(kind, "?")
	}
	if v == nil && kind != "any" {
		return fmt.Errorf("null, expected %s", kind)
	}
	switch {
	case strings.HasPrefix(kind, "["):
		return t.list(strings.TrimSuffix(kind[1:], "]"), v)
	case strings.HasPrefix(kind, "map<"):
		return t.dictionary(strings.TrimSuffix(kind[len("map<"):], ">"), v)
	case kind == "ChallengeTypes":
		return t.challenge(v)
	}
	if values, ok := t.Enums[kind]; ok {
		if s, text := v.(string); !text || !slices.Contains(values, s) {
			return fmt.Errorf("%v is not one of %s %v", v, kind, values)
		}
		return nil
	}
	if object, ok := t.Objects[kind]; ok {
		return t.object(kind, object, v)
	}
	return scalar(kind, v)
}

func (t *Table) list(kind string, v any) error {
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%T, expected a list of %s", v, kind)
	}
	for i, item := range items {
		if err := t.value(kind, item); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

func (t *Table) dictionary(kind string, v any) error {
	items, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%T, expected a dictionary", v)
	}
	if kind == "any" {
		return nil
	}
	for key, item := range items {
		if err := t.value(kind, item); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// object checks the keys that the contract knows; others are ours.
func (t *Table) object(name string, fields map[string]string, v any) error {
	got, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%T, expected %s", v, name)
	}
	for key, kind := range fields {
		plain, required := strings.CutSuffix(key, "*")
		value, there := got[plain]
		if !there {
			if required {
				return fmt.Errorf("%s without %s", name, plain)
			}
			continue
		}
		if err := t.value(kind, value); err != nil {
			return fmt.Errorf("%s.%s: %w", name, plain, err)
		}
	}
	return nil
}

func (t *Table) challenge(v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%T, expected a challenge", v)
	}
	component, _ := object["component"].(string)
	name, known := t.Challenges[component]
	if !known {
		return fmt.Errorf("component %q is not of the contract", component)
	}
	if _, there := object["flow_info"]; !there {
		return fmt.Errorf("%s without flow_info", component)
	}
	return t.value(name, v)
}

func scalar(kind string, v any) error {
	base, format, _ := strings.Cut(kind, ":")
	ok := false
	switch base {
	case "any":
		return nil
	case "string":
		s, text := v.(string)
		return formatted(format, s, text)
	case "boolean":
		_, ok = v.(bool)
	case "number":
		_, ok = v.(float64)
	case "integer":
		n, number := v.(float64)
		ok = number && n == math.Trunc(n)
	default:
		return fmt.Errorf("the contract has no type %q", kind)
	}
	if !ok {
		return fmt.Errorf("%v (%T), expected %s", v, v, kind)
	}
	return nil
}

func formatted(format, s string, text bool) error {
	if !text {
		return fmt.Errorf("not a string")
	}
	switch format {
	case "uuid":
		if _, err := uuid.Parse(s); err != nil || len(s) != 36 {
			return fmt.Errorf("%q is not a UUID", s)
		}
	case "date-time":
		if _, err := time.Parse(time.RFC3339Nano, s); err != nil || !strings.HasSuffix(s, "Z") {
			return fmt.Errorf("%q is not a time in UTC", s)
		}
	}
	return nil
}
