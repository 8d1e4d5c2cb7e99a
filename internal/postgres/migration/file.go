package migration

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"github.com/golang-migrate/migrate/v4/source"
)

// catalogue is what the build carries: every version with its file names.
type catalogue struct {
	files    fs.FS
	versions []uint // ascending
	up, down map[uint]string
}

// readCatalogue lists the files; other files beside them are ignored.
func readCatalogue(files fs.FS) (catalogue, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return catalogue{}, fmt.Errorf("listing migrations: %w", err)
	}
	c := catalogue{files: files, up: map[uint]string{}, down: map[uint]string{}}
	for _, entry := range entries {
		parsed, err := source.DefaultParse(entry.Name())
		if err != nil || entry.IsDir() {
			continue
		}
		names := c.up
		if parsed.Direction == source.Down {
			names = c.down
		}
		if other, taken := names[parsed.Version]; taken {
			return catalogue{}, fmt.Errorf("migrations %s and %s have the same number", other, entry.Name())
		}
		names[parsed.Version] = entry.Name()
	}
	for version := range c.up {
		c.versions = append(c.versions, version)
	}
	slices.Sort(c.versions)
	return c, nil
}

// latest is the newest version the build knows, or none.
func (c catalogue) latest() int {
	if len(c.versions) == 0 {
		return none
	}
	return int(c.versions[len(c.versions)-1])
}

// before is the version that comes before v, or none.
func (c catalogue) before(v int) int {
	previous := none
	for _, version := range c.versions {
		if int(version) >= v {
			break
		}
		previous = int(version)
	}
	return previous
}

// knows reports whether v is a version of this build.
func (c catalogue) knows(v int) bool {
	return v == none || slices.Contains(c.versions, uint(v))
}

// stepwise reports whether the file that leads up to v runs outside a
// transaction.
func (c catalogue) stepwise(v int) bool {
	if v < 0 {
		return false
	}
	body, err := fs.ReadFile(c.files, c.up[uint(v)])
	return err == nil && concurrent(body)
}

var (
	sqlComment   = regexp.MustCompile(`--[^\n]*|(?s:/\*.*?\*/)`)
	concurrently = regexp.MustCompile(`(?i)\bCONCURRENTLY\b`)
)

// concurrent reports whether SQL says CONCURRENTLY outside its comments.
func concurrent(body []byte) bool {
	return concurrently.Match(sqlComment.ReplaceAll(body, nil))
}

// after names the file that leads down to v: that of the version above it.
func (c catalogue) after(v int) string {
	for _, version := range c.versions {
		if int(version) > v {
			return c.down[version]
		}
	}
	return ""
}
