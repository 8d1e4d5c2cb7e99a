package settingsform

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The formats of a setting that a form treats in its own way.
const (
	formatDuration   = "duration"
	formatMultiline  = "multiline"
	formatExpression = "expression"
	formatSecret     = "secret"
)

// Form holds the settings of one kind as the values of form fields.
type Form struct {
	settings []flow.Setting
	stored   map[string]json.RawMessage // complete, as they are in JSON
	values   map[string][]string        // as they are in the form
}

// Of fills a form from stored settings; what is absent there has its default.
func Of(settings []flow.Setting, stored json.RawMessage) Form {
	f := Form{settings: settings, stored: complete(settings, stored), values: map[string][]string{}}
	for _, s := range settings {
		f.values[s.Name] = texts(f.stored[s.Name])
	}
	return f
}

// Read takes what was sent. A text that was not sent at all, as from a form of an
// earlier version, stays as it is stored; so do secrets that were left empty and
// settings that forms do not show.
func Read(settings []flow.Setting, stored json.RawMessage, sent web.Form) Form {
	f := Of(settings, stored)
	for _, s := range settings {
		switch {
		case s.Unoffered:
		case s.List && boxes(s):
			f.values[s.Name] = picked(s, f.values[s.Name], sent)
		case s.List && sent.Has(s.Name):
			f.values[s.Name] = slices.DeleteFunc(strings.Split(unix(sent.Text(s.Name)), "\n"), blank)
		case s.Type == "boolean" && !s.Nullable:
			f.values[s.Name] = []string{strconv.FormatBool(sent.Bool(s.Name))}
		case !sent.Has(s.Name), s.Format == formatSecret && sent.Text(s.Name) == "" && !sent.Bool(clearPrefix+s.Name):
		case s.Nullable && blank(sent.Text(s.Name)):
			f.values[s.Name] = nil
		default:
			f.values[s.Name] = []string{unix(sent.Text(s.Name))}
		}
		if sent.Has(ui.ReplacePrefix + s.Name) {
			f.values[s.Name] = []string{unix(sent.Text(ui.ReplacePrefix + s.Name))}
		}
	}
	return f
}

// clearPrefix begins the name of the box that removes a secret.
const clearPrefix = "clear:"

// complete adds the defaults.
func complete(settings []flow.Setting, stored json.RawMessage) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	_ = json.Unmarshal(stored, &out) // what is no object has nothing to show
	if out == nil {
		out = map[string]json.RawMessage{}
	}
	for _, s := range settings {
		if _, ok := out[s.Name]; !ok {
			if raw, err := json.Marshal(s.Default); err == nil {
				out[s.Name] = raw
			}
		}
	}
	return out
}

// texts are the values of a JSON value as a form holds them; null has none.
func texts(raw json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil { // null is an empty list
		var out []string
		for _, item := range list {
			out = append(out, texts(item)...)
		}
		return out
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []string{text}
	}
	return []string{string(raw)}
}

// picked are the ticked values, by the places typed or moved to. Where the order
// means nothing it stays as it was.
func picked(s flow.Setting, was []string, sent web.Form) []string {
	type choice struct {
		value string
		at    int
	}
	var chosen []choice
	for _, v := range sent.Texts(s.Name) {
		at, err := strconv.Atoi(sent.Trimmed(ui.AtPrefix + s.Name + ":" + v))
		if err != nil {
			at = 1 << 30 // without a place it goes to the end
		}
		if s.Unordered {
			at = place(was, v)
		}
		if !slices.ContainsFunc(chosen, func(c choice) bool { return c.value == v }) {
			chosen = append(chosen, choice{v, at})
		}
	}
	slices.SortStableFunc(chosen, func(a, b choice) int { return cmp.Compare(a.at, b.at) })
	var out []string
	for _, c := range chosen {
		out = append(out, c.value)
	}
	return out
}

// unix are the line ends as everything but forms has them.
func unix(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// boxes reports whether a list is shown as things to tick.
func boxes(s flow.Setting) bool { return s.Enum != nil || s.Ref != "" && s.Type == "uuid" }

// Replaced reports whether a button asked to put something into the place of what
// was typed: the form is then shown again, not saved.
func Replaced(sent web.Form) bool {
	for name := range sent {
		if strings.HasPrefix(name, ui.ReplacePrefix) {
			return true
		}
	}
	return false
}

// JSON are the settings as the kind decodes them. What was typed where a number
// belongs is handed over as it is: the kind says what it expects there.
func (f Form) JSON() json.RawMessage {
	out := map[string]any{}
	for _, s := range f.settings {
		out[s.Name] = f.value(s)
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return json.RawMessage("{}") // texts and numbers always marshal
	}
	return raw
}

func (f Form) value(s flow.Setting) any {
	values := f.values[s.Name]
	switch {
	case s.Unoffered:
		return f.stored[s.Name]
	case s.List:
		list := make([]any, 0, len(values))
		for _, v := range values {
			list = append(list, plain(s, v))
		}
		return list
	case len(values) == 0 && s.Nullable:
		return nil
	case len(values) == 0:
		return ""
	}
	return plain(s, values[0])
}

func plain(s flow.Setting, v string) any {
	switch s.Type {
	case "integer":
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return n
		}
	case "boolean":
		if b, err := strconv.ParseBool(v); err == nil {
			return b
		}
	case "uuid":
		return strings.TrimSpace(v)
	}
	return v
}

// With is the form with another text in one field.
func (f Form) With(name, text string) Form {
	values := map[string][]string{}
	for k, v := range f.values {
		values[k] = v
	}
	values[name] = []string{text}
	f.values = values
	return f
}

// Text is the text of a field, "" when it has none.
func (f Form) Text(name string) string {
	if v := f.values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Seen is the state that a form of changes was filled from, without secrets.
func (f Form) Seen() map[string][]string {
	out := map[string][]string{}
	for _, s := range f.settings {
		if s.Format != formatSecret {
			out[s.Name] = f.values[s.Name]
		}
	}
	return out
}

// Names are the settings that the form shows.
func (f Form) Names() []string {
	var out []string
	for _, s := range f.settings {
		if !s.Unoffered {
			out = append(out, s.Name)
		}
	}
	return out
}
