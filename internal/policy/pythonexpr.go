package policy

// node is an expression of Python.
type node interface {
	// write writes it in the language of expressions.
	write(vars map[string]kindOf) (term, error)
}

type (
	nameNode   string
	numberNode string
	textNode   struct{ parts []textPart }
	truthNode  bool
	noneNode   struct{}
	listNode   []node
	attribute  struct {
		of   node
		name string
	}
	subscript struct{ of, key node }
	callNode  struct {
		callee node
		args   []node
		named  map[string]node
	}
	notNode    struct{ of node } // not
	binaryNode struct {
		sign        string
		left, right node
	}
	choiceNode struct{ test, yes, no node }
)

// textPart is a piece of a text: written out, or a value between braces.
type textPart struct {
	text  string
	value node // nil = text
}

// expression reads: value [if test else value].
func (p *python) expression() (node, error) {
	if p.depth++; p.depth > 100 {
		return nil, errUncertain
	}
	defer func() { p.depth-- }()
	yes, err := p.level(0)
	if err != nil || !p.take("if") {
		return yes, err
	}
	test, err := p.level(0)
	if err != nil || !p.take("else") {
		return nil, errUncertain
	}
	no, err := p.expression()
	return choiceNode{test, yes, no}, err
}

// level reads what binds at least as tightly: or, and, not, comparisons, +.
func (p *python) level(n int) (node, error) {
	switch n {
	case 0:
		return p.chain(n, "or")
	case 1:
		return p.chain(n, "and")
	case 2:
		if p.take("not") {
			if p.depth++; p.depth > 100 {
				return nil, errUncertain
			}
			defer func() { p.depth-- }()
			of, err := p.level(2)
			return notNode{of}, err
		}
		return p.level(3)
	case 3:
		return p.comparison()
	}
	return p.chain(n, "+")
}

func (p *python) chain(n int, sign string) (node, error) {
	next := func() (node, error) { return p.level(n + 1) }
	if n == 4 {
		next = p.postfix
	}
	left, err := next()
	for err == nil && p.take(sign) {
		var right node
		right, err = next()
		left = binaryNode{sign, left, right}
	}
	return left, err
}

// comparison reads one: chained ones are not written here.
func (p *python) comparison() (node, error) {
	left, err := p.level(4)
	if err != nil {
		return nil, err
	}
	sign := p.comparisonSign()
	if sign == "" {
		return left, nil
	}
	right, err := p.level(4)
	if err != nil || p.comparisonSign() != "" {
		return nil, errUncertain
	}
	return binaryNode{sign, left, right}, nil
}

func (p *python) comparisonSign() string {
	for _, sign := range []string{"==", "!=", "<=", ">=", "<", ">", "in"} {
		if p.take(sign) {
			return sign
		}
	}
	switch {
	case p.peek().is("not") && p.after(1).is("in"):
		p.at += 2
		return "not in"
	case p.peek().is("is"):
		p.at++
		if p.take("not") {
			return "is not"
		}
		return "is"
	}
	return ""
}

// postfix reads a value with its attributes, keys and calls.
func (p *python) postfix() (node, error) {
	of, err := p.primary()
	for err == nil {
		switch {
		case p.take("."):
			name := p.next()
			if name.kind != tokenName {
				return nil, errUncertain
			}
			of = attribute{of, name.text}
		case p.take("["):
			var key node
			if key, err = p.expression(); err == nil && !p.take("]") {
				err = errUncertain
			}
			of = subscript{of, key}
		case p.take("("):
			of, err = p.call(of)
		default:
			return of, nil
		}
	}
	return nil, err
}

func (p *python) call(callee node) (node, error) {
	c := callNode{callee: callee, named: map[string]node{}}
	for !p.take(")") {
		name := ""
		if p.peek().kind == tokenName && p.after(1).is("=") {
			name = p.next().text
			p.next()
		}
		value, err := p.expression()
		if err != nil {
			return nil, err
		}
		switch {
		case name != "":
			c.named[name] = value
		case len(c.named) > 0:
			return nil, errUncertain
		default:
			c.args = append(c.args, value)
		}
		if !p.take(",") && !p.peek().is(")") {
			return nil, errUncertain
		}
	}
	return c, nil
}

func (p *python) primary() (node, error) {
	switch t := p.next(); t.kind {
	case tokenNumber:
		return numberNode(t.text), nil
	case tokenText:
		return p.texts(t)
	case tokenName:
		return word(t.text)
	case tokenSign:
		switch t.text {
		case "-":
			if n := p.next(); n.kind == tokenNumber {
				return numberNode("-" + n.text), nil
			}
		case "[":
			return p.list("]")
		case "(":
			inner, err := p.expression()
			if err != nil || p.take(")") {
				return inner, err
			}
			if !p.take(",") {
				return nil, errUncertain
			}
			rest, err := p.list(")")
			if err != nil {
				return nil, err
			}
			return append(listNode{inner}, rest.(listNode)...), nil
		}
	}
	return nil, errUncertain
}

// words of Python that are no names.
var pythonWords = map[string]bool{"lambda": true, "for": true, "while": true, "def": true, "class": true, "import": true, "from": true,
	"yield": true, "await": true, "async": true, "if": true, "else": true, "and": true, "or": true, "not": true, "in": true, "is": true,
	"return": true, "pass": true, "elif": true, "with": true, "try": true, "except": true, "raise": true, "del": true, "global": true,
	"nonlocal": true, "assert": true, "break": true, "continue": true, "finally": true, "as": true}

func word(s string) (node, error) {
	switch s {
	case "True", "False":
		return truthNode(s == "True"), nil
	case "None":
		return noneNode{}, nil
	}
	if pythonWords[s] {
		return nil, errUncertain
	}
	return nameNode(s), nil
}

func (p *python) list(end string) (node, error) {
	out := listNode{}
	for !p.take(end) {
		item, err := p.expression()
		if err != nil {
			return nil, err
		}
		out = append(out, item)
		if !p.take(",") && !p.peek().is(end) {
			return nil, errUncertain
		}
	}
	return out, nil
}

// texts reads a text, and those that follow it: Python joins them.
func (p *python) texts(t token) (node, error) {
	var out textNode
	for {
		parts := []textPart{{text: t.text}}
		if t.formatted {
			var err error
			if parts, err = formattedParts(t.text); err != nil {
				return nil, err
			}
		}
		out.parts = append(out.parts, parts...)
		if p.peek().kind != tokenText {
			return out, nil
		}
		t = p.next()
	}
}
