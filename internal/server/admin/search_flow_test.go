package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What flows are made of is found by name and by its whole id.
func TestSearchFindsPartsOfFlows(t *testing.T) {
	t.Parallel()
	s := open(t)
	boss, repos, ctx := s.As(s.Boss), s.Store.Repos(), t.Context()
	f := &idp.Flow{Name: "Night watch", Slug: "watch", Designation: idp.DesignationRecovery}
	st := &idp.Stage{Name: "Night stage", Kind: "note"}
	pr := &idp.Prompt{Name: "night prompt", FieldKey: "lamp", Type: "text"}
	po := &idp.Policy{Name: "at NIGHT", Kind: "expression"}
	require.NoError(t, repos.Flows.Create(ctx, f))
	require.NoError(t, repos.Stages.Create(ctx, st))
	require.NoError(t, repos.Prompts.Create(ctx, pr))
	require.NoError(t, repos.Policies.Create(ctx, po))
	p := boss.Get("/if/admin/search/?q=night")
	for id, c := range map[string]struct{ list, says string }{
		f.ID.String(): {"flows", "Night watch watch"}, st.ID.String(): {"stages", "Night stage note"},
		pr.ID.String(): {"prompts", "night prompt lamp"}, po.ID.String(): {"policies", "at NIGHT expression"},
	} {
		to := "/if/admin/" + c.list + "/" + id + "/"
		require.Contains(t, p.Body, `href="`+to+`"`)
		require.Contains(t, p.Main(), c.says)
		require.Equal(t, to, boss.Get("/if/admin/search/?q="+id).Location)
	}
	require.NotContains(t, boss.Get("/if/admin/search/?q=watch").Main(), "Night stage")
	for i := range 11 {
		require.NoError(t, repos.Policies.Create(ctx, &idp.Policy{Name: "many " + string(rune('a'+i)), Kind: "expression"}))
	}
	require.Contains(t, boss.Get("/if/admin/search/?q=many").Body, `href="/if/admin/policies/?search=many"`)
}
