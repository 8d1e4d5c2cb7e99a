package admin

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The lists that the pages of flows answer; they are packages of their own.
const (
	flowsPath    = page.AdminPath + "flows/"
	stagesPath   = page.AdminPath + "stages/"
	promptsPath  = page.AdminPath + "prompts/"
	policiesPath = page.AdminPath + "policies/"
)

// found is one object that a search found.
type found struct{ id, name, sub string }

// searchFlowParts finds flows, stages, prompts and policies by text.
func (c *Console) searchFlowParts(r *http.Request, q string) ([]ui.TableProps, error) {
	repos, ctx, at := c.store.Repos(), r.Context(), idp.Paging{Limit: searchLimit, Search: q}
	flows, err := visible(r, idp.ResourceFlow, func() (idp.Page[idp.Flow], error) { return repos.Flows.Find(ctx, idp.FlowFilter{Paging: at}) })
	if err != nil {
		return nil, fmt.Errorf("searching flows: %w", err)
	}
	stages, err := visible(r, idp.ResourceStage, func() (idp.Page[idp.Stage], error) { return repos.Stages.Find(ctx, idp.StageFilter{Paging: at}) })
	if err != nil {
		return nil, fmt.Errorf("searching stages: %w", err)
	}
	prompts, err := visible(r, idp.ResourceStage, func() (idp.Page[idp.Prompt], error) { return repos.Prompts.Find(ctx, idp.PromptFilter{Paging: at}) })
	if err != nil {
		return nil, fmt.Errorf("searching prompts: %w", err)
	}
	policies, err := visible(r, idp.ResourcePolicy, func() (idp.Page[idp.Policy], error) { return repos.Policies.Find(ctx, idp.PolicyFilter{Paging: at}) })
	if err != nil {
		return nil, fmt.Errorf("searching policies: %w", err)
	}
	var out []ui.TableProps
	out = append(out, foundTable("flow", flowsPath, "Slug", q, flows, func(f *idp.Flow) found { return found{f.ID.String(), f.Name, f.Slug} })...)
	out = append(out, foundTable("stage", stagesPath, "Kind", q, stages, func(s *idp.Stage) found { return found{s.ID.String(), s.Name, s.Kind} })...)
	out = append(out, foundTable("prompt", promptsPath, "Field key", q, prompts, func(p *idp.Prompt) found { return found{p.ID.String(), p.Name, p.FieldKey} })...)
	return append(out, foundTable("policy", policiesPath, "Kind", q, policies, func(p *idp.Policy) found { return found{p.ID.String(), p.Name, p.Kind} })...), nil
}

// foundTable lists what was found of one noun; nothing when nothing was.
func foundTable[T any](noun, path, second, q string, list idp.Page[T], of func(*T) found) []ui.TableProps {
	if len(list.Items) == 0 {
		return nil
	}
	title := map[string]string{"flow": "Flows", "stage": "Stages", "prompt": "Prompts", "policy": "Policies",
		"rule": "Notification rules", "transport": "Notification transports", "mapping": "Property mappings"}[noun]
	t := ui.TableProps{ID: "found-" + noun, Caption: title, Title: title, Actions: allOf(list.Total, noun, path, q),
		Columns: []ui.Column{{Label: "Name"}, {Label: second}}}
	for i := range list.Items {
		it := of(&list.Items[i])
		t.Rows = append(t.Rows, ui.Row{ID: it.id, Label: it.name, Cells: []templ.Component{ui.Two(it.name, "", path+it.id+"/"), ui.Mono(it.sub)}})
	}
	return []ui.TableProps{t}
}
