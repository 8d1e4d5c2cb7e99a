package userwrite

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// maxSegment is how much of a path one answer may be, in characters.
const maxSegment = 100

// pathTemplate is a parsed user_path_template: texts and names in turn, texts
// first.
type pathTemplate []string

// parsePath reads a template with %(name)s for values and %% for a percent sign.
func parsePath(template string) (pathTemplate, error) {
	out, text := pathTemplate{}, ""
	rest := template
	for {
		before, after, found := strings.Cut(rest, "%")
		text += before
		if !found {
			break
		}
		if tail, escaped := strings.CutPrefix(after, "%"); escaped {
			text, rest = text+"%", tail
			continue
		}
		name, tail, closed := strings.Cut(strings.TrimPrefix(after, "("), ")s")
		if !strings.HasPrefix(after, "(") || !closed || name == "" || strings.Contains(strings.ToLower(name), "password") {
			return nil, idp.Invalid("user_path_template", "After %% expected the name of a value that is no password, as in %%(company)s.")
		}
		out, text, rest = append(out, text, name), "", tail
	}
	out = append(out, text)
	whole := out.join(func(string) string { return "x" })
	if strings.HasPrefix(whole, "/") || strings.HasSuffix(whole, "/") || strings.Contains(whole, "//") {
		return nil, idp.Invalid("user_path_template", "Expected segments with one slash between them and none around them, as in customers/%%(company)s.")
	}
	return out, nil
}

func (t pathTemplate) join(value func(name string) string) string {
	var out strings.Builder
	for i, part := range t {
		if i%2 == 1 {
			part = value(part)
		}
		out.WriteString(part)
	}
	return out.String()
}

// path fills the template in, with answers first and the context second. An
// answer that is no segment of a path is CodeInvalid on its field.
func (t pathTemplate) path(answers, context map[string]any) (string, error) {
	var faults idp.Faults
	var missing error
	path := t.join(func(name string) string {
		value, ok := scalar(answers[name])
		if !ok {
			if value, ok = scalar(within(context, name)); !ok {
				missing = fmt.Errorf("user_path_template names %q, which the flow does not know", name)
			}
			return value
		}
		switch {
		case value == "":
			faults.Add(name, "This field may not be blank.")
		case strings.Contains(value, "/"):
			faults.Add(name, "Slashes are not allowed here.")
		case utf8.RuneCountInString(value) > maxSegment:
			faults.Add(name, "Ensure this field has no more than %d characters.", maxSegment)
		}
		return value
	})
	if err := faults.Err(); err != nil {
		return "", err
	}
	return path, missing
}

// within finds a value by its path, such as application.slug.
func within(context map[string]any, name string) any {
	head, tail, deeper := strings.Cut(name, ".")
	if !deeper {
		return context[name]
	}
	inner, _ := context[head].(map[string]any)
	return within(inner, tail)
}

func scalar(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, true
	case bool:
		return strconv.FormatBool(x), true
	case int:
		return strconv.Itoa(x), true
	case int64:
		return strconv.FormatInt(x, 10), true
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), true
	}
	return "", false
}
