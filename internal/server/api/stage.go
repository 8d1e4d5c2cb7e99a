package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// stageReadOnly are keys of a stage that the server sets. They may be sent.
var stageReadOnly = []string{"pk", "component", "verbose_name", "verbose_name_plural", "meta_model_name", "flow_set"}

// secretFormat marks settings that are written and never shown.
const secretFormat = "secret"

// stages offers the stages of one kind. Beside the name, their keys are the
// kind's own settings: nothing here knows what the kind is about.
type stages struct {
	*API
	kind     flow.Kind
	name     string   // in the document: AccountLockdownStage
	required []string // settings without which no stage is created or replaced
}

// place is where the stages of a kind are offered when its name does not say it,
// and which settings the contract wants of whoever creates or replaces one.
type place struct {
	path     string
	name     string // in the document, when the kind's name does not say it
	required []string
	// lists are keys of the contract for objects that are not offered: always empty.
	lists []string
}

// places of the contract. Kinds that have other objects beside their stages have
// the stages one level below.
var places = map[string]place{
	"authenticator_static":   {path: "authenticator/static"},
	"authenticator_totp":     {path: "authenticator/totp", name: "AuthenticatorTOTPStage", required: []string{"digits"}},
	"authenticator_validate": {path: "authenticator/validate", lists: []string{"webauthn_allowed_device_types_obj"}},
	"authenticator_webauthn": {path: "authenticator/webauthn", name: "AuthenticatorWebAuthnStage", lists: []string{"device_type_restrictions_obj"}},

	"invitation": {path: "invitation/stages"},
	"password":   {required: []string{"backends"}},
	"prompt":     {path: "prompt/stages", required: []string{"fields"}},
	"redirect":   {required: []string{"mode"}},
}

// mountEveryStage adds the stages of every kind that the server was built with.
func (a *API) mountEveryStage() {
	for _, k := range a.Flows.Kinds() {
		at := places[k.Name]
		a.mountStages(k, cmp.Or(at.path, k.Name), cmp.Or(at.name, schemaOf(k.Name)), at.required)
	}
}

// schemaOf makes UserLoginStage of user_login.
func schemaOf(kind string) string {
	out := ""
	for _, word := range strings.Split(kind, "_") {
		if word != "" {
			out += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return out + "Stage"
}

// mountStages adds the resource of one kind.
func (a *API) mountStages(k flow.Kind, path, name string, required []string) {
	s := stages{API: a, kind: k, name: name, required: required}
	id := "stages_" + strings.ReplaceAll(path, "/", "_") + "_"
	path = "/stages/" + path + "/"
	one := path + "{stage_uuid}/"
	params := slices.Concat(pageParams(stageOrdering), stageFilters, s.filters())
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
		op.tag, op.kind, op.bodyName, op.needs = "stages", &s.kind, name, required
		a.kit.add(op)
	}
}

// filters are the kind's own settings.
func (s stages) filters() []param { return settingParams(s.kind.Describe()) }

func (s stages) list(c *call) (any, error) {
	p, page, err := paging(c.query, stageOrdering)
	if err != nil {
		return nil, err
	}
	f := stageFilter(c, p)
	f.Kind, f.Settings = &s.kind.Name, settingValues(c.query, s.filters())
	found, err := s.findStages(c, f)
	if err != nil {
		return nil, err
	}
	views, err := s.views(c, found.Items)
	if err != nil {
		return nil, err
	}
	return paginate(views, found.Total, page, p.Limit)
}

// views merge the settings with what every stage shows.
func (s stages) views(c *call, list []idp.Stage) ([]map[string]any, error) {
	plain, err := s.stageViews(c, list)
	if err != nil {
		return nil, err
	}
	views := make([]map[string]any, 0, len(list))
	for i := range list {
		v, err := s.settings(&list[i])
		if err != nil {
			return nil, err
		}
		p := plain[i]
		for _, name := range places[s.kind.Name].lists {
			v[name] = []any{}
		}
		v["pk"], v["name"], v["component"], v["meta_model_name"] = p.PK, p.Name, p.Component, p.MetaModelName
		v["verbose_name"], v["verbose_name_plural"], v["flow_set"] = p.VerboseName, p.VerboseNamePlural, p.FlowSet
		views = append(views, v)
	}
	return views, nil
}

// settings are what the stage is set to, without what is kept secret. What an
// earlier version stored and this one cannot read is shown as it is: one such
// stage must not hide the others.
func (s stages) settings(st *idp.Stage) (map[string]any, error) {
	settings, err := s.kind.Decode(st.Settings)
	if err != nil {
		settings = st.Settings
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	v := map[string]any{}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	for _, setting := range s.kind.Describe() {
		if setting.Format == secretFormat {
			delete(v, setting.Name)
		}
	}
	return v, nil
}

func (s stages) view(c *call, st *idp.Stage) (any, error) {
	views, err := s.views(c, []idp.Stage{*st})
	if err != nil {
		return nil, err
	}
	return views[0], nil
}

// find finds the stage of the path that the caller may treat so. A stage's kind
// never changes.
func (s stages) find(c *call, verb idp.Verb) (*idp.Stage, error) {
	st, err := s.stageOf(c, verb)
	if err == nil && st.Kind != s.kind.Name {
		return nil, idp.NotFound("stage")
	}
	return st, err
}

func (s stages) get(c *call) (any, error) {
	st, err := s.find(c, idp.VerbRead)
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
	return n, object, s.complete(object, m, decodeObject(own, &n, m))
}

// complete adds to the faults of the name that a setting is missing which a stage
// of the kind cannot do without.
func (s stages) complete(object map[string]json.RawMessage, m mode, err error) error {
	var faults idp.Faults
	for _, key := range s.required {
		if _, sent := object[key]; m == whole && !sent {
			faults.Add(key, "This field is required.")
		}
	}
	if err == nil {
		return faults.Err()
	}
	var e *idp.Error
	if errors.As(err, &e) {
		for field, messages := range e.Fields {
			for _, message := range messages {
				faults.Add(field, "%s", message)
			}
		}
	}
	return faults.Err()
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
		if err := json.Unmarshal(st.Settings, &settings); err != nil {
			return err
		}
		if m == whole {
			maps.DeleteFunc(settings, func(name string, _ json.RawMessage) bool { return !s.secret(name) })
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

// secret reports whether a setting is never shown. Nobody can send back what
// they cannot read: it stays unless another one is sent.
func (s stages) secret(name string) bool {
	return slices.ContainsFunc(s.kind.Describe(), func(d flow.Setting) bool { return d.Format == secretFormat && d.Name == name })
}

func (s stages) destroy(c *call) (any, error) {
	st, err := s.find(c, idp.VerbDelete)
	if err != nil {
		return nil, err
	}
	return nil, s.Configure.DeleteStage(c, c.actor, st.ID)
}

func (s stages) usedBy(c *call) (any, error) {
	st, err := s.find(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	return s.usersOfStage(c, st)
}
