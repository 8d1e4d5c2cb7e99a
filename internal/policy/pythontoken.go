package policy

import (
	"strings"
	"unicode"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenLine
	tokenIndent
	tokenDedent
	tokenName
	tokenNumber
	tokenText
	tokenSign
)

// token is a word of Python.
type token struct {
	kind      tokenKind
	text      string // of a text: its value
	formatted bool   // f"…"
	at        int    // where it begins, in bytes
}

func (t token) is(text string) bool {
	return (t.kind == tokenName || t.kind == tokenSign) && t.text == text
}

// python reads tokens.
type python struct {
	tokens []token
	at     int
	depth  int
}

func (p *python) peek() token       { return p.after(0) }
func (p *python) after(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *python) next() token {
	t := p.peek()
	p.at++
	return t
}

// take reads a sign or word if it comes next.
func (p *python) take(text string) bool {
	if p.peek().is(text) {
		p.at++
		return true
	}
	return false
}

// line reads the end of a line.
func (p *python) line() error {
	switch t := p.peek(); {
	case t.kind == tokenLine:
		p.at++
		return nil
	case t.kind == tokenEnd, t.kind == tokenDedent:
		return nil
	}
	return errUncertain
}

// rest reads what is left of a line, as text.
func (p *python) rest() string {
	var b strings.Builder
	for t := p.peek(); t.kind == tokenName || t.kind == tokenSign; t = p.peek() {
		if b.Len() > 0 && t.text != "." && !strings.HasSuffix(b.String(), ".") {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
		p.at++
	}
	return b.String()
}

// signs are those of two characters that are known; others have one.
var signs = []string{"==", "!=", "<=", ">="}

// lexer cuts a source into tokens.
type lexer struct {
	source string
	at     int
	out    []token
	depth  []int // indentations
	open   int   // brackets
}

func pythonTokens(source string) ([]token, error) {
	l := &lexer{source: strings.ReplaceAll(source, "\r\n", "\n"), depth: []int{0}}
	for l.at < len(l.source) {
		if err := l.row(); err != nil {
			return nil, err
		}
	}
	l.add(token{kind: tokenLine})
	for range l.depth[1:] {
		l.add(token{kind: tokenDedent})
	}
	if l.open != 0 {
		return nil, errUncertain
	}
	l.add(token{kind: tokenEnd})
	return l.out, nil
}

func (l *lexer) add(t token) { l.out = append(l.out, t) }

// row reads one line with its indentation; brackets and texts may make it longer.
func (l *lexer) row() error {
	start := l.at
	for l.at < len(l.source) && (l.source[l.at] == ' ' || l.source[l.at] == '\t') {
		if l.source[l.at] == '\t' {
			return errUncertain
		}
		l.at++
	}
	indent := l.at - start
	if l.at == len(l.source) || l.source[l.at] == '\n' || l.source[l.at] == '#' {
		l.skipLine()
		return nil
	}
	if err := l.indent(indent); err != nil {
		return err
	}
	for l.at < len(l.source) {
		switch c := l.source[l.at]; {
		case c == '\n' && l.open == 0:
			l.at++
			l.add(token{kind: tokenLine})
			return nil
		case c == '#':
			for l.at < len(l.source) && l.source[l.at] != '\n' {
				l.at++
			}
		case c == ' ' || c == '\n':
			l.at++
		default:
			if err := l.word(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lexer) skipLine() {
	if end := strings.IndexByte(l.source[l.at:], '\n'); end >= 0 {
		l.at += end + 1
		return
	}
	l.at = len(l.source)
}

func (l *lexer) indent(to int) error {
	top := l.depth[len(l.depth)-1]
	if to > top {
		l.depth = append(l.depth, to)
		l.add(token{kind: tokenIndent})
		return nil
	}
	for to < top {
		l.depth = l.depth[:len(l.depth)-1]
		l.add(token{kind: tokenDedent})
		top = l.depth[len(l.depth)-1]
	}
	if to != top {
		return errUncertain
	}
	return nil
}

func letter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func (l *lexer) word() error {
	start := l.at
	c := l.source[l.at]
	if prefix, quote := l.quote(); quote != "" {
		return l.text(prefix, quote)
	}
	switch {
	case letter(c):
		for l.at < len(l.source) && (letter(l.source[l.at]) || digit(l.source[l.at])) {
			l.at++
		}
		l.add(token{kind: tokenName, text: l.source[start:l.at], at: start})
		return nil
	case digit(c):
		for l.at < len(l.source) && (digit(l.source[l.at]) || l.source[l.at] == '.') {
			l.at++
		}
		if l.at < len(l.source) && letter(l.source[l.at]) || strings.Count(l.source[start:l.at], ".") > 1 || c == '0' && l.at-start > 1 && l.source[start+1] != '.' {
			return errUncertain
		}
		l.add(token{kind: tokenNumber, text: l.source[start:l.at]})
		return nil
	}
	for _, sign := range signs {
		if strings.HasPrefix(l.source[l.at:], sign) {
			l.at += 2
			l.add(token{kind: tokenSign, text: sign})
			return nil
		}
	}
	switch {
	case strings.IndexByte("([{", c) >= 0:
		l.open++
	case strings.IndexByte(")]}", c) >= 0:
		l.open--
	case strings.IndexByte("=<>.,:+-", c) < 0:
		return errUncertain
	}
	if l.open < 0 {
		return errUncertain
	}
	l.at++
	l.add(token{kind: tokenSign, text: string(c)})
	return nil
}

// quote tells whether a text begins here.
func (l *lexer) quote() (prefix, quote string) {
	rest := l.source[l.at:]
	for _, prefix := range []string{"", "f", "r"} {
		for _, quote := range []string{`"""`, "'''", `"`, "'"} {
			if strings.HasPrefix(rest, prefix+quote) {
				return prefix, quote
			}
		}
	}
	return "", ""
}

// escapes are the ones that are known.
var escapes = map[byte]string{'n': "\n", 't': "\t", '\\': "\\", '\'': "'", '"': `"`, '\n': ""}

func (l *lexer) text(prefix, quote string) error {
	l.at += len(prefix) + len(quote)
	var b strings.Builder
	for {
		rest := l.source[l.at:]
		switch {
		case strings.HasPrefix(rest, quote):
			l.at += len(quote)
			l.add(token{kind: tokenText, text: b.String(), formatted: prefix == "f"})
			return nil
		case rest == "", rest[0] == '\n' && len(quote) == 1:
			return errUncertain
		case rest[0] == '\\' && prefix == "r" && len(rest) > 1:
			b.WriteString(rest[:2])
			l.at += 2
		case rest[0] == '\\':
			if len(rest) < 2 || prefix == "f" {
				return errUncertain
			}
			value, known := escapes[rest[1]]
			if !known {
				return errUncertain
			}
			b.WriteString(value)
			l.at += 2
		case rest[0] < ' ' && rest[0] != '\n' || unicode.Is(unicode.Cf, rune(rest[0])):
			return errUncertain
		default:
			b.WriteByte(rest[0])
			l.at++
		}
	}
}
