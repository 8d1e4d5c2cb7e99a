package blueprint

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Kinds tells which kinds of stages or policies exist and judges their
// settings. app implements it over the lists of kinds.
type Kinds interface {
	// Kind returns the kind's name for a model such as
	// authentik_stages_password.passwordstage.
	Kind(model string) (name string, ok bool)
	// Check decodes settings strictly and returns them with all defaults; what
	// they refer to is looked up in tx. The error is an *idp.Error with
	// CodeInvalid.
	Check(ctx context.Context, tx idp.Repos, kind string, settings json.RawMessage) (json.RawMessage, error)
}

// settled is a model whose rows are a name and the settings of a kind.
type settled struct {
	kind  string
	kinds Kinds
	rows  settledRows
}

// settledRows hides whether the rows are stages or policies.
type settledRows interface {
	byName(ctx context.Context, tx idp.Repos, kind, name string) (*settledRow, error)
	byPK(ctx context.Context, tx idp.Repos, pk string) (*settledRow, error)
	create(ctx context.Context, tx idp.Repos, r *settledRow) error
	update(ctx context.Context, tx idp.Repos, r *settledRow) error
	remove(ctx context.Context, tx idp.Repos, pk string) error
}

type settledRow struct {
	pk, name, kind string
	settings       json.RawMessage
	logging        bool
}

func (m settled) find(ctx context.Context, tx idp.Repos, fields map[string]any) (string, bool, error) {
	var row *settledRow
	var err error
	for field, value := range fields {
		s, _ := value.(string)
		switch field {
		case "name":
			row, err = m.rows.byName(ctx, tx, m.kind, s)
		case "pk":
			row, err = m.rows.byPK(ctx, tx, s)
		default:
			return "", false, idp.Invalid(field, "unknown identifier; expected name or pk")
		}
		if err != nil || row == nil {
			return "", false, err
		}
	}
	if row == nil {
		return "", false, nil
	}
	return row.pk, true, nil
}

func (m settled) write(ctx context.Context, tx idp.Repos, pk string, attrs map[string]any) (string, bool, error) {
	row := &settledRow{kind: m.kind, settings: json.RawMessage("{}")}
	if pk != "" {
		found, err := m.rows.byPK(ctx, tx, pk)
		if err != nil || found == nil {
			return "", false, errors.Join(err, idp.NotFound("object"))
		}
		row = found
	}
	before := text(row.parts())
	settings := map[string]any{}
	if err := json.Unmarshal(row.settings, &settings); err != nil {
		return "", false, err
	}
	for name, value := range attrs {
		switch name {
		case "name":
			row.name, _ = value.(string)
		case "execution_logging":
			row.logging = truthy(value)
		default:
			settings[name] = value
		}
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		return "", false, err
	}
	if row.settings, err = m.kinds.Check(ctx, tx, m.kind, raw); err != nil {
		return "", false, err
	}
	switch {
	case row.name == "":
		return "", false, idp.Invalid("name", "This field is required.")
	case pk == "":
		err = m.rows.create(ctx, tx, row)
	case text(row.parts()) == before:
		return pk, false, nil
	default:
		err = m.rows.update(ctx, tx, row)
	}
	return row.pk, true, err
}

func (m settled) remove(ctx context.Context, tx idp.Repos, pk string) error {
	return m.rows.remove(ctx, tx, pk)
}

func (r *settledRow) parts() map[string]any {
	var settings any
	_ = json.Unmarshal(r.settings, &settings) // checked by whoever stored it
	return map[string]any{"name": r.name, "settings": settings, "logging": r.logging}
}

type stageRows struct{}

func (stageRows) byName(ctx context.Context, tx idp.Repos, kind, name string) (*settledRow, error) {
	page, err := tx.Stages.Find(ctx, idp.StageFilter{Name: &name, Kind: &kind})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	return stageRow(&page.Items[0]), nil
}

func (stageRows) byPK(ctx context.Context, tx idp.Repos, pk string) (*settledRow, error) {
	id, err := idp.ParseID[idp.Stage](pk)
	if err != nil {
		return nil, err
	}
	s, err := tx.Stages.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return stageRow(s), nil
}

func stageRow(s *idp.Stage) *settledRow {
	return &settledRow{pk: s.ID.String(), name: s.Name, kind: s.Kind, settings: s.Settings}
}

func (stageRows) create(ctx context.Context, tx idp.Repos, r *settledRow) error {
	s := &idp.Stage{Name: r.name, Kind: r.kind, Settings: r.settings}
	err := tx.Stages.Create(ctx, s)
	r.pk = s.ID.String()
	return err
}

func (stageRows) update(ctx context.Context, tx idp.Repos, r *settledRow) error {
	id, err := idp.ParseID[idp.Stage](r.pk)
	if err != nil {
		return err
	}
	return tx.Stages.Update(ctx, &idp.Stage{ID: id, Name: r.name, Kind: r.kind, Settings: r.settings})
}

func (stageRows) remove(ctx context.Context, tx idp.Repos, pk string) error {
	id, err := idp.ParseID[idp.Stage](pk)
	if err != nil {
		return err
	}
	return tx.Stages.Delete(ctx, id)
}

type policyRows struct{}

func (policyRows) byName(ctx context.Context, tx idp.Repos, kind, name string) (*settledRow, error) {
	page, err := tx.Policies.Find(ctx, idp.PolicyFilter{Name: &name, Kind: &kind})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	return policyRow(&page.Items[0]), nil
}

func (policyRows) byPK(ctx context.Context, tx idp.Repos, pk string) (*settledRow, error) {
	id, err := idp.ParseID[idp.Policy](pk)
	if err != nil {
		return nil, err
	}
	p, err := tx.Policies.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return policyRow(p), nil
}

func policyRow(p *idp.Policy) *settledRow {
	return &settledRow{pk: p.ID.String(), name: p.Name, kind: p.Kind, settings: p.Settings, logging: p.ExecutionLogging}
}

func (policyRows) create(ctx context.Context, tx idp.Repos, r *settledRow) error {
	p := &idp.Policy{Name: r.name, Kind: r.kind, Settings: r.settings, ExecutionLogging: r.logging}
	err := tx.Policies.Create(ctx, p)
	r.pk = p.ID.String()
	return err
}

func (policyRows) update(ctx context.Context, tx idp.Repos, r *settledRow) error {
	id, err := idp.ParseID[idp.Policy](r.pk)
	if err != nil {
		return err
	}
	return tx.Policies.Update(ctx, &idp.Policy{ID: id, Name: r.name, Kind: r.kind, Settings: r.settings, ExecutionLogging: r.logging})
}

func (policyRows) remove(ctx context.Context, tx idp.Repos, pk string) error {
	id, err := idp.ParseID[idp.Policy](pk)
	if err != nil {
		return err
	}
	return tx.Policies.Delete(ctx, id)
}
