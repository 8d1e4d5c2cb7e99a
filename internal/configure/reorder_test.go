package configure_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// flowOf makes a flow with stages of these names at these numbers; a name may
// come twice.
func (w *world) flowOf(slug string, places ...place) (*idp.Flow, []idp.FlowBindingID) {
	w.t.Helper()
	f := must(w.CreateFlow(w.ctx, idp.SystemActor(), aFlow(slug)))(w.t)
	stages := map[string]idp.StageID{}
	var ids []idp.FlowBindingID
	for _, p := range places {
		if _, ok := stages[p.stage]; !ok {
			stages[p.stage] = must(w.CreateStage(w.ctx, idp.SystemActor(), idp.Stage{Name: slug + " " + p.stage, Kind: "deny"}))(w.t).ID
		}
		b := must(w.CreateFlowBinding(w.ctx, idp.SystemActor(), idp.FlowBinding{FlowID: f.ID, StageID: stages[p.stage], Order: p.order}))(w.t)
		ids = append(ids, b.ID)
	}
	return f, ids
}

type place struct {
	stage string
	order int
}

// arrange returns the order of these positions of ids.
func arrange(ids []idp.FlowBindingID, positions ...int) func([]idp.FlowBinding) ([]idp.FlowBindingID, error) {
	return func([]idp.FlowBinding) ([]idp.FlowBindingID, error) {
		out := make([]idp.FlowBindingID, len(positions))
		for i, p := range positions {
			out[i] = ids[p]
		}
		return out, nil
	}
}

// places are the numbers of a flow's bindings in their order, with the position
// that each had when it was made.
func (w *world) places(f *idp.Flow, ids []idp.FlowBindingID) (out []string) {
	w.t.Helper()
	page := must(w.repos().FlowBindings.Find(w.ctx, idp.FlowBindingFilter{FlowID: &f.ID}))(w.t)
	for _, b := range page.Items {
		out = append(out, fmt.Sprintf("%d:%d", slices.Index(ids, b.ID), b.Order))
	}
	return out
}

func TestReorderFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		places []place
		order  []int
		want   []string // position when made : number
		moved  int      // events
	}{
		"as it is":              {[]place{{"a", 10}, {"b", 20}}, []int{0, 1}, []string{"0:10", "1:20"}, 0},
		"numbers stay in place": {[]place{{"a", 5}, {"b", 20}, {"c", 100}}, []int{2, 0, 1}, []string{"2:5", "0:20", "1:100"}, 3},
		"only what moved":       {[]place{{"a", 0}, {"b", 1}, {"c", 2}, {"d", 3}}, []int{0, 2, 1, 3}, []string{"0:0", "2:1", "1:2", "3:3"}, 2},
		"shared numbers":        {[]place{{"a", 0}, {"b", 0}, {"c", 0}}, []int{2, 1, 0}, []string{"2:10", "1:20", "0:30"}, 3},
		"one stage twice":       {[]place{{"a", 10}, {"b", 20}, {"a", 30}}, []int{2, 1, 0}, []string{"2:10", "1:20", "0:30"}, 2},
		"one stage three times": {[]place{{"a", 10}, {"a", 20}, {"a", 2147483647}}, []int{1, 2, 0}, []string{"1:10", "2:20", "0:2147483647"}, 3},
		"negative numbers":      {[]place{{"a", -7}, {"b", -3}}, []int{1, 0}, []string{"1:-7", "0:-3"}, 2},
		"nothing to order":      {nil, nil, nil, 0},
	} {
		f, ids := w.flowOf(strings.ReplaceAll(name, " ", "-"), c.places...)
		before := len(w.events())
		got, err := w.ReorderFlow(w.ctx, w.admin, f.ID, arrange(ids, c.order...))
		require.NoError(t, err, name)
		require.Equal(t, c.want, w.places(f, ids), name)
		require.Len(t, got, len(c.order), name)
		for i := range got {
			require.Equal(t, ids[c.order[i]], got[i].ID, name)
		}
		said := w.events()[before:]
		require.Len(t, said, c.moved, name)
		for _, e := range said {
			require.Equal(t, []any{updated, []any{"order"}, "root"}, []any{e.Action, listed(e.Context["changed"]), e.User["username"]}, name)
		}
	}
}

func TestReorderWantsExactlyTheStagesThereAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, ids := w.flowOf("many", place{"a", 10}, place{"b", 20}, place{"c", 30})
	_, others := w.flowOf("other", place{"d", 10})
	before, said := w.everything(), len(w.events())
	no := errors.New("no")
	for name, c := range map[string]struct {
		arrange func([]idp.FlowBinding) ([]idp.FlowBindingID, error)
		want    idp.Code
	}{
		"one left out":   {arrange(ids, 0, 1), idp.CodeConflict},
		"none":           {arrange(ids), idp.CodeConflict},
		"one twice":      {arrange(ids, 0, 1, 1), idp.CodeConflict},
		"one too many":   {arrange(append(slices.Clone(ids), others...), 0, 1, 2, 3), idp.CodeConflict},
		"of another one": {arrange(append(slices.Clone(ids), others...), 0, 1, 3), idp.CodeConflict},
		"refused":        {func([]idp.FlowBinding) ([]idp.FlowBindingID, error) { return nil, no }, idp.CodeInternal},
	} {
		_, err := w.ReorderFlow(w.ctx, w.admin, f.ID, c.arrange)
		require.Equal(t, c.want, idp.CodeOf(err), name)
	}
	_, err := w.ReorderFlow(w.ctx, w.admin, idp.NewID[idp.Flow](), arrange(ids, 0))
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	_, err = w.ReorderFlow(w.ctx, w.person("mia"), f.ID, arrange(ids, 2, 1, 0))
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	_, err = w.ReorderFlow(w.ctx, idp.Actor{}, f.ID, arrange(ids, 2, 1, 0))
	require.Equal(t, idp.CodeUnsigned, idp.CodeOf(err))
	require.NoError(t, w.repos().Groups.RemoveUser(w.ctx, w.admins.ID, w.admin.User.ID))
	_, err = w.ReorderFlow(w.ctx, w.admin, f.ID, arrange(ids, 2, 1, 0))
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err), "no superuser any more")
	require.Equal(t, before, w.everything())
	require.Len(t, w.events(), said)
}

func TestReorderWithoutItsEventsIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, ids := w.flowOf("many", place{"a", 10}, place{"b", 20}, place{"a", 30})
	w.store.broken = errors.New("no room for the audit log")
	before := w.everything()
	_, err := w.ReorderFlow(w.ctx, w.admin, f.ID, arrange(ids, 2, 1, 0))
	require.ErrorIs(t, err, w.store.broken)
	require.Equal(t, before, w.everything())
}

// Whoever reorders while another one does sees the order as it is by then.
func TestTwoReorderAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, ids := w.flowOf("many", place{"a", 10}, place{"b", 20}, place{"c", 30})
	second := make(chan error, 1)
	began := false
	_, err := w.ReorderFlow(w.ctx, w.admin, f.ID, func([]idp.FlowBinding) ([]idp.FlowBindingID, error) {
		if !began {
			began = true
			go func() {
				_, err := w.ReorderFlow(w.ctx, w.admin, f.ID, func(now []idp.FlowBinding) ([]idp.FlowBindingID, error) {
					return []idp.FlowBindingID{now[1].ID, now[0].ID, now[2].ID}, nil
				})
				second <- err
			}()
			w.waiting(second)
		}
		return arrange(ids, 2, 1, 0)(nil)
	})
	require.NoError(t, err)
	require.NoError(t, <-second)
	require.Equal(t, []string{"1:10", "2:20", "0:30"}, w.places(f, ids))
}
