package stagepage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// batch is how many rows are read at once.
const batch = 1000

// usage says where stages and prompts are used.
type usage struct {
	flows  map[idp.StageID][]idp.Flow // by slug
	stages []idp.Stage                // all of them, by name
}

// usage reads the bindings of all flows and the settings of all stages: what an
// installation has of them is counted in dozens.
func (p *Pages) usage(ctx context.Context) (usage, error) {
	u := usage{flows: map[idp.StageID][]idp.Flow{}}
	repos := p.store.Repos()
	flows, err := every(func(at idp.Paging) (idp.Page[idp.Flow], error) {
		return repos.Flows.Find(ctx, idp.FlowFilter{Paging: at})
	})
	if err != nil {
		return u, fmt.Errorf("listing flows: %w", err)
	}
	byID := map[idp.FlowID]idp.Flow{}
	for _, f := range flows {
		byID[f.ID] = f
	}
	bindings, err := every(func(at idp.Paging) (idp.Page[idp.FlowBinding], error) {
		return repos.FlowBindings.Find(ctx, idp.FlowBindingFilter{Paging: at})
	})
	if err != nil {
		return u, fmt.Errorf("listing the stages of flows: %w", err)
	}
	for _, b := range bindings {
		f, known := byID[b.FlowID]
		if known && !slices.ContainsFunc(u.flows[b.StageID], func(o idp.Flow) bool { return o.ID == f.ID }) {
			u.flows[b.StageID] = append(u.flows[b.StageID], f)
		}
	}
	for _, list := range u.flows {
		slices.SortFunc(list, func(a, b idp.Flow) int { return cmp.Compare(a.Slug, b.Slug) })
	}
	u.stages, err = every(func(at idp.Paging) (idp.Page[idp.Stage], error) {
		return repos.Stages.Find(ctx, idp.StageFilter{Paging: at})
	})
	if err != nil {
		return u, fmt.Errorf("listing stages: %w", err)
	}
	slices.SortFunc(u.stages, func(a, b idp.Stage) int { return cmp.Compare(a.Name, b.Name) })
	return u, nil
}

// naming are the stages whose settings name an object.
func (u usage) naming(pk string) []idp.Stage {
	var out []idp.Stage
	for _, s := range u.stages {
		if s.ID.String() != pk && strings.Contains(string(s.Settings), pk) {
			out = append(out, s)
		}
	}
	return out
}

// every reads all pages of a list.
func every[T any](find func(idp.Paging) (idp.Page[T], error)) ([]T, error) {
	var out []T
	for {
		found, err := find(idp.Paging{Limit: batch, Offset: len(out), Order: []string{"pk"}})
		if err != nil {
			return nil, err
		}
		out = append(out, found.Items...)
		if len(found.Items) == 0 || len(out) >= found.Total {
			return out, nil
		}
	}
}
