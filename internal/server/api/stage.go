package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

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

// stageReadOnly are keys of a stage that the server sets. They may be sent.
var stageReadOnly = []string{"pk", "component", "verbose_name", "verbose_name_plural", "meta_model_name", "flow_set"}

// stages offers the stages of one kind. Beside the name, their keys are the
// kind's own settings: nothing here knows what the kind is about.
type stages struct {
	*API
	kind flow.Kind
	name string // in the document: AccountLockdownStage
}

// mountStages adds the resource of one kind.
func (a *API) mountStages(kind, name string) {
	k, ok := a.Flows.Kind(kind)
	if !ok {
		return // a server built without the kind does not offer its stages
	}
	s := stages{API: a, kind: k, name: name}
	path, id := "/stages/"+kind+"/", "stages_"+kind+"_"
	one := path + "{stage_uuid}/"
	params := slices.Concat(pageParams(stageOrdering), []param{{name: "name", kind: text}}, notOffered("stage_uuid"))
	for _, op := range []operation{
		{method: http.MethodGet, path: path, id: id + "list", summary: "List stages: " + k.Summary, params: params, shape: "list", run: s.list},
		{method: http.MethodPost, path: path, id: id + "create", summary: "Create a stage", shape: "one", takes: "whole",
			status: http.StatusCreated, run: s.create},
		{method: http.MethodGet, path: one, id: id + "retrieve", summary: "Get a stage", shape: "one", run: s.get},
		{method: http.MethodPut, path: one, id: id + "update", summary: "Replace a stage", shape: "one", takes: "whole",
			run: func(c *call) (any, error) { return s.change(c, whole) }},
		{method: http.MethodPatch, path: one, id: id + "partial_update", summary: "Change a stage", shape: "one", takes: "partial",
			run: func(c *call) (any, error) { return s.change(c, partial) }},
		{method: http.MethodDelete, path: one, id: id + "destroy", summary: "Delete a stage", run: s.destroy},
		{method: http.MethodGet, path: one + "used_by/", id: id + "used_by_list", summary: "List what refers to a stage", shape: "used", run: s.usedBy},
	} {
		op.tag, op.kind, op.bodyName = "stages", &s.kind, name
		a.kit.add(op)
	}
}

var stageOrdering = []string{"name", "pk"}

func (s stages) may(c *call, verb idp.Verb) error {
	return s.Access.Check(c.actor, verb, idp.Object{Resource: idp.ResourceStage})
}

func (s stages) list(c *call) (any, error) {
	if err := s.may(c, idp.VerbList); err != nil {
		return nil, err
	}
	p, page, err := paging(c.query, stageOrdering)
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Repos().Stages.Find(c, idp.StageFilter{Paging: p, Kind: &s.kind.Name, Name: c.query.text("name")})
	if err != nil {
		return nil, err
	}
	views := make([]map[string]any, 0, len(found.Items))
	for i := range found.Items {
		v, err := s.view(c, &found.Items[i])
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return paginate(views, found.Total, page, p.Limit)
}

// view merges the settings with what every stage shows.
func (s stages) view(c *call, st *idp.Stage) (map[string]any, error) {
	settings, err := s.kind.Decode(st.Settings)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	v := map[string]any{}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	flows, err := s.flowSet(c, st.ID)
	if err != nil {
		return nil, err
	}
	v["pk"], v["name"], v["component"], v["meta_model_name"] = st.ID, st.Name, s.kind.Form, s.kind.Model
	v["verbose_name"], v["verbose_name_plural"], v["flow_set"] = s.kind.Verbose, s.kind.VerbosePlural, flows
	return v, nil
}

func (s stages) flowSet(c *call, id idp.StageID) ([]FlowSet, error) {
	out := []FlowSet{}
	bindings, err := s.Store.Repos().FlowBindings.Find(c, idp.FlowBindingFilter{StageID: &id, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil || len(bindings.Items) == 0 {
		return out, err
	}
	var wanted []idp.FlowID
	for _, b := range bindings.Items {
		wanted = append(wanted, b.FlowID)
	}
	flows, err := s.Store.Repos().Flows.Find(c, idp.FlowFilter{IDs: wanted, Paging: idp.Paging{Limit: maxPageSize}})
	for _, f := range flows.Items {
		out = append(out, FlowSet{PK: f.ID, PolicyBindingPK: f.ID, Name: f.Name, Slug: f.Slug, Title: f.Title, Designation: f.Designation,
			BackgroundURL: f.Background, PolicyEngineMode: f.PolicyMode, Compatibility: f.CompatibilityMode, Layout: f.Layout,
			DeniedAction: f.DeniedAction, ExportURL: Base + "/flows/instances/" + f.Slug + "/export/"})
	}
	return out, err
}

func stageKey(c *call) (idp.StageID, error) {
	return web.IDParam[idp.Stage](c.r, "stage_uuid", "stage")
}

func (s stages) find(c *call) (*idp.Stage, error) {
	id, err := stageKey(c)
	if err != nil {
		return nil, err
	}
	st, err := s.Store.Repos().Stages.Get(c, id)
	if err == nil && st.Kind != s.kind.Name {
		return nil, idp.NotFound("stage")
	}
	return st, err
}

func (s stages) get(c *call) (any, error) {
	if err := s.may(c, idp.VerbRead); err != nil {
		return nil, err
	}
	st, err := s.find(c)
	if err != nil {
		return nil, err
	}
	return s.view(c, st)
}

// stageName is the part of a stage's body that every kind has.
type stageName struct {
	Name Optional[string] `json:"name" api:"required" max:"255"`
}

// read takes the name from the body; what is left are settings.
func (s stages) read(c *call, m mode) (stageName, map[string]json.RawMessage, error) {
	var n stageName
	object, err := readObject(c.r)
	if err != nil {
		return n, nil, err
	}
	own := map[string]json.RawMessage{}
	if raw, sent := object["name"]; sent {
		own["name"] = raw
		delete(object, "name")
	}
	for _, key := range stageReadOnly {
		delete(object, key)
	}
	return n, object, decodeObject(own, &n, m)
}

func (s stages) create(c *call) (any, error) {
	n, object, err := s.read(c, whole)
	if err != nil {
		return nil, err
	}
	st := idp.Stage{Name: n.Name.Value, Kind: s.kind.Name}
	if st.Settings, err = json.Marshal(object); err != nil {
		return nil, err
	}
	made, err := s.Configure.CreateStage(c, c.actor, st)
	if err != nil {
		return nil, err
	}
	return s.view(c, made)
}

func (s stages) change(c *call, m mode) (any, error) {
	n, object, err := s.read(c, m)
	if err != nil {
		return nil, err
	}
	id, err := stageKey(c)
	if err != nil {
		return nil, err
	}
	changed, err := s.Configure.UpdateStage(c, c.actor, id, func(st *idp.Stage) error {
		if st.Kind != s.kind.Name {
			return idp.NotFound("stage")
		}
		if n.Name.Set {
			st.Name = n.Name.Value
		}
		settings := map[string]json.RawMessage{}
		if m == partial {
			if err := json.Unmarshal(st.Settings, &settings); err != nil {
				return err
			}
		}
		maps.Copy(settings, object)
		var err error
		st.Settings, err = json.Marshal(settings)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.view(c, changed)
}

func (s stages) destroy(c *call) (any, error) {
	if err := s.may(c, idp.VerbDelete); err != nil {
		return nil, err
	}
	st, err := s.find(c) // a stage's kind never changes
	if err != nil {
		return nil, err
	}
	return nil, s.Configure.DeleteStage(c, c.actor, st.ID)
}

// usedBy lists the bindings that would go with the stage.
func (s stages) usedBy(c *call) (any, error) {
	if err := s.may(c, idp.VerbRead); err != nil {
		return nil, err
	}
	st, err := s.find(c)
	if err != nil {
		return nil, err
	}
	bindings, err := s.Store.Repos().FlowBindings.Find(c, idp.FlowBindingFilter{StageID: &st.ID, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil {
		return nil, err
	}
	out := []UsedBy{}
	for _, b := range bindings.Items {
		out = append(out, UsedBy{App: "authentik_flows", ModelName: "flowstagebinding", PK: b.ID.String(),
			Name: "Flow-stage binding #" + strconv.Itoa(b.Order) + " to " + b.FlowID.String(), Action: "cascade"})
	}
	return out, nil
}
