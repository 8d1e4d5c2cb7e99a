package blueprint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// several are faults of one entry.
type several []*wrong

// Error implements error.
func (s several) Error() string { return s[0].message }

// at gives an error without a place one.
func (r *run) at(n *yaml.Node, err error) error {
	var w *wrong
	if errors.As(err, &w) && w.at == nil {
		w.at = n
	}
	return err
}

// blame makes problems of what is wrong with an entry: with its place, model and
// field.
func (r *run) blame(e *Entry, model string, err error) []Problem {
	var list several
	var w *wrong
	var known *idp.Error
	switch {
	case Problems(err) != nil:
		return Problems(err)
	case errors.As(err, &list):
	case errors.As(err, &w):
		list = several{w}
	case errors.As(err, &known):
		list = r.fields(e, known)
	}
	out := make([]Problem, 0, len(list))
	for _, w := range list {
		if w.at == nil && w.field != "" {
			w.at = e.place(w.field)
		}
		p := Problem{File: r.d.File, Entry: e.Index, Model: model, Field: w.field, Message: w.message, Unsupported: w.unsupported}
		if p.Line, p.Column = e.Line, 0; w.at != nil && w.at.Line > 0 {
			p.Line, p.Column = w.at.Line, w.at.Column
		}
		out = append(out, p)
	}
	return out
}

// fields makes a fault of every message of an error.
func (r *run) fields(e *Entry, err *idp.Error) several {
	if err.Code != idp.CodeInvalid || len(err.Fields) == 0 {
		return several{{at: e.node, message: err.Message}}
	}
	var out several
	for _, field := range slices.Sorted(maps.Keys(err.Fields)) {
		w := &wrong{at: e.place(field), field: field, message: strings.Join(err.Fields[field], " ")}
		if field == idp.NonField {
			w.field = ""
		}
		pythonic(w)
		out = append(out, w)
	}
	return out
}

// place is where the entry says something of a field, such as spec.allow.rules;
// the entry itself when it says nothing of it.
func (e *Entry) place(field string) *yaml.Node {
	at := e.node
	for _, name := range []string{field, strings.SplitN(field, ".", 2)[0]} {
		for _, part := range []*yaml.Node{e.Attrs, e.Identifiers} {
			if n := child(part, name); n != nil {
				at = n
			}
		}
		if at != e.node {
			break
		}
	}
	return at
}

// maxIdioms bounds how many lines of Python one problem translates.
const maxIdioms = 12

// pythonic adds to a fault in an expression written in Python where it is and
// how each line is written here.
func pythonic(w *wrong) {
	if w.at.Kind != yaml.ScalarNode || !strings.Contains(w.message, policy.LooksLikePython) {
		return
	}
	idioms := policy.Python(w.at.Value)
	if len(idioms) == 0 {
		return
	}
	first := w.at.Line
	if w.at.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		first++ // the text begins below its sign
	}
	at := *w.at
	at.Line, at.Column = first+idioms[0].Line-1, 0
	w.at, w.unsupported = &at, true
	var b strings.Builder
	b.WriteString("the expression is written in Python, which is not the language of expressions here.")
	if same, ok := policy.Translate(w.at.Value, w.field == "expression" || w.field == "query"); ok {
		fmt.Fprintf(&b, " The same, written here:\n%s", same)
		w.message = b.String()
		return
	}
	for i, idiom := range idioms {
		if i == maxIdioms {
			fmt.Fprintf(&b, " And %d more.", len(idioms)-i)
			break
		}
		fmt.Fprintf(&b, " Line %d, “%s”: write %s.", first+idiom.Line-1, idiom.Text, idiom.Instead)
	}
	w.message = b.String()
}
