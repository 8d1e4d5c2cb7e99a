package policy

import (
	"encoding/json"
	"regexp"
	"strings"
)

// kindOf is what is known of a value.
type kindOf int

const (
	kindUnknown kindOf = iota
	kindTruth
	kindNumber
	kindText
	kindList
	kindMap
	kindContext // a map, some of whose entries are known
	kindUser    // or nil
	kindNil
	// What follows can only be used in its own way.
	kindAddress
	kindNetwork
	kindRequest
	kindHTTP
	kindPlan
	kindAnswer    // of another policy
	kindCondition // and, or: only the truth of it is known
)

func (k kindOf) keyed() bool { return k == kindMap || k == kindContext }

// How tightly terms bind.
const (
	bindChoice = iota
	bindOr
	bindAnd
	bindNot
	bindComparison
	bindSum
	bindAtom
)

// term is written text, and what is known of it.
type term struct {
	text string
	kind kindOf
	bind int
}

func atom(text string, kind kindOf) term { return term{text, kind, bindAtom} }

// in returns the text for a place that binds so tightly.
func (t term) in(bind int) string {
	if t.bind < bind {
		return "(" + t.text + ")"
	}
	return t.text
}

// truth is the term where a condition is wanted: what Python takes for true.
func (t term) truth() (term, error) {
	switch t.kind {
	case kindTruth, kindCondition:
		return t, nil
	case kindUser:
		return term{t.in(bindSum) + " != nil", kindTruth, bindComparison}, nil
	case kindNil:
		return atom("false", kindTruth), nil
	case kindUnknown, kindNumber, kindText, kindList, kindMap, kindContext:
		return atom("truthy("+t.text+")", kindTruth), nil
	}
	return t, errUncertain
}

func (n numberNode) write(map[string]kindOf) (term, error) { return atom(string(n), kindNumber), nil }

func (n truthNode) write(map[string]kindOf) (term, error) {
	if n {
		return atom("true", kindTruth), nil
	}
	return atom("false", kindTruth), nil
}

func (noneNode) write(map[string]kindOf) (term, error) { return atom("nil", kindNil), nil }

// names are those of Python's environment that are here, too.
var names = map[string]term{
	"request": atom("request", kindRequest), "context": atom("context", kindContext), "http_request": atom("http_request", kindHTTP),
	"user": atom("user", kindUser), "ak_client_ip": atom("ak_client_ip", kindAddress), "ak_is_sso_flow": atom("ak_is_sso_flow", kindTruth),
	"prompt_context": atom("prompt_context", kindMap),
}

func (n nameNode) write(vars map[string]kindOf) (term, error) {
	if kind, own := vars[string(n)]; own {
		return atom(renamed(string(n)), kind), nil
	}
	if known, ok := names[string(n)]; ok {
		return known, nil
	}
	return term{}, errUncertain
}

// renamed keeps a name from meaning something else here.
func renamed(name string) string {
	if _, err := compileOnly("let "+name+" = 1; "+name, theGuard()); err != nil {
		return name + "_"
	}
	return name
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// quoted writes a text; one over several lines stays so.
func quoted(s string) string {
	if strings.Contains(s, "\n") && !strings.ContainsAny(s, "`\r") {
		return "`" + s + "`"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

func (n listNode) write(vars map[string]kindOf) (term, error) {
	items := make([]string, len(n))
	for i, item := range n {
		t, err := item.write(vars)
		if err != nil || t.kind > kindNil {
			return term{}, errUncertain
		}
		items[i] = t.text
	}
	return atom("["+strings.Join(items, ", ")+"]", kindList), nil
}

func (n textNode) write(vars map[string]kindOf) (term, error) {
	var parts []string
	for _, part := range n.parts {
		if part.value == nil {
			if part.text != "" {
				parts = append(parts, quoted(part.text))
			}
			continue
		}
		t, err := part.value.write(vars)
		switch {
		case err != nil:
			return term{}, err
		case t.kind == kindNumber:
			parts = append(parts, "string("+t.text+")")
		case t.kind == kindText:
			parts = append(parts, t.in(bindSum))
		default:
			return term{}, errUncertain // Python writes True, None and lists in its own way
		}
	}
	switch len(parts) {
	case 0:
		return atom(`""`, kindText), nil
	case 1:
		return atom(parts[0], kindText), nil
	}
	return term{strings.Join(parts, " + "), kindText, bindSum}, nil
}

// formattedParts cuts a formatted text at its braces.
func formattedParts(s string) ([]textPart, error) {
	var out []textPart
	for s != "" {
		open := strings.IndexAny(s, "{}")
		if open < 0 {
			return append(out, textPart{text: s}), nil
		}
		out = append(out, textPart{text: s[:open]})
		end := strings.IndexAny(s[open+1:], "{}") + open + 1
		if s[open] == '}' || end <= open || s[end] == '{' {
			return nil, errUncertain // {{ and nesting
		}
		tokens, err := pythonTokens(s[open+1 : end])
		if err != nil {
			return nil, err
		}
		p := &python{tokens: tokens}
		value, err := p.expression()
		if err != nil || p.line() != nil || p.peek().kind != tokenEnd {
			return nil, errUncertain // conversions and formats
		}
		out = append(out, textPart{value: value})
		s = s[end+1:]
	}
	return out, nil
}

func (n notNode) write(vars map[string]kindOf) (term, error) {
	of, err := n.of.write(vars)
	if err != nil {
		return of, err
	}
	if of.kind == kindUser {
		return term{of.in(bindSum) + " == nil", kindTruth, bindComparison}, nil
	}
	if of, err = of.truth(); err != nil {
		return of, err
	}
	return term{"not " + of.in(bindAtom), kindTruth, bindNot}, nil
}

func (n choiceNode) write(vars map[string]kindOf) (term, error) {
	test, err := n.test.write(vars)
	if err == nil {
		test, err = test.truth()
	}
	if err != nil {
		return test, err
	}
	yes, err := n.yes.write(vars)
	if err != nil {
		return yes, err
	}
	no, err := n.no.write(vars)
	if err != nil {
		return no, err
	}
	return term{test.in(bindOr) + " ? " + yes.in(bindOr) + " : " + no.in(bindOr), common(yes, no), bindChoice}, nil
}

// common is the kind of what is one of two.
func common(a, b term) kindOf {
	switch {
	case a.kind == b.kind:
		return a.kind
	case a.kind > kindNil || b.kind > kindNil:
		return kindCondition // at most its truth
	}
	return kindUnknown
}

// binds says how tightly the signs bind, and how those of Python are written.
var binds = map[string]struct {
	sign string
	bind int
}{
	"or": {"or", bindOr}, "and": {"and", bindAnd}, "==": {"==", bindComparison}, "!=": {"!=", bindComparison},
	"<": {"<", bindComparison}, ">": {">", bindComparison}, "<=": {"<=", bindComparison}, ">=": {">=", bindComparison},
	"is": {"==", bindComparison}, "is not": {"!=", bindComparison}, "in": {"in", bindComparison}, "not in": {"not in", bindComparison},
	"+": {"+", bindSum},
}

func (n binaryNode) write(vars map[string]kindOf) (term, error) {
	left, err := n.left.write(vars)
	if err != nil {
		return left, err
	}
	right, err := n.right.write(vars)
	if err != nil {
		return right, err
	}
	as := binds[n.sign]
	join := func(kind kindOf) (term, error) {
		return term{left.in(as.bind+1) + " " + as.sign + " " + right.in(as.bind+1), kind, as.bind}, nil
	}
	switch n.sign {
	case "or", "and":
		return logical(left, right, as.sign, as.bind)
	case "+":
		if left.kind != right.kind || left.kind != kindText && left.kind != kindNumber {
			return left, errUncertain
		}
		return term{left.in(bindSum) + " + " + right.in(bindAtom), left.kind, bindSum}, nil
	case "is", "is not":
		if right.kind != kindNil {
			return left, errUncertain
		}
		return join(kindTruth)
	case "in", "not in":
		switch {
		case right.kind == kindNetwork && left.kind == kindAddress, right.kind.keyed() && left.kind == kindText,
			right.kind == kindList && left.kind <= kindNil:
			return join(kindTruth)
		case right.kind == kindText:
			return contains(left, right, n.sign)
		}
		return left, errUncertain
	}
	if !compares(left, right, n.sign) {
		return left, errUncertain
	}
	return join(kindTruth)
}

// compares tells whether a comparison means the same here. Python's 1 is also
// True, and an address is no text.
func compares(left, right term, sign string) bool {
	if left.kind == kindAddress && right.kind == kindAddress {
		return sign == "==" || sign == "!="
	}
	for _, t := range []term{left, right} {
		if t.kind > kindNil || t.kind == kindUser || t.kind.keyed() {
			return false
		}
	}
	oneOrZero := func(t term) bool { return t.text == "0" || t.text == "1" }
	if left.kind == kindUnknown && oneOrZero(right) || right.kind == kindUnknown && oneOrZero(left) {
		return false
	}
	return sign == "==" || sign == "!=" || left.kind != kindNil && right.kind != kindNil
}

func contains(part, whole term, sign string) (term, error) {
	if part.kind != kindText {
		return part, errUncertain
	}
	text := whole.in(bindSum) + " contains " + part.in(bindSum)
	if sign == "not in" {
		return term{"not (" + text + ")", kindTruth, bindNot}, nil
	}
	return term{text, kindTruth, bindComparison}, nil
}

// logical writes and/or. Python's give one of the operands: here they are
// conditions, which is the same wherever only the truth of it counts.
func logical(left, right term, sign string, bind int) (term, error) {
	a, err := left.truth()
	if err != nil {
		return a, err
	}
	b, err := right.truth()
	if err != nil {
		return b, err
	}
	t := term{a.in(bind) + " " + sign + " " + b.in(bind+1), kindTruth, bind}
	if left.kind != kindTruth || right.kind != kindTruth {
		t.kind = kindCondition
	}
	return t, nil
}
