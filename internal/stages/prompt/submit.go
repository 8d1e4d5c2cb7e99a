package prompt

import (
	"context"
	"encoding/base64"
	"errors"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// maxFile is the largest file accepted, as its data: URL, in bytes.
const maxFile = 512 << 10

// The contract's wording.
const (
	required = "This field is required."
	blank    = "This field may not be blank."
	differ   = "Passwords don't match."
	taken    = "Username is already taken."
)

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	fields, err := s.fields(ctx, run)
	if err != nil {
		return nil, err
	}
	a := answer{ctx: ctx, run: run, users: s.store.Repos().Users, in: in, values: map[string]any{}}
	for _, f := range fields {
		if err := a.take(f); err != nil {
			return nil, err
		}
	}
	a.samePasswords(fields)
	if err := a.faults.Err(); err != nil {
		return nil, err
	}
	keepSecret(run, fields) // also from what policies about the answers leave behind
	set, err := s.validate(ctx, run, a.values)
	if err != nil {
		return nil, err
	}
	data, _ := flow.KeyPromptData.In(run.Vars)
	merged := map[string]any{}
	for _, from := range []map[string]any{data, a.values} {
		for key, v := range from {
			merged[key] = v
		}
	}
	flow.KeyPromptData.Put(run.Vars, merged)
	return flow.Next{}, run.Put(ctx, set)
}

// keepSecret names the answers that were typed unseen, so that nobody is shown
// them.
func keepSecret(run *flow.Run, fields []Field) {
	secrets, _ := flow.KeySecrets.In(run.Vars)
	for _, f := range fields {
		if f.Type == Password && !slices.Contains(secrets, f.FieldKey) {
			secrets = append(secrets, f.FieldKey)
		}
	}
	if len(secrets) > 0 {
		flow.KeySecrets.Put(run.Vars, secrets)
	}
}

// validate asks the validation policies about the answers, and returns what they
// set of the context.
func (s stage) validate(ctx context.Context, run *flow.Run, values map[string]any) (set map[string]any, err error) {
	if len(s.settings.ValidationPolicies) == 0 {
		return nil, nil
	}
	req, err := run.PolicyRequest(ctx)
	if err != nil {
		return nil, err
	}
	req.Context[string(flow.KeyPromptData)] = values
	result, err := s.policies.EvaluateList(ctx, s.settings.ValidationPolicies, req)
	if err != nil {
		return nil, err
	}
	if result.Passing {
		run.Effects.Messages = append(run.Effects.Messages, result.Messages...)
		return result.Context, nil
	}
	var faults idp.Faults
	for _, m := range result.Messages {
		faults.Add("", "%s", m)
	}
	if len(result.Messages) == 0 {
		faults.Add("", "The answers are not accepted.")
	}
	return nil, faults.Err()
}

// answer judges what was sent.
type answer struct {
	ctx    context.Context
	run    *flow.Run
	users  idp.Users
	in     flow.Input
	values map[string]any
	faults idp.Faults
}

// take judges one field. The error is a fault of ours, not of the answer.
func (a *answer) take(f Field) error {
	switch {
	case f.Type == Separator || f.Type.alert():
		return nil
	case f.Type.imposed():
		a.values[f.FieldKey] = f.InitialValue
		return nil
	case f.Type == Checkbox:
		a.checkbox(f)
		return nil
	case f.Type == Number:
		a.number(f)
		return nil
	}
	sent, ok := a.text(f)
	if !ok || sent == "" {
		return nil
	}
	message, err := a.judge(f, &sent)
	if err != nil {
		return err
	}
	if message != "" {
		delete(a.values, f.FieldKey)
		a.faults.Add(f.FieldKey, "%s", message)
		return nil
	}
	a.values[f.FieldKey] = sent
	return nil
}

// text reads a text. A field that was not sent takes its initial value; without
// one there is no answer, so that programs change only what they name.
func (a *answer) text(f Field) (string, bool) {
	raw, sent := a.in[f.FieldKey]
	if !sent || raw == nil {
		if f.InitialValue == "" {
			if f.Required {
				a.faults.Add(f.FieldKey, required)
			}
			return "", false
		}
		a.values[f.FieldKey] = f.InitialValue
		return f.InitialValue, true
	}
	v, isText := raw.(string)
	if !isText || f.Type != File || len(v) <= flow.MaxText {
		var err error
		if v, err = a.in.Text(f.FieldKey); err != nil {
			var e *idp.Error
			if errors.As(err, &e) {
				a.faults.Add(f.FieldKey, "%s", e.Message)
			}
			return "", false
		}
	}
	if v == "" && f.Required {
		a.faults.Add(f.FieldKey, blank)
		return "", false
	}
	a.values[f.FieldKey] = v
	return v, true
}

// judge returns what is wrong with a text that is not empty, and may bring it
// into its canonical form.
func (a *answer) judge(f Field, v *string) (message string, err error) {
	switch f.Type {
	case Email:
		if at, err := mail.ParseAddress(*v); err != nil || at.Address != *v || len(*v) > 254 {
			return "Enter a valid email address.", nil
		}
	case Username:
		return a.username(*v)
	case RadioButtonGroup, Dropdown:
		if !slices.ContainsFunc(f.Choices, func(c Choice) bool { return c.Value == *v }) {
			return "“" + clip(*v) + "” is not a valid choice.", nil
		}
	case Date:
		if _, err := time.Parse(time.DateOnly, *v); err != nil {
			return "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.", nil
		}
	case DateTime:
		at, ok := moment(*v)
		if !ok {
			return "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].", nil
		}
		*v = at.UTC().Format(time.RFC3339Nano)
	case File:
		if !isData(*v) {
			return "A file is expected, as a data: URL in base64 of at most 512 kB.", nil
		}
	case Locale:
		if len(*v) > 35 || strings.ContainsFunc(*v, func(r rune) bool { return r > 'z' || r < '-' }) {
			return "Enter a language tag, such as en or de-CH.", nil
		}
	}
	return "", nil
}

// username refuses names that somebody else has.
func (a *answer) username(v string) (message string, err error) {
	owner, err := a.users.FindByLogin(a.ctx, v, []string{"username"})
	if err != nil || owner == nil {
		return "", err
	}
	own, err := a.run.Subject(a.ctx)
	if err != nil {
		return "", err
	}
	if own != nil && own.ID == owner.ID {
		return "", nil
	}
	return taken, nil
}

// checkbox reads a yes or no. A program that leaves the field out gets the
// initial value; a form leaves out every box that is not ticked.
func (a *answer) checkbox(f Field) {
	if _, sent := a.in[f.FieldKey]; !sent && !a.in.FromForm() {
		a.values[f.FieldKey] = f.InitialValue == "true"
		return
	}
	v, err := a.in.Bool(f.FieldKey)
	if err != nil {
		a.faults.Add(f.FieldKey, "Must be a valid boolean.")
	}
	a.values[f.FieldKey] = v
}

// number reads a whole number; an empty field is null.
func (a *answer) number(f Field) {
	in := a.in
	raw, sent := in[f.FieldKey]
	sent = sent && raw != nil
	if !sent && f.InitialValue != "" {
		in, sent = flow.Input{f.FieldKey: f.InitialValue}, true
	}
	n, ok, err := in.Number(f.FieldKey)
	switch {
	case err != nil:
		a.faults.Add(f.FieldKey, "A valid integer is required.")
	case ok:
		a.values[f.FieldKey] = n
	case f.Required:
		a.faults.Add(f.FieldKey, required)
	case sent:
		a.values[f.FieldKey] = nil
	}
}

// samePasswords refuses password fields with different values.
func (a *answer) samePasswords(fields []Field) {
	first, seen := "", false
	for _, f := range fields {
		if f.Type != Password {
			continue
		}
		v, _ := a.values[f.FieldKey].(string)
		if seen && v != first {
			a.faults.Add("", differ)
			return
		}
		first, seen = v, true
	}
}

// moment reads an ISO 8601 date and time; without a zone it is UTC.
func moment(v string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, v); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func isData(v string) bool {
	head, body, found := strings.Cut(v, ";base64,")
	kind, isURL := strings.CutPrefix(head, "data:")
	if !found || !isURL || len(v) > maxFile {
		return false
	}
	if _, _, err := mime.ParseMediaType(kind); err != nil || !strings.Contains(kind, "/") {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(body)
	return err == nil
}

func clip(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}
