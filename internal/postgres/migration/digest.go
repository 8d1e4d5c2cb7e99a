package migration

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/portcullis-idp/portcullis/migrations"
)

// Digest names the schema this build makes by the content of every file that
// makes it, ours and the job queue's. Builds of one digest make one schema; a
// migrated database may be kept and copied under that name.
func Digest() (string, error) {
	return digest(migrations.FS, riverpgxv5.New(nil).GetMigrationFS("main"))
}

func digest(sets ...fs.FS) (string, error) {
	sum := sha256.New()
	for _, files := range sets {
		err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := fs.ReadFile(files, path)
			fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("reading migrations: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
