package policy

import (
	"errors"
	"maps"
	"regexp"
	"strings"
)

// Translate rewrites the body of a Python expression, as other products have
// them, in the language of expressions here. It knows the common forms (return,
// if, assignments, and/or/not, in, get, startswith, formatted texts, the ak_
// functions) and answers only where it is certain of the meaning: ok is false for
// everything else. What it returns compiles. condition says whether the
// expression must give true or false, as that of a policy, or any value, as that
// of a prompt.
//
// Two things are meant differently here on purpose: nobody is nil, where Python
// has an anonymous user that counts as true; and classes of characters in
// patterns are those of ASCII.
func Translate(source string, condition bool) (expression string, ok bool) {
	if len(source) > MaxSource {
		return "", false
	}
	tokens, err := pythonTokens(source)
	if err != nil {
		return "", false
	}
	p := &python{tokens: tokens}
	body, err := p.block()
	if err != nil || p.peek().kind != tokenEnd {
		return "", false
	}
	w := &writer{condition: condition}
	text, err := w.block(body, map[string]kindOf{}, 0)
	if err != nil || len(text) > MaxSource {
		return "", false
	}
	if err := w.check(text); err != nil {
		return "", false
	}
	return text, true
}

// errUncertain ends a translation.
var errUncertain = errors.New("not certain")

// statement is one of Python's.
type statement struct {
	kind string // return, let, if, do, set
	name string // of let
	into node   // of set
	expr node   // value, condition or call; nil = none
	then []statement
	or   []statement
}

// escapeImport is the one import that has a meaning here: escape is there.
var escapeImport = regexp.MustCompile(`^from (django\.utils\.html|html|markupsafe) import escape$`)

// block reads statements of one depth.
func (p *python) block() ([]statement, error) {
	var out []statement
	for {
		switch t := p.peek(); {
		case t.kind == tokenEnd, t.kind == tokenDedent:
			return out, nil
		case t.kind == tokenLine:
			p.next()
		default:
			s, err := p.statement()
			if err != nil {
				return nil, err
			}
			out = append(out, s...)
		}
	}
}

func (p *python) statement() ([]statement, error) {
	switch t := p.peek(); {
	case t.is("return"):
		p.next()
		if p.peek().kind == tokenLine || p.peek().kind == tokenEnd {
			return []statement{{kind: "return"}}, p.line()
		}
		e, err := p.expression()
		return []statement{{kind: "return", expr: e}}, errors.Join(err, p.line())
	case t.is("if"):
		s, err := p.branch()
		return []statement{s}, err
	case t.is("pass"):
		p.next()
		return nil, p.line()
	case t.is("from"):
		if !escapeImport.MatchString(p.rest()) {
			return nil, errUncertain
		}
		return nil, p.line()
	case t.kind == tokenName && p.after(1).is("="):
		p.next()
		p.next()
		e, err := p.expression()
		return []statement{{kind: "let", name: t.text, expr: e}}, errors.Join(err, p.line())
	}
	e, err := p.expression()
	if err == nil && p.take("=") {
		value, err := p.expression()
		return []statement{{kind: "set", into: e, expr: value}}, errors.Join(err, p.line())
	}
	return []statement{{kind: "do", expr: e}}, errors.Join(err, p.line())
}

// branch reads if or elif with what belongs to it.
func (p *python) branch() (s statement, err error) {
	p.next()
	s.kind = "if"
	if s.expr, err = p.expression(); err != nil {
		return s, err
	}
	if s.then, err = p.suite(); err != nil {
		return s, err
	}
	switch {
	case p.peek().is("elif"):
		inner, err := p.branch()
		s.or = []statement{inner}
		return s, err
	case p.peek().is("else"):
		p.next()
		s.or, err = p.suite()
	}
	return s, err
}

// suite reads what follows a colon: a statement on the same line, or a block.
func (p *python) suite() ([]statement, error) {
	if !p.take(":") {
		return nil, errUncertain
	}
	if p.peek().kind != tokenLine {
		return p.statement()
	}
	p.next()
	if p.peek().kind != tokenIndent {
		return nil, errUncertain
	}
	p.next()
	body, err := p.block()
	if err != nil || p.peek().kind != tokenDedent {
		return nil, errUncertain
	}
	p.next()
	return body, nil
}

// writer writes statements as one expression.
type writer struct {
	condition bool
	size      int // what was written, with branches that are written twice
}

// check compiles what was written.
func (w *writer) check(text string) error {
	e, err := compileOnly(text, theGuard())
	if w.condition {
		_, err = condition(e, err)
	}
	return err
}

// block writes statements: what comes after a branch belongs to each of its
// ways that does not return.
func (w *writer) block(body []statement, vars map[string]kindOf, depth int) (string, error) {
	if w.size++; w.size > maxNodes || depth > 20 {
		return "", errUncertain
	}
	indent := strings.Repeat("  ", depth)
	if len(body) == 0 {
		return indent + w.nothing(), nil
	}
	s, rest := body[0], body[1:]
	switch s.kind {
	case "return":
		if s.expr == nil {
			return indent + w.nothing(), nil
		}
		e, err := s.expr.write(vars)
		switch {
		case err != nil:
		case w.condition:
			e, err = e.truth()
		case e.kind > kindNil:
			err = errUncertain
		}
		return indent + e.text, err
	case "let":
		return w.let(s, rest, vars, depth)
	case "do", "set":
		text, err := "", error(nil)
		if s.kind == "set" {
			text, err = setting(s.into, s.expr, vars)
		} else {
			text, err = effect(s.expr, vars)
		}
		if err != nil {
			return "", err
		}
		after, err := w.block(rest, vars, depth)
		return indent + text + ";\n" + after, err
	}
	test, err := s.expr.write(vars)
	if err == nil {
		test, err = test.truth()
	}
	if err != nil {
		return "", err
	}
	then, err := w.block(append(append([]statement{}, s.then...), rest...), maps.Clone(vars), depth+1)
	if err != nil {
		return "", err
	}
	or, err := w.block(append(append([]statement{}, s.or...), rest...), maps.Clone(vars), depth+1)
	return indent + "if " + test.text + " {\n" + then + "\n" + indent + "} else {\n" + or + "\n" + indent + "}", err
}

// nothing is what Python gives when nothing is returned.
func (w *writer) nothing() string {
	if w.condition {
		return "false"
	}
	return "nil"
}

func (w *writer) let(s statement, rest []statement, vars map[string]kindOf, depth int) (string, error) {
	e, err := s.expr.write(vars)
	if err != nil {
		return "", err
	}
	if _, again := vars[s.name]; again {
		return "", errUncertain // names are given once here
	}
	vars[s.name] = e.kind
	after, err := w.block(rest, vars, depth)
	return strings.Repeat("  ", depth) + "let " + renamed(s.name) + " = " + e.text + ";\n" + after, err
}

// effect writes a call that is made for what it does.
func effect(n node, vars map[string]kindOf) (string, error) {
	c, ok := n.(callNode)
	if !ok {
		return "", errUncertain
	}
	name := "message"
	switch callee := c.callee.(type) {
	case nameNode:
		switch _, own := vars[string(callee)]; {
		case own:
			return "", errUncertain
		case callee == "ak_create_event":
			return c.recording(vars)
		case callee == "ak_send_email":
			e, err := c.write(vars)
			return e.text, err
		case callee != "ak_message":
			return "", errUncertain
		}
	case attribute:
		if callee.of != nameNode("ak_logger") {
			return "", errUncertain
		}
		name = "log"
	default:
		return "", errUncertain
	}
	if len(c.args) != 1 || len(c.named) > 0 {
		return "", errUncertain
	}
	e, err := c.args[0].write(vars)
	if err != nil || e.kind != kindText && e.kind != kindNumber {
		return "", errUncertain
	}
	return name + "(" + e.text + ")", nil
}
