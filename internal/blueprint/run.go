package blueprint

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// run is one document being applied in one transaction.
type run struct {
	scope
	s        *Service
	tx       idp.Repos // of the part under way
	actor    idp.Actor
	o        Options
	secrets  *secrets
	report   *Report
	problems []Problem
	names    map[string]string // what people call objects, by what they are and their key
}

// defaultContext are values that every document may ask for.
func (s *Service) defaultContext() map[string]any {
	models := map[string]any{}
	for name := range s.models {
		app, last, _ := strings.Cut(name, ".")
		models[last] = app
	}
	return map[string]any{
		"goauthentik.io/enterprise/licensed": true, // what is offered is offered to everybody
		"goauthentik.io/rbac/models":         models,
	}
}

func (s *Service) newRun(ctx context.Context, tx idp.Repos, d *Document, o Options, actor idp.Actor) *run {
	r := &run{s: s, tx: tx, actor: actor, o: o, secrets: secretsOf(ctx), names: map[string]string{},
		report: &Report{Changes: []Change{}, Problems: []Problem{}}}
	r.scope = scope{d: d, env: s.Env, context: o.Context, basis: s.defaultContext(), known: map[string]*outcome{}, leftOut: map[string]bool{}}
	r.warn = func(n *yaml.Node, message string) {
		r.report.Problems = append(r.report.Problems, Problem{File: d.File, Line: n.Line, Column: n.Column, Message: message})
	}
	r.find = func(ctx context.Context, model string, q query) (*thing, error) {
		m, err := s.model(model)
		if err != nil {
			return nil, err
		}
		return m.find(ctx, r, q)
	}
	return r
}

// referred finds what a field refers to; nil when it does not exist.
func (r *run) referred(ctx context.Context, ref, pk string) (*thing, error) {
	kind, _, _ := strings.Cut(ref, ":")
	var names []string
	switch kind {
	case "flow":
		names = []string{flowModel}
	case "prompt":
		names = []string{promptModel}
	case "group":
		names = []string{groupModel}
	case "user":
		names = []string{userModel}
	case "role":
		names = []string{roleModel}
	case "transport":
		names = []string{transportModel}
	case "mapping":
		names = []string{webhookMappingModel}
	case "provider":
		names = []string{oauthProviderModel}
	case "scope":
		names = []string{scopeMappingModel}
	case "target":
		names = []string{flowModel, bindingModel, notificationRuleModel, applicationModel}
	case "stage":
		if id, err := idp.ParseID[idp.Stage](pk); err == nil {
			return r.stage(ctx, id)
		}
	case "policy":
		if id, err := idp.ParseID[idp.Policy](pk); err == nil {
			return r.policy(ctx, id)
		}
	}
	for _, name := range names {
		t, err := r.s.models[name].get(ctx, r, pk)
		if t != nil || err != nil && !idp.Is(err, idp.CodeInvalid) {
			return t, err
		}
	}
	return nil, nil
}

func (r *run) stage(ctx context.Context, id idp.StageID) (*thing, error) {
	row, err := r.tx.Stages.Get(ctx, id)
	if err != nil {
		return nil, absent(err)
	}
	for _, k := range r.s.Stages.Kinds() {
		if k.Name == row.Kind {
			return r.s.models[k.Model].get(ctx, r, id.String())
		}
	}
	return nil, nil // of an earlier version
}

func (r *run) policy(ctx context.Context, id idp.PolicyID) (*thing, error) {
	row, err := r.tx.Policies.Get(ctx, id)
	if err != nil {
		return nil, absent(err)
	}
	for _, k := range r.s.Policies.List() {
		if k.Name == row.Kind {
			return r.s.models[k.Model].get(ctx, r, id.String())
		}
	}
	return nil, nil // of an earlier version
}

// absent makes no error of a row that is not there.
func absent(err error) error {
	if idp.Is(err, idp.CodeNotFound) {
		return nil
	}
	return err
}

// nameOf is what people call the object that a field refers to; its key when it
// does not exist.
func (r *run) nameOf(ctx context.Context, ref, pk string) (string, error) {
	key := ref + " " + pk
	if name, ok := r.names[key]; ok {
		return name, nil
	}
	t, err := r.referred(ctx, ref, pk)
	if err != nil {
		return "", err
	}
	name := pk
	if t != nil && t.name != "" {
		name = t.name
	}
	r.names[key] = name
	return name, nil
}

// shown is a value of a field as a report shows it: objects by their names.
func (r *run) shown(ctx context.Context, ref string, v any) (any, error) {
	switch v := v.(type) {
	case string, float64, int:
		if ref == "" {
			return v, nil
		}
		return r.nameOf(ctx, ref, keyText(v))
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = r.shown(ctx, ref, v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// keyText is a primary key as text; numbers come as JSON has them.
func keyText(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return display(v)
}

// permitted asks whether the actor may do this to objects of the model.
func (r *run) permitted(m model, verb idp.Verb) error {
	return r.s.Access.Check(r.actor, verb, idp.Object{Resource: m.right()})
}

// ofInput reports whether an error says that the file is wrong, and not that the
// database cannot be reached or the like.
func ofInput(err error) bool {
	var w *wrong
	var list several
	if errors.As(err, &w) || errors.As(err, &list) || Problems(err) != nil {
		return true
	}
	switch idp.CodeOf(err) {
	case idp.CodeInvalid, idp.CodeConflict, idp.CodeNotFound, idp.CodeForbidden, idp.CodeRefused, idp.CodeTooLarge:
		return true
	}
	return false
}
