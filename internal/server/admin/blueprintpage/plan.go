package blueprintpage

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// planView is what applying a document would do, or did.
type planView struct {
	Changes  []blueprint.Change // that change something
	Quiet    []blueprint.Change // that do not
	Warnings []blueprint.Problem
	Href     string // of the page that shows the document's lines; "" = this one
}

func viewOf(r *blueprint.Report, href string) *planView {
	v := &planView{Warnings: r.Problems, Href: href}
	for _, c := range r.Changes {
		switch c.Effect {
		case blueprint.EffectUnchanged, blueprint.EffectSkipped:
			v.Quiet = append(v.Quiet, c)
		default:
			v.Changes = append(v.Changes, c)
		}
	}
	return v
}

// effect is what becomes of an entry as people read it.
type effect struct {
	tone ui.Tone
	icon ui.IconName
	word string // of what would be done
	done string
}

var effects = map[string]effect{
	blueprint.EffectCreated:   {ui.ToneOK, ui.IconPlus, "Create", "created"},
	blueprint.EffectChanged:   {ui.ToneInfo, ui.IconPencil, "Change", "changed"},
	blueprint.EffectRemoved:   {ui.ToneBad, ui.IconTrash, "Remove", "removed"},
	blueprint.EffectUnchanged: {ui.ToneNeutral, ui.IconCheck, "Unchanged", "unchanged"},
	blueprint.EffectSkipped:   {ui.ToneWarn, ui.IconCircleMinus, "Skipped", "skipped"},
}

// counted are the effects of a report in words: "2 created, 1 changed".
func counted(r *blueprint.Report) string {
	counts := map[string]int{}
	for _, c := range r.Changes {
		counts[c.Effect]++
	}
	var out []string
	for _, e := range []string{blueprint.EffectCreated, blueprint.EffectChanged, blueprint.EffectRemoved, blueprint.EffectUnchanged, blueprint.EffectSkipped} {
		if n := counts[e]; n > 0 {
			out = append(out, fmt.Sprintf("%s %s", ui.Number(n), effects[e].done))
		}
	}
	if len(out) == 0 {
		return "nothing in it"
	}
	return strings.Join(out, ", ")
}

// stats are the counts above a plan.
func (v *planView) stats() []ui.StatProps {
	counts := map[string]int{}
	for _, c := range append(append([]blueprint.Change{}, v.Changes...), v.Quiet...) {
		counts[c.Effect]++
	}
	tone := func(effect string, t ui.Tone) ui.Tone {
		if counts[effect] == 0 {
			return ""
		}
		return t
	}
	out := []ui.StatProps{
		{Label: "To create", Value: ui.Number(counts[blueprint.EffectCreated]), Icon: ui.IconPlus, Tone: tone(blueprint.EffectCreated, ui.ToneOK)},
		{Label: "To change", Value: ui.Number(counts[blueprint.EffectChanged]), Icon: ui.IconPencil},
		{Label: "To remove", Value: ui.Number(counts[blueprint.EffectRemoved]), Icon: ui.IconTrash, Tone: tone(blueprint.EffectRemoved, ui.ToneBad)},
		{Label: "Unchanged", Value: ui.Number(counts[blueprint.EffectUnchanged]), Icon: ui.IconCheck},
	}
	if n := counts[blueprint.EffectSkipped]; n > 0 {
		out = append(out, ui.StatProps{Label: "Skipped", Value: ui.Number(n), Icon: ui.IconCircleMinus, Tone: ui.ToneWarn})
	}
	return out
}

// nouns are the models as people call them.
var nouns = map[string]string{
	"authentik_flows.flow": "Flow", "authentik_flows.flowstagebinding": "Stage binding", "authentik_stages_prompt.prompt": "Prompt",
	"authentik_policies.policybinding": "Policy binding", "authentik_brands.brand": "Brand", "authentik_core.user": "User",
	"authentik_core.group": "Group", "authentik_core.token": "Token", "authentik_blueprints.metaapplyblueprint": "Blueprint",
}

// noun is what people call an object of the model.
func noun(model string) string {
	if n := nouns[model]; n != "" {
		return n
	}
	_, last, _ := strings.Cut(model, ".")
	for _, end := range []string{"stage", "policy"} {
		if kind, ok := strings.CutSuffix(last, end); ok && kind != "" {
			return strings.ToUpper(kind[:1]) + kind[1:] + " " + end
		}
	}
	return model
}

// nameOf is what an entry is called: by its object, by itself, or by its number.
func nameOf(c blueprint.Change) string {
	switch {
	case c.Name != "":
		return c.Name
	case c.ID != "":
		return c.ID
	}
	return fmt.Sprintf("entry %d", c.Entry)
}

// value is a value of a field as text. empty says that there is none.
func value(v any) (text string, empty bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, v == ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v), false
	}
	if s := string(raw); len(s) <= 60 {
		return s, false
	}
	raw, err = json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Sprint(v), false
	}
	return string(raw), false
}

func (v *planView) line(n int) string { return fmt.Sprintf("%s#line-%d", v.Href, n) }
