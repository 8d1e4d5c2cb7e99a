package policy

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// readRecipients reads whom a mail is for. Somebody who is named twice gets it
// once, where they are named first.
func (l *mailing) readRecipients(m *meter, to any, given map[string]any) (err error) {
	known := map[string]bool{}
	read := func(v any, argument string) (list []idp.Addressee) {
		if err == nil {
			list, err = l.recipients(m, v, argument, known)
		}
		return list
	}
	l.draft.To = read(to, "argument 1")
	l.draft.CC = read(given["cc"], `"cc"`)
	l.draft.BCC = read(given["bcc"], `"bcc"`)
	return err
}

// recipients reads addresses and users. Those that cannot be written to are left
// out: who they are often comes from strangers.
func (l *mailing) recipients(m *meter, v any, argument string, known map[string]bool) (to []idp.Addressee, err error) {
	expected := func(got any) error {
		return fmt.Errorf("%s: an address, a user or a list of them is expected, got %s", argument, typeName(got))
	}
	list := []any{v}
	switch v.(type) {
	case string, nil, map[string]any:
	default:
		if list, err = elements(m, v, 1); err != nil {
			return nil, expected(v)
		}
	}
	for _, one := range list {
		r := idp.Addressee{User: map[string]any{}}
		switch one := one.(type) {
		case nil:
			continue
		case string:
			r.Address = one
		case map[string]any:
			r = addressee(one)
		default:
			return nil, expected(one)
		}
		switch same := strings.ToLower(r.Address); {
		case r.Address == "":
			l.skipped = append(l.skipped, "Somebody who has no address is left out.")
		case !mailable(r.Address):
			l.skipped = append(l.skipped, fmt.Sprintf("%q is not an address, and left out.", clip(r.Address)))
		case known[same]:
		case len(known) >= maxRecipients:
			return nil, tooMuch("%s: a mail to more than %d recipients would be sent", argument, maxRecipients)
		default:
			known[same] = true
			to = append(to, r)
		}
		if len(l.skipped) > maxRecipients {
			return nil, tooMuch("%s: more than %d recipients cannot be written to", argument, maxRecipients)
		}
	}
	return to, nil
}

// addressee is somebody who is named by a user, or by a map with an address.
func addressee(of map[string]any) idp.Addressee {
	r := idp.Addressee{User: map[string]any{}}
	r.Address, _ = of["email"].(string)
	if !isUser(of) {
		return r
	}
	r.Username, _ = of["username"].(string)
	r.Name, _ = of["name"].(string)
	r.User = map[string]any{"pk": of["pk"], "username": of["username"], "email": of["email"]}
	return r
}

// mailable reports whether the text is one address, without a name.
func mailable(s string) bool {
	if len(s) > maxAddress || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return false
	}
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s
}
