package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// ear hears what the log says of blueprints, as an operator would.
type ear struct {
	faults
	heard chan string
}

func (e *ear) Enabled(context.Context, slog.Level) bool { return true }
func (e *ear) WithAttrs([]slog.Attr) slog.Handler       { return e }
func (e *ear) WithGroup(string) slog.Handler            { return e }

func (e *ear) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		return e.faults.Handle(ctx, r)
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "name" {
			e.heard <- r.Message + ": " + a.Value.String()
		}
		return true
	})
	return nil
}

// await waits until the log has said it.
func (e *ear) await(t *testing.T, message string) {
	t.Helper()
	never := time.After(time.Minute)
	for {
		select {
		case got := <-e.heard:
			if got == message {
				return
			}
		case <-never:
			t.Fatalf("never heard %q", message)
		}
	}
}

// labelled is a document of one prompt.
func labelled(name, label string) string {
	return fmt.Sprintf("version: 1\nmetadata: {name: %[1]s}\nentries:\n  - model: authentik_stages_prompt.prompt\n    identifiers: {name: %[1]s}\n"+
		"    attrs: {field_key: k, label: %[2]s, type: text}\n", name, label)
}

func (s *site) promptLabel(name string) string {
	s.Helper()
	page, err := s.repos().Prompts.Find(s.Context(), idp.PromptFilter{Name: &name})
	require.NoError(s, err)
	require.Len(s, page.Items, 1)
	return page.Items[0].Label
}

// watched opens a replica that follows a directory, and what its log says.
func watched(t *testing.T, s *site, dir string) (*replica, *ear) {
	t.Helper()
	cfg, err := s.config("blueprints_dir", dir)
	require.NoError(t, err)
	e := &ear{faults: faults{site: s}, heard: make(chan string, 1000)}
	a, err := app.Open(t.Context(), cfg, slog.New(e))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	r := &replica{App: a}
	s.replicas = append(s.replicas, r)
	return r, e
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// A file that changes on the disk is applied while the server runs: at the top,
// in a folder that is new, behind a link that is replaced, and after the whole
// directory was.
func TestFilesAreFollowedWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "blueprints")
	write(t, dir, "a.yaml", labelled("a", "one"))
	publish := func(version, label string) {
		write(t, dir, "..v"+version+"/k.yaml", labelled("k", label))
		require.NoError(t, os.Symlink("..v"+version, filepath.Join(dir, "..tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	}
	publish("1", "one")
	require.NoError(t, os.Symlink("..data/k.yaml", filepath.Join(dir, "k.yaml")))
	s := blankSite(t, testkit.Database(t))
	_, log := watched(t, s, dir)
	log.await(t, "blueprint applied: a")
	log.await(t, "blueprint applied: k")

	write(t, dir, "a.yaml", labelled("a", "two"))
	log.await(t, "blueprint applied: a")
	require.Equal(t, "two", s.promptLabel("a"))
	write(t, dir, "new/folder/b.yaml", labelled("b", "one"))
	log.await(t, "blueprint applied: b")
	write(t, dir, "new/folder/b.yaml", labelled("b", "two"))
	log.await(t, "blueprint applied: b")
	publish("2", "two")
	log.await(t, "blueprint applied: k")
	require.Equal(t, "two", s.promptLabel("k"))

	write(t, dir, "a.yaml", "version: 1\nentries: [\n")
	log.await(t, "a blueprint cannot be applied: a")
	require.Equal(t, "two", s.promptLabel("a"))
	require.NoError(t, os.Remove(filepath.Join(dir, "a.yaml")))
	log.await(t, "the file of a blueprint is gone; what it made stays: a")

	next := filepath.Join(parent, "next")
	write(t, next, "a.yaml", labelled("a", "three"))
	require.NoError(t, os.Rename(dir, filepath.Join(parent, "before")))
	require.NoError(t, os.Rename(next, dir))
	log.await(t, "blueprint applied: a")
	require.Equal(t, "three", s.promptLabel("a"))
	write(t, dir, "a.yaml", labelled("a", "four"))
	log.await(t, "blueprint applied: a")
	require.Equal(t, "four", s.promptLabel("a"))
}

// chore has the worker do one now, as it does from time to time, and waits until
// it is done.
func (s *site) chore(name string) {
	s.Helper()
	db := s.connect()
	var id int64
	require.NoError(s, db.QueryRow(s.Context(), `INSERT INTO river_job (kind, args, max_attempts) VALUES ('chore', jsonb_build_object('name', $1::text), 1)
		RETURNING id`, name).Scan(&id))
	_, err := db.Exec(s.Context(), `SELECT pg_notify(current_schema() || '.river_insert', '{"queue": "default"}')`)
	require.NoError(s, err)
	var state string
	require.Eventually(s, func() bool {
		require.NoError(s, db.QueryRow(s.Context(), `SELECT state FROM river_job WHERE id = $1`, id).Scan(&state))
		return state == "completed" || state == "discarded"
	}, 30*time.Second, 10*time.Millisecond, "the worker has not done %s", name)
	require.Equal(s, "completed", state)
}

// What the file system says nothing of is found by the check that comes round:
// here a file in a folder that nobody listens to, behind a link that stays.
func TestFilesAreCheckedFromTimeToTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "..kept/k.yaml", labelled("k", "one"))
	require.NoError(t, os.Symlink("..kept/k.yaml", filepath.Join(dir, "k.yaml")))
	s := blankSite(t, testkit.Database(t))
	_, log := watched(t, s, dir)
	log.await(t, "blueprint applied: k")

	write(t, dir, "..kept/k.yaml", labelled("k", "two"))
	require.Equal(t, "one", s.promptLabel("k"))
	s.chore("blueprints")
	require.Equal(t, "two", s.promptLabel("k"))
	log.await(t, "blueprint applied: k")

	write(t, dir, "..kept/k.yaml", "version: 1\nentries: [\n")
	s.chore("blueprints") // is done although a file is wrong
	log.await(t, "a blueprint cannot be applied: k")
	require.Equal(t, "two", s.promptLabel("k"))
}

// Replicas that start at once on one database apply each file once, and a broken
// file keeps none of them from starting.
func TestReplicasStartAtOnceWithBlueprints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 4 {
		write(t, dir, fmt.Sprintf("%d.yaml", i), labelled(fmt.Sprintf("p%d", i), "one"))
	}
	write(t, dir, "broken.yaml", "version: 1\nmetadata: {name: broken}\nentries:\n  - model: authentik_nothing.nothing\n    identifiers: {name: x}\n")
	write(t, dir, "default/90-brand.yaml", "") // an empty file switches a shipped one off
	s := blankSite(t, testkit.Database(t))
	opened, logs := make([]*app.App, 2), make([]*ear, 2)
	var g errgroup.Group
	for i := range opened {
		cfg, err := s.config("blueprints_dir", dir)
		require.NoError(t, err)
		logs[i] = &ear{faults: faults{site: s}, heard: make(chan string, 1000)}
		g.Go(func() (err error) {
			opened[i], err = app.Open(context.Background(), cfg, slog.New(logs[i]))
			return err
		})
	}
	require.NoError(t, g.Wait())
	times := map[string]int{}
	for i, a := range opened {
		s.replicas = append(s.replicas, &replica{App: a})
		t.Cleanup(func() { require.NoError(t, a.Close()) })
		for len(logs[i].heard) > 0 {
			times[<-logs[i].heard]++
		}
	}
	for i := range 4 {
		require.Equal(t, 1, times[fmt.Sprintf("blueprint applied: p%d", i)], "%v", times)
	}
	require.Positive(t, times["a blueprint cannot be applied: broken"])
	broken := "broken"
	page, err := s.repos().Blueprints.Find(t.Context(), idp.BlueprintFilter{Name: &broken})
	require.NoError(t, err)
	require.Equal(t, idp.BlueprintError, page.Items[0].Status)
	require.Equal(t, 4, page.Items[0].Problems[0].Line)
	brands, err := s.repos().Brands.Find(t.Context(), idp.BrandFilter{})
	require.NoError(t, err)
	require.Zero(t, brands.Total)
}

func TestTheBlueprintsDirectoryMustExist(t *testing.T) {
	t.Parallel()
	s := blankSite(t, "postgres://nobody@localhost/none")
	_, err := s.config("blueprints_dir", filepath.Join(t.TempDir(), "absent"))
	require.ErrorContains(t, err, "blueprints_dir")
}

// Examples are there to be chosen, and none applies itself.
func TestExamplesWaitToBeChosen(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	files, err := s.replicas[0].Library.Files(t.Context(), idp.SystemActor())
	require.NoError(t, err)
	examples := 0
	for _, f := range files {
		if strings.HasPrefix(f.Path, "example/") {
			examples++
			require.Equal(t, "false", f.Metadata.Labels["blueprints.goauthentik.io/instantiate"], f.Path)
		}
	}
	require.Positive(t, examples)
	page, err := s.repos().Blueprints.Find(t.Context(), idp.BlueprintFilter{})
	require.NoError(t, err)
	require.Equal(t, len(files)-examples, page.Total)
}

// What is shipped is kept by the console's list and says that it was applied.
func TestShippedBlueprintsAreKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	list := s.admin().api(http.StatusOK, http.MethodGet, "/managed/blueprints/?page_size=100", nil)["results"].([]any)
	require.NotEmpty(t, list)
	for _, item := range list {
		b := item.(map[string]any)
		require.Equal(t, "successful", b["status"], "%v", b)
		require.Equal(t, true, b["shipped"])
	}
}
