package configure

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// reference is one object that the settings of a stage name.
type reference struct {
	field string
	to    string // flow, stage, prompt, policy, group
	kind  string // of the stage; "" = any
	pk    string
}

// references lists what complete settings name.
func references(kind flow.Kind, settings json.RawMessage) ([]reference, error) {
	values := map[string]json.RawMessage{}
	if err := json.Unmarshal(settings, &values); err != nil {
		return nil, err
	}
	var out []reference
	for _, setting := range kind.Describe() {
		if setting.Ref == "" || values[setting.Name] == nil {
			continue
		}
		r := reference{field: setting.Name}
		r.to, r.kind, _ = strings.Cut(setting.Ref, ":")
		var pks []*string
		if setting.List {
			if err := json.Unmarshal(values[setting.Name], &pks); err != nil {
				return nil, err
			}
		} else {
			pks = make([]*string, 1)
			if err := json.Unmarshal(values[setting.Name], &pks[0]); err != nil {
				return nil, err
			}
		}
		for _, pk := range pks {
			if pk != nil {
				r.pk = *pk
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// judgeReferences refuses settings that name what does not exist.
func judgeReferences(ctx context.Context, tx idp.Repos, kind flow.Kind, settings json.RawMessage) error {
	list, err := references(kind, settings)
	if err != nil {
		return err
	}
	var faults idp.Faults
	for _, r := range list {
		switch r.to {
		case "flow":
			err = named(ctx, &faults, r, tx.Flows.Get)
		case "prompt":
			err = named(ctx, &faults, r, tx.Prompts.Get)
		case "policy":
			err = named(ctx, &faults, r, tx.Policies.Get)
		case "group":
			err = named(ctx, &faults, r, tx.Groups.Get)
		case "stage":
			err = namedStage(ctx, &faults, r, tx)
		}
		if err != nil {
			return err
		}
	}
	return faults.Err()
}

func named[T any](ctx context.Context, faults *idp.Faults, r reference, get func(context.Context, idp.ID[T]) (*T, error)) error {
	id, err := idp.ParseID[T](r.pk)
	if err != nil {
		faults.Add(r.field, "%s", err.Error())
		return nil
	}
	_, err = pointing(ctx, faults, r.field, id, get)
	return err
}

func namedStage(ctx context.Context, faults *idp.Faults, r reference, tx idp.Repos) error {
	return named(ctx, faults, r, func(ctx context.Context, id idp.StageID) (*idp.Stage, error) {
		st, err := tx.Stages.Get(ctx, id)
		if err == nil && r.kind != "" && st.Kind != r.kind {
			faults.Add(r.field, "Expected a %s stage.", r.kind)
		}
		return st, err
	})
}

// forget takes an object that is being deleted out of the settings of all
// stages. It refuses when a stage cannot do without it.
func (s *Service) forget(ctx context.Context, tx idp.Repos, actor idp.Actor, to, pk string) error {
	filter := idp.StageFilter{Paging: idp.Paging{Limit: 1000, Order: []string{"pk"}}}
	for {
		page, err := tx.Stages.Find(ctx, filter)
		if err != nil {
			return err
		}
		for i := range page.Items {
			if !strings.Contains(string(page.Items[i].Settings), pk) || page.Items[i].ID.String() == pk {
				continue
			}
			if err := s.forgetIn(ctx, tx, actor, page.Items[i].ID, to, pk); err != nil {
				return err
			}
		}
		filter.Offset += len(page.Items)
		if len(page.Items) == 0 || filter.Offset >= page.Total {
			return nil
		}
	}
}

func (s *Service) forgetIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.StageID, to, pk string) error {
	st, err := tx.Stages.Hold(ctx, id)
	if idp.Is(err, idp.CodeNotFound) {
		return nil // deleted while this waited for it
	}
	if err != nil {
		return err
	}
	kind, ok := s.d.Stages.Kind(st.Kind)
	if !ok {
		return nil
	}
	n := s.stages()
	before := printed(n.fields(st))
	less, err := without(kind, st.Settings, to, pk)
	if err != nil {
		return err
	}
	// What else the settings name is not the question here.
	if st.Settings, err = kind.Validate(ctx, nil, less); err != nil {
		var e *idp.Error
		if !errors.As(err, &e) || e.Code != idp.CodeInvalid {
			return err
		}
		return idp.Invalid("", "The stage %q cannot do without it: %s", st.Name, reasons(e))
	}
	return keep(ctx, tx, n, actor, before, st)
}

// reasons are the messages of all fields.
func reasons(e *idp.Error) string {
	var out []string
	for _, messages := range e.Fields {
		out = append(out, messages...)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// without returns settings that do not name the object.
func without(kind flow.Kind, settings json.RawMessage, to, pk string) (json.RawMessage, error) {
	values := map[string]any{}
	if err := json.Unmarshal(settings, &values); err != nil {
		return nil, err
	}
	for _, setting := range kind.Describe() {
		if ref, _, _ := strings.Cut(setting.Ref, ":"); ref != to {
			continue
		}
		switch value := values[setting.Name].(type) {
		case string:
			if value == pk {
				values[setting.Name] = nil
			}
		case []any:
			values[setting.Name] = slices.DeleteFunc(value, func(item any) bool { return item == pk })
		}
	}
	return json.Marshal(values)
}
