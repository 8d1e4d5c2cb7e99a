package configure

import (
	"context"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// CreatePrompt makes a prompt. Errors: CodeForbidden; CodeInvalid on the field
// concerned.
func (s *Service) CreatePrompt(ctx context.Context, actor idp.Actor, p idp.Prompt) (*idp.Prompt, error) {
	return create(ctx, s, s.prompts(), actor, p)
}

// UpdatePrompt changes a prompt as it is now. mutate may run again. Errors:
// CodeForbidden; CodeNotFound; CodeInvalid on the field concerned; what mutate
// returns.
func (s *Service) UpdatePrompt(ctx context.Context, actor idp.Actor, id idp.PromptID, mutate func(*idp.Prompt) error) (*idp.Prompt, error) {
	return update(ctx, s, s.prompts(), actor, id, mutate)
}

// DeletePrompt deletes a prompt and takes it out of the stages that show it.
// Errors: CodeForbidden; CodeNotFound; CodeInvalid when a stage cannot do
// without it.
func (s *Service) DeletePrompt(ctx context.Context, actor idp.Actor, id idp.PromptID) error {
	return remove(ctx, s, s.prompts(), actor, id)
}

func (s *Service) prompts() noun[idp.Prompt] {
	return noun[idp.Prompt]{
		what: "prompt", resource: idp.ResourceStage,
		rows:  func(tx idp.Repos) rows[idp.Prompt] { return tx.Prompts },
		id:    func(p *idp.Prompt) *idp.PromptID { return &p.ID },
		model: func(*idp.Prompt) string { return "authentik_stages_prompt.prompt" },
		name:  func(_ context.Context, _ idp.Repos, p *idp.Prompt) (string, error) { return p.Name, nil },
		fields: func(p *idp.Prompt) map[string]any {
			return map[string]any{"name": p.Name, "field_key": p.FieldKey, "label": p.Label, "type": p.Type, "required": p.Required,
				"placeholder": p.Placeholder, "initial_value": p.InitialValue, "order": p.Order, "sub_text": p.SubText,
				"placeholder_expression": p.PlaceholderExpression, "initial_value_expression": p.InitialValueExpression}
		},
		judge: s.judgePrompt,
		leave: func(ctx context.Context, tx idp.Repos, actor idp.Actor, p *idp.Prompt) error {
			return s.forget(ctx, tx, actor, "prompt", p.ID.String())
		},
	}
}

func (s *Service) judgePrompt(_ context.Context, _ idp.Repos, _, p *idp.Prompt) error {
	var faults idp.Faults
	p.Name = strings.TrimSpace(p.Name)
	faults.Line("name", p.Name, maxName, true) // the stage's rule refuses a blank one
	faults.Text("label", p.Label, maxText, true)
	faults.Text("placeholder", p.Placeholder, maxText, true)
	faults.Text("initial_value", p.InitialValue, maxText, true)
	faults.Text("sub_text", p.SubText, maxText, true)
	checkOrder(&faults, p.Order)
	return gather(&faults, s.d.Prompt(p))
}
