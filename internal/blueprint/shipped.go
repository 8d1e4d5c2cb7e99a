package blueprint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ApplyShipped applies every *.yaml of a file system, in the order of their
// names, that changed since it was last applied here. Replicas that start at
// once take turns.
func (s *Service) ApplyShipped(ctx context.Context, files fs.FS) error {
	names, err := fs.Glob(files, "*/*.yaml")
	if err != nil {
		return err
	}
	sort.Strings(names)
	digests, documents, err := s.read(files, names)
	if err != nil {
		return err
	}
	all := sha256.Sum256([]byte(strings.Join(digests, "")))
	mark, err := json.Marshal(hex.EncodeToString(all[:]))
	if err != nil {
		return err
	}
	const name = "blueprints.applied"
	if done, err := s.Store.Repos().Settings.Get(ctx, name); err != nil || string(done) == string(mark) {
		return err
	}
	return s.InTx(ctx, func(ctx context.Context, tx idp.Repos) error {
		if err := tx.Settings.Hold(ctx, name); err != nil {
			return err
		}
		if done, err := tx.Settings.Get(ctx, name); err != nil || string(done) == string(mark) {
			return err
		}
		for _, d := range documents {
			if d.Labels[labelInstantiate] == "false" {
				continue
			}
			if _, err := s.ApplyIn(ctx, tx, d, Options{Actor: idp.SystemActor()}); err != nil {
				return err
			}
		}
		return tx.Settings.Set(ctx, name, mark)
	})
}

func (s *Service) read(files fs.FS, names []string) (digests []string, documents []*Document, err error) {
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, nil, err
		}
		d, err := Parse(name, content)
		if err != nil {
			return nil, nil, err
		}
		if d.Files, err = fs.Sub(files, path.Dir(name)); err != nil {
			return nil, nil, err
		}
		sum := sha256.Sum256(content)
		digests, documents = append(digests, name, hex.EncodeToString(sum[:])), append(documents, d)
	}
	return digests, documents, nil
}
