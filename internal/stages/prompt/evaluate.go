package prompt

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// field works out what a prompt shows.
func (e evaluation) field(ctx context.Context, p *idp.Prompt) Field {
	t := Type(p.Type)
	f := Field{FieldKey: p.FieldKey, Label: p.Label, Type: t, Required: p.Required && !t.shownOnly(), Order: p.Order, SubText: p.SubText}
	if t.choice() {
		f.Choices = e.choices(ctx, p)
	} else {
		f.Placeholder = text(e.value(ctx, p, "placeholder", p.Placeholder, p.PlaceholderExpression))
	}
	f.InitialValue = e.initial(ctx, p)
	if t.choice() && !slices.ContainsFunc(f.Choices, func(c Choice) bool { return c.Value == f.InitialValue }) {
		f.InitialValue = ""
		if len(f.Choices) > 0 {
			f.InitialValue = f.Choices[0].Value
		}
	}
	if t.html() {
		f.InitialValue = policy.SanitizeHTML(f.InitialValue)
	}
	return f
}

// initial is what an earlier stage collected under the key, never evaluated;
// else the prompt's expression or text.
func (e evaluation) initial(ctx context.Context, p *idp.Prompt) string {
	if v, ok := e.data[p.FieldKey]; ok {
		if Type(p.Type) == Password || Type(p.Type) == File {
			return ""
		}
		return text(v)
	}
	return text(e.value(ctx, p, "initial_value", p.InitialValue, p.InitialValueExpression))
}

// value runs an expression; where it fails, its text is the value.
func (e evaluation) value(ctx context.Context, p *idp.Prompt, what, source string, expression bool) any {
	if !expression || source == "" {
		return source
	}
	compiled, err := e.compiled.Get(source)
	if err == nil {
		var v policy.Value
		if v, err = compiled.Run(ctx, e.request); err == nil {
			return v.Data
		}
	}
	e.fault(p, what, err)
	return source
}

// choices come from the context, else from the placeholder: a list, or one
// value. An item is a value, or a map with value and label.
func (e evaluation) choices(ctx context.Context, p *idp.Prompt) []Choice {
	given, ok := e.data[p.FieldKey+"__choices"]
	if !ok {
		given = e.value(ctx, p, "placeholder", p.Placeholder, p.PlaceholderExpression)
	}
	list, several := given.([]any)
	if !several {
		list = []any{given}
	}
	out := []Choice{}
	for _, item := range list {
		c := Choice{Value: text(item)}
		if m, ok := item.(map[string]any); ok {
			c.Value, c.Label = text(m["value"]), text(m["label"])
		}
		if c.Label == "" {
			c.Label = c.Value
		}
		if c.Value != "" || several {
			out = append(out, c)
		}
	}
	return out
}

// text is a plain value as clients get it.
func text(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case []any, map[string]any:
		raw, err := json.Marshal(x)
		if err != nil {
			return ""
		}
		return string(raw)
	}
	return fmt.Sprint(v)
}
