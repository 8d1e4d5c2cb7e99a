package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/a-h/templ"
)

// Code is a block of text in monospace, such as an expression or a command. The label names it.
func Code(label, text string) templ.Component {
	return codeBlock(label, Text(text))
}

// JSON is a value shown as indented JSON with its parts coloured. Raw JSON is given as json.RawMessage.
// A value that cannot be written as JSON is an error of rendering.
func JSON(label string, value any) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(value); err != nil {
			return err
		}
		text := strings.TrimSuffix(buf.String(), "\n")
		return codeBlock(label, templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, colour(text))
			return err
		})).Render(ctx, w)
	})
}

// pre holds the body in a block that can be scrolled by keyboard. It is not written as a template, since there white space
// around the body would become part of it.
func pre(label string, body templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, `<pre tabindex="0" role="region" aria-label="`+templ.EscapeString(label)+`"><code>`); err != nil {
			return err
		}
		if err := body.Render(ctx, w); err != nil {
			return err
		}
		_, err := io.WriteString(w, `</code></pre>`)
		return err
	})
}

// colour puts spans around keys, strings, numbers and words of valid JSON. All text passes through the escaping.
func colour(text string) string {
	var b strings.Builder
	span := func(class, s string) {
		b.WriteString(`<span class="` + class + `">` + templ.EscapeString(s) + `</span>`)
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := i + 1
			for text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end++
			if end < len(text) && text[end] == ':' {
				span("j-key", text[i:end])
			} else {
				span("j-str", text[i:end])
			}
			i = end
		case c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z':
			end := i
			for end < len(text) && !strings.ContainsRune(",\n ]}", rune(text[end])) {
				end++
			}
			span("j-val", text[i:end])
			i = end
		default:
			b.WriteByte(c) // white space and punctuation
			i++
		}
	}
	return b.String()
}
