package policy

import (
	"regexp"
	"strings"
)

// Equivalent rewrites a Python body, as other products have them, into an
// expression that means the same, or returns "": it knows comments, imports,
// assignments, if and return at the outermost level, and the common forms within
// a line. What it returns compiles; whether it is what was meant, whoever reads it
// decides.
func Equivalent(source string) string {
	if len(source) > MaxSource || !looksLikePython(source) {
		return ""
	}
	lines := statements(source)
	body, rest := translate(lines, 0)
	if body == "" || len(rest) > 0 {
		return ""
	}
	if _, err := Compile(body); err != nil {
		return ""
	}
	return body
}

var pythonic = regexp.MustCompile(`(?m)^\s*(return\b|if\b.*:\s*$|import\b|from\b.*\bimport\b|#)|\b(True|False|None)\b|\bis\s+(not\s+)?None\b|\.get\(|\bf"`)

func looksLikePython(source string) bool { return pythonic.MatchString(source) }

// statement is one line of Python that does something.
type statement struct {
	indent int
	text   string
}

func statements(source string) []statement {
	var out []statement
	for raw := range strings.SplitSeq(strings.ReplaceAll(source, "\t", "    "), "\n") {
		text := strings.TrimSpace(stripComment(raw))
		if text == "" || strings.HasPrefix(text, "import ") || importing.MatchString(text) {
			continue
		}
		out = append(out, statement{len(raw) - len(strings.TrimLeft(raw, " ")), text})
	}
	return out
}

var importing = regexp.MustCompile(`^from\s+\S+\s+import\s`)

// stripComment removes a comment outside of quotes.
func stripComment(line string) string {
	quote := rune(0)
	for i, c := range line {
		switch {
		case quote != 0:
			if c == quote && line[i-1] != '\\' {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			return line[:i]
		}
	}
	return line
}

var (
	returning = regexp.MustCompile(`^return\b\s*(.*)$`)
	branching = regexp.MustCompile(`^(if|elif)\s+(.+):$`)
	assigning = regexp.MustCompile(`^([A-Za-z_]\w*)\s*=\s*([^=].*)$`)
	messaging = regexp.MustCompile(`^ak_message\((.+)\)$`)
	maxBranch = 20
)

// translate turns the statements of one block, indented by so much, into one
// expression. What it cannot is "".
func translate(list []statement, depth int) (string, []statement) {
	if len(list) == 0 || depth > maxBranch {
		return "", list
	}
	indent, first := list[0].indent, list[0]
	rest := list[1:]
	switch {
	case returning.MatchString(first.text):
		value := strings.TrimSpace(returning.FindStringSubmatch(first.text)[1])
		if value == "" {
			value = "False"
		}
		for len(rest) > 0 && rest[0].indent >= indent { // nothing behind it is reached
			rest = rest[1:]
		}
		return pythonValue(value), rest
	case assigning.MatchString(first.text):
		m := assigning.FindStringSubmatch(first.text)
		if len(rest) == 0 || rest[0].indent != indent {
			return "", list
		}
		body, rest := translate(rest, depth+1)
		return after("let "+m[1]+" = "+pythonValue(m[2])+";", body), rest
	case messaging.MatchString(first.text) && len(rest) > 0 && rest[0].indent == indent:
		body, rest := translate(rest, depth+1)
		if body == "" {
			return "", rest
		}
		return "ak_message(" + pythonValue(messaging.FindStringSubmatch(first.text)[1]) + ") and (" + body + ")", rest
	case strings.HasPrefix(first.text, "if "):
		return branch(list, depth)
	}
	return "", list
}

func after(line, body string) string {
	if body == "" {
		return ""
	}
	return line + "\n" + body
}

// branch turns an if with what follows it into a conditional.
func branch(list []statement, depth int) (string, []statement) {
	indent := list[0].indent
	m := branching.FindStringSubmatch(list[0].text)
	rest := list[1:]
	if m == nil || len(rest) == 0 || rest[0].indent <= indent {
		return "", list
	}
	var inner []statement
	for len(rest) > 0 && rest[0].indent > indent {
		inner, rest = append(inner, rest[0]), rest[1:]
	}
	yes, left := translate(inner, depth+1)
	if yes == "" || len(left) > 0 {
		return "", list
	}
	no := "false" // a body without return gives None, which does not pass
	switch {
	case len(rest) > 0 && rest[0].indent == indent && rest[0].text == "else:":
		rest = rest[1:]
		var other []statement
		for len(rest) > 0 && rest[0].indent > indent {
			other, rest = append(other, rest[0]), rest[1:]
		}
		if no, left = translate(other, depth+1); no == "" || len(left) > 0 {
			return "", list
		}
		rest = nil // both ways have returned
	case len(rest) > 0 && rest[0].indent == indent && strings.HasPrefix(rest[0].text, "elif "):
		next := append([]statement{{indent, strings.TrimPrefix(rest[0].text, "el")}}, rest[1:]...)
		if no, rest = branch(next, depth+1); no == "" {
			return "", list
		}
	case len(rest) > 0 && rest[0].indent == indent:
		if no, rest = translate(rest, depth+1); no == "" {
			return "", list
		}
	}
	return "if " + pythonValue(m[2]) + " {\n" + indented(yes) + "\n} else {\n" + indented(no) + "\n}", rest
}

func indented(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }

// forms are what a value is written as.
var forms = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\bbool\(([^()]+)\)`), "($1 ?? false)"},
	{regexp.MustCompile(`\bTrue\b`), "true"},
	{regexp.MustCompile(`\bFalse\b`), "false"},
	{regexp.MustCompile(`\bis\s+not\s+None\b`), "!= nil"},
	{regexp.MustCompile(`\bis\s+None\b`), "== nil"},
	{regexp.MustCompile(`\bis\s+not\s+(true|false)\b`), "!= $1"},
	{regexp.MustCompile(`\bis\s+(true|false)\b`), "== $1"},
	{regexp.MustCompile(`\bNone\b`), "nil"},
	{regexp.MustCompile(`\.get\(\s*["'](\w+)["']\s*\)`), ".$1"},
	{regexp.MustCompile(`\.get\(\s*["'](\w+)["']\s*,\s*([^()]+?)\s*\)`), ".$1 ?? $2"},
	{regexp.MustCompile(`\["(\w+)"\]`), ".$1"},
	{regexp.MustCompile(`\['(\w+)'\]`), ".$1"},
	{regexp.MustCompile(`([\w.]+)\.(startswith)\(([^()]+)\)`), "$1 startsWith $3"},
	{regexp.MustCompile(`([\w.]+)\.(endswith)\(([^()]+)\)`), "$1 endsWith $3"},
	{regexp.MustCompile(`([\w.]+)\.lower\(\)`), "lower($1)"},
	{regexp.MustCompile(`([\w.]+)\.upper\(\)`), "upper($1)"},
	{regexp.MustCompile(`\bak_is_group_member\(([^,()]+),\s*name\s*=\s*([^()]+)\)`), "ak_is_group_member($1, $2)"},
	{regexp.MustCompile(`\bak_user_by\(\s*(username|email|pk|uuid)\s*=\s*([^()]+)\)`), `ak_user_by("$1", $2)`},
	{regexp.MustCompile(`\brequest\.context\b`), "context"},
}

// pythonValue rewrites the common forms of a value. Texts in quotes are left alone
// as far as the forms do not need them.
func pythonValue(s string) string {
	for _, f := range forms {
		s = f.pattern.ReplaceAllString(s, f.instead)
	}
	return s
}
