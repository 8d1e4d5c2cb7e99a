package policypage

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The fields of a trial.
const (
	userField    = "trial_user"
	contextField = "trial_context"
)

// trial is the part of the page that tries the policy out.
type trial struct {
	Action        string   // where it is run
	User, Context string   // as typed
	People        []string // usernames to choose from, beside what else may be typed
	UserFault     string
	ContextFault  string
	Ran           bool
	Passing       bool
	Messages      []string
	Fault         *ui.Fault // why there was no answer
	Notes         []policy.Note
	Took          time.Duration
}

// newTrial is one that nobody has run yet, about whoever looks at it.
func newTrial(r *http.Request, kind policy.Kind) trial {
	t := trial{Context: cmp.Or(examples[kind.Name], "{}")}
	if u := web.User(r); u != nil {
		t.User = u.Username
	}
	return t
}

func readTrial(sent web.Form) trial {
	return trial{User: sent.Trimmed(userField), Context: strings.ReplaceAll(sent.Text(contextField), "\r\n", "\n")}
}

func (p *Pages) tryNew(w http.ResponseWriter, r *http.Request) error {
	kind, err := p.kind(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readPolicyForm(kind, &idp.Policy{}, sent)
	t, err := p.try(r, kind, form, readTrial(sent))
	if err != nil {
		return err
	}
	if partial(r) {
		return page.Render(w, r, trialPart(t))
	}
	return p.showNew(w, r, kind, form, page.Faults{}, page.BackOf(r, sent), t)
}

func (p *Pages) tryPolicy(w http.ResponseWriter, r *http.Request) error {
	row, err := p.load(r)
	if err != nil {
		return err
	}
	kind, known := p.engine.Kinds().Get(row.Kind)
	if !known {
		return idp.NotFound("kind of policy")
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	e := edit{form: readPolicyForm(kind, row, sent), back: page.BackOf(r, sent), seen: sent.Text(page.SeenField)}
	if e.trial, err = p.try(r, kind, e.form, readTrial(sent)); err != nil {
		return err
	}
	if partial(r) {
		return page.Render(w, r, trialPart(e.trial))
	}
	return p.showEdit(w, r, kind, row, e)
}

// partial reports whether a script asks for a part of the page.
func partial(r *http.Request) bool { return r.Header.Get("X-Partial") != "" }

// try runs what was typed, saved or not, for a user and a context. It writes
// nothing.
func (p *Pages) try(r *http.Request, kind policy.Kind, form policyForm, t trial) (trial, error) {
	facts, fault := readContext(t.Context)
	t.ContextFault = fault
	u, err := p.person(r, t.User)
	switch {
	case idp.Is(err, idp.CodeNotFound):
		t.UserFault = "There is no user of that name."
	case err != nil:
		return t, err
	}
	if t.UserFault != "" || t.ContextFault != "" {
		return t, nil
	}
	if _, named := facts["pending_user"]; !named && u != nil {
		facts["pending_user"] = u.Facts()
	}
	row := idp.Policy{ID: idp.NewID[idp.Policy](), Kind: kind.Name, UpdatedAt: now()}
	form.apply(&row)
	if row.Name == "" {
		row.Name = "new policy"
	}
	info := web.RequestInfo(r)
	began := time.Now()
	got := p.engine.Try(r.Context(), &row, idp.PolicyRequest{User: u, SignedIn: web.User(r), Path: info.Path, Method: info.Method,
		ClientIP: info.ClientIP, Context: facts, Debug: true})
	if err := r.Context().Err(); err != nil {
		return t, err // nobody waits any more
	}
	t.Ran, t.Passing, t.Messages, t.Notes, t.Took = true, got.Passing, got.Messages, got.Notes, time.Since(began)
	if got.Err != nil {
		t.Fault, t.Messages = form.trialFault(kind, got.Err), nil
	}
	return t, nil
}

// trialFault says why there was no answer, with its place in the expression.
func (f policyForm) trialFault(kind policy.Kind, err error) *ui.Fault {
	for _, field := range expressions(kind) {
		if fault := f.fault(kind, field, f.Settings.Text(field)); fault != nil {
			fault.Instead = "" // the editor offers it
			return fault
		}
	}
	var at *policy.Error
	var invalid *idp.Error
	switch {
	case errors.As(err, &at):
		return settingsform.FaultOf(at)
	case errors.As(err, &invalid) && invalid.Code == idp.CodeInvalid:
		return &ui.Fault{Message: strings.Join(messages(invalid), " ")}
	}
	_, message := web.Status(err)
	if errors.As(err, &invalid) {
		return &ui.Fault{Message: message}
	}
	return &ui.Fault{Message: err.Error()} // for administrators, about what they have just written
}

func messages(e *idp.Error) []string {
	var out []string
	for field, list := range e.Fields {
		for _, m := range list {
			if field != idp.NonField {
				m = settingsform.Words(field) + ": " + m
			}
			out = append(out, m)
		}
	}
	slices.Sort(out)
	return out
}

// person finds whom a trial is about; nobody is nil.
func (p *Pages) person(r *http.Request, name string) (*idp.User, error) {
	if name == "" {
		return nil, nil
	}
	users := p.store.Repos().Users
	found, err := users.FindByLogin(r.Context(), name, []string{"username", "email"})
	switch {
	case err != nil:
		return nil, fmt.Errorf("finding the user of a trial: %w", err)
	case found == nil:
		return nil, idp.NotFound("user")
	}
	return found, nil
}

// maxPeople is how many usernames are offered.
const maxPeople = 200

func (p *Pages) people(r *http.Request) ([]string, error) {
	found, err := p.store.Repos().Users.Find(r.Context(), idp.UserFilter{Paging: idp.Paging{Limit: maxPeople, Order: []string{"username"}}})
	if err != nil {
		return nil, fmt.Errorf("listing users for a trial: %w", err)
	}
	var out []string
	for i := range found.Items {
		out = append(out, found.Items[i].Username)
	}
	return out, nil
}

// maxContext bounds the context of a trial, in bytes.
const maxContext = 64 << 10

func readContext(raw string) (map[string]any, string) {
	if strings.TrimSpace(raw) == "" {
		return map[string]any{}, ""
	}
	if len(raw) > maxContext {
		return nil, fmt.Sprintf("At most %d bytes are expected.", maxContext)
	}
	out := map[string]any{}
	err := json.Unmarshal([]byte(raw), &out)
	var at *json.SyntaxError
	switch {
	case errors.As(err, &at):
		line, column := 1, 1
		for _, c := range raw[:max(0, min(int(at.Offset)-1, len(raw)))] {
			if column++; c == '\n' {
				line, column = line+1, 1
			}
		}
		return nil, fmt.Sprintf("Line %d, column %d: this is not JSON.", line, column)
	case err != nil || out == nil:
		return nil, "A JSON object is expected, such as {\"prompt_data\": {}}."
	}
	return out, ""
}
