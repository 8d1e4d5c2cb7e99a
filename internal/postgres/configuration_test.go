package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// TestTheRevisionFollowsTheConfiguration changes each noun of the configuration
// and looks at the revision after the commit, inside the transaction, and after
// a change that was rolled back.
func TestTheRevisionFollowsTheConfiguration(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := postgres.Open(ctx, testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)

	f := &idp.Flow{Name: "F", Slug: "f", Title: "F", Designation: idp.DesignationAuthentication, Authentication: idp.AuthenticationNone,
		DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	st := &idp.Stage{Name: "S", Kind: "deny", Settings: json.RawMessage(`{}`)}
	b := &idp.FlowBinding{InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}
	p := &idp.Prompt{Name: "P", FieldKey: "p", Label: "P", Type: "text"}
	pol := &idp.Policy{Name: "Pol", Kind: "dummy", Settings: json.RawMessage(`{}`)}
	pb := &idp.PolicyBinding{Enabled: true, Timeout: 1e9}
	br := &idp.Brand{Domain: "b.example"}
	acts := []struct {
		name string
		do   func(ctx context.Context, tx idp.Repos) error
		same bool
	}{
		{name: "flow created", do: func(ctx context.Context, tx idp.Repos) error { return tx.Flows.Create(ctx, f) }},
		{name: "flow changed", do: func(ctx context.Context, tx idp.Repos) error { f.Title = "G"; return tx.Flows.Update(ctx, f) }},
		{name: "stage", do: func(ctx context.Context, tx idp.Repos) error { return tx.Stages.Create(ctx, st) }},
		{name: "binding", do: func(ctx context.Context, tx idp.Repos) error {
			b.FlowID, b.StageID = f.ID, st.ID
			return tx.FlowBindings.Create(ctx, b)
		}},
		{name: "prompt", do: func(ctx context.Context, tx idp.Repos) error { return tx.Prompts.Create(ctx, p) }},
		{name: "policy", do: func(ctx context.Context, tx idp.Repos) error { return tx.Policies.Create(ctx, pol) }},
		{name: "policy binding", do: func(ctx context.Context, tx idp.Repos) error {
			pb.Target, pb.PolicyID = f.ID.UUID(), &pol.ID
			return tx.PolicyBindings.Create(ctx, pb)
		}},
		{name: "brand", do: func(ctx context.Context, tx idp.Repos) error { return tx.Brands.Create(ctx, br) }},
		{name: "stage deleted, and its binding with it", do: func(ctx context.Context, tx idp.Repos) error { return tx.Stages.Delete(ctx, st.ID) }},
		{name: "a user is none of it", same: true, do: func(ctx context.Context, tx idp.Repos) error {
			return tx.Users.Create(ctx, &idp.User{Username: "u", Type: idp.UserInternal, IsActive: true})
		}},
		{name: "a setting is none of it", same: true, do: func(ctx context.Context, tx idp.Repos) error {
			return tx.Settings.Set(ctx, "x", json.RawMessage(`1`))
		}},
	}
	revision := func() idp.Revision {
		r, err := db.Repos().Configuration.Revision(ctx)
		require.NoError(t, err)
		return r
	}
	seen := map[idp.Revision]bool{revision(): true}
	for _, a := range acts {
		before := revision()
		require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error { return a.do(ctx, tx) }), a.name)
		if a.same {
			require.Equal(t, before, revision(), a.name)
			continue
		}
		require.False(t, seen[revision()], a.name)
		seen[revision()] = true
	}
	before := revision()
	undone := fmt.Errorf("undone")
	require.ErrorIs(t, db.InTx(ctx, func(tx idp.Repos) error {
		f.Title = "H"
		if err := tx.Flows.Update(ctx, f); err != nil {
			return err
		}
		return undone
	}), undone)
	require.Equal(t, before, revision(), "a change that was rolled back")
}

// TestPeopleWhoChangeDifferentThingsDoNotWaitInCircles writes two flows in
// opposite orders at once, many times.
func TestPeopleWhoChangeDifferentThingsDoNotWaitInCircles(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := postgres.Open(ctx, testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	var flows []idp.Flow
	for i := range 4 {
		f := idp.Flow{Name: "F", Slug: fmt.Sprint("f", i), Title: "0", Designation: idp.DesignationAuthentication,
			Authentication: idp.AuthenticationNone, DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
		require.NoError(t, db.Repos().Flows.Create(ctx, &f))
		flows = append(flows, f)
	}
	attempts := make([]int, 2)
	var g errgroup.Group
	for who := range 2 {
		g.Go(func() error {
			for n := range 100 {
				err := db.InTx(ctx, func(tx idp.Repos) error {
					attempts[who]++
					for _, i := range []int{who * 2, who*2 + 1} { // rows that the other one leaves alone
						f := flows[i]
						f.Title = fmt.Sprint(n)
						if err := tx.Flows.Update(ctx, &f); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	require.Equal(t, []int{100, 100}, attempts, "nobody had to begin again")
}
