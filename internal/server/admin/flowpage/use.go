package flowpage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// batch is how many rows are read at once.
const batch = 1000

// every reads all pages of a list.
func every[T any](find func(idp.Paging) (idp.Page[T], error)) ([]T, error) {
	var out []T
	for {
		found, err := find(idp.Paging{Limit: batch, Offset: len(out)})
		if err != nil {
			return nil, err
		}
		out = append(out, found.Items...)
		if len(found.Items) == 0 || len(out) >= found.Total {
			return out, nil
		}
	}
}

// use says what points to a flow.
type use struct {
	Brands []brandUse
	Stages []idp.Stage
}

// brandUse is a brand with what it uses the flow for.
type brandUse struct {
	Brand *idp.Brand
	For   []string // "lockdown flow", …
}

// brandFlows are the flows of a brand, by what they are for.
func brandFlows(b *idp.Brand) []struct {
	For  string
	Flow *idp.FlowID
} {
	return []struct {
		For  string
		Flow *idp.FlowID
	}{
		{"authentication flow", b.FlowAuthentication}, {"invalidation flow", b.FlowInvalidation}, {"recovery flow", b.FlowRecovery},
		{"unenrollment flow", b.FlowUnenrollment}, {"user settings flow", b.FlowUserSettings}, {"device code flow", b.FlowDeviceCode},
		{"lockdown flow", b.FlowLockdown},
	}
}

// brandUses lists which brands point to which flows.
func brandUses(brands []idp.Brand) map[idp.FlowID][]brandUse {
	out := map[idp.FlowID][]brandUse{}
	for i := range brands {
		for _, choice := range brandFlows(&brands[i]) {
			if choice.Flow == nil {
				continue
			}
			list := out[*choice.Flow]
			if n := len(list); n == 0 || list[n-1].Brand != &brands[i] {
				list = append(list, brandUse{Brand: &brands[i]})
			}
			list[len(list)-1].For = append(list[len(list)-1].For, choice.For)
			out[*choice.Flow] = list
		}
	}
	return out
}

func (p *Pages) brands(ctx context.Context) ([]idp.Brand, error) {
	out, err := every(func(at idp.Paging) (idp.Page[idp.Brand], error) {
		return p.d.Store.Repos().Brands.Find(ctx, idp.BrandFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("listing brands: %w", err)
	}
	return out, nil
}

func (p *Pages) stages(ctx context.Context) ([]idp.Stage, error) {
	out, err := every(func(at idp.Paging) (idp.Page[idp.Stage], error) {
		return p.d.Store.Repos().Stages.Find(ctx, idp.StageFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("listing stages: %w", err)
	}
	return out, nil
}

// use finds what points to the flow.
func (p *Pages) use(ctx context.Context, id idp.FlowID, stages []idp.Stage) (use, error) {
	brands, err := p.brands(ctx)
	if err != nil {
		return use{}, err
	}
	u := use{Brands: brandUses(brands)[id]}
	for i := range stages {
		if p.names(&stages[i], id) {
			u.Stages = append(u.Stages, stages[i])
		}
	}
	return u, nil
}

// names reports whether the settings of a stage name the flow.
func (p *Pages) names(st *idp.Stage, id idp.FlowID) bool {
	pk := id.String()
	if !strings.Contains(string(st.Settings), pk) {
		return false
	}
	kind, ok := p.d.Stages.Kind(st.Kind)
	values := map[string]any{}
	if !ok || json.Unmarshal(st.Settings, &values) != nil {
		return true // nothing knows better
	}
	for _, setting := range kind.Describe() {
		if setting.Ref != "flow" {
			continue
		}
		list, _ := values[setting.Name].([]any)
		if values[setting.Name] == pk || slices.Contains(list, any(pk)) {
			return true
		}
	}
	return false
}

// told are the uses as sentences of what a deletion leaves behind.
func (u use) told() []string {
	var out []string
	for _, b := range u.Brands {
		out = append(out, "The brand "+b.Brand.Domain+" is left without its "+listed(b.For))
	}
	for i := range u.Stages {
		out = append(out, "The stage “"+u.Stages[i].Name+"” names it: it goes on without, or keeps you from deleting")
	}
	return out
}

// listed joins words as in a sentence.
func listed(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// sentence begins words as a sentence begins.
func sentence(words string) string {
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}
