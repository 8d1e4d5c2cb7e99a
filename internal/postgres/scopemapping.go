package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var scopeMappingTable = newTable(table[idp.ScopeMapping]{
	listing: listing{
		noun:    "scope mapping",
		columns: `t.id, t.name, t.managed, t.scope, t.description, t.expression, t.created_at, t.updated_at`,
		orders: map[string]string{"pk": "t.id", "name": "fold(t.name)", "scope_name": "t.scope", "managed": "t.managed", "description": "t.description",
			"expression": "t.expression"},
		usual: []string{"scope_name", "name"},
	},
	id: func(m *idp.ScopeMapping) *idp.ScopeMappingID { return &m.ID },
	values: func(m *idp.ScopeMapping) pgx.NamedArgs {
		return pgx.NamedArgs{"name": m.Name, "managed": m.Managed, "scope": m.Scope, "description": m.Description, "expression": m.Expression}
	},
}, "scope_mappings", true, "name", "managed", "scope", "description", "expression")

type scopeMappings struct{ rows[idp.ScopeMapping] }

func newScopeMappings(q querier) scopeMappings {
	return scopeMappings{rows[idp.ScopeMapping]{scopeMappingTable, q}}
}

func (r scopeMappings) Find(ctx context.Context, f idp.ScopeMappingFilter) (idp.Page[idp.ScopeMapping], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.name", f.Name)
	equal(&w, "t.scope", f.Scope)
	if f.Managed != nil {
		w.with("t.managed = ANY(@managed)", "managed", f.Managed)
	}
	if f.ManagedNull != nil {
		w.with("(t.managed IS NULL) = @managed_null", "managed_null", *f.ManagedNull)
	}
	w.search(f.Search, "t.name", "t.scope", "t.description", "t.expression")
	return r.find(ctx, w, f.Paging)
}
