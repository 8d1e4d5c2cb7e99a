package policy

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of a mail that an expression sends.
const (
	maxRecipients   = 10  // altogether
	maxAddress      = 254 // bytes, RFC 5321 section 4.5.3.1.3 without the brackets
	maxMailSubject  = 150 // characters; more are cut off
	maxMailText     = 16 << 10
	maxMailContext  = 16 << 10 // bytes of JSON
	maxMailValues   = 500
	maxMailTemplate = 200 // characters of a name
)

func sendEmail(m *meter, args []any) (any, error) {
	l, err := readMailing(m, args)
	if err != nil {
		return nil, err
	}
	a, err := m.actor(func(l *allowance) *atomic.Int32 { return &l.letters }, maxLetters, "sends mail")
	if err != nil {
		return nil, err
	}
	for _, why := range l.skipped {
		a.journal.note(LevelWarning, why, nil)
	}
	d := l.draft
	d.Policy, d.Brand = a.policy, m.request.Brand
	began := time.Now()
	messages, unsent, err := a.engine.effects.Prepare(m.ctx, d)
	m.waited(began)
	switch {
	case idp.Is(err, idp.CodeInvalid):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("preparing the mail: %w", err)
	case len(messages) == 0:
		unsent = "there is nobody to write to"
	}
	if a.dry(m) || len(messages) == 0 {
		a.journal.letter(d, messages, unsent)
		return unsent == "", nil
	}
	began = time.Now()
	unsent, err = a.engine.effects.Send(m.ctx, messages)
	m.waited(began)
	if err != nil {
		return nil, fmt.Errorf("ordering the mail: %w", err)
	}
	return unsent == "", nil
}

// letter notes what would have been sent, or why nothing would.
func (j *journal) letter(d idp.Draft, messages []idp.Message, unsent string) {
	facts := map[string]any{"to": addresses(d.To), "subject": d.Subject, "body": d.Body}
	if d.Template != "" {
		facts["template"], facts["context"] = d.Template, d.Context
		if len(messages) > 0 {
			facts["body"] = clipTo(messages[0].Text, maxMailText)
		}
	}
	for name, list := range map[string][]idp.Addressee{"cc": d.CC, "bcc": d.BCC} {
		if len(list) > 0 {
			facts[name] = addresses(list)
		}
	}
	if d.Stage != "" {
		facts["stage"] = d.Stage
	}
	if unsent != "" {
		j.note(LevelWarning, "No email would have been sent: "+unsent+".", facts)
		return
	}
	j.note(LevelInfo, fmt.Sprintf("An email to %s would have been sent.", counted(len(messages))), facts)
}

func addresses(of []idp.Addressee) []any {
	out := make([]any, len(of))
	for i, a := range of {
		out[i] = a.Address
	}
	return out
}

func counted(n int) string {
	if n == 1 {
		return "1 recipient"
	}
	return fmt.Sprintf("%d recipients", n)
}
