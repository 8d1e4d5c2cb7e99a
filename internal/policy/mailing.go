package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// mailSettings are the entries of a mail's map.
var mailSettings = []string{"bcc", "body", "cc", "context", "stage", "template"}

// badMailSetting says why a mail's map cannot have an entry of that name, or "".
func badMailSetting(name string) string {
	if slices.Contains(mailSettings, name) {
		return ""
	}
	last := len(mailSettings) - 1
	return fmt.Sprintf("a mail has no %q; it has %s and %s", clip(name), strings.Join(mailSettings[:last], ", "), mailSettings[last])
}

// badMailParts says why a mail cannot have just these entries, or "".
func badMailParts(has func(name string) bool) string {
	switch {
	case has("body") && has("template"):
		return `a mail has either "body" or "template", not both`
	case !has("body") && !has("template"):
		return `a mail needs a "body" that is text, or the name of a "template"`
	case has("context") && !has("template"):
		return `"context" is what a template is filled in with: a mail with "body" has none`
	}
	return ""
}

// mailing is what the arguments of a mail say.
type mailing struct {
	draft   idp.Draft
	skipped []string // why somebody is left out
}

// readMailing judges the arguments. Nothing of the request's secrets is in what it
// returns.
func readMailing(m *meter, args []any) (*mailing, error) {
	subject, err := textArgument(args, 1)
	if err != nil {
		return nil, err
	}
	given, ok := args[2].(map[string]any)
	if !ok {
		return nil, wrongType(3, "a map such as {\"body\": \"…\"}", args[2])
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if why := badMailSetting(name); why != "" {
			return nil, fmt.Errorf("%s", why)
		}
	}
	if why := badMailParts(func(name string) bool { return given[name] != nil }); why != "" {
		return nil, fmt.Errorf("%s", why)
	}
	l, c := &mailing{}, newCleaner(m, maxMailText)
	if l.draft.Subject = oneLine(c.text(subject)); l.draft.Subject == "" {
		return nil, fmt.Errorf("argument 2: a mail needs a subject")
	}
	for _, part := range []func(*meter, *cleaner, map[string]any) error{l.readBody, l.readTemplate, l.readContext, l.readStage} {
		if err := part(m, c, given); err != nil {
			return nil, err
		}
	}
	return l, l.readRecipients(m, args[0], given)
}

func (l *mailing) readBody(_ *meter, c *cleaner, given map[string]any) error {
	if given["body"] == nil {
		return nil
	}
	body, ok := given["body"].(string)
	switch {
	case !ok || strings.TrimSpace(body) == "":
		return fmt.Errorf("a mail needs a \"body\" that is text, got %s", typeName(given["body"]))
	case len(body) > maxMailText:
		return tooMuch("\"body\": a mail of more than %d kB would be sent", maxMailText>>10)
	}
	l.draft.Body = c.text(printable(body))
	return nil
}

func (l *mailing) readTemplate(_ *meter, _ *cleaner, given map[string]any) (err error) {
	l.draft.Template, err = namedEntry(given, "template", "the name of a mail template, such as email/setup.html,")
	return err
}

func (l *mailing) readStage(_ *meter, _ *cleaner, given map[string]any) (err error) {
	l.draft.Stage, err = namedEntry(given, "stage", "the name of an email stage")
	return err
}

// namedEntry is an entry that is a name; "" = there is none.
func namedEntry(given map[string]any, entry, what string) (string, error) {
	if given[entry] == nil {
		return "", nil
	}
	name, ok := given[entry].(string)
	switch {
	case !ok:
		return "", fmt.Errorf("%q: %s is expected, got %s", entry, what, typeName(given[entry]))
	case strings.TrimSpace(name) == "" || len([]rune(name)) > maxMailTemplate || printable(name) != name:
		return "", fmt.Errorf("%q: %s is expected, got %q", entry, what, clip(name))
	}
	return name, nil
}

func (l *mailing) readContext(m *meter, c *cleaner, given map[string]any) error {
	if given["context"] == nil {
		return nil
	}
	left := maxMailValues
	copied, err := plain(given["context"], `"context"`, 0, &left)
	if err != nil {
		return err
	}
	values, ok := copied.(map[string]any)
	if !ok {
		return fmt.Errorf("\"context\": a map is expected, got %s", typeName(copied))
	}
	values, _ = c.clean("", values).(map[string]any)
	w := jsonWriter{m: m}
	if err := w.write(values, 0); err != nil {
		return fmt.Errorf("\"context\": %w", err)
	}
	if w.out.Len() > maxMailContext {
		return tooMuch("\"context\" holds more than %d kB", maxMailContext>>10)
	}
	l.draft.Context = values
	return nil
}

// printable drops what PostgreSQL and mail programs cannot hold: it is of no use
// to readers.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// oneLine makes one line that fits into a header of a text.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	return clipTo(s, maxMailSubject)
}
