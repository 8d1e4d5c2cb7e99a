package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// FS holds the asset sources as they lie in this folder.
//
//go:embed css/*.css app.js console.js passkey.js icons.svg logo.svg favicon.svg lattice.svg chevron.svg LICENSE
var FS embed.FS

// Root is the path under which the server serves the assets.
const Root = "/static/"

// File is one asset, ready to be sent.
type File struct {
	// Content is the file as it is; Gzip is the same compressed, or nil where that saves nothing.
	Content, Gzip []byte
	// ContentType is the value of the header of that name.
	ContentType string
	// ETag is a strong validator, quotes included.
	ETag string
}

// types maps what we ship to media types. It is our own list because the one of the machine differs between systems.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	"":     "text/plain; charset=utf-8",
}

type bundle struct {
	hash  string
	files map[string]File
}

var load = sync.OnceValue(func() bundle {
	b, err := build(FS)
	if err != nil {
		panic(err) // the files are compiled in: this cannot depend on the machine
	}
	return b
})

// Path returns the address of an asset, such as /static/3f9aC2xk/app.css for "app.css".
// All assets share one hash, so that a style sheet can name its neighbours by relative address.
// An unknown name panics: it is a slip of the programmer.
func Path(name string) string {
	b := load()
	if _, ok := b.files[name]; !ok {
		panic("static: no asset " + name)
	}
	return Root + b.hash + "/" + name
}

// Open finds the asset at an address made by Path. It reports false for any other address,
// among them those of an older or newer version, which must not be cached under this one's name.
// What it returns may be cached for ever and must not be changed.
func Open(address string) (File, bool) {
	b := load()
	name, ok := strings.CutPrefix(address, Root+b.hash+"/")
	if !ok {
		return File{}, false
	}
	f, ok := b.files[name]
	return f, ok
}

// build reads the sources, joins the style sheets in order of name into app.css, and hashes the whole.
func build(src fs.FS) (bundle, error) {
	raw := map[string][]byte{}
	sum := sha256.New()
	var css bytes.Buffer
	err := fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(src, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(content))
		sum.Write(content)
		if path.Ext(name) == ".css" {
			css.Write(content)
			return nil
		}
		raw[name] = content
		return nil
	})
	if err != nil {
		return bundle{}, fmt.Errorf("reading the assets: %w", err)
	}
	raw["app.css"] = css.Bytes()
	b := bundle{hash: base64.RawURLEncoding.EncodeToString(sum.Sum(nil))[:10], files: map[string]File{}}
	for name, content := range raw {
		f := File{Content: content, ContentType: types[path.Ext(name)], ETag: `"` + b.hash + "-" + name + `"`}
		if f.ContentType == "" {
			return bundle{}, fmt.Errorf("asset %s: no media type known for its ending", name)
		}
		if f.Gzip, err = pack(content); err != nil {
			return bundle{}, fmt.Errorf("compressing asset %s: %w", name, err)
		}
		b.files[name] = f
	}
	return b, nil
}

// pack returns content compressed, or nil where that is no shorter.
func pack(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if out.Len() >= len(content) {
		return nil, nil
	}
	return out.Bytes(), nil
}
