package policy

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Patterns are RE2: matching takes time in proportion to the pattern's size times
// the text's length, so that product is what is paid for.
const (
	maxPattern     = 512      // bytes
	maxPatternSize = 2000     // instructions
	maxMatchText   = 64 << 10 // bytes
	matchShift     = 4        // 16 instructions × bytes are a step
)

// pattern is a compiled pattern and its size in instructions.
type pattern struct {
	*regexp.Regexp
	size int
}

func patternFunctions() []function {
	return []function{
		{name: "regex_match", usage: "regex_match(text, pattern) → true or false", run: regexMatch,
			signs: []any{new(func(any, any) bool)},
			help:  "Whether the pattern (RE2) matches anywhere in the text; nil never matches. Also written: text matches pattern."},
		{name: "regex_replace", usage: "regex_replace(text, pattern, replacement) → text", run: regexReplace,
			signs: []any{new(func(any, string, string) string)},
			help:  "The text with every match of the pattern (RE2) replaced; ${1} stands for the first group."},
	}
}

func compilePattern(source string) (*pattern, error) {
	if len(source) > maxPattern {
		return nil, tooMuch("a pattern has at most %d bytes", maxPattern)
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the pattern is not valid (%w)", err)
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the pattern is not valid (%w)", err)
	}
	if len(program.Inst) > maxPatternSize {
		return nil, tooMuch("the pattern is too complex")
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("the pattern is not valid (%w)", err)
	}
	return &pattern{re, len(program.Inst)}, nil
}

// pattern returns the compiled pattern, its use on the text paid for.
func (m *meter) pattern(source, text string) (*pattern, error) {
	p := m.patterns[source]
	if p == nil {
		p = m.made[source]
	}
	if p == nil {
		if err := m.spend(200 + 50*min(len(source), maxPattern)); err != nil { // tens of microseconds
			return nil, err
		}
		var err error
		if p, err = compilePattern(source); err != nil {
			return nil, err
		}
		if m.made == nil {
			m.made = map[string]*pattern{}
		}
		m.made[source] = p
	}
	if len(text) > maxMatchText {
		return nil, tooMuch("a text to match has at most %d kB", maxMatchText>>10)
	}
	return p, m.spend(1 + p.size*len(text)>>matchShift)
}

func regexMatch(m *meter, args []any) (any, error) {
	if args[0] == nil || args[1] == nil {
		return false, nil
	}
	text, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	source, err := textArgument(args, 1)
	if err != nil {
		return nil, err
	}
	re, err := m.pattern(source, text)
	if err != nil {
		return nil, err
	}
	return re.MatchString(text), nil
}

func regexReplace(m *meter, args []any) (any, error) {
	text, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	source, err := textArgument(args, 1)
	if err != nil {
		return nil, err
	}
	replacement, err := textArgument(args, 2)
	if err != nil {
		return nil, err
	}
	re, err := m.pattern(source, text)
	if err != nil {
		return nil, err
	}
	matches := re.FindAllStringSubmatchIndex(text, -1)
	if err := m.spend(len(matches)); err != nil {
		return nil, err
	}
	var out []byte
	end := 0
	for _, match := range matches {
		out = append(out, text[end:match[0]]...)
		out = re.ExpandString(out, replacement, text, match)
		if end = match[1]; len(out) > maxText {
			return nil, m.text(len(out))
		}
	}
	out = append(out, text[end:]...)
	return string(out), m.text(len(out))
}
