package blueprint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxWidth is the widest field that a format may ask for, in characters.
const maxWidth = 1000

// format serves [format, value, …] with the % operator of Python.
func (s *scope) format(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return nil, wrongAt(n, "!Format: expected [format, value, …]")
	}
	args, err := s.list(ctx, n.Content)
	if err != nil {
		return nil, err
	}
	pattern, ok := args[0].(string)
	if !ok {
		return nil, wrongAt(n.Content[0], "!Format: expected a text as format, got %s", kindOf(args[0]))
	}
	out, err := percent(pattern, args[1:])
	if err != nil {
		return nil, wrongAt(n, "!Format: %v", err)
	}
	return out, nil
}

// percent is Python's % on a text and a tuple (printf-style formatting, in the
// library reference of Python 3).
func percent(pattern string, args []any) (string, error) {
	var out strings.Builder
	next := 0
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			out.WriteByte(pattern[i])
			continue
		}
		v, rest, err := readVerb(pattern[i+1:])
		if err != nil {
			return "", err
		}
		i = len(pattern) - len(rest) - 1
		if v.kind == '%' {
			out.WriteByte('%')
			continue
		}
		if next == len(args) {
			return "", fmt.Errorf("the format asks for more values than the %d given", len(args))
		}
		text, err := v.of(args[next])
		if err != nil {
			return "", err
		}
		next++
		if out.WriteString(text); out.Len() > maxText {
			return "", fmt.Errorf("longer than %d characters", maxText)
		}
	}
	if next < len(args) {
		return "", fmt.Errorf("the format asks for %d of the %d values given", next, len(args))
	}
	return out.String(), nil
}

// verb is one conversion of a format.
type verb struct {
	flags     string
	width     int
	precision int // -1 = none
	kind      byte
}

// readVerb reads what follows a percent sign.
func readVerb(s string) (v verb, rest string, err error) {
	v.precision = -1
	if strings.HasPrefix(s, "(") {
		return v, s, errors.New("values have no names here: %(…)s cannot be filled; use %s")
	}
	end := 0
	for end < len(s) && strings.IndexByte("#0- +", s[end]) >= 0 {
		end++
	}
	v.flags, s = s[:end], s[end:]
	if v.width, s, err = readCount(s); err != nil {
		return v, s, err
	}
	if strings.HasPrefix(s, ".") {
		if v.precision, s, err = readCount(s[1:]); err != nil {
			return v, s, err
		}
	}
	s = strings.TrimLeft(s, "hlL")
	if s == "" {
		return v, s, errors.New("the format ends inside a % conversion; %% is a percent sign")
	}
	if v.kind = s[0]; strings.IndexByte("diouxXeEfFgGcrsa%", v.kind) < 0 {
		r, _ := utf8.DecodeRuneInString(s)
		return v, s, fmt.Errorf("unknown conversion %%%c; expected one of %%s %%d %%i %%u %%o %%x %%X %%e %%E %%f %%F %%g %%G %%c %%r %%a, or %%%% for a percent sign", r)
	}
	return v, s[1:], nil
}

func readCount(s string) (int, string, error) {
	if strings.HasPrefix(s, "*") {
		return 0, s, errors.New("a width of * is not supported; write the number")
	}
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == 0 {
		return 0, s, nil
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil || n > maxWidth {
		return 0, s, fmt.Errorf("a width of more than %d characters", maxWidth)
	}
	return n, s[end:], nil
}

func (v verb) has(flag string) bool { return strings.Contains(v.flags, flag) }

// of is a value as the conversion shows it.
func (v verb) of(value any) (string, error) {
	switch v.kind {
	case 's', 'r', 'a':
		text := display(value)
		switch v.kind {
		case 'r':
			text = repr(value)
		case 'a':
			text = ascii(repr(value))
		}
		if r := []rune(text); v.precision >= 0 && len(r) > v.precision {
			text = string(r[:v.precision])
		}
		return v.pad(text), nil
	case 'c':
		if text, ok := value.(string); ok && utf8.RuneCountInString(text) == 1 {
			return v.pad(text), nil
		}
		if i, ok := value.(int); ok && i >= 0 && i <= utf8.MaxRune {
			return v.pad(string(rune(i))), nil
		}
		return "", fmt.Errorf("%%c: expected one character, got %s", kindOf(value))
	}
	return v.number(value)
}

func (v verb) number(value any) (string, error) {
	var f float64
	switch n := value.(type) {
	case bool:
		if n {
			f = 1
		}
	case int:
		f = float64(n)
		if strings.IndexByte("diuoxX", v.kind) >= 0 {
			return v.integer(int64(n)), nil
		}
	case uint64:
		f = float64(n)
	case float64:
		f = n
	default:
		return "", fmt.Errorf("%%%c: expected a number, got %s", v.kind, kindOf(value))
	}
	switch v.kind {
	case 'd', 'i', 'u':
		if math.Abs(f) > 1<<62 {
			return "", fmt.Errorf("%%%c: the number is too large", v.kind)
		}
		return v.integer(int64(f)), nil
	case 'o', 'x', 'X':
		if _, isFloat := value.(float64); isFloat || math.Abs(f) > 1<<62 {
			return "", fmt.Errorf("%%%c: expected a whole number", v.kind)
		}
		return v.integer(int64(f)), nil
	}
	spec := "%" + strings.ReplaceAll(v.flags, "0", "") + "."
	precision := v.precision
	if precision < 0 {
		precision = 6
	}
	return v.zeros(fmt.Sprintf(spec+strconv.Itoa(precision)+string(v.kind), f)), nil
}

func (v verb) integer(n int64) string {
	digits, sign, prefix := "", "", ""
	if n < 0 {
		sign = "-"
	} else if v.has("+") {
		sign = "+"
	} else if v.has(" ") {
		sign = " "
	}
	magnitude := uint64(n)
	if n < 0 {
		magnitude = -magnitude
	}
	switch v.kind {
	case 'o':
		digits, prefix = strconv.FormatUint(magnitude, 8), "0o"
	case 'x':
		digits, prefix = strconv.FormatUint(magnitude, 16), "0x"
	case 'X':
		digits, prefix = strings.ToUpper(strconv.FormatUint(magnitude, 16)), "0X"
	default:
		digits = strconv.FormatUint(magnitude, 10)
	}
	if missing := v.precision - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if v.has("#") {
		sign += prefix
	}
	return v.zeros(sign + digits)
}

// zeros pads a number, with zeros behind its sign where the flags say so.
func (v verb) zeros(text string) string {
	missing := v.width - len(text)
	if missing <= 0 || !v.has("0") || v.has("-") {
		return v.pad(text)
	}
	at := len(text) - len(strings.TrimLeft(text, "+- "))
	return text[:at] + strings.Repeat("0", missing) + text[at:]
}

func (v verb) pad(text string) string {
	missing := v.width - utf8.RuneCountInString(text)
	switch {
	case missing <= 0:
		return text
	case v.has("-"):
		return text + strings.Repeat(" ", missing)
	}
	return strings.Repeat(" ", missing) + text
}

// display is a value as Python's str shows it.
func display(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return repr(v)
}

// repr is a value as Python's repr shows it.
func repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		quoted := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(v)
		if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
			return `"` + quoted + `"`
		}
		return "'" + strings.ReplaceAll(quoted, "'", `\'`) + "'"
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = repr(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, repr(key)+": "+repr(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// ascii escapes what is beyond ASCII.
func ascii(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			out.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
	}
	return out.String()
}
