package settingsform

import (
	"context"
	"fmt"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Choices are the things that settings may point to, by the setting's Ref.
type Choices map[string][]ui.Option

// maxChoices bounds a select; what is chosen beyond it is kept.
const maxChoices = 1000

// Lookup reads what the settings may point to.
func Lookup(ctx context.Context, repos idp.Repos, settings []flow.Setting) (Choices, error) {
	out := Choices{}
	for _, s := range settings {
		if s.Ref == "" || s.Unoffered || out[s.Ref] != nil {
			continue
		}
		options, err := options(ctx, repos, s.Ref)
		if err != nil {
			return nil, fmt.Errorf("listing what %s may be: %w", s.Name, err)
		}
		out[s.Ref] = options
	}
	return out, nil
}

func options(ctx context.Context, repos idp.Repos, ref string) ([]ui.Option, error) {
	to, kind, _ := strings.Cut(ref, ":")
	by := func(order string) idp.Paging { return idp.Paging{Limit: maxChoices, Order: []string{order}} }
	switch to {
	case "flow":
		found, err := repos.Flows.Find(ctx, idp.FlowFilter{Paging: by("slug")})
		return list(found, err, func(f *idp.Flow) ui.Option {
			return ui.Option{Value: f.ID.String(), Label: f.Name + " (" + f.Slug + ")"}
		})
	case "stage":
		filter := idp.StageFilter{Paging: by("name")}
		if kind != "" {
			filter.Kind = &kind
		}
		found, err := repos.Stages.Find(ctx, filter)
		return list(found, err, func(s *idp.Stage) ui.Option {
			return ui.Option{Value: s.ID.String(), Label: s.Name}
		})
	case "prompt":
		found, err := repos.Prompts.Find(ctx, idp.PromptFilter{Paging: by("order")})
		return list(found, err, func(p *idp.Prompt) ui.Option {
			return ui.Option{Value: p.ID.String(), Label: p.Name, Hint: fmt.Sprintf("%s · %s · order %d", p.FieldKey, choice(p.Type), p.Order)}
		})
	case "policy":
		found, err := repos.Policies.Find(ctx, idp.PolicyFilter{Paging: by("name")})
		return list(found, err, func(p *idp.Policy) ui.Option {
			return ui.Option{Value: p.ID.String(), Label: p.Name, Hint: choice(p.Kind)}
		})
	case "group":
		found, err := repos.Groups.Find(ctx, idp.GroupFilter{Paging: by("name")})
		return list(found, err, func(g *idp.Group) ui.Option {
			return ui.Option{Value: g.ID.String(), Label: g.Name}
		})
	}
	return nil, nil
}

func list[T any](found idp.Page[T], err error, option func(*T) ui.Option) ([]ui.Option, error) {
	if err != nil {
		return nil, err
	}
	out := make([]ui.Option, 0, len(found.Items))
	for i := range found.Items {
		out = append(out, option(&found.Items[i]))
	}
	return out, nil
}

// with are the choices and, behind them, chosen values that are not among them:
// saving a form must not lose silently what it could not show.
func (c Choices) with(ref string, chosen ...string) []ui.Option {
	out := append([]ui.Option(nil), c[ref]...)
	known := map[string]bool{"": true}
	for _, o := range out {
		known[o.Value] = true
	}
	for _, v := range chosen {
		if !known[v] {
			out = append(out, ui.Option{Value: v, Label: "Not found: " + v})
		}
	}
	return out
}
