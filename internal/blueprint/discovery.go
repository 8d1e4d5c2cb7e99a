package blueprint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// discovered is the setting that marks the files that the last full check found
// and applied. As long as they are the same, a start has nothing to do.
const discovered = "blueprints.discovered"

// Discovery is what a check of the files came to.
type Discovery struct {
	Unchanged bool     // the files are those of the last check: nothing was looked at
	First     bool     // nothing was ever applied here before
	Applied   []string // names of what was applied
	Orphaned  []string // names of what lost its file
	Failed    []Failed
	// Unreadable is why the operator's directory could not be read; what was
	// applied from it is left alone then.
	Unreadable error
}

// Failed is a blueprint that could not be applied.
type Failed struct {
	Name, Path string
	Reason     string // the first of its problems
	Problems   int
	Shipped    bool
	Never      bool  // it was never applied before either
	Err        error // the cause, for the log
}

// Discover checks every file at a start: files that changed are applied, new
// ones are kept from now on, what lost its file becomes an orphan. Replicas that
// start at once take turns by file, so each is applied once. A broken file is
// told of and stops nothing. The error is that of the database.
func (l *Library) Discover(ctx context.Context) (*Discovery, error) {
	files, unreadable := l.files()
	mark, err := markOf(files)
	if err != nil {
		return nil, err
	}
	done, err := l.d.Store.Repos().Settings.Get(ctx, discovered)
	if err != nil {
		return nil, fmt.Errorf("checking blueprints: %w", err)
	}
	if unreadable == nil && string(done) == string(mark) {
		return &Discovery{Unchanged: true}, nil
	}
	out, err := l.discover(ctx, files, reach{shipped: true, directory: unreadable == nil})
	if err != nil {
		return nil, err
	}
	if out.Unreadable = unreadable; unreadable != nil || len(out.Failed) > 0 {
		return out, nil
	}
	return out, l.d.Store.Repos().Settings.Set(ctx, discovered, mark)
}

// Refresh checks the operator's directory and whatever is not applied yet, while
// the server runs. Shipped files are left to starts: during an upgrade the old
// version still runs beside the new one, and must not undo its files. The error
// is that of the database.
func (l *Library) Refresh(ctx context.Context) (*Discovery, error) {
	files, unreadable := l.files()
	out, err := l.discover(ctx, files, reach{directory: unreadable == nil})
	if err != nil {
		return nil, err
	}
	out.Unreadable = unreadable
	return out, nil
}

// reach says which files a check may judge.
type reach struct{ shipped, directory bool }

func (l *Library) discover(ctx context.Context, files []diskFile, may reach) (*Discovery, error) {
	kept, err := l.all(ctx)
	if err != nil {
		return nil, err
	}
	out := &Discovery{First: true}
	byPath := map[string][]*idp.Blueprint{}
	for i := range kept {
		out.First = out.First && kept[i].AppliedAt == nil
		byPath[kept[i].Path] = append(byPath[kept[i].Path], &kept[i])
	}
	// All are kept before the first is applied, which may want another one to be.
	for i := range files {
		f := &files[i]
		if len(byPath[f.path]) > 0 || f.shipped && !may.shipped {
			continue
		}
		if b, err := l.adopt(ctx, f); err != nil {
			return nil, err
		} else if b != nil {
			byPath[f.path] = []*idp.Blueprint{b}
		}
	}
	for i := range files {
		f := &files[i]
		if err := l.checkFile(ctx, f, byPath[f.path], may, out); err != nil {
			return nil, err
		}
		delete(byPath, f.path)
	}
	for _, b := range byPath[""] { // those with text of their own
		if due(b, ownText(b.Name, []byte(b.Content)).hash) {
			if err := l.attempt(ctx, b.ID, attempt{}, out); err != nil {
				return nil, err
			}
		}
	}
	delete(byPath, "")
	for _, list := range byPath {
		for _, b := range list {
			if b.Status == idp.BlueprintOrphaned || b.Shipped && !may.shipped || !b.Shipped && !may.directory {
				continue
			}
			if err := l.orphan(ctx, b, out); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(out.Orphaned)
	return out, nil
}

// checkFile looks at one file and the blueprints kept of it.
func (l *Library) checkFile(ctx context.Context, f *diskFile, kept []*idp.Blueprint, may reach, out *Discovery) error {
	for _, b := range kept {
		var err error
		switch {
		case f.shipped && b.Shipped && !may.shipped:
		case due(b, f.hash):
			err = l.attempt(ctx, b.ID, attempt{file: f}, out)
		case b.Status == idp.BlueprintOrphaned: // switched off, and its file is back
			err = l.mark(ctx, b, idp.BlueprintUnknown)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// attempt applies one blueprint and notes what came of it.
func (l *Library) attempt(ctx context.Context, id idp.BlueprintID, a attempt, out *Discovery) error {
	done, err := l.applyOne(ctx, idp.SystemActor(), id, a)
	switch {
	case idp.Is(err, idp.CodeNotFound): // deleted meanwhile
		return nil
	case err != nil:
		return err
	case done.failure != nil:
		b := done.blueprint
		failed := Failed{Name: b.Name, Path: b.Path, Problems: len(b.Problems), Never: b.AppliedAt == nil,
			Shipped: a.file != nil && a.file.shipped, Err: done.failure}
		if len(b.Problems) > 0 {
			failed.Reason = ProblemsOf(b)[0].Sentence()
		}
		out.Failed = append(out.Failed, failed)
	case done.report != nil:
		out.Applied = append(out.Applied, done.blueprint.Name)
	}
	return nil
}

// adopt keeps a file from now on, unless it says that it does not want to be, or
// says nothing. Of replicas that find it at once, one does.
func (l *Library) adopt(ctx context.Context, f *diskFile) (b *idp.Blueprint, err error) {
	metadata := f.metadata()
	if f.empty() || metadata.Labels[labelInstantiate] == "false" {
		return nil, nil
	}
	err = l.d.Store.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.Settings.Hold(ctx, libraryLock); err != nil {
			return err
		}
		found, err := tx.Blueprints.Find(ctx, idp.BlueprintFilter{Path: &f.path, Paging: idp.Paging{Limit: 1}})
		if err != nil {
			return err
		}
		if len(found.Items) > 0 {
			b = &found.Items[0]
			return nil
		}
		b = &idp.Blueprint{Path: f.path, Enabled: true, Shipped: f.shipped, Metadata: metadata}
		if b.Name, err = freeName(ctx, tx, metadata.Name, f.path); err != nil {
			return err
		}
		if err := tx.Blueprints.Create(ctx, b); err != nil {
			return err
		}
		return tellInstance(ctx, tx, idp.ActionModelCreated, idp.SystemActor(), b, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("keeping the blueprint file %s: %w", f.path, err)
	}
	return b, nil
}

// freeName is the name that a file gives itself, or one with its path where that
// is taken.
func freeName(ctx context.Context, tx idp.Repos, name, path string) (string, error) {
	if runes := []rune(name); len(runes) > maxInstanceName {
		name = string(runes[:maxInstanceName])
	}
	for _, candidate := range []string{name, path} {
		found, err := tx.Blueprints.Find(ctx, idp.BlueprintFilter{Name: &candidate, Paging: idp.Paging{Limit: 1}})
		if err != nil {
			return "", err
		}
		if len(found.Items) == 0 {
			return candidate, nil
		}
	}
	return path + " " + idp.NewID[idp.Blueprint]().String(), nil
}

// orphan marks a blueprint whose file is gone. What it made stays.
func (l *Library) orphan(ctx context.Context, b *idp.Blueprint, out *Discovery) error {
	if err := l.mark(ctx, b, idp.BlueprintOrphaned, Problem{Message: "The file is gone. What it made is kept."}); err != nil {
		return err
	}
	out.Orphaned = append(out.Orphaned, b.Name)
	return nil
}

// mark gives a blueprint another status because of its file, unless somebody
// changed or deleted it meanwhile.
func (l *Library) mark(ctx context.Context, b *idp.Blueprint, status idp.BlueprintStatus, why ...Problem) error {
	err := l.d.Store.InTx(ctx, func(tx idp.Repos) error {
		held, err := tx.Blueprints.Hold(ctx, b.ID)
		if err != nil || !held.UpdatedAt.Equal(b.UpdatedAt) {
			return err
		}
		held.Status, held.Problems = status, stored(why)
		if err := tx.Blueprints.Update(ctx, held); err != nil {
			return err
		}
		return tellInstance(ctx, tx, idp.ActionModelUpdated, idp.SystemActor(), held, map[string]any{"changed": []string{"status"}, "status": string(status)})
	})
	if err != nil && !idp.Is(err, idp.CodeNotFound) {
		return fmt.Errorf("marking blueprint %s as %s: %w", b.ID, status, err)
	}
	return nil
}

// all reads every kept blueprint.
func (l *Library) all(ctx context.Context) ([]idp.Blueprint, error) {
	const size = 500
	var out []idp.Blueprint
	for {
		page, err := l.d.Store.Repos().Blueprints.Find(ctx, idp.BlueprintFilter{
			Paging: idp.Paging{Limit: size, Offset: len(out), Order: []string{"pk"}}})
		if err != nil {
			return nil, fmt.Errorf("listing blueprints: %w", err)
		}
		if out = append(out, page.Items...); len(page.Items) < size {
			return out, nil
		}
	}
}

// markOf stands for the files: their paths, contents, and which are shipped.
func markOf(files []diskFile) (json.RawMessage, error) {
	sum := sha256.New()
	for i := range files {
		fmt.Fprintf(sum, "%q %s %t %v\n", files[i].path, files[i].hash, files[i].shipped, files[i].err != nil)
	}
	return json.Marshal(hex.EncodeToString(sum.Sum(nil)))
}
