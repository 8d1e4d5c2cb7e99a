package configure

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// maxBindings is how many stages a flow may hold to be put in another order.
const maxBindings = 1000

// ReorderFlow puts the stages of a flow in another order, all at once. arrange
// gets the bindings in their present order and returns every one of them, once,
// in the new order; it may run again. Numbers are reused where no two bindings
// share one, so that only what moved changes; else they become 10, 20, 30, …
// It returns the bindings in their new order. Errors: CodeForbidden;
// CodeNotFound; CodeConflict when arrange does not name exactly the bindings
// there are; what arrange returns.
func (s *Service) ReorderFlow(ctx context.Context, actor idp.Actor, id idp.FlowID,
	arrange func([]idp.FlowBinding) ([]idp.FlowBindingID, error)) ([]idp.FlowBinding, error) {
	if err := s.d.Access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceFlow}); err != nil {
		return nil, err
	}
	var out []idp.FlowBinding
	err := s.d.Store.InTx(ctx, func(tx idp.Repos) error {
		if _, err := tx.Flows.Hold(ctx, id); err != nil { // nobody adds a stage meanwhile
			return err
		}
		now, err := s.permitted(ctx, tx, actor, idp.VerbUpdate, idp.ResourceFlow)
		if err != nil {
			return err
		}
		present, err := holdBindings(ctx, tx, id)
		if err != nil {
			return err
		}
		order, err := arrange(slices.Clone(present))
		if err != nil {
			return err
		}
		if out, err = arranged(present, order); err != nil {
			return err
		}
		return s.renumber(ctx, tx, now, present, out)
	})
	if err != nil {
		return nil, fmt.Errorf("reordering flow %s: %w", id, err)
	}
	return out, nil
}

// holdBindings reads the bindings of a flow in their order and keeps others
// from changing them.
func holdBindings(ctx context.Context, tx idp.Repos, id idp.FlowID) ([]idp.FlowBinding, error) {
	found, err := tx.FlowBindings.Find(ctx, idp.FlowBindingFilter{Paging: idp.Paging{Limit: maxBindings, Order: []string{"order", "pk"}}, FlowID: &id})
	if err != nil {
		return nil, err
	}
	if found.Total > maxBindings {
		return nil, idp.Invalid("", "A flow with more than %d stages cannot be put in another order.", maxBindings)
	}
	// Everybody holds them by the same order, whatever their numbers are.
	slices.SortFunc(found.Items, func(a, b idp.FlowBinding) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	var present []idp.FlowBinding
	for i := range found.Items {
		b, err := tx.FlowBindings.Hold(ctx, found.Items[i].ID)
		if idp.Is(err, idp.CodeNotFound) {
			continue // deleted while this waited for it
		}
		if err != nil {
			return nil, err
		}
		present = append(present, *b)
	}
	slices.SortStableFunc(present, func(a, b idp.FlowBinding) int { return a.Order - b.Order })
	return present, nil
}

// arranged returns the bindings in the new order with their new numbers.
func arranged(present []idp.FlowBinding, order []idp.FlowBindingID) ([]idp.FlowBinding, error) {
	rows := make(map[idp.FlowBindingID]idp.FlowBinding, len(present))
	distinct := true
	for i := range present {
		rows[present[i].ID] = present[i]
		distinct = distinct && (i == 0 || present[i-1].Order < present[i].Order)
	}
	out := make([]idp.FlowBinding, 0, len(order))
	for i, id := range order {
		b, known := rows[id]
		if !known || len(order) != len(present) {
			return nil, idp.Conflict("The flow has other stages by now. Look at the present order before you change it.")
		}
		delete(rows, id) // whoever is named twice leaves another one out
		if b.Order = 10 * (i + 1); distinct {
			b.Order = present[i].Order
		}
		out = append(out, b)
	}
	if len(rows) > 0 {
		return nil, idp.Conflict("The flow has other stages by now. Look at the present order before you change it.")
	}
	return out, nil
}

// renumber writes the numbers that changed, with their events. A stage that is
// in the flow twice must not meet itself on the way: it is first put aside.
func (s *Service) renumber(ctx context.Context, tx idp.Repos, actor idp.Actor, present, out []idp.FlowBinding) error {
	was, taken, times := map[idp.FlowBindingID]int{}, map[int]bool{}, map[idp.StageID]int{}
	for i := range present {
		was[present[i].ID] = present[i].Order
		taken[present[i].Order], taken[out[i].Order] = true, true
		times[present[i].StageID]++
	}
	free := math.MaxInt32
	for i := range out {
		b := out[i]
		if b.Order == was[b.ID] || times[b.StageID] == 1 {
			continue
		}
		for taken[free] {
			free--
		}
		b.Order, taken[free] = free, true
		if err := tx.FlowBindings.Update(ctx, &b); err != nil {
			return err
		}
	}
	n := s.bindings()
	for i := range out {
		before := out[i]
		before.Order = was[before.ID]
		if err := keep(ctx, tx, n, actor, printed(n.fields(&before)), &out[i]); err != nil {
			return err
		}
	}
	return nil
}
