package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestBlueprint(t *testing.T) {
	t.Parallel()
	db := open(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	requireTable(t, db.Repos().Blueprints,
		idp.Blueprint{Name: "Sign in", Path: "default/a.yaml", Context: map[string]any{"a": "b"}, Enabled: true, Shipped: true, Status: idp.BlueprintError,
			AppliedAt: &at, AppliedHash: "h", TriedAt: &at, TriedHash: "i", ManagedModels: []string{"authentik_flows.flow"},
			Metadata: idp.BlueprintMetadata{Name: "Sign in", Labels: map[string]string{"l": "m"}},
			Problems: []idp.BlueprintProblem{{Line: 12, Column: 5, Entry: 2, Model: "m", Field: "f", Message: "wrong", Unsupported: true}}},
		func(b *idp.Blueprint) idp.BlueprintID { return b.ID },
		func(b *idp.Blueprint) {
			*b = idp.Blueprint{ID: b.ID, Name: "Sign out", Content: "version: 1", Status: idp.BlueprintUnknown,
				Context: map[string]any{}, ManagedModels: []string{}, Problems: []idp.BlueprintProblem{},
				Metadata: idp.BlueprintMetadata{Labels: map[string]string{}}}
		}, idp.BlueprintFilter{})
}

func TestBlueprintRefusals(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, prints := t.Context(), db.Repos().Blueprints
	require.NoError(t, prints.Create(ctx, &idp.Blueprint{Name: "a", Path: "a.yaml"}))
	require.NoError(t, prints.Create(ctx, &idp.Blueprint{Name: "b", Path: "a.yaml"}), "a file may be applied with several contexts")
	requireField(t, prints.Create(ctx, &idp.Blueprint{Name: "a", Content: "x"}), "name", "unique")
	requireField(t, prints.Create(ctx, &idp.Blueprint{Name: "", Content: "x"}), "name", "blank")
	requireField(t, prints.Create(ctx, &idp.Blueprint{Name: "c"}), idp.NonField, "Either path or content")
	requireField(t, prints.Create(ctx, &idp.Blueprint{Name: "c", Path: "x", Content: "y"}), idp.NonField, "Either path or content")
	requireField(t, prints.Create(ctx, &idp.Blueprint{Name: "c", Path: "x", Status: "fine"}), "status", "valid choice")
	for f, want := range map[*idp.BlueprintFilter]int{
		{Path: ptr("a.yaml")}: 2, {Name: ptr("b")}: 1, {Enabled: ptr(true)}: 0, {Status: ptr(idp.BlueprintUnknown)}: 2,
		{Paging: idp.Paging{Search: "B"}}: 1,
	} {
		page, err := prints.Find(ctx, *f)
		require.NoError(t, err)
		require.Equal(t, want, page.Total)
	}
}
