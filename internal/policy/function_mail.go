package policy

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of a mail that an expression sends.
const (
	maxRecipients  = 10
	maxAddress     = 254 // bytes, RFC 5321 section 4.5.3.1.3 without the brackets
	maxMailSubject = 150 // characters; more are cut off
	maxMailText    = 16 << 10
)

// mailSettings are the entries of a mail's map.
var mailSettings = []string{"body"}

// badMailSetting says why a mail's map cannot have an entry of that name, or "".
func badMailSetting(name string) string {
	switch {
	case slices.Contains(mailSettings, name):
		return ""
	case name == "template" || name == "context":
		return "mails of expressions have no template: write the text as \"body\""
	}
	return fmt.Sprintf("a mail has no %q; it has body", clip(name))
}

func sendEmail(m *meter, args []any) (any, error) {
	subject, err := textArgument(args, 1)
	if err != nil {
		return nil, err
	}
	body, err := mailBody(args)
	if err != nil {
		return nil, err
	}
	to, skipped, err := recipients(m, args[0])
	if err != nil {
		return nil, err
	}
	a, err := m.actor(func(l *allowance) *atomic.Int32 { return &l.letters }, maxLetters, "sends mail")
	if err != nil {
		return nil, err
	}
	for _, why := range skipped {
		a.journal.note(LevelWarning, why, nil)
	}
	c := newCleaner(m, maxMailText)
	subject, body = oneLine(c.text(subject)), c.text(body)
	if subject == "" {
		return nil, fmt.Errorf("a mail needs a subject")
	}
	messages := make([]idp.Message, len(to))
	addresses := make([]any, len(to))
	for i, r := range to {
		messages[i] = idp.Message{To: r.address, Subject: subject, Text: body, Policy: a.policy, User: r.user}
		addresses[i] = r.address
	}
	switch facts := map[string]any{"to": addresses, "subject": subject, "body": body}; {
	case len(to) == 0:
		a.journal.note(LevelWarning, "No email would have been sent: there is nobody to write to.", facts)
		return false, nil
	case a.dry(m) && !a.engine.effects.Sends():
		a.journal.note(LevelWarning, "No email would have been sent: the installation has no mail server.", facts)
		return false, nil
	case a.dry(m):
		a.journal.note(LevelInfo, fmt.Sprintf("An email to %s would have been sent.", counted(len(to))), facts)
		return true, nil
	}
	unsent, err := a.engine.effects.Send(m.ctx, messages)
	if err != nil {
		return nil, fmt.Errorf("ordering the mail: %w", err)
	}
	return unsent == "", nil
}

func mailBody(args []any) (string, error) {
	settings, ok := args[2].(map[string]any)
	if !ok {
		return "", wrongType(3, "a map such as {\"body\": \"…\"}", args[2])
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if why := badMailSetting(name); why != "" {
			return "", fmt.Errorf("%s", why)
		}
	}
	body, ok := settings["body"].(string)
	if !ok || strings.TrimSpace(body) == "" {
		return "", fmt.Errorf("a mail needs a \"body\" that is text, got %s", typeName(settings["body"]))
	}
	if len(body) > maxMailText {
		return "", tooMuch("a mail of more than %d kB would be sent", maxMailText>>10)
	}
	// What PostgreSQL and mail programs cannot hold is of no use to readers.
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(body, "\uFFFD")), nil
}

// recipient is whom a mail is for.
type recipient struct {
	address string
	user    map[string]any
}

// recipients reads addresses and users. Those that cannot be written to are left
// out: who they are often comes from strangers.
func recipients(m *meter, v any) (to []recipient, skipped []string, err error) {
	list := []any{v}
	switch v.(type) {
	case string, nil, map[string]any:
	default:
		if list, err = elements(m, v, 1); err != nil {
			return nil, nil, wrongType(1, "an address, a user or a list of them", v)
		}
	}
	if len(list) > maxRecipients {
		return nil, nil, tooMuch("a mail to more than %d recipients would be sent", maxRecipients)
	}
	for _, one := range list {
		r := recipient{user: map[string]any{}}
		switch one := one.(type) {
		case nil:
			continue
		case string:
			r.address = one
		case map[string]any:
			r.address, _ = one["email"].(string)
			if isUser(one) {
				r.user = map[string]any{"pk": one["pk"], "username": one["username"], "email": one["email"]}
			}
		default:
			return nil, nil, wrongType(1, "an address, a user or a list of them", one)
		}
		switch {
		case r.address == "":
			skipped = append(skipped, "Somebody who has no address is left out.")
		case !mailable(r.address):
			skipped = append(skipped, fmt.Sprintf("%q is not an address, and left out.", clip(r.address)))
		case !slices.ContainsFunc(to, func(o recipient) bool { return strings.EqualFold(o.address, r.address) }):
			to = append(to, r)
		}
	}
	return to, skipped, nil
}

// mailable reports whether the text is one address, without a name.
func mailable(s string) bool {
	if len(s) > maxAddress || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return false
	}
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s
}

// oneLine makes one line that fits into a header of a text.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	return clipTo(s, maxMailSubject)
}

func counted(n int) string {
	if n == 1 {
		return "1 recipient"
	}
	return fmt.Sprintf("%d recipients", n)
}
