package blueprint_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// requireMessage asserts that the error tells a field this.
func requireMessage(t *testing.T, err error, field, message string) {
	t.Helper()
	var known *idp.Error
	require.True(t, errors.As(err, &known), "%v", err)
	require.Equal(t, idp.CodeInvalid, known.Code)
	require.Contains(t, strings.Join(known.Fields[field], "\n"), message, "%v", known.Fields)
}

func TestABlueprintOfItsOwnTextIsAppliedWhenItIsSaved(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	ctx := t.Context()
	b, err := s.Create(ctx, s.boss(), idp.Blueprint{Name: "mine", Content: text("a", "!Context label"), Context: map[string]any{"label": "one"}, Enabled: true})
	require.NoError(t, err)
	require.Equal(t, idp.BlueprintSuccessful, b.Status)
	require.Equal(t, "one", s.prompt("a"))
	require.Equal(t, "a", b.Metadata.Name)
	require.Equal(t, 1, s.events(idp.ActionModelCreated))

	same, err := s.Update(ctx, s.boss(), b.ID, func(*idp.Blueprint) error { return nil })
	require.NoError(t, err)
	require.Equal(t, b, same, "nothing is written for no change")
	b, err = s.Update(ctx, s.boss(), b.ID, func(b *idp.Blueprint) error { b.Context = map[string]any{"label": "two"}; return nil })
	require.NoError(t, err)
	require.Equal(t, idp.BlueprintSuccessful, b.Status)
	require.Equal(t, "two", s.prompt("a"))

	b, err = s.Update(ctx, s.boss(), b.ID, func(b *idp.Blueprint) error { b.Enabled, b.Content = false, text("a", "three"); return nil })
	require.NoError(t, err)
	require.Equal(t, idp.BlueprintUnknown, b.Status, "what it says now was not applied")
	require.Equal(t, "two", s.prompt("a"))
	_, _, err = s.Library.Apply(ctx, s.boss(), b.ID)
	requireMessage(t, err, idp.NonField, "disabled")
	require.Empty(t, s.discover().Applied)

	require.NoError(t, s.Library.Delete(ctx, s.boss(), b.ID))
	require.Equal(t, "two", s.prompt("a"), "what it made stays")
	require.Equal(t, 1, s.events(idp.ActionModelDeleted))
	_, err = s.Get(ctx, s.boss(), b.ID)
	require.True(t, idp.Is(err, idp.CodeNotFound))
}

func TestWhatIsSavedIsJudged(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	s.write("a.yaml", text("a", "one"))
	for name, c := range map[string]struct {
		draft          idp.Blueprint
		field, message string
	}{
		"neither":     {idp.Blueprint{Name: "n"}, idp.NonField, "Either path or content must be set."},
		"both":        {idp.Blueprint{Name: "n", Path: "a.yaml", Content: text("a", "one")}, idp.NonField, "Either path or content must be set"},
		"no name":     {idp.Blueprint{Path: "a.yaml"}, "name", "blank"},
		"no file":     {idp.Blueprint{Name: "n", Path: "b.yaml"}, "path", "Blueprint file does not exist"},
		"broken":      {idp.Blueprint{Name: "n", Content: broken}, "content", "Failed to validate blueprint"},
		"the place":   {idp.Blueprint{Name: "n", Content: broken}, "content", "- line 6, column"},
		"bad context": {idp.Blueprint{Name: "n", Path: "a.yaml", Context: map[string]any{"a": "\x00"}}, "context", "Null characters"},
	} {
		_, err := s.Create(t.Context(), s.boss(), c.draft)
		require.Error(t, err, name)
		requireMessage(t, err, c.field, c.message)
		require.Equal(t, c.field == "content", len(blueprint.Problems(err)) > 0, name)
	}
	require.Zero(t, s.count())
	_, err := s.Create(t.Context(), s.boss(), idp.Blueprint{Name: "n", Path: "a.yaml"})
	require.NoError(t, err)
	_, err = s.Create(t.Context(), s.boss(), idp.Blueprint{Name: "n", Path: "a.yaml"})
	requireMessage(t, err, "name", "unique")
}

func TestApplyingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	s.write("a.yaml", text("a", "one"))
	s.discover()
	b := s.named("a")
	again, report, err := s.Library.Apply(t.Context(), s.boss(), b.ID)
	require.NoError(t, err)
	require.Equal(t, blueprint.EffectUnchanged, report.Changes[0].Effect)
	require.Equal(t, b.AppliedHash, again.AppliedHash)
	require.True(t, again.AppliedAt.After(*b.AppliedAt))
	require.Equal(t, idp.BlueprintSuccessful, again.Status)

	s.write("a.yaml", text("a", "two"))
	planned, err := s.Library.Plan(t.Context(), s.boss(), b.ID)
	require.NoError(t, err)
	require.Equal(t, blueprint.EffectChanged, planned.Changes[0].Effect)
	require.Equal(t, "one", s.prompt("a"), "a plan does nothing")

	s.write("a.yaml", broken)
	failed, report, err := s.Library.Apply(t.Context(), s.boss(), b.ID)
	require.NoError(t, err, "what is wrong with the document is told by the blueprint")
	require.Nil(t, report)
	require.Equal(t, idp.BlueprintError, failed.Status)
	require.Equal(t, again.AppliedHash, failed.AppliedHash, "that is what is applied still")
	require.Equal(t, again.AppliedAt, failed.AppliedAt)
	require.NotEqual(t, failed.AppliedHash, failed.TriedHash)
}

func TestImport(t *testing.T) {
	t.Parallel()
	s := newShelf(t, fstest.MapFS{"default/a.yaml": {Data: []byte(text("shipped", "one"))}})
	report, err := s.Import(t.Context(), s.boss(), blueprint.Upload{File: "mine.yaml", Content: []byte(text("a", "!Context l")),
		Context: map[string]any{"l": "one"}, DryRun: true})
	require.NoError(t, err)
	require.Equal(t, blueprint.EffectCreated, report.Changes[0].Effect)
	require.Empty(t, s.prompt("a"))
	_, err = s.Import(t.Context(), s.boss(), blueprint.Upload{File: "mine.yaml", Content: []byte(text("a", "one"))})
	require.NoError(t, err)
	require.Equal(t, "one", s.prompt("a"))
	require.Zero(t, s.count(), "nothing is kept")
	_, err = s.Import(t.Context(), s.boss(), blueprint.Upload{Path: "default/a.yaml"})
	require.NoError(t, err)
	require.Equal(t, "one", s.prompt("shipped"))
	_, err = s.Import(t.Context(), s.boss(), blueprint.Upload{File: "mine.yaml", Content: []byte(broken)})
	require.Len(t, blueprint.Problems(err), 1)
}

// Only those who may do everything, as they are at that moment.
func TestOnlyAdministratorsMayUseTheLibrary(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	s.write("a.yaml", text("a", "one"))
	s.discover()
	ctx, id := t.Context(), s.named("a").ID
	person := &idp.User{Username: "person", IsActive: true}
	require.NoError(t, s.db.Repos().Users.Create(ctx, person))
	former := *person
	former.IsSuperuser = true // when the request began
	for _, actor := range []idp.Actor{{}, {User: person}, {User: &former}} {
		_, err := s.Create(ctx, actor, idp.Blueprint{Name: "n", Content: text("b", "one"), Enabled: true})
		requireRefused(t, err)
		_, err = s.Update(ctx, actor, id, func(b *idp.Blueprint) error { b.Enabled = false; return nil })
		requireRefused(t, err)
		requireRefused(t, s.Library.Delete(ctx, actor, id))
		_, _, err = s.Library.Apply(ctx, actor, id)
		requireRefused(t, err)
		_, err = s.Library.Plan(ctx, actor, id)
		requireRefused(t, err)
		_, err = s.Import(ctx, actor, blueprint.Upload{File: "x", Content: []byte(text("b", "one"))})
		requireRefused(t, err)
	}
	require.NoError(t, access.New().Check(idp.Actor{User: &former}, idp.VerbUpdate, idp.Object{Resource: idp.ResourceBlueprint}))
	require.Empty(t, s.prompt("b"))
	require.True(t, s.named("a").Enabled)
}

func requireRefused(t *testing.T, err error) {
	t.Helper()
	require.Contains(t, []idp.Code{idp.CodeForbidden, idp.CodeUnsigned}, idp.CodeOf(err), "%v", err)
}

// crashing is a database whose server dies just before the nth transaction from
// now would be kept.
type crashing struct {
	idp.Store
	left int
}

var errCrash = errors.New("the server died")

func (c *crashing) InTx(ctx context.Context, fn func(tx idp.Repos) error) error {
	return c.Store.InTx(ctx, func(tx idp.Repos) error {
		err := fn(tx)
		if c.left--; c.left <= 0 {
			return errors.Join(errCrash, ctx.Err())
		}
		return err
	})
}

// Whenever the server dies, the status is that of the objects, and the next check
// goes on from there.
func TestTheStatusIsTrueAfterACrash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content     string
		transaction int // counted from 1: kept, applied, or why it failed
		kept        bool
	}{
		"before it was kept":           {text("a", "two"), 1, false},
		"before it was applied":        {text("a", "two"), 2, true},
		"before the reason was stored": {broken, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, nil)
			s.write("a.yaml", c.content)
			store := &crashing{s.db, c.transaction}
			prints := *s.Service
			prints.Store = store
			dying := blueprint.NewLibrary(blueprint.LibraryDeps{Store: store, Access: access.New(), Prints: &prints, Directory: s.dir})
			ctx, cancel := context.WithCancel(t.Context())
			_, err := dying.Create(ctx, s.boss(), idp.Blueprint{Name: "a", Path: "a.yaml", Enabled: true})
			cancel()
			require.ErrorIs(t, err, errCrash)
			if !c.kept {
				require.Zero(t, s.count())
				return
			}
			b := s.named("a")
			require.Equal(t, idp.BlueprintUnknown, b.Status)
			require.Nil(t, b.AppliedAt)
			require.Empty(t, s.prompt("a"))
			s.write("a.yaml", text("a", "two"))
			require.Equal(t, []string{"a"}, s.refresh().Applied)
			require.Equal(t, "two", s.prompt("a"))
			require.Equal(t, idp.BlueprintSuccessful, s.named("a").Status)
		})
	}
}
