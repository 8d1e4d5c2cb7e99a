package blueprint

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// StageKinds lists the kinds of stages; flow.Executor is one.
type StageKinds interface{ Kinds() []flow.Kind }

// PolicyKinds lists the kinds of policies; policy.Kinds is one.
type PolicyKinds interface{ List() []policy.Kind }

// settled is a model whose rows are a name and the settings of a kind.
type settled[T, F any] struct {
	kind, model  string
	title, help  string
	settings     any // a pointer to the settings with their defaults
	resource     idp.Resource
	table        func(idp.Repos) idp.HeldTable[T, idp.ID[T], F]
	filter       func(kind, name *string) F
	page         func(*F) *idp.Paging
	parts        func(*T) parts[T]
	alwaysFilled bool // rows hold every setting; else absent ones have their default
}

// parts point at what a row is made of.
type parts[T any] struct {
	id         *idp.ID[T]
	name, kind *string
	settings   *json.RawMessage
	logging    *bool // nil = rows have none
}

func stageModel(k flow.Kind) model {
	return settled[idp.Stage, idp.StageFilter]{
		kind: k.Name, model: k.Model, title: k.Verbose, help: k.Summary, settings: k.Settings(), resource: idp.ResourceStage,
		table:  func(r idp.Repos) idp.HeldTable[idp.Stage, idp.StageID, idp.StageFilter] { return r.Stages },
		filter: func(kind, name *string) idp.StageFilter { return idp.StageFilter{Kind: kind, Name: name} },
		page:   func(f *idp.StageFilter) *idp.Paging { return &f.Paging },
		parts: func(s *idp.Stage) parts[idp.Stage] {
			return parts[idp.Stage]{&s.ID, &s.Name, &s.Kind, &s.Settings, nil}
		},
		alwaysFilled: true,
	}
}

func policyModel(k policy.Kind) model {
	return settled[idp.Policy, idp.PolicyFilter]{
		kind: k.Name, model: k.Model, title: k.Verbose, help: k.Summary, settings: k.Settings, resource: idp.ResourcePolicy,
		table:  func(r idp.Repos) idp.HeldTable[idp.Policy, idp.PolicyID, idp.PolicyFilter] { return r.Policies },
		filter: func(kind, name *string) idp.PolicyFilter { return idp.PolicyFilter{Kind: kind, Name: name} },
		page:   func(f *idp.PolicyFilter) *idp.Paging { return &f.Paging },
		parts: func(p *idp.Policy) parts[idp.Policy] {
			return parts[idp.Policy]{&p.ID, &p.Name, &p.Kind, &p.Settings, &p.ExecutionLogging}
		},
	}
}

func (m settled[T, F]) about() about {
	a := about{model: m.model, title: m.title, help: m.help, key: []string{"name"},
		columns: []column{{name: "name", typ: "string", help: "What the console calls it; unique."}}}
	if m.parts(new(T)).logging != nil {
		a.columns = append(a.columns, column{name: "execution_logging", typ: "boolean", fallback: false,
			help: "Whether every evaluation is written to the audit log."})
	}
	if m.settings != nil {
		a.columns = append(a.columns, columns(m.settings)...)
	}
	return a
}

func (m settled[T, F]) right() idp.Resource { return m.resource }

func (m settled[T, F]) show(row *T) (*thing, error) {
	p, a := m.parts(row), m.about()
	t := &thing{pk: p.id.String(), name: *p.name, data: map[string]any{}, refs: a.refs(), hidden: a.secrets()}
	if !m.alwaysFilled && m.settings != nil {
		defaults, err := plain(m.settings)
		if err != nil {
			return nil, err
		}
		t.data = defaults
	}
	stored := map[string]any{}
	if err := json.Unmarshal(*p.settings, &stored); err != nil {
		return nil, err
	}
	maps.Copy(t.data, stored)
	t.data["name"] = *p.name
	if p.logging != nil {
		t.data["execution_logging"] = *p.logging
	}
	return t, nil
}

func (m settled[T, F]) find(ctx context.Context, r *run, q query) (*thing, error) {
	exact, a := q.exact(), m.about()
	if pk := word(exact, "pk"); pk != nil {
		t, err := m.get(ctx, r, *pk)
		if err != nil || t == nil {
			return nil, err
		}
		if ok, err := q.fits(ctx, a, t, r.referred); !ok {
			return nil, err
		}
		return t, nil
	}
	filter := m.filter(&m.kind, word(exact, "name"))
	for m.page(&filter).Limit = 1000; ; {
		page, err := m.table(r.tx).Find(ctx, filter)
		if err != nil {
			return nil, err
		}
		if len(page.Items) == 0 && m.page(&filter).Offset == 0 {
			return nil, m.checkFields(ctx, r, q)
		}
		for i := range page.Items {
			t, err := m.show(&page.Items[i])
			if err != nil {
				return nil, err
			}
			if ok, err := q.fits(ctx, a, t, r.referred); err != nil || ok {
				return t, err
			}
		}
		m.page(&filter).Offset += len(page.Items)
		if len(page.Items) == 0 || m.page(&filter).Offset >= page.Total {
			return nil, nil
		}
	}
}

// checkFields refuses a query that no object could fit, where there is none to
// see it by.
func (m settled[T, F]) checkFields(ctx context.Context, r *run, q query) error {
	a := m.about()
	data := map[string]any{}
	for _, c := range a.columns {
		data[c.name] = nil
	}
	_, err := q.fits(ctx, a, &thing{data: data}, r.referred)
	return err
}

func (m settled[T, F]) get(ctx context.Context, r *run, pk string) (*thing, error) {
	id, err := idp.ParseID[T](pk)
	if err != nil {
		return nil, err
	}
	row, err := m.table(r.tx).Get(ctx, id)
	if idp.Is(err, idp.CodeNotFound) || err == nil && *m.parts(row).kind != m.kind {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.show(row)
}

func (m settled[T, F]) put(ctx context.Context, r *run, was *thing, pk string, attrs map[string]any) (*put, error) {
	row := new(T)
	*m.parts(row).kind, *m.parts(row).settings = m.kind, json.RawMessage("{}")
	var former any
	out, before := &put{}, ""
	if was != nil {
		held, err := m.hold(ctx, r, was.pk)
		if err != nil {
			return nil, err
		}
		t, err := m.show(held)
		if err != nil {
			return nil, err
		}
		old := *held
		row, former, out.before, before = held, &old, t.data, m.parts(held).text()
	} else if err := choose(m.parts(row).id, pk); err != nil {
		return nil, err
	}
	p := m.parts(row)
	if err := p.merge(attrs); err != nil {
		return nil, err
	}
	err := r.s.Rules.Settle(ctx, r.tx, r.actor, former, row)
	switch {
	case err != nil:
	case was == nil:
		err = m.table(r.tx).Create(ctx, row)
	case p.text() != before:
		err = m.table(r.tx).Update(ctx, row)
	}
	if err != nil {
		return nil, err
	}
	out.after, err = m.show(row)
	return out, err
}

func (m settled[T, F]) hold(ctx context.Context, r *run, pk string) (*T, error) {
	id, err := idp.ParseID[T](pk)
	if err != nil {
		return nil, err
	}
	return m.table(r.tx).Hold(ctx, id)
}

func (m settled[T, F]) remove(ctx context.Context, r *run, was *thing) error {
	row, err := m.hold(ctx, r, was.pk)
	if idp.Is(err, idp.CodeNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.s.Rules.Release(ctx, r.tx, r.actor, row); err != nil {
		return err
	}
	return m.table(r.tx).Delete(ctx, *m.parts(row).id)
}

// merge sets attributes; what the row itself has no place for is a setting.
func (p parts[T]) merge(attrs map[string]any) error {
	settings := map[string]any{}
	if err := json.Unmarshal(*p.settings, &settings); err != nil {
		return err
	}
	var faults idp.Faults
	for name, value := range attrs {
		switch {
		case name == "name":
			s, ok := value.(string)
			if !ok {
				faults.Add(name, "expected a text, got %s", kindOf(value))
			}
			*p.name = s
		case name == "execution_logging" && p.logging != nil:
			on, ok := value.(bool)
			if !ok {
				faults.Add(name, "expected true or false, got %s", kindOf(value))
			}
			*p.logging = on
		default:
			settings[name] = value
		}
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	*p.settings = raw
	return faults.Err()
}

// text is everything that is compared.
func (p parts[T]) text() string {
	var settings any
	_ = json.Unmarshal(*p.settings, &settings) // checked by whoever stored it
	return text([]any{*p.name, settings, p.logging})
}
