package blueprintpage

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
)

// sourceLine is one line of a document, in parts.
type sourceLine struct {
	Number int
	Parts  []part
	Bad    bool
}

// part is a piece of a line and the class of what it is, "" for nothing
// particular.
type part struct{ Text, Class string }

// sourceView is a document with numbers and marks.
type sourceView struct {
	Label string
	Lines []sourceLine
}

// source breaks a document into lines and marks those with problems.
func source(label, text string, problems []blueprint.Problem) sourceView {
	bad := badLines(problems)
	v := sourceView{Label: label}
	for i, line := range strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n") {
		v.Lines = append(v.Lines, sourceLine{Number: i + 1, Parts: coloured(line), Bad: bad[i+1]})
	}
	return v
}

func badLines(problems []blueprint.Problem) map[int]bool {
	out := map[int]bool{}
	for _, p := range problems {
		out[p.Line] = true
	}
	return out
}

// What is told apart in a line of YAML: enough to read it by, not a grammar.
var (
	yamlComment = regexp.MustCompile(`^\s*#.*$|\s#.*$`)
	yamlKey     = regexp.MustCompile(`^(\s*(?:- )*)([A-Za-z0-9_./-]+)(:)(\s.*|)$`)
	yamlTag     = regexp.MustCompile(`![A-Za-z]+`)
)

// coloured tells the parts of a line apart.
func coloured(line string) []part {
	var out []part
	comment := ""
	if at := yamlComment.FindStringIndex(line); at != nil && strings.Count(line[:at[0]], `"`)%2 == 0 && strings.Count(line[:at[0]], `'`)%2 == 0 {
		line, comment = line[:at[0]], line[at[0]:]
	}
	if m := yamlKey.FindStringSubmatch(line); m != nil {
		out = append(out, part{m[1], ""}, part{m[2], "j-key"}, part{m[3], ""})
		line = m[4]
	}
	for {
		at := yamlTag.FindStringIndex(line)
		if at == nil {
			break
		}
		out = append(out, part{line[:at[0]], ""}, part{line[at[0]:at[1]], "j-val"})
		line = line[at[1]:]
	}
	return append(out, part{line, ""}, part{comment, "y-comment"})
}

// body is the document's lines. It is not written as a template: white space
// counts here. All text passes through the escaping.
func (v sourceView) body() templ.Component {
	var b strings.Builder
	for _, l := range v.Lines {
		class := "source-line"
		if l.Bad {
			class += " bad"
		}
		fmt.Fprintf(&b, `<span class="%s" id="line-%d">`, class, l.Number)
		for _, p := range l.Parts {
			switch {
			case p.Text == "":
			case p.Class == "":
				b.WriteString(templ.EscapeString(p.Text))
			default:
				b.WriteString(`<span class="` + p.Class + `">` + templ.EscapeString(p.Text) + `</span>`)
			}
		}
		b.WriteString("\n</span>")
	}
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, `<pre class="source" tabindex="0" role="region" aria-label="`+templ.EscapeString(v.Label)+`"><code>`+b.String()+`</code></pre>`)
		return err
	})
}

// badList are the numbers of the lines with problems, as the script of the editor
// reads them.
func badList(problems []blueprint.Problem) string {
	var out []string
	for _, line := range slices.Sorted(maps.Keys(badLines(problems))) {
		out = append(out, strconv.Itoa(line))
	}
	return strings.Join(out, " ")
}
