package api

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Stage is what stages of every kind show.
type Stage struct {
	PK                idp.StageID `json:"pk"`
	Name              string      `json:"name"`
	Component         string      `json:"component"`
	VerboseName       string      `json:"verbose_name"`
	VerboseNamePlural string      `json:"verbose_name_plural"`
	MetaModelName     string      `json:"meta_model_name"`
	FlowSet           []FlowSet   `json:"flow_set"`
}

// FlowSet is a flow that has a stage.
type FlowSet struct {
	PK               idp.FlowID       `json:"pk"`
	PolicyBindingPK  idp.FlowID       `json:"policybindingmodel_ptr_id"`
	Name             string           `json:"name"`
	Slug             string           `json:"slug"`
	Title            string           `json:"title"`
	Designation      idp.Designation  `json:"designation"`
	BackgroundURL    string           `json:"background_url"`
	PolicyEngineMode idp.PolicyMode   `json:"policy_engine_mode"`
	Compatibility    bool             `json:"compatibility_mode"`
	ExportURL        string           `json:"export_url"`
	Layout           idp.Layout       `json:"layout"`
	DeniedAction     idp.DeniedAction `json:"denied_action"`
}

// stageViews shows stages with the flows that have them. A stage whose kind this
// server was built without is shown by its name alone.
func (a *API) stageViews(c *call, list []idp.Stage) ([]Stage, error) {
	views := make([]Stage, 0, len(list))
	wanted := make([]idp.StageID, 0, len(list))
	for i := range list {
		v := Stage{PK: list[i].ID, Name: list[i].Name, VerboseName: list[i].Kind, VerboseNamePlural: list[i].Kind}
		if k, ok := a.Flows.Kind(list[i].Kind); ok {
			v.Component, v.MetaModelName, v.VerboseName, v.VerboseNamePlural = k.Form, k.Model, k.Verbose, k.VerbosePlural
		}
		views, wanted = append(views, v), append(wanted, list[i].ID)
	}
	sets, err := a.flowSets(c, wanted)
	for i := range views {
		views[i].FlowSet = append([]FlowSet{}, sets[views[i].PK]...)
	}
	return views, err
}

// flowSets are the flows of stages, each of them once.
func (a *API) flowSets(c *call, stages []idp.StageID) (map[idp.StageID][]FlowSet, error) {
	out := map[idp.StageID][]FlowSet{}
	if len(stages) == 0 {
		return out, nil
	}
	bindings, err := every(func(p idp.Paging) (idp.Page[idp.FlowBinding], error) {
		return a.Store.Repos().FlowBindings.Find(c, idp.FlowBindingFilter{StageIDs: stages, Paging: p})
	})
	if err != nil || len(bindings) == 0 {
		return out, err
	}
	flows, has := []idp.FlowID{}, map[idp.FlowID][]idp.StageID{}
	for _, b := range bindings {
		flows = append(flows, b.FlowID)
		if !slices.Contains(has[b.FlowID], b.StageID) {
			has[b.FlowID] = append(has[b.FlowID], b.StageID)
		}
	}
	rows, err := every(func(p idp.Paging) (idp.Page[idp.Flow], error) {
		return a.Store.Repos().Flows.Find(c, idp.FlowFilter{IDs: flows, Paging: p})
	})
	for _, f := range rows {
		for _, stage := range has[f.ID] {
			out[stage] = append(out[stage], FlowSet{PK: f.ID, PolicyBindingPK: f.ID, Name: f.Name, Slug: f.Slug, Title: f.Title,
				Designation: f.Designation, BackgroundURL: f.Background, PolicyEngineMode: f.PolicyMode,
				Compatibility: f.CompatibilityMode, Layout: f.Layout, DeniedAction: f.DeniedAction, ExportURL: exportURL(f.Slug)})
		}
	}
	return out, err
}

func (a *API) stagesByID(c *call, wanted []idp.StageID) (map[idp.StageID]*idp.Stage, error) {
	rows, err := every(func(p idp.Paging) (idp.Page[idp.Stage], error) {
		return a.Store.Repos().Stages.Find(c, idp.StageFilter{IDs: append([]idp.StageID{}, wanted...), Paging: p})
	})
	out := map[idp.StageID]*idp.Stage{}
	for i := range rows {
		out[rows[i].ID] = &rows[i]
	}
	return out, err
}

var (
	stageOrdering = []string{"name", "pk"}
	// stageFilters are taken by the lists of stages of every kind.
	stageFilters = []param{{name: "name", kind: text}, {name: "stage_uuid", kind: id},
		{name: "no_flows", kind: boolean, help: "Stages that no flow has, or those that some flow has."}}
)

func stageFilter(c *call, p idp.Paging) idp.StageFilter {
	f := idp.StageFilter{Paging: p, Name: c.query.text("name"), IDs: ids[idp.Stage](c.query, "stage_uuid")}
	if no := c.query.bool("no_flows"); no != nil {
		bound := !*no
		f.Bound = &bound
	}
	return f
}

func (a *API) findStages(c *call, f idp.StageFilter) (idp.Page[idp.Stage], error) {
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceStage}); err != nil {
		return idp.Page[idp.Stage]{}, err
	}
	return a.Store.Repos().Stages.Find(c, f)
}

func stageKey(c *call) (idp.StageID, error) {
	return web.IDParam[idp.Stage](c.r, "stage_uuid", "stage")
}

// stageOf finds the stage of the path that the caller may treat so.
func (a *API) stageOf(c *call, verb idp.Verb) (*idp.Stage, error) {
	id, err := stageKey(c)
	if err != nil {
		return nil, err
	}
	if err := a.Access.Check(c.actor, verb, idp.Object{Resource: idp.ResourceStage}); err != nil {
		return nil, err
	}
	return a.Store.Repos().Stages.Get(c, id)
}

func (a *API) allStages() resource[Stage, struct{}] {
	return resource[Stage, struct{}]{
		path: "/stages/all/", key: "stage_uuid", name: "Stage", id: "stages_all", plural: "stages of every kind", tag: "stages",
		filters: stageFilters, ordering: stageOrdering,
		list: func(c *call, p idp.Paging) ([]Stage, int, error) {
			page, err := a.findStages(c, stageFilter(c, p))
			if err != nil {
				return nil, 0, err
			}
			views, err := a.stageViews(c, page.Items)
			return views, page.Total, err
		},
		get: func(c *call, _ string) (*Stage, error) {
			st, err := a.stageOf(c, idp.VerbRead)
			if err != nil {
				return nil, err
			}
			views, err := a.stageViews(c, []idp.Stage{*st})
			if err != nil {
				return nil, err
			}
			return &views[0], nil
		},
		destroy: func(c *call, _ string) error {
			st, err := a.stageOf(c, idp.VerbDelete)
			if err != nil {
				return err
			}
			return a.Configure.DeleteStage(c, c.actor, st.ID)
		},
		usedBy: func(c *call, _ string) ([]UsedBy, error) {
			st, err := a.stageOf(c, idp.VerbRead)
			if err != nil {
				return nil, err
			}
			return a.usersOfStage(c, st)
		},
	}
}

// UserSetting is something of their own that people may set up in a flow.
type UserSetting struct {
	ObjectUID    string `json:"object_uid"`
	Component    string `json:"component"`
	Title        string `json:"title"`
	ConfigureURL string `json:"configure_url"`
	IconURL      string `json:"icon_url"`
}

func (a *API) mountStageActions() {
	a.kit.add(operation{method: http.MethodGet, path: "/stages/all/types/", id: "stages_all_types_list", tag: "stages",
		summary: "List the kinds of stages", response: reflect.TypeFor[[]TypeCreate](), run: a.stageTypes})
	a.kit.add(operation{method: http.MethodGet, path: "/stages/all/user_settings/", id: "stages_all_user_settings_list", tag: "stages",
		summary: "List what the caller may set up in flows", response: reflect.TypeFor[[]UserSetting](), run: a.userSettings})
}

func (a *API) stageTypes(c *call) (any, error) {
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceStage}); err != nil {
		return nil, err
	}
	out := []TypeCreate{}
	for _, k := range a.Flows.Kinds() {
		_, model, _ := strings.Cut(k.Model, ".")
		out = append(out, TypeCreate{Name: k.Verbose, Description: k.Summary, Component: k.Form, ModelName: model})
	}
	return out, nil
}

// configureFlow is the setting that names the flow in which people set up what
// the stage asks of them.
const configureFlow = "configure_flow"

// userSettings are for everybody: they are links, and the flows decide.
func (a *API) userSettings(c *call) (any, error) {
	out := []UserSetting{}
	for _, k := range a.Flows.Kinds() {
		if !hasSetting(k, configureFlow) {
			continue
		}
		rows, err := every(func(p idp.Paging) (idp.Page[idp.Stage], error) {
			return a.Store.Repos().Stages.Find(c, idp.StageFilter{Kind: &k.Name, Paging: p})
		})
		if err != nil {
			return nil, err
		}
		for i := range rows {
			f, err := a.configuredIn(c, k, &rows[i])
			if err != nil {
				return nil, err
			}
			if f != nil {
				out = append(out, UserSetting{ObjectUID: rows[i].ID.String(), Title: f.Title, ConfigureURL: flow.Path(f.Slug),
					Component: "ak-user-settings-" + strings.ReplaceAll(k.Name, "_", "-")})
			}
		}
	}
	return out, nil
}

func hasSetting(k flow.Kind, name string) bool {
	for _, s := range k.Describe() {
		if s.Name == name {
			return true
		}
	}
	return false
}

// configuredIn is the flow in which people set up what the stage asks; nil
// without one.
func (a *API) configuredIn(c *call, k flow.Kind, st *idp.Stage) (*idp.Flow, error) {
	v, err := (stages{API: a, kind: k}).settings(st)
	if err != nil {
		return nil, err
	}
	pk, _ := v[configureFlow].(string)
	id, err := idp.ParseID[idp.Flow](pk)
	if err != nil {
		return nil, nil // none
	}
	f, err := a.Store.Repos().Flows.Get(c, id)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil
	}
	return f, err
}
