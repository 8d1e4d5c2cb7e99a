package configure

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// CreateStage makes a stage; settings that are absent get their defaults.
// Errors: CodeForbidden; CodeInvalid on name, kind or the setting concerned.
func (s *Service) CreateStage(ctx context.Context, actor idp.Actor, st idp.Stage) (*idp.Stage, error) {
	return create(ctx, s, s.stages(), actor, st)
}

// UpdateStage changes a stage as it is now; its kind stays. mutate may run
// again. Errors: CodeForbidden; CodeNotFound; CodeInvalid on name, kind or the
// setting concerned; what mutate returns.
func (s *Service) UpdateStage(ctx context.Context, actor idp.Actor, id idp.StageID, mutate func(*idp.Stage) error) (*idp.Stage, error) {
	return update(ctx, s, s.stages(), actor, id, mutate)
}

// DeleteStage deletes a stage and takes it out of its flows. Stages that name it
// are left without. Errors: CodeForbidden; CodeNotFound; CodeInvalid when
// another stage cannot do without it.
func (s *Service) DeleteStage(ctx context.Context, actor idp.Actor, id idp.StageID) error {
	return remove(ctx, s, s.stages(), actor, id)
}

func (s *Service) stages() noun[idp.Stage] {
	return noun[idp.Stage]{
		what: "stage", resource: idp.ResourceStage,
		rows: func(tx idp.Repos) rows[idp.Stage] { return tx.Stages },
		id:   func(st *idp.Stage) *idp.StageID { return &st.ID },
		model: func(st *idp.Stage) string {
			kind, _ := s.d.Stages.Kind(st.Kind) // of an earlier version: no model
			return kind.Model
		},
		name: func(_ context.Context, _ idp.Repos, st *idp.Stage) (string, error) { return st.Name, nil },
		fields: func(st *idp.Stage) map[string]any {
			out := settingsOf(s.complete(st))
			out["name"], out["kind"] = st.Name, st.Kind
			return out
		},
		judge: s.judgeStage,
		leave: func(ctx context.Context, tx idp.Repos, actor idp.Actor, st *idp.Stage) error {
			return s.forget(ctx, tx, actor, "stage", st.ID.String())
		},
	}
}

// complete are the settings of a stage with all defaults, as they are used.
func (s *Service) complete(st *idp.Stage) json.RawMessage {
	kind, ok := s.d.Stages.Kind(st.Kind)
	if !ok {
		return st.Settings
	}
	settings, err := kind.Decode(st.Settings)
	if err != nil {
		return st.Settings // of an earlier version
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		return st.Settings
	}
	return raw
}

// settingsOf are stored settings by name.
func settingsOf(raw json.RawMessage) map[string]any {
	out := map[string]any{}
	_ = json.Unmarshal(raw, &out) // what is no object differs from whatever is stored instead
	return out
}

func (s *Service) judgeStage(ctx context.Context, tx idp.Repos, was, st *idp.Stage) error {
	var faults idp.Faults
	st.Name = strings.TrimSpace(st.Name)
	faults.Line("name", st.Name, maxName, false)
	kind, ok := s.d.Stages.Kind(st.Kind)
	switch {
	case was != nil && was.Kind != st.Kind:
		faults.Add("kind", "The kind of a stage cannot be changed.")
		return faults.Err()
	case !ok:
		faults.Add("kind", "%q is not a kind of stage.", st.Kind)
		return faults.Err()
	}
	settings, err := kind.Validate(ctx, nil, st.Settings)
	if err == nil {
		err = judgeReferences(ctx, tx, kind, settings)
	}
	if err == nil {
		settings, err = kind.Validate(ctx, &tx, settings)
	}
	if err := gather(&faults, err); err != nil {
		return err
	}
	st.Settings = settings
	return s.seal(kind, was, st)
}

// gather returns what was noted already and what the error says of fields as
// one, or another error as it is.
func gather(faults *idp.Faults, err error) error {
	var e *idp.Error
	if err == nil {
		return faults.Err()
	}
	if !errors.As(err, &e) || e.Code != idp.CodeInvalid || len(*faults) == 0 {
		return err
	}
	for field, messages := range e.Fields {
		for _, m := range messages {
			faults.Add(field, "%s", m)
		}
	}
	return faults.Err()
}
