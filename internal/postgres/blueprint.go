package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var blueprintTable = newTable(table[idp.Blueprint]{
	listing: listing{
		noun: "blueprint",
		columns: `t.id, t.name, t.path, t.content, t.context, t.enabled, t.shipped, t.status, t.applied_at, t.applied_hash, t.tried_at,
			t.tried_hash, t.managed_models, t.metadata, t.problems, t.updated_at`,
		orders: map[string]string{"pk": "t.id", "name": "fold(t.name)", "path": "t.path", "enabled": "t.enabled", "status": "t.status",
			"last_applied": "t.applied_at", "last_applied_hash": "t.applied_hash"},
		usual: []string{"name"},
	},
	id: func(b *idp.Blueprint) *idp.BlueprintID { return &b.ID },
	values: func(b *idp.Blueprint) pgx.NamedArgs {
		models, problems, labels := b.ManagedModels, b.Problems, b.Metadata.Labels
		if models == nil {
			models = []string{}
		}
		if problems == nil {
			problems = []idp.BlueprintProblem{}
		}
		if labels == nil {
			labels = map[string]string{}
		}
		status := b.Status
		if status == "" {
			status = idp.BlueprintUnknown
		}
		return pgx.NamedArgs{"name": b.Name, "path": b.Path, "content": b.Content, "context": object(b.Context), "enabled": b.Enabled, "shipped": b.Shipped,
			"status": status, "applied_at": b.AppliedAt, "applied_hash": b.AppliedHash, "tried_at": b.TriedAt, "tried_hash": b.TriedHash,
			"managed_models": models, "metadata": idp.BlueprintMetadata{Name: b.Metadata.Name, Labels: labels}, "problems": problems}
	},
}, "blueprints", true, "name", "path", "content", "context", "enabled", "shipped", "status", "applied_at", "applied_hash", "tried_at",
	"tried_hash", "managed_models", "metadata", "problems")

type blueprints struct{ rows[idp.Blueprint] }

func newBlueprints(q querier) blueprints { return blueprints{rows[idp.Blueprint]{blueprintTable, q}} }

func (r blueprints) Find(ctx context.Context, f idp.BlueprintFilter) (idp.Page[idp.Blueprint], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.name", f.Name)
	equal(&w, "t.path", f.Path)
	equal(&w, "t.enabled", f.Enabled)
	equal(&w, "t.status", f.Status)
	w.search(f.Search, "t.name", "t.path")
	return r.find(ctx, w, f.Paging)
}
