package blueprint

import (
	"context"
	"encoding/json"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Kinds tells which kinds of stages or policies exist. app implements it over
// the lists of kinds.
type Kinds interface {
	// Kind returns the kind's name for a model such as
	// authentik_stages_password.passwordstage.
	Kind(model string) (name string, ok bool)
}

// settled is a model whose rows are a name and the settings of a kind.
type settled[T, F any] struct {
	kind   string
	rules  Rules
	table  func(idp.Repos) idp.HeldTable[T, idp.ID[T], F]
	filter func(kind, name *string) F
	parts  func(*T) parts[T]
}

// parts point at what a row is made of.
type parts[T any] struct {
	id         *idp.ID[T]
	name, kind *string
	settings   *json.RawMessage
	logging    *bool // nil = rows have none
}

func stageModel(rules Rules, kind string) model {
	return settled[idp.Stage, idp.StageFilter]{kind: kind, rules: rules,
		table:  func(r idp.Repos) idp.HeldTable[idp.Stage, idp.StageID, idp.StageFilter] { return r.Stages },
		filter: func(kind, name *string) idp.StageFilter { return idp.StageFilter{Kind: kind, Name: name} },
		parts: func(s *idp.Stage) parts[idp.Stage] {
			return parts[idp.Stage]{&s.ID, &s.Name, &s.Kind, &s.Settings, nil}
		},
	}
}

func policyModel(rules Rules, kind string) model {
	return settled[idp.Policy, idp.PolicyFilter]{kind: kind, rules: rules,
		table:  func(r idp.Repos) idp.HeldTable[idp.Policy, idp.PolicyID, idp.PolicyFilter] { return r.Policies },
		filter: func(kind, name *string) idp.PolicyFilter { return idp.PolicyFilter{Kind: kind, Name: name} },
		parts: func(p *idp.Policy) parts[idp.Policy] {
			return parts[idp.Policy]{&p.ID, &p.Name, &p.Kind, &p.Settings, &p.ExecutionLogging}
		},
	}
}

func (m settled[T, F]) find(ctx context.Context, tx idp.Repos, fields map[string]any) (string, bool, error) {
	for field := range fields {
		if field != "name" && field != "pk" {
			return "", false, idp.Invalid(field, "unknown identifier; expected name or pk")
		}
	}
	if pk := word(fields, "pk"); pk != nil {
		id, err := idp.ParseID[T](*pk)
		if err != nil {
			return "", false, err
		}
		row, err := m.table(tx).Get(ctx, id)
		if idp.Is(err, idp.CodeNotFound) || err == nil && *m.parts(row).kind != m.kind {
			return "", false, nil
		}
		return *pk, err == nil, err
	}
	name := word(fields, "name")
	if name == nil {
		return "", false, nil
	}
	page, err := m.table(tx).Find(ctx, m.filter(&m.kind, name))
	if err != nil || len(page.Items) == 0 {
		return "", false, err
	}
	return m.parts(&page.Items[0]).id.String(), true, nil
}

func (m settled[T, F]) write(ctx context.Context, tx idp.Repos, pk string, attrs map[string]any) (string, bool, error) {
	row := new(T)
	*m.parts(row).kind, *m.parts(row).settings = m.kind, json.RawMessage("{}")
	var was any
	before := ""
	if pk != "" {
		held, err := m.hold(ctx, tx, pk)
		if err != nil {
			return "", false, err
		}
		old := *held
		row, was, before = held, &old, m.parts(held).text()
	}
	p := m.parts(row)
	if err := p.merge(attrs); err != nil {
		return "", false, err
	}
	err := m.rules.Settle(ctx, tx, idp.SystemActor(), was, row)
	switch {
	case err != nil:
		return "", false, err
	case pk == "":
		err = m.table(tx).Create(ctx, row)
	case p.text() == before:
		return pk, false, nil
	default:
		err = m.table(tx).Update(ctx, row)
	}
	return p.id.String(), true, err
}

func (m settled[T, F]) hold(ctx context.Context, tx idp.Repos, pk string) (*T, error) {
	id, err := idp.ParseID[T](pk)
	if err != nil {
		return nil, err
	}
	return m.table(tx).Hold(ctx, id)
}

func (m settled[T, F]) remove(ctx context.Context, tx idp.Repos, pk string) error {
	row, err := m.hold(ctx, tx, pk)
	if idp.Is(err, idp.CodeNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := m.rules.Release(ctx, tx, idp.SystemActor(), row); err != nil {
		return err
	}
	return m.table(tx).Delete(ctx, *m.parts(row).id)
}

// merge sets attributes; what the row itself has no place for is a setting.
func (p parts[T]) merge(attrs map[string]any) error {
	settings := map[string]any{}
	if err := json.Unmarshal(*p.settings, &settings); err != nil {
		return err
	}
	for name, value := range attrs {
		switch {
		case name == "name":
			s, ok := value.(string)
			if !ok {
				return idp.Invalid(name, "expected string, got %T", value)
			}
			*p.name = s
		case name == "execution_logging" && p.logging != nil:
			*p.logging = truthy(value)
		default:
			settings[name] = value
		}
	}
	raw, err := json.Marshal(settings)
	*p.settings = raw
	return err
}

// text is everything that is compared.
func (p parts[T]) text() string {
	var settings any
	_ = json.Unmarshal(*p.settings, &settings) // checked by whoever stored it
	return text([]any{*p.name, settings, p.logging})
}
