package form

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Props returns the form of a page whose button says submit.
func Props(p flow.Page, submit string) ui.FormProps {
	out := ui.FormProps{Action: p.Action, Submit: submit, Full: true, ID: "flow-form"}
	for _, h := range p.Hidden {
		out.Hidden = append(out.Hidden, ui.Pair{Name: h.Name, Value: h.Value})
	}
	for _, e := range p.Errors[idp.NonField] {
		out.Errors = append(out.Errors, e.String)
	}
	return out
}

// Stray adds the messages of fields that the form does not show: nothing that
// went wrong stays unsaid.
func Stray(p flow.Page, props ui.FormProps, shown ...string) ui.FormProps {
	known := map[string]bool{idp.NonField: true}
	for _, name := range shown {
		known[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(p.Errors)) {
		for _, m := range p.Errors[name] {
			if !known[name] {
				props.Errors = append(props.Errors, fmt.Sprintf("%s: %s", name, m.String))
			}
		}
	}
	return props
}

// Error returns the messages beside a field, "" for none.
func Error(p flow.Page, field string) string {
	var all []string
	for _, e := range p.Errors[field] {
		all = append(all, e.String)
	}
	return strings.Join(all, " ")
}

// Value returns what was sent for a field, else the fallback.
func Value(p flow.Page, field, fallback string) string {
	switch v := p.Submitted[field].(type) {
	case string:
		return v
	case float64, bool:
		return fmt.Sprint(v)
	}
	return fallback
}

// Ticked reports whether a box was ticked in what was sent, else the fallback.
func Ticked(p flow.Page, field string, fallback bool) bool {
	if p.Submitted == nil {
		return fallback
	}
	on, err := p.Submitted.Bool(field)
	return err == nil && on
}
