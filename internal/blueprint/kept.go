package blueprint

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type keptWire struct {
	Name    string         `json:"name" help:"What it is called; unique."`
	Path    string         `json:"path" help:"A file of the server's blueprint directories. Either this or content."`
	Content string         `json:"content" help:"The document itself. Either this or path."`
	Context idp.Attributes `json:"context" help:"Put over the context of the document."`
	Enabled bool           `json:"enabled" help:"Whether it is kept applied."`
}

func keptForm(b *idp.Blueprint) keptWire {
	return keptWire{Name: b.Name, Path: b.Path, Content: b.Content, Context: b.Context, Enabled: b.Enabled}
}

// kept is the model of blueprints that are kept applied.
type kept struct{}

func (kept) about() about {
	w := keptForm(&idp.Blueprint{Enabled: true})
	return about{model: instanceModel, title: "Blueprint", help: "Another document that is kept applied.", columns: columns(&w), key: []string{"name"}}
}

func (kept) right() idp.Resource { return idp.ResourceBlueprint }

func (m kept) show(b *idp.Blueprint) (*thing, error) {
	data, err := plain(keptForm(b))
	if err != nil {
		return nil, err
	}
	data["status"] = string(b.Status)
	labels := map[string]any{}
	for name, value := range b.Metadata.Labels {
		labels[name] = value
	}
	data["metadata"] = map[string]any{"name": b.Metadata.Name, "labels": labels}
	return &thing{pk: b.ID.String(), name: b.Name, data: data, refs: m.about().refs()}, nil
}

func (m kept) find(ctx context.Context, r *run, q query) (*thing, error) {
	blank, err := m.show(&idp.Blueprint{})
	if err != nil {
		return nil, err
	}
	return first(ctx, r, m.about(), q, blank, func(fields map[string]any, p idp.Paging) (idp.Page[idp.Blueprint], error) {
		return r.tx.Blueprints.Find(ctx, idp.BlueprintFilter{Paging: p, Name: word(fields, "name"), Path: word(fields, "path")})
	}, m.show)
}

func (m kept) get(ctx context.Context, r *run, pk string) (*thing, error) {
	id, err := idp.ParseID[idp.Blueprint](pk)
	if err != nil {
		return nil, err
	}
	b, err := r.tx.Blueprints.Get(ctx, id)
	if err != nil {
		return nil, absent(err)
	}
	return m.show(b)
}

func (m kept) put(ctx context.Context, r *run, was *thing, pk string, attrs map[string]any) (*put, error) {
	if r.s.Instances == nil {
		return nil, &wrong{field: "model", message: "other blueprints cannot be kept here", unsupported: true}
	}
	b, out := &idp.Blueprint{Enabled: true}, &put{}
	if was != nil {
		id, err := idp.ParseID[idp.Blueprint](was.pk)
		if err != nil {
			return nil, err
		}
		if b, err = r.tx.Blueprints.Hold(ctx, id); err != nil {
			return nil, err
		}
		out.before = was.data
	} else if err := choose(&b.ID, pk); err != nil {
		return nil, err
	}
	w := keptForm(b)
	if err := merge(&w, attrs); err != nil {
		return nil, err
	}
	if was != nil && unchanged(was.data, w, false, "") {
		out.after = was
		return out, nil
	}
	b.Name, b.Path, b.Content, b.Context, b.Enabled = w.Name, w.Path, w.Content, w.Context, w.Enabled
	saved, err := r.s.Instances.SaveIn(ctx, r.tx, r.actor, *b, was == nil)
	if err != nil {
		return nil, err
	}
	out.after, err = m.show(saved)
	return out, err
}

func (kept) remove(ctx context.Context, r *run, was *thing) error {
	if r.s.Instances == nil {
		return &wrong{field: "model", message: "other blueprints cannot be forgotten here", unsupported: true}
	}
	id, err := idp.ParseID[idp.Blueprint](was.pk)
	if err != nil {
		return err
	}
	return r.s.Instances.RemoveIn(ctx, r.tx, r.actor, id)
}
