package policy

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// idiom is something Python writes that expressions write differently.
type idiom struct {
	pattern *regexp.Regexp
	instead string // with $1 for the groups of the pattern
}

// idioms are compiled when a source first needs them: most servers never see one.
var idioms = sync.OnceValue(func() []idiom {
	return []idiom{
		{regexp.MustCompile(`^\s*(?:request\.)?context\[["']flow_plan["']\]\.context\[["']prompt_data["']\]\[["'](\w+)["']\]\s*=\s*([^=].*?)\s*$`), `set_context("prompt_data.$1", $2);`},
		{regexp.MustCompile(`^\s*(?:request\.)?context\[["']flow_plan["']\]\.context\[["'](\w+)["']\]\s*=\s*([^=].*?)\s*$`), `set_context("$1", $2);`},
		{regexp.MustCompile(`^\s*(?:from\s+\S+\s+)?import\s.*$`), "nothing: what expressions may use is already there"},
		{regexp.MustCompile(`^\s*def\s.*$`), "nothing: an expression is one value, without functions"},
		{regexp.MustCompile(`^\s*return\s+bool\((.+)\)\s*$`), "$1 — as the last line, with “x != nil” where x alone is tested"},
		{regexp.MustCompile(`^\s*return\s+True\s*$`), "true — the last line is the result"},
		{regexp.MustCompile(`^\s*return\s+False\s*$`), "false — the last line is the result"},
		{regexp.MustCompile(`^\s*return\s+(.+?)\s*$`), "$1 — the last line is the result"},
		{regexp.MustCompile(`^\s*return\s*$`), "nil"},
		{regexp.MustCompile(`^\s*if\s+(.+?):\s*$`), "if $1 { … } else { … }"},
		{regexp.MustCompile(`^\s*elif\s+(.+?):\s*$`), "} else if $1 {"},
		{regexp.MustCompile(`^\s*else:\s*$`), "} else {"},
		{regexp.MustCompile(`^\s*for\s+(\w+)\s+in\s+(.+?):\s*$`), "map($2, …), filter($2, …), any($2, …) or all($2, …)"},
		{regexp.MustCompile(`^\s*#.*$`), "// for a comment"},
		{regexp.MustCompile(`^\s*([A-Za-z_]\w*)\s*=\s*([^=].*?)\s*$`), "let $1 = $2;"},
		{regexp.MustCompile(`.*\b(\w+)\s+is\s+not\s+None\b.*`), "$1 != nil"},
		{regexp.MustCompile(`.*\b(\w+)\s+is\s+None\b.*`), "$1 == nil"},
		{regexp.MustCompile(`.*\b(\w+)\.get\(["'](\w+)["']\).*`), "$1.$2"},
		{regexp.MustCompile(`.*\bf"([^"{]*)\{([^}]+)\}([^"]*)".*`), `"$1" + $2 + "$3"`},
		{regexp.MustCompile(`.*\bTrue\b.*`), "true"},
		{regexp.MustCompile(`.*\bFalse\b.*`), "false"},
		{regexp.MustCompile(`.*\bNone\b.*`), "nil"},
		{regexp.MustCompile(`.*""".*`), "`…` for text over several lines"},
	}
})

// LooksLikePython stands in every message that says so.
const LooksLikePython = "looks like Python"

// Idiom is a line of Python and how it is written here.
type Idiom struct {
	Line    int    // from 1
	Text    string // the line
	Instead string
}

// Python lists the lines of a source that look like Python, and those that use
// what is left out here on purpose. It tells something only about sources that do
// not compile.
func Python(source string) []Idiom {
	var out []Idiom
	for i, text := range strings.Split(source, "\n") {
		instead, found := insteadOf(text)
		if why := absentLine(text); why != "" {
			instead, found = "nothing: "+why, true
		}
		if found {
			out = append(out, Idiom{i + 1, clip(strings.TrimSpace(text)), instead})
		}
	}
	return out
}

// insteadOf is how a line of Python is written here.
func insteadOf(text string) (instead string, python bool) {
	for _, idiom := range idioms() {
		if m := idiom.pattern.FindStringSubmatchIndex(text); m != nil {
			instead = string(idiom.pattern.ExpandString(nil, idiom.instead, text, m))
			return strings.ReplaceAll(strings.ReplaceAll(instead, `"" + `, ""), ` + ""`, ""), true
		}
	}
	return "", false
}

// pythonHint returns how to write the first line that looks like Python, and why
// the first line cannot be written that uses what is left out here, unless the
// message says so; "" = there is none of either. It is asked only about sources
// that do not compile.
func pythonHint(source, message string) string {
	var hints []string
	python, missing := false, false
	lines := strings.Split(source, "\n")
	for _, idiom := range Python(source) {
		if _, is := insteadOf(lines[idiom.Line-1]); is && !python {
			python = true
			hints = append(hints, fmt.Sprintf("Line %d %s (“%s”), which is not the language of expressions here. Write: %s",
				idiom.Line, LooksLikePython, idiom.Text, idiom.Instead))
			missing = missing || absentLine(lines[idiom.Line-1]) != ""
			continue
		}
		if why := absentLine(lines[idiom.Line-1]); why != "" && !missing {
			missing = true
			if !strings.Contains(message, why) {
				hints = append(hints, fmt.Sprintf("Line %d: %s.", idiom.Line, why))
			}
		}
	}
	return strings.Join(hints, " ")
}
