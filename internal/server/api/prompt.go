package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
)

// Prompt is one field that prompt stages may show.
type Prompt struct {
	PK                     idp.PromptID     `json:"pk"`
	Name                   string           `json:"name"`
	FieldKey               string           `json:"field_key"`
	Label                  string           `json:"label"`
	Type                   string           `json:"type" enum:"text,text_area,text_read_only,text_area_read_only,username,email,password,number,checkbox,radio-button-group,dropdown,date,date-time,file,separator,hidden,static,ak-locale,alert_info,alert_warning,alert_danger"`
	Required               bool             `json:"required"`
	Placeholder            string           `json:"placeholder"`
	InitialValue           string           `json:"initial_value"`
	Order                  int              `json:"order"`
	PromptStagesObj        []map[string]any `json:"prompt_stages_obj"`
	SubText                string           `json:"sub_text"`
	PlaceholderExpression  bool             `json:"placeholder_expression"`
	InitialValueExpression bool             `json:"initial_value_expression"`
}

// promptViews shows prompts with the stages that show them.
func (a *API) promptViews(c *call, list []idp.Prompt) ([]Prompt, error) {
	views := make([]Prompt, 0, len(list))
	wanted := make([]any, 0, len(list))
	for _, p := range list {
		wanted = append(wanted, p.ID)
		views = append(views, Prompt{PK: p.ID, Name: p.Name, FieldKey: p.FieldKey, Label: p.Label, Type: p.Type, Required: p.Required,
			Placeholder: p.Placeholder, InitialValue: p.InitialValue, Order: p.Order, PromptStagesObj: []map[string]any{},
			SubText: p.SubText, PlaceholderExpression: p.PlaceholderExpression, InitialValueExpression: p.InitialValueExpression})
	}
	kind, ok := a.Flows.Kind("prompt")
	if !ok || len(list) == 0 {
		return views, nil
	}
	rows, err := every(func(p idp.Paging) (idp.Page[idp.Stage], error) {
		return a.Store.Repos().Stages.Find(c, idp.StageFilter{Kind: &kind.Name, Settings: map[string][]any{"fields": wanted}, Paging: p})
	})
	if err != nil {
		return nil, err
	}
	showing, err := (stages{API: a, kind: kind}).views(c, rows)
	if err != nil {
		return nil, err
	}
	for _, stage := range showing {
		fields, _ := stage["fields"].([]any)
		for i := range views {
			if slices.Contains(fields, any(views[i].PK.String())) {
				views[i].PromptStagesObj = append(views[i].PromptStagesObj, stage)
			}
		}
	}
	return views, nil
}

type promptBody struct {
	Name                   Optional[string] `json:"name" api:"required" max:"255" help:"What administrators call it."`
	FieldKey               Optional[string] `json:"field_key" api:"required" help:"Under what name the answer is kept."`
	Label                  Optional[string] `json:"label" api:"required,blank"`
	Type                   Optional[string] `json:"type" api:"required" enum:"text,text_area,text_read_only,text_area_read_only,username,email,password,number,checkbox,radio-button-group,dropdown,date,date-time,file,separator,hidden,static,ak-locale,alert_info,alert_warning,alert_danger"`
	Required               Optional[bool]   `json:"required" help:"true unless said otherwise."`
	Placeholder            Optional[string] `json:"placeholder" api:"blank" help:"A hint in the empty field. Of dropdowns and radio buttons, the choices."`
	InitialValue           Optional[string] `json:"initial_value" api:"blank"`
	Order                  Optional[int]    `json:"order"`
	SubText                Optional[string] `json:"sub_text" api:"blank"`
	PlaceholderExpression  Optional[bool]   `json:"placeholder_expression" help:"placeholder is an expression."`
	InitialValueExpression Optional[bool]   `json:"initial_value_expression" help:"initial_value is an expression."`
	_                      struct{}         `ignore:"pk,prompt_stages_obj"`
}

// apply puts the body on a prompt; in a full replacement what is absent gets its
// default.
func (b *promptBody) apply(to *idp.Prompt, partial bool) {
	assign(&to.Name, b.Name, true, "") // required where it matters
	assign(&to.FieldKey, b.FieldKey, true, "")
	assign(&to.Label, b.Label, true, "")
	assign(&to.Type, b.Type, true, "")
	assign(&to.Required, b.Required, partial, true)
	assign(&to.Placeholder, b.Placeholder, partial, "")
	assign(&to.InitialValue, b.InitialValue, partial, "")
	assign(&to.Order, b.Order, partial, 0)
	assign(&to.SubText, b.SubText, partial, "")
	assign(&to.PlaceholderExpression, b.PlaceholderExpression, partial, false)
	assign(&to.InitialValueExpression, b.InitialValueExpression, partial, false)
}

func (a *API) prompts() resource[Prompt, promptBody] {
	return resource[Prompt, promptBody]{
		path: "/stages/prompt/prompts/", key: "prompt_uuid", name: "Prompt", id: "stages_prompt_prompts", plural: "prompts", tag: "stages",
		filters: []param{{name: "name", kind: text}, {name: "field_key", kind: text}, {name: "label", kind: text},
			{name: "placeholder", kind: text}, {name: "type", kind: text, enum: names(prompt.Types())}},
		ordering: []string{"order", "name", "pk", "field_key", "label", "type", "placeholder", "required"},
		list:     a.listPrompts, get: a.getPrompt, create: a.createPrompt, change: a.changePrompt, destroy: a.deletePrompt, usedBy: a.promptUsedBy,
	}
}

func (a *API) listPrompts(c *call, p idp.Paging) ([]Prompt, int, error) {
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceStage}); err != nil {
		return nil, 0, err
	}
	page, err := a.Store.Repos().Prompts.Find(c, idp.PromptFilter{Paging: p, Name: c.query.text("name"), FieldKey: c.query.text("field_key"),
		Label: c.query.text("label"), Placeholder: c.query.text("placeholder"), Type: c.query.text("type")})
	if err != nil {
		return nil, 0, err
	}
	views, err := a.promptViews(c, page.Items)
	forCaller(c, nil, views)
	return views, page.Total, err
}

// alerts are the types that came after the contract: published clients refuse a
// value they were not made with, and a whole list because of one.
var alerts = []string{string(prompt.AlertInfo), string(prompt.AlertWarning), string(prompt.AlertDanger)}

// knowsAlerts reports whether the caller takes types that came after the
// contract. Generated clients that judge every value name their generator;
// whoever sends such a type knows it.
func knowsAlerts(c *call, sent *promptBody) bool {
	return !published(c.r.UserAgent()) || sent != nil && slices.Contains(alerts, sent.Type.Value)
}

// forCaller shows alerts as the texts that they are to callers who know no
// alerts.
func forCaller(c *call, sent *promptBody, views []Prompt) {
	for i := range views {
		if slices.Contains(alerts, views[i].Type) && !knowsAlerts(c, sent) {
			views[i].Type = string(prompt.Static)
		}
	}
}

// challengeFor is forCaller for the prompts of a flow.
func challengeFor(c *call, body []byte) (any, error) {
	if knowsAlerts(c, nil) {
		return json.RawMessage(body), nil
	}
	var shown map[string]any
	if err := json.Unmarshal(body, &shown); err != nil {
		return nil, err
	}
	if shown["component"] == (prompt.Challenge{}).Component() {
		fields, _ := shown["fields"].([]any)
		for _, field := range fields {
			if f, ok := field.(map[string]any); ok && slices.Contains(alerts, fmt.Sprint(f["type"])) {
				f["type"] = prompt.Static
			}
		}
	}
	return shown, nil
}

// promptOf finds the prompt of the path that the caller may treat so.
func (a *API) promptOf(c *call, verb idp.Verb) (*idp.Prompt, error) {
	id, err := web.IDParam[idp.Prompt](c.r, "prompt_uuid", "prompt")
	if err != nil {
		return nil, err
	}
	if err := a.Access.Check(c.actor, verb, idp.Object{Resource: idp.ResourceStage}); err != nil {
		return nil, err
	}
	return a.Store.Repos().Prompts.Get(c, id)
}

func (a *API) promptWhole(c *call, p *idp.Prompt, sent *promptBody) (*Prompt, error) {
	views, err := a.promptViews(c, []idp.Prompt{*p})
	if err != nil {
		return nil, err
	}
	forCaller(c, sent, views)
	return &views[0], nil
}

func (a *API) getPrompt(c *call, _ string) (*Prompt, error) {
	p, err := a.promptOf(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	return a.promptWhole(c, p, nil)
}

func (a *API) createPrompt(c *call, body *promptBody) (*Prompt, error) {
	var p idp.Prompt
	body.apply(&p, false)
	made, err := a.Configure.CreatePrompt(c, c.actor, p)
	if err != nil {
		return nil, err
	}
	return a.promptWhole(c, made, body)
}

func (a *API) changePrompt(c *call, _ string, body *promptBody, partial bool) (*Prompt, error) {
	p, err := a.promptOf(c, idp.VerbUpdate)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdatePrompt(c, c.actor, p.ID, func(p *idp.Prompt) error {
		was := p.Type
		body.apply(p, partial)
		if slices.Contains(alerts, was) && p.Type == string(prompt.Static) && !knowsAlerts(c, body) {
			p.Type = was // sent back as it was shown
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.promptWhole(c, changed, body)
}

func (a *API) deletePrompt(c *call, _ string) error {
	p, err := a.promptOf(c, idp.VerbDelete)
	if err != nil {
		return err
	}
	return a.Configure.DeletePrompt(c, c.actor, p.ID)
}

// promptUsedBy lists the stages that would show one field less.
func (a *API) promptUsedBy(c *call, _ string) ([]UsedBy, error) {
	p, err := a.promptOf(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	return a.stageUsers(c, "prompt", p.ID.String())
}

// promptChallenge is a challenge with one prompt, as a flow would show it.
type promptChallenge struct {
	Component string         `json:"component"`
	Fields    []prompt.Field `json:"fields"`
}

func (a *API) mountPromptActions() {
	a.kit.add(operation{method: http.MethodPost, path: "/stages/prompt/prompts/preview/", id: "stages_prompt_prompts_preview_create",
		tag: "stages", summary: "Show how a prompt would look to the caller", body: reflect.TypeFor[promptBody](), bodyName: "PromptRequest",
		response: reflect.TypeFor[promptChallenge](), run: a.previewPrompt})
}

// previewPrompt evaluates a prompt that is not stored. The faults of its
// expressions are told by field: nothing falls back to the text.
func (a *API) previewPrompt(c *call) (any, error) {
	if err := a.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: idp.ResourceStage}); err != nil {
		return nil, err
	}
	var body promptBody
	if err := decodeBody(c.r, &body, whole); err != nil {
		return nil, err
	}
	var p idp.Prompt
	body.apply(&p, false)
	shown, err := prompt.Preview(c, &p, a.policyRequest(c))
	if err != nil {
		return nil, err
	}
	return promptChallenge{Component: shown.Component(), Fields: shown.Fields}, nil
}

// policyRequest is what expressions see of a request outside any flow: the
// caller is both who asks and whom it is about.
func (a *API) policyRequest(c *call) idp.PolicyRequest {
	u := c.actor.User
	req := idp.PolicyRequest{User: u, SignedIn: u, ClientIP: c.actor.ClientIP(), Query: map[string]string{},
		Context: map[string]any{"prompt_data": map[string]any{}, "pending_user": u.Facts()}}
	if c.actor.Request != nil {
		req.Path, req.Method = c.actor.Request.Path, c.actor.Request.Method
	}
	return req
}

// published reports whether a request comes from a client that was made from the
// published contract, and refuses what that does not know.
func published(userAgent string) bool {
	return strings.HasPrefix(userAgent, "OpenAPI-Generator/") || strings.HasPrefix(userAgent, "authentik-terraform")
}
