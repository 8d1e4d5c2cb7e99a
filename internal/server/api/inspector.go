package api

import (
	"net/http"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// FlowInspection shows where the browser's run of a flow stands, and why.
type FlowInspection struct {
	Plans       []FlowInspectorPlan  `json:"plans"`
	CurrentPlan *FlowInspectorPlan   `json:"current_plan"`
	IsCompleted bool                 `json:"is_completed"`
	FlowVerdict *flow.Verdict        `json:"flow_verdict"`
	Stages      []FlowInspectorStage `json:"stages"`
}

// FlowInspectorPlan is how the run stood at one stage.
type FlowInspectorPlan struct {
	CurrentStage     *FlowStageBinding `json:"current_stage"`
	NextPlannedStage *FlowStageBinding `json:"next_planned_stage"`
	PlanContext      map[string]any    `json:"plan_context"`
	SessionID        string            `json:"session_id"`
}

// FlowInspectorStage is one stage of the flow, what became of it, and what its
// policies said.
type FlowInspectorStage struct {
	Binding  idp.FlowBindingID `json:"binding"`
	Stage    string            `json:"stage"`
	Kind     string            `json:"kind"`
	Standing flow.Standing     `json:"standing" enum:"passed,current,planned,left out,not reached"`
	Verdict  *flow.Verdict     `json:"verdict"`
}

func (a *API) mountInspector() {
	a.kit.add(operation{method: http.MethodGet, path: "/flows/inspector/{flow_slug}/", id: "flows_inspector_get", tag: "flows", anonymous: true,
		summary:  "Where this browser's run of a flow stands, for whoever may inspect flows",
		response: reflect.TypeFor[FlowInspection](), run: a.inspectFlow})
}

// inspectFlow is open to browsers in which nobody is signed in (any more): a
// sign-in flow is watched by whoever began to watch it.
func (a *API) inspectFlow(c *call) (any, error) {
	v, err := visit(c)
	if err != nil {
		return nil, err
	}
	found, err := a.Flows.Inspect(c, v)
	if err != nil {
		return nil, err
	}
	return a.inspection(c, found)
}

func (a *API) inspection(c *call, i *flow.Inspection) (*FlowInspection, error) {
	var rows []idp.FlowBinding
	out := &FlowInspection{Plans: []FlowInspectorPlan{}, IsCompleted: i.Completed, FlowVerdict: i.Flow, Stages: []FlowInspectorStage{}}
	for _, s := range i.Stages {
		if s.Kind != "" { // of a stage that exists
			rows = append(rows, s.Binding)
		}
		out.Stages = append(out.Stages, FlowInspectorStage{s.Binding.ID, s.Name, s.Kind, s.Standing, s.Verdict})
	}
	views, err := a.flowBindingViews(c, rows)
	if err != nil {
		return nil, err
	}
	plan := func(p flow.InspectedPlan) FlowInspectorPlan {
		view := func(id *idp.FlowBindingID) *FlowStageBinding {
			for n := range views {
				if id != nil && views[n].PK == *id {
					return &views[n]
				}
			}
			return nil
		}
		return FlowInspectorPlan{view(p.Current), view(p.Next), p.Context, i.Session}
	}
	for _, p := range i.Plans {
		out.Plans = append(out.Plans, plan(p))
	}
	if i.Current != nil {
		now := plan(*i.Current)
		out.CurrentPlan = &now
	}
	return out, nil
}
