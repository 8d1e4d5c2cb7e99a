package blueprint

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of a kept blueprint, in characters.
const (
	maxInstanceName = 255
	maxInstancePath = 1024
)

// saidFields are what people say of a kept blueprint, by their names on the
// wire; said are their values.
var saidFields = []string{"name", "path", "content", "context", "enabled"}

func said(b *idp.Blueprint) []string {
	context := "{}"
	if len(b.Context) > 0 {
		raw, err := json.Marshal(b.Context) // keys come sorted
		if err != nil {
			raw = fmt.Appendf(nil, "%v", b.Context) // judge refuses it
		}
		context = string(raw)
	}
	return []string{b.Name, b.Path, b.Content, context, strconv.FormatBool(b.Enabled)}
}

// judgeWhole validates what people say, and whether content can be applied; was
// is nil when it is new.
func (l *Library) judgeWhole(ctx context.Context, actor idp.Actor, was, b *idp.Blueprint) error {
	if err := l.judge(was, b); err != nil || b.Content == "" {
		return err
	}
	if was != nil && said(was)[2] == said(b)[2] && said(was)[3] == said(b)[3] {
		return nil
	}
	d, err := Parse(contentFile, []byte(b.Content))
	if err == nil {
		_, err = l.d.Prints.Plan(ctx, d, Options{Actor: actor, Context: b.Context})
	}
	return notValid(err)
}

// judge validates the fields. What did not change is not judged again: an orphan
// may be switched off.
func (l *Library) judge(was, b *idp.Blueprint) error {
	var faults idp.Faults
	b.Name, b.Path = strings.TrimSpace(b.Name), strings.TrimSpace(b.Path)
	if b.Context == nil {
		b.Context = map[string]any{}
	}
	faults.Line("name", b.Name, maxInstanceName, false)
	faults.Line("path", b.Path, maxInstancePath, true)
	faults.Text("content", b.Content, maxFile, true)
	faults.Attributes("context", b.Context)
	switch {
	case b.Path == "" && strings.TrimSpace(b.Content) == "":
		faults.Add("", "Either path or content must be set.")
	case b.Path != "" && b.Content != "":
		faults.Add("", "Either path or content must be set, not both.")
	case b.Path != "" && (was == nil || was.Path != b.Path):
		l.judgePath(&faults, b.Path)
	}
	return faults.Err()
}

func (l *Library) judgePath(faults *idp.Faults, path string) {
	if strings.HasPrefix(path, "oci://") {
		faults.Add("path", "Blueprints of OCI registries are not offered. Put the file into the blueprints directory, or its text into content.")
		return
	}
	if _, err := l.file(path); err != nil {
		faults.Add("path", "Blueprint file does not exist")
	}
}

// contentFile stands for the file's name in the problems of content.
const contentFile = "content"

// notValid words the problems of content as published clients know them. Other
// errors stay as they are.
func notValid(err error) error {
	problems := Problems(err)
	if len(problems) == 0 {
		return err
	}
	messages := []string{"Failed to validate blueprint"}
	for _, p := range problems {
		messages = append(messages, "- "+p.Sentence())
	}
	return &faulty{problems, &idp.Error{Code: idp.CodeInvalid, Message: messages[0], Fields: map[string][]string{"content": messages}}}
}

// Place is where in the file the problem is, in words: "line 12, column 5", or
// "".
func (p Problem) Place() string {
	switch {
	case p.Line <= 0:
		return ""
	case p.Column <= 0:
		return fmt.Sprintf("line %d", p.Line)
	}
	return fmt.Sprintf("line %d, column %d", p.Line, p.Column)
}

// Sentence is the problem for people who have the file before them: "line 12,
// column 5: entry 2 (authentik_flows.flow): slug: …".
func (p Problem) Sentence() string {
	bare := Problem{Entry: p.Entry, Model: p.Model, Field: p.Field, Message: p.Message}
	text := strings.TrimPrefix(bare.String(), ": ")
	if place := p.Place(); place != "" {
		return place + ": " + text
	}
	return text
}

// stored are problems as the database keeps them: it cannot hold every byte that
// a file can.
func stored(problems []Problem) []idp.BlueprintProblem {
	out := make([]idp.BlueprintProblem, 0, len(problems))
	clean := func(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�") }
	for _, p := range problems {
		out = append(out, idp.BlueprintProblem{Line: p.Line, Column: p.Column, Entry: p.Entry, Model: clean(p.Model),
			Field: clean(p.Field), Message: clean(p.Message), Unsupported: p.Unsupported})
	}
	return out
}

// ProblemsOf are the problems of the last attempt, as Plan would tell them.
func ProblemsOf(b *idp.Blueprint) []Problem {
	out := make([]Problem, 0, len(b.Problems))
	for _, p := range b.Problems {
		out = append(out, Problem{File: fileName(b), Line: p.Line, Column: p.Column, Entry: p.Entry, Model: p.Model,
			Field: p.Field, Message: p.Message, Unsupported: p.Unsupported})
	}
	return out
}

// fileName is what the document of a kept blueprint is called in problems.
func fileName(b *idp.Blueprint) string {
	if b.Path != "" {
		return b.Path
	}
	return b.Name
}
