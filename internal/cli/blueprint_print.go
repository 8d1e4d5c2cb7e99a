package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
)

// printer shows what came of files.
type printer struct {
	out   io.Writer
	mode  mode
	color bool
}

// colorful reports whether the output is a terminal whose owner wants colours
// (no-color.org).
func colorful(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// print shows the results and returns errProblems when one of them is not good.
func (p printer) print(results []fileResult, format string) error {
	good := true
	for _, r := range results {
		good = good && r.Success
	}
	if format == "json" {
		encoder := json.NewEncoder(p.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(map[string]any{"success": good, "files": results}); err != nil {
			return err
		}
	} else {
		var b strings.Builder
		p.text(&b, results, good)
		if _, err := io.WriteString(p.out, b.String()); err != nil {
			return err
		}
	}
	if !good {
		return errProblems
	}
	return nil
}

func (p printer) text(b *strings.Builder, results []fileResult, good bool) {
	counts := map[string]int{}
	problems := 0
	for _, r := range results {
		for _, problem := range r.Problems {
			problems++
			word := p.paint("problem", red)
			if r.Success {
				word = p.paint("warning", yellow)
			}
			fmt.Fprintf(b, "%s %s\n", word, block(problem.String()))
		}
		if p.mode == validate {
			if r.Success {
				fmt.Fprintf(b, "%s %s: %s\n", p.paint("ok", green), r.File, plural(len(r.Changes), "entry", "entries"))
			}
			continue
		}
		p.changes(b, r, counts)
	}
	switch {
	case !good && p.mode != validate:
		fmt.Fprintf(b, "%s in the files; nothing was changed by a file with one.\n", plural(problems, "problem", "problems"))
	case !good, p.mode == validate:
	case p.mode == plan:
		fmt.Fprintf(b, "Plan: %s.\n", summary(counts, "to create", "to change", "to remove"))
	default:
		fmt.Fprintf(b, "Applied: %s.\n", summary(counts, "created", "changed", "removed"))
	}
}

// summary counts effects in words.
func summary(counts map[string]int, words ...string) string {
	var out []string
	for i, effect := range []string{blueprint.EffectCreated, blueprint.EffectChanged, blueprint.EffectRemoved} {
		out = append(out, fmt.Sprintf("%d %s", counts[effect], words[i]))
	}
	out = append(out, fmt.Sprintf("%d unchanged", counts[blueprint.EffectUnchanged]))
	if n := counts[blueprint.EffectSkipped]; n > 0 {
		out = append(out, fmt.Sprintf("%d left out", n))
	}
	return strings.Join(out, ", ")
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
	dim    = "2"
)

// signs are how changes are marked.
var signs = map[string]struct{ sign, color string }{
	blueprint.EffectCreated: {"+", green}, blueprint.EffectChanged: {"~", yellow}, blueprint.EffectRemoved: {"-", red},
}

func (p printer) changes(b *strings.Builder, r fileResult, counts map[string]int) {
	if !r.Success {
		return
	}
	fmt.Fprintf(b, "%s\n", p.paint(printable(r.File), bold))
	quiet := 0
	for _, c := range r.Changes {
		counts[c.Effect]++
		mark, loud := signs[c.Effect]
		if !loud {
			quiet++
			continue
		}
		_, kind, _ := strings.Cut(c.Model, ".")
		fmt.Fprintf(b, "  %s %s %s  %s\n", p.paint(mark.sign, mark.color), kind, p.paint(printable(c.Name), bold), p.paint(fmt.Sprintf("line %d", c.Line), dim))
		for _, f := range c.Fields {
			switch {
			case c.Effect == blueprint.EffectCreated:
				fmt.Fprintf(b, "      %s: %s\n", f.Field, p.paint(value(f.To), green))
			case c.Effect == blueprint.EffectRemoved:
				fmt.Fprintf(b, "      %s\n", printable(f.Field))
			default:
				fmt.Fprintf(b, "      %s: %s → %s\n", f.Field, p.paint(value(f.From), red), p.paint(value(f.To), green))
			}
		}
	}
	if quiet == len(r.Changes) {
		fmt.Fprintf(b, "  %s\n", p.paint("nothing to do", dim))
	}
}

// longest is how much of a value is shown, in characters.
const longest = 100

// value is a field's value on one line.
func value(v any) string {
	text := ""
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		first, rest, more := strings.Cut(strings.TrimRight(v, "\n"), "\n")
		if text = first; more {
			text += fmt.Sprintf(" … (%d more lines)", 1+strings.Count(rest, "\n"))
		}
		if v == "" {
			return `""`
		}
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		text = string(raw)
	}
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "…"
	}
	return printable(text)
}

// block is a text of several lines, those below the first indented.
func block(s string) string {
	all := strings.Split(s, "\n")
	for i := range all {
		all[i] = printable(all[i])
	}
	return strings.Join(all, "\n        ")
}

// printable keeps what a file says from steering the terminal.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

func (p printer) paint(s, color string) string {
	if !p.color {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
