package blueprint

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of a directory, against links that lead round and disks that are full.
const (
	maxFiles      = 1000
	maxFolderDeep = 10
)

// diskFile is a file of one of the directories.
type diskFile struct {
	path       string // with slashes, below the directory
	content    []byte
	hash       string
	modifiedAt time.Time
	shipped    bool
	beside     fs.FS // what stands in the same folder, for the !File tag
	err        error // it could not be read
}

// empty reports whether the file says nothing: that is how one is switched off.
func (f *diskFile) empty() bool { return f.err == nil && len(bytes.TrimSpace(f.content)) == 0 }

// files reads the shipped files and those of the directory, which stand in the
// place of shipped ones with the same path; in the order of paths, shipped ones
// first. When the directory cannot be read, the shipped ones come with the error.
func (l *Library) files() ([]diskFile, error) {
	var out []diskFile
	if l.d.Shipped != nil {
		shipped, err := walk(l.d.Shipped)
		if err != nil {
			return nil, fmt.Errorf("reading the shipped blueprints: %w", err)
		}
		for i := range shipped {
			shipped[i].shipped, shipped[i].modifiedAt = true, l.d.ShippedAt
		}
		out = shipped
	}
	if l.d.Directory == "" {
		return out, nil
	}
	own, err := l.directory()
	if err != nil {
		return out, err
	}
	places := make(map[string]int, len(out))
	for i := range out {
		places[out[i].path] = i
	}
	for _, f := range own {
		if i, taken := places[f.path]; taken {
			out[i] = f
		} else {
			out = append(out, f)
		}
	}
	return out, nil
}

// directory reads the operator's files. Links are followed inside the
// directory; one that leads out of it is refused by the root.
func (l *Library) directory() ([]diskFile, error) {
	own, err := walk(folder(l.d.Directory))
	if err != nil {
		return nil, fmt.Errorf("reading the blueprints directory %s: %w", l.d.Directory, err)
	}
	return own, nil
}

// file reads one file by its path: the directory's, else the shipped one.
func (l *Library) file(name string) (*diskFile, error) {
	if !fs.ValidPath(name) || hidden(name) || path.Ext(name) != ".yaml" {
		return nil, idp.NotFound("blueprint file")
	}
	if l.d.Directory != "" {
		f := read(folder(l.d.Directory), name)
		if !errors.Is(f.err, fs.ErrNotExist) {
			return &f, f.err
		}
	}
	if l.d.Shipped != nil {
		if f := read(l.d.Shipped, name); f.err == nil {
			f.shipped, f.modifiedAt = true, l.d.ShippedAt
			return &f, nil
		}
	}
	return nil, idp.NotFound("blueprint file")
}

// folder is a directory of the disk, as it is whenever it is read: it may be
// replaced as a whole. Nothing outside it can be opened, not through links
// either.
type folder string

// Open implements fs.FS.
func (d folder) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(name)
}

// Stat implements fs.StatFS: a pipe is not opened to be looked at.
func (d folder) Stat(name string) (fs.FileInfo, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Stat(name)
}

// hidden reports whether a part of the path begins with a dot.
func hidden(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.HasPrefix(part, ".") })
}

// walk reads every *.yaml that is not hidden, folders and links to folders
// included.
func walk(files fs.FS) ([]diskFile, error) {
	w := walker{files: files}
	if err := w.walk(".", nil); err != nil {
		return nil, err
	}
	slices.SortFunc(w.out, func(a, b diskFile) int { return strings.Compare(a.path, b.path) })
	return w.out, nil
}

type walker struct {
	files fs.FS
	out   []diskFile
}

func (w *walker) walk(dir string, above []fs.FileInfo) error {
	self, err := fs.Stat(w.files, dir)
	if err != nil {
		return err
	}
	if len(above) >= maxFolderDeep || slices.ContainsFunc(above, func(up fs.FileInfo) bool { return os.SameFile(up, self) }) {
		return nil
	}
	entries, err := fs.ReadDir(w.files, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		name := path.Join(dir, e.Name())
		info, err := fs.Stat(w.files, name) // of what a link leads to
		switch {
		case err != nil: // a link that leads nowhere, or out; or the file went meanwhile
		case info.IsDir():
			err = w.walk(name, append(slices.Clip(above), self))
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			if err != nil {
				return err
			}
		case info.Mode().IsRegular() && path.Ext(name) == ".yaml":
			if f := read(w.files, name); !errors.Is(f.err, fs.ErrNotExist) {
				w.out = append(w.out, f)
			}
		}
		if len(w.out) > maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
	}
	return nil
}

// read reads one file and its hash.
func read(files fs.FS, name string) diskFile {
	f := diskFile{path: name}
	info, err := fs.Stat(files, name)
	switch {
	case err != nil:
		f.err = err
		return f
	case !info.Mode().IsRegular():
		f.err = fmt.Errorf("%s is no file: %w", name, fs.ErrNotExist)
		return f
	}
	file, err := files.Open(name)
	if err != nil {
		f.err = err
		return f
	}
	defer file.Close()
	f.modifiedAt = info.ModTime()
	if f.beside, f.err = fs.Sub(files, path.Dir(name)); f.err != nil {
		return f
	}
	f.content, f.err = io.ReadAll(io.LimitReader(file, maxFile+1)) // Parse refuses what is longer
	f.hash = f.fingerprint()
	return f
}

// fingerprint is the SHA-512 of the document in hexadecimal: of its text, and of
// the files that it reads.
func (f *diskFile) fingerprint() string {
	sum := sha512.New()
	sum.Write(f.content)
	if f.beside != nil && bytes.Contains(f.content, []byte("!File")) {
		if d, err := f.parse(); err == nil {
			for _, name := range d.Reads() {
				content, err := fs.ReadFile(f.beside, name)
				fmt.Fprintf(sum, "\n%q %t %d\n", name, err == nil, len(content))
				sum.Write(content)
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// parse reads the document. The error is that of Parse.
func (f *diskFile) parse() (*Document, error) {
	d, err := Parse(f.path, f.content)
	if err != nil {
		return nil, err
	}
	d.Files = f.beside
	return d, nil
}

// File is a file that can be kept applied.
type File struct {
	Path       string
	Hash       string // SHA-512 in hexadecimal
	ModifiedAt time.Time
	Metadata   idp.BlueprintMetadata
	Shipped    bool
}

// Files lists the files of the directories, without the empty ones. A broken one
// goes by its path. Errors: CodeForbidden.
func (l *Library) Files(_ context.Context, actor idp.Actor) ([]File, error) {
	if err := l.check(actor, idp.VerbList); err != nil {
		return nil, err
	}
	found, err := l.files()
	if err != nil && len(found) == 0 {
		return nil, err
	}
	out := make([]File, 0, len(found))
	for i := range found {
		f := &found[i]
		if f.empty() {
			continue
		}
		out = append(out, File{Path: f.path, Hash: f.hash, ModifiedAt: f.modifiedAt, Shipped: f.shipped, Metadata: f.metadata()})
	}
	return out, nil
}

// metadata is what the file says of itself.
func (f *diskFile) metadata() idp.BlueprintMetadata {
	m := idp.BlueprintMetadata{Name: f.path, Labels: map[string]string{}}
	if f.err != nil {
		return m
	}
	d, err := f.parse()
	if err != nil {
		return m
	}
	return metadataOf(d, f.path)
}

// metadataOf is what a document says of itself; otherwise is its name when it
// says none.
func metadataOf(d *Document, otherwise string) idp.BlueprintMetadata {
	m := idp.BlueprintMetadata{Name: d.Name, Labels: d.Labels}
	if strings.TrimSpace(m.Name) == "" {
		m.Name = otherwise
	}
	if m.Labels == nil {
		m.Labels = map[string]string{}
	}
	return m
}
