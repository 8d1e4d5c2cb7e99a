package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// cleaner takes secrets out of what an expression leaves behind: whatever has a
// telling name, and wherever else the same value appears.
type cleaner struct {
	names  []string // more telling names: answers that were typed unseen
	values []string // the secrets of the request, the longest first
	most   int      // characters that a text may have
}

// Bounds of the values that are looked for: short ones are in every text.
const (
	minSecret  = 4
	maxSecrets = 50
)

func newCleaner(m *meter, most int) *cleaner {
	c := &cleaner{names: m.request.Secrets, most: most}
	left := maxInputs
	if known, err := plain(m.request.Context, "context", 0, &left); err == nil { // it was when the run began
		c.collect("", known, false, 0)
	}
	for name, v := range m.request.Query {
		c.collect(name, v, c.secret(name), 0)
	}
	slices.SortFunc(c.values, func(a, b string) int { return len(b) - len(a) })
	return c
}

func (c *cleaner) secret(name string) bool {
	return slices.Contains(c.names, name) || idp.SecretName(name)
}

// collect notes the texts below a telling name.
func (c *cleaner) collect(name string, v any, secret bool, depth int) {
	if depth > maxNesting || len(c.values) >= maxSecrets {
		return
	}
	switch v := v.(type) {
	case string:
		if secret && len(v) >= minSecret && !slices.Contains(c.values, v) {
			c.values = append(c.values, v)
		}
	case map[string]any:
		for inner, value := range v {
			c.collect(inner, value, secret || c.secret(inner), depth+1)
		}
	case []any:
		for _, value := range v {
			c.collect(name, value, secret, depth+1)
		}
	}
}

// clean copies plain data without secrets. A user becomes what events say of
// one.
func (c *cleaner) clean(name string, v any) any {
	if name != "" && c.secret(name) {
		switch v.(type) {
		case nil, bool:
			return v
		}
		return idp.Hidden
	}
	switch v := v.(type) {
	case string:
		return c.text(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case time.Duration:
		return v.String()
	case map[string]any:
		if isUser(v) {
			return map[string]any{"pk": v["pk"], "username": c.clean("", v["username"]), "email": c.clean("", v["email"])}
		}
		out := make(map[string]any, len(v))
		for inner, value := range v {
			out[c.text(inner)] = c.clean(inner, value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = c.clean("", v[i])
		}
		return out
	}
	return v
}

// text is a text without the request's secrets, and not too long.
func (c *cleaner) text(s string) string {
	for _, secret := range c.values {
		s = strings.ReplaceAll(s, secret, idp.Hidden)
	}
	return clipTo(s, c.most)
}

// isUser reports whether a map is a user as expressions see one.
func isUser(m map[string]any) bool {
	for _, name := range userFields {
		if _, ok := m[name]; !ok {
			return false
		}
	}
	return true
}
