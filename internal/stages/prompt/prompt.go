package prompt

import (
	"cmp"
	"context"
	"log/slog"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Repos reads what the stage looks up.
type Repos interface{ Repos() idp.Repos }

// Policies evaluates the validation policies.
type Policies interface {
	// EvaluateList reports whether all the policies pass. One that gives no
	// answer does not. An error means that nobody was asked.
	EvaluateList(ctx context.Context, ids []idp.PolicyID, req idp.PolicyRequest) (idp.PolicyResult, error)
}

// Kind describes the stage.
func Kind(store Repos, policies Policies) flow.Kind {
	compiled := policy.NewExpressions()
	return flow.Kind{
		Name: "prompt", Model: "authentik_stages_prompt.promptstage", Form: "ak-stage-prompt-form",
		Verbose: "Prompt Stage", VerbosePlural: "Prompt Stages",
		Summary:  "Shows texts and fields, and collects the answers.",
		Settings: func() any { return &Settings{Fields: []idp.PromptID{}, ValidationPolicies: []idp.PolicyID{}} },
		Build: func(settings any) (flow.Stage, error) {
			return stage{*settings.(*Settings), store, policies, compiled}, nil
		},
		Check:    check,
		Examples: examples(),
		View:     func(c flow.Challenge, p flow.Page) flow.View { return view(c.(Challenge), p) },
	}
}

type stage struct {
	settings Settings
	store    Repos
	policies Policies
	compiled *policy.Expressions
}

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	fields, err := s.fields(ctx, run)
	if err != nil {
		return nil, err
	}
	return flow.Ask{Challenge: Challenge{Fields: fields}}, nil
}

// fields are the prompts as they are shown in this run.
func (s stage) fields(ctx context.Context, run *flow.Run) ([]Field, error) {
	prompts, err := s.prompts(ctx)
	if err != nil {
		return nil, err
	}
	e, err := s.evaluation(ctx, run)
	if err != nil {
		return nil, err
	}
	out := make([]Field, 0, len(prompts))
	for i := range prompts {
		out = append(out, e.field(ctx, &prompts[i]))
	}
	return out, nil
}

// prompts reads the stage's prompts in their order.
func (s stage) prompts(ctx context.Context) ([]idp.Prompt, error) {
	if len(s.settings.Fields) == 0 {
		return nil, nil
	}
	page, err := s.store.Repos().Prompts.Find(ctx, idp.PromptFilter{IDs: s.settings.Fields, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, err
	}
	for _, id := range s.settings.Fields {
		if !slices.ContainsFunc(page.Items, func(p idp.Prompt) bool { return p.ID == id }) {
			return nil, errGone
		}
	}
	slices.SortStableFunc(page.Items, func(a, b idp.Prompt) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Name, b.Name))
	})
	return page.Items, nil
}

// evaluation works out what prompts show.
type evaluation struct {
	compiled *policy.Expressions
	request  idp.PolicyRequest
	data     map[string]any // prompt_data
	fault    func(p *idp.Prompt, what string, err error)
}

func (s stage) evaluation(ctx context.Context, run *flow.Run) (evaluation, error) {
	req, err := run.PolicyRequest(ctx)
	if err != nil {
		return evaluation{}, err
	}
	data, _ := flow.KeyPromptData.In(run.Vars)
	return evaluation{s.compiled, req, data, func(p *idp.Prompt, what string, err error) {
		slog.WarnContext(ctx, "an expression of a prompt failed; its text is shown as it is",
			"prompt", p.Name, "what", what, "error", err)
	}}, nil
}

// Preview shows a prompt as it would look to whoever the request is about. A
// failing expression is an *idp.Error with CodeInvalid.
func Preview(ctx context.Context, p *idp.Prompt, req idp.PolicyRequest) (Challenge, error) {
	if err := CheckPrompt(p); err != nil {
		return Challenge{}, err
	}
	c, wrong := Try(ctx, p, req)
	var faults idp.Faults
	for what, err := range wrong {
		faults.Add(what, "%s", err.Error())
	}
	return c, faults.Err()
}

// Try is Preview of a prompt that may be half typed. It returns what is wrong
// with its expressions by field, usually as a *policy.Error; their text is shown
// instead.
func Try(ctx context.Context, p *idp.Prompt, req idp.PolicyRequest) (Challenge, map[string]error) {
	wrong := map[string]error{}
	data, _ := req.Context["prompt_data"].(map[string]any)
	e := evaluation{policy.NewExpressions(), req, data, func(_ *idp.Prompt, what string, err error) {
		wrong[what] = err
	}}
	return Challenge{Fields: []Field{e.field(ctx, p)}}, wrong
}

func examples() []flow.Challenge {
	lockdown := Challenge{Fields: []Field{
		{FieldKey: "lockdown_warning", Label: "Warning", Type: AlertDanger, InitialValue: "<p><strong>Locking down:</strong></p><ul><li><code>ada</code></li></ul>"},
		{FieldKey: "lockdown_info", Label: "Information", Type: AlertInfo, InitialValue: "<p>Nothing that ends now comes back by itself.</p>", Order: 1},
		{FieldKey: "lockdown_reason", Label: "Reason", Type: TextArea, Required: true, Placeholder: "What happened?", SubText: "Recorded in the audit log.", Order: 2},
	}}
	result := Challenge{Fields: []Field{{FieldKey: "done", Label: "Done", Type: AlertWarning, InitialValue: "<p>Two accounts are locked down.</p>"}}}
	all := Challenge{}
	for i, t := range Types() {
		f := Field{FieldKey: "field_" + string(t), Label: "A " + string(t), Type: t, Required: !t.shownOnly(), Order: i, InitialValue: "some <em>text</em>"}
		switch {
		case t.choice():
			f.Choices, f.InitialValue = []Choice{{"a", "The first"}, {"b", "The second"}}, "b"
		case t == Number:
			f.InitialValue = "42"
		case t == Checkbox:
			f.InitialValue = "true"
		case t == Date:
			f.InitialValue = "2026-02-03"
		case t == DateTime:
			f.InitialValue = "2026-02-03T04:05:00Z"
		case !t.html():
			f.InitialValue, f.Placeholder, f.SubText = "", "an example", "a hint"
		}
		all.Fields = append(all.Fields, f)
	}
	return []flow.Challenge{lockdown, result, all}
}
