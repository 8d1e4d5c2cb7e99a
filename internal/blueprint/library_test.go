package blueprint_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// shelf is a library over shipped files and a directory of the test's own.
type shelf struct {
	*blueprint.Library
	fixture
	t   *testing.T
	dir string
}

func newShelf(t *testing.T, shipped fstest.MapFS) *shelf {
	t.Helper()
	s := &shelf{fixture: open(t), t: t, dir: t.TempDir()}
	s.Library = s.again(shipped)
	s.Instances = s.Library
	return s
}

// again is another replica, maybe of another version.
func (s *shelf) again(shipped fstest.MapFS) *blueprint.Library {
	return blueprint.NewLibrary(blueprint.LibraryDeps{Store: s.db, Access: access.New(), Prints: s.Service, Shipped: shipped,
		ShippedAt: time.Unix(1700000000, 0), Directory: s.dir})
}

// boss is somebody who may do everything.
func (s *shelf) boss() idp.Actor { return idp.SystemActor() }

func (s *shelf) write(path, content string) {
	s.t.Helper()
	path = filepath.Join(s.dir, path)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s.t, os.WriteFile(path, []byte(content), 0o644))
}

func (s *shelf) discover() *blueprint.Discovery {
	s.t.Helper()
	d, err := s.Discover(s.t.Context())
	require.NoError(s.t, err)
	return d
}

func (s *shelf) refresh() *blueprint.Discovery {
	s.t.Helper()
	d, err := s.Refresh(s.t.Context())
	require.NoError(s.t, err)
	return d
}

// named is the blueprint with the name.
func (s *shelf) named(name string) *idp.Blueprint {
	s.t.Helper()
	page, err := s.Find(s.t.Context(), s.boss(), idp.BlueprintFilter{Name: &name})
	require.NoError(s.t, err)
	require.Len(s.t, page.Items, 1, name)
	return &page.Items[0]
}

func (s *shelf) count() int {
	s.t.Helper()
	page, err := s.Find(s.t.Context(), s.boss(), idp.BlueprintFilter{})
	require.NoError(s.t, err)
	return page.Total
}

// prompt is the label of a prompt, "" when there is none.
func (s *shelf) prompt(name string) string {
	s.t.Helper()
	page, err := s.db.Repos().Prompts.Find(s.t.Context(), idp.PromptFilter{Name: &name})
	require.NoError(s.t, err)
	if len(page.Items) == 0 {
		return ""
	}
	return page.Items[0].Label
}

// events counts those of an action.
func (s *shelf) events(actions ...idp.Action) int {
	s.t.Helper()
	page, err := s.db.Repos().Events.Find(s.t.Context(), idp.EventFilter{Actions: actions})
	require.NoError(s.t, err)
	return page.Total
}

// text is a blueprint of one prompt.
func text(name, label string) string {
	return fmt.Sprintf("version: 1\nmetadata: {name: %[1]s}\nentries:\n  - model: authentik_stages_prompt.prompt\n    identifiers: {name: %[1]s}\n"+
		"    attrs: {field_key: k, label: %[2]s, type: text}\n", name, label)
}

const broken = "version: 1\nmetadata: {name: broken}\nentries:\n  - model: authentik_stages_prompt.prompt\n    identifiers: {name: broken}\n    attrs: {field_key: k, type: nonsense}\n"

func TestDiscoverAppliesWhatChanged(t *testing.T) {
	t.Parallel()
	s := newShelf(t, fstest.MapFS{"default/a.yaml": {Data: []byte(text("shipped", "one"))}})
	s.write("sub/b.yaml", text("own", "one"))
	s.write("sub/.hidden.yaml", text("hidden", "one"))
	s.write(".git/c.yaml", text("hidden", "one"))
	s.write("d.yml", text("hidden", "one"))
	s.write("not.yaml", "version: 1\nmetadata: {name: not, labels: {blueprints.goauthentik.io/instantiate: \"false\"}}\nentries: []\n")
	s.write("empty.yaml", "\n")

	d := s.discover()
	require.Equal(t, []string{"shipped", "own"}, d.Applied)
	require.True(t, d.First)
	require.Empty(t, d.Failed)
	require.Equal(t, 2, s.count())
	require.Equal(t, "one", s.prompt("shipped"))
	require.Equal(t, "one", s.prompt("own"))
	b := s.named("own")
	require.Equal(t, idp.BlueprintSuccessful, b.Status)
	require.Equal(t, "sub/b.yaml", b.Path)
	require.Equal(t, []string{"authentik_stages_prompt.prompt"}, b.ManagedModels)
	require.Len(t, b.AppliedHash, 128)
	require.NotNil(t, b.AppliedAt)
	require.False(t, b.Shipped)
	require.True(t, s.named("shipped").Shipped)

	before := s.events(idp.Actions()...)
	require.True(t, s.discover().Unchanged, "the second start")
	require.Empty(t, s.refresh().Applied)
	require.Equal(t, before, s.events(idp.Actions()...))
	require.Equal(t, b, s.named("own"), "nothing was written")

	s.write("sub/b.yaml", text("own", "two"))
	require.Equal(t, []string{"own"}, s.refresh().Applied)
	require.Equal(t, "two", s.prompt("own"))
	require.False(t, s.discover().Unchanged, "the mark is of other files")
	require.True(t, s.discover().Unchanged)
}

// A file with the path of a shipped one takes its place; an empty one switches
// it off, and when it goes the shipped one is back.
func TestAFileStandsBeforeTheShippedOne(t *testing.T) {
	t.Parallel()
	s := newShelf(t, fstest.MapFS{"default/a.yaml": {Data: []byte(text("a", "shipped"))}, "default/off.yaml": {Data: []byte(text("off", "shipped"))}})
	s.write("default/off.yaml", "")
	require.Equal(t, []string{"a"}, s.discover().Applied)
	require.Equal(t, 1, s.count(), "an empty file is kept by nobody")
	s.write("default/a.yaml", text("a", "own"))
	require.Equal(t, []string{"a"}, s.refresh().Applied)
	require.Equal(t, "own", s.prompt("a"))
	require.False(t, s.named("a").Shipped)
	s.write("default/a.yaml", "# nothing\n")
	s.refresh()
	require.Equal(t, "own", s.prompt("a"))
	s.write("default/a.yaml", "")
	s.refresh()
	require.Equal(t, "own", s.prompt("a"), "what was made stays")
	require.NoError(t, os.Remove(filepath.Join(s.dir, "default/a.yaml")))
	require.Equal(t, []string{"a"}, s.refresh().Applied)
	require.Equal(t, "shipped", s.prompt("a"))
}

func TestABrokenFileIsToldOfAndStopsNothing(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	s.write("a.yaml", broken)
	s.write("b.yaml", "version: 1\nentries: [\n")
	s.write("c.yaml", text("c", "one"))
	d := s.discover()
	require.Equal(t, []string{"c"}, d.Applied)
	require.Len(t, d.Failed, 2)
	b := s.named("broken")
	require.Equal(t, idp.BlueprintError, b.Status)
	require.Nil(t, b.AppliedAt)
	require.NotNil(t, b.TriedAt)
	require.Equal(t, 6, b.Problems[0].Line)
	require.Contains(t, b.Problems[0].Message, "nonsense")
	require.Empty(t, s.prompt("broken"))
	require.Equal(t, idp.BlueprintError, s.named("b.yaml").Status, "a file that cannot be read goes by its path")
	require.Equal(t, 2, s.events(idp.ActionConfigError))

	s.refresh()
	require.Equal(t, 2, s.events(idp.ActionConfigError), "the same reason is told once")
	require.False(t, s.discover().Unchanged, "what failed is tried again")
	s.write("a.yaml", text("broken", "mended"))
	s.write("b.yaml", text("b", "mended"))
	require.ElementsMatch(t, []string{"broken", "b.yaml"}, s.refresh().Applied)
	b = s.named("broken")
	require.Equal(t, idp.BlueprintSuccessful, b.Status)
	require.Empty(t, b.Problems)
}

func TestAFileThatIsGoneLeavesAnOrphan(t *testing.T) {
	t.Parallel()
	shipped := fstest.MapFS{"default/s.yaml": {Data: []byte(text("s", "one"))}}
	s := newShelf(t, shipped)
	s.write("a.yaml", text("a", "one"))
	s.discover()
	require.NoError(t, os.Remove(filepath.Join(s.dir, "a.yaml")))
	require.Equal(t, []string{"a"}, s.refresh().Orphaned)
	require.Equal(t, idp.BlueprintOrphaned, s.named("a").Status)
	require.Equal(t, "one", s.prompt("a"), "what it made stays")
	require.Empty(t, s.refresh().Orphaned, "told once")
	off, err := s.Update(t.Context(), s.boss(), s.named("a").ID, func(b *idp.Blueprint) error { b.Enabled = false; return nil })
	require.NoError(t, err, "an orphan can be switched off")
	require.Equal(t, idp.BlueprintOrphaned, off.Status)
	s.write("a.yaml", text("a", "back"))
	s.refresh()
	require.Equal(t, idp.BlueprintUnknown, s.named("a").Status)
	require.Equal(t, "one", s.prompt("a"), "it is switched off")
	_, err = s.Update(t.Context(), s.boss(), off.ID, func(b *idp.Blueprint) error { b.Enabled = true; return nil })
	require.NoError(t, err)
	require.Equal(t, "back", s.prompt("a"))

	// Another version that does not ship the file says so at its start, not while
	// the present one still runs beside it.
	other := s.again(fstest.MapFS{"default/t.yaml": {Data: []byte(text("t", "one"))}})
	d, err := other.Refresh(t.Context())
	require.NoError(t, err)
	require.Empty(t, d.Orphaned)
	require.Empty(t, d.Applied)
	d, err = other.Discover(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, d.Orphaned)
	require.Equal(t, []string{"t"}, d.Applied)

	// A directory that cannot be read orphans nothing.
	require.NoError(t, os.RemoveAll(s.dir))
	d = s.refresh()
	require.ErrorContains(t, d.Unreadable, "blueprints directory")
	require.Empty(t, d.Orphaned)
}

// What an older version ships is not applied again by its hourly check after a
// newer one has started.
func TestAnOlderVersionStillRunningUndoesNothing(t *testing.T) {
	t.Parallel()
	old := fstest.MapFS{"default/a.yaml": {Data: []byte(text("a", "old"))}}
	s := newShelf(t, old)
	s.discover()
	newer := s.again(fstest.MapFS{"default/a.yaml": {Data: []byte(text("a", "new"))}})
	_, err := newer.Discover(t.Context())
	require.NoError(t, err)
	require.Equal(t, "new", s.prompt("a"))
	require.Empty(t, s.refresh().Applied)
	require.Equal(t, "new", s.prompt("a"))
}

func TestReplicasThatStartAtOnceApplyEachFileOnce(t *testing.T) {
	t.Parallel()
	shipped := fstest.MapFS{}
	for i := range 5 {
		shipped[fmt.Sprintf("default/%d.yaml", i)] = &fstest.MapFile{Data: []byte(text(fmt.Sprintf("p%d", i), "one"))}
	}
	s := newShelf(t, shipped)
	var g errgroup.Group
	applied := make([]int, 4)
	for i := range applied {
		g.Go(func() error {
			d, err := s.again(shipped).Discover(context.Background())
			if err == nil {
				applied[i] = len(d.Applied)
			}
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.Equal(t, 5, applied[0]+applied[1]+applied[2]+applied[3])
	require.Equal(t, 5, s.count())
	require.Equal(t, 5, s.events(idp.ActionModelCreated), "one event for each that is kept")
}

// A path that leads out of the directory leads nowhere.
func TestPathsStayInTheDirectory(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	require.NoError(t, os.WriteFile(outside, []byte(text("secret", "one")), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(s.dir, "link.yaml")))
	require.NoError(t, os.Symlink(filepath.Dir(outside), filepath.Join(s.dir, "folder")))
	require.NoError(t, os.Symlink(".", filepath.Join(s.dir, "round")))
	require.NoError(t, os.Mkdir(filepath.Join(s.dir, "folder.yaml"), 0o755))
	s.write("a.yaml", text("a", "one"))
	require.Equal(t, []string{"a"}, s.discover().Applied)
	require.Equal(t, 1, s.count())
	files, err := s.Files(t.Context(), s.boss())
	require.NoError(t, err)
	require.Len(t, files, 1)
	for _, path := range []string{"../" + filepath.Base(filepath.Dir(outside)) + "/secret.yaml", outside, "link.yaml", "folder/secret.yaml",
		"./a.yaml", "a.yaml/", "/a.yaml", ".hidden.yaml", "folder.yaml", "absent.yaml", "a.txt", "\\a.yaml"} {
		_, err := s.Create(t.Context(), s.boss(), idp.Blueprint{Name: "x", Path: path, Enabled: true})
		requireMessage(t, err, "path", "Blueprint file does not exist")
		_, err = s.Import(t.Context(), s.boss(), blueprint.Upload{Path: path})
		requireMessage(t, err, "path", "Blueprint file does not exist")
	}
	_, err = s.Create(t.Context(), s.boss(), idp.Blueprint{Name: "x", Path: "oci://registry/x", Enabled: true})
	require.ErrorContains(t, err, "OCI")
}

// The way Kubernetes shows files: links to a folder behind a link, all of which
// changes at once when that link does.
func TestFilesBehindLinksOfTheDirectory(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	publish := func(version, label string) {
		s.write("..v"+version+"/a.yaml", text("a", label))
		s.write("..v"+version+"/sub/b.yaml", text("b", label))
		require.NoError(t, os.Symlink("..v"+version, filepath.Join(s.dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(s.dir, "..data_tmp"), filepath.Join(s.dir, "..data")))
	}
	publish("1", "one")
	require.NoError(t, os.Symlink("..data/a.yaml", filepath.Join(s.dir, "a.yaml")))
	require.NoError(t, os.Symlink("..data/sub", filepath.Join(s.dir, "sub")))
	require.Equal(t, []string{"a", "b"}, s.discover().Applied)
	require.Equal(t, "sub/b.yaml", s.named("b").Path)
	publish("2", "two")
	require.Equal(t, []string{"a", "b"}, s.refresh().Applied)
	require.Equal(t, "two", s.prompt("b"))
}

// A document means something else when a file that it reads does.
func TestAFileThatIsReadCounts(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	s.write("a.yaml", text("a", "!File label.txt"))
	s.write("label.txt", "one\n")
	require.Equal(t, []string{"a"}, s.discover().Applied)
	require.Equal(t, "one", s.prompt("a"))
	require.True(t, s.discover().Unchanged)
	s.write("label.txt", "two\n")
	require.False(t, s.discover().Unchanged)
	require.Equal(t, "two", s.prompt("a"))
}

// One file may want another to be applied first, whatever their order.
func TestABlueprintAppliesAnother(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	s.write("a.yaml", "version: 1\nmetadata: {name: a}\nentries:\n  - model: authentik_blueprints.metaapplyblueprint\n    attrs: {identifiers: {name: z}}\n")
	s.write("z.yaml", text("z", "one"))
	require.Equal(t, []string{"a"}, s.discover().Applied, "z was applied as a part of a")
	require.Equal(t, "one", s.prompt("z"))
	require.Equal(t, idp.BlueprintSuccessful, s.named("z").Status)
	s.write("z.yaml", broken)
	s.write("a.yaml", "version: 1\nmetadata: {name: a}\nentries:\n  - model: authentik_blueprints.metaapplyblueprint\n    identifiers: {name: z}\n")
	d := s.refresh()
	require.Len(t, d.Failed, 2)
	require.Equal(t, idp.BlueprintError, s.named("a").Status)
	require.Equal(t, "one", s.prompt("z"))
	s.write("z.yaml", "version: 1\nmetadata: {name: z}\nentries:\n  - model: authentik_blueprints.metaapplyblueprint\n    identifiers: {name: a}\n")
	s.refresh()
	require.Contains(t, s.named("a").Problems[0].Message, "circle")
}

// A document keeps another one, which is applied along with it.
func TestABlueprintKeepsAnother(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	s.write("inner.yaml", strings.Replace(text("inner", "!Context label"), "{name: inner}", "{name: inner, labels: {blueprints.goauthentik.io/instantiate: \"false\"}}", 1))
	outer := func(label, more string) string {
		return "version: 1\nmetadata: {name: outer}\nentries:\n  - model: authentik_blueprints.blueprintinstance\n    identifiers: {name: of outer}\n    " + more +
			"attrs: {path: inner.yaml, context: {label: " + label + "}}\n"
	}
	s.write("outer.yaml", outer("one", ""))
	require.Equal(t, []string{"outer"}, s.discover().Applied)
	require.Equal(t, "one", s.prompt("inner"))
	require.Equal(t, idp.BlueprintSuccessful, s.named("of outer").Status)
	require.Empty(t, s.refresh().Applied)
	report, err := s.Library.Plan(t.Context(), s.boss(), s.named("outer").ID)
	require.NoError(t, err)
	require.Equal(t, blueprint.EffectUnchanged, report.Changes[0].Effect)

	s.write("outer.yaml", outer("two", ""))
	s.refresh()
	require.Equal(t, "two", s.prompt("inner"))
	s.write("inner.yaml", broken)
	s.write("outer.yaml", outer("three", ""))
	require.Len(t, s.refresh().Failed, 2, "the one with the other in it, and the other itself")
	require.Equal(t, "two", s.prompt("inner"))
	require.Equal(t, "two", s.named("of outer").Context["label"])
	s.write("outer.yaml", strings.Replace(outer("four", ""), "inner.yaml", "absent.yaml", 1))
	s.refresh()
	require.Contains(t, s.named("outer").Problems[0].Message, "Blueprint file does not exist")
	require.Equal(t, "path", s.named("outer").Problems[0].Field)
	s.write("outer.yaml", outer("five", "state: absent\n    "))
	s.refresh()
	require.Equal(t, 1, s.count())
	require.Equal(t, "two", s.prompt("inner"), "what it made stays")
}
