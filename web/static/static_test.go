package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestPathLeadsToTheAsset(t *testing.T) {
	t.Parallel()
	for name, contentType := range map[string]string{
		"app.css":     "text/css; charset=utf-8",
		"app.js":      "text/javascript; charset=utf-8",
		"console.js":  "text/javascript; charset=utf-8",
		"icons.svg":   "image/svg+xml",
		"favicon.svg": "image/svg+xml",
		"LICENSE":     "text/plain; charset=utf-8",
	} {
		f, ok := Open(Path(name))
		require.True(t, ok, name)
		require.NotEmpty(t, f.Content, name)
		require.Equal(t, contentType, f.ContentType, name)
		require.Regexp(t, `^"[\w-]+-`+regexp.QuoteMeta(name)+`"$`, f.ETag)
	}
}

func TestOpenRefusesOtherAddresses(t *testing.T) {
	t.Parallel()
	hash := strings.Split(Path("app.css"), "/")[2]
	for _, address := range []string{
		"", "/", "/static/", "/static/app.css", "/static/0123456789/app.css", "/static/" + hash, "/static/" + hash + "/",
		"/static/" + hash + "/none.css", "/static/" + hash + "/css/00-tokens.css", "/static/" + hash + "/../app.css", "app.css",
	} {
		_, ok := Open(address)
		require.False(t, ok, address)
	}
}

func TestPathOfUnknownAssetPanics(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "static: no asset app.scss", func() { Path("app.scss") })
}

func TestGzipHoldsTheSame(t *testing.T) {
	t.Parallel()
	f, ok := Open(Path("app.css"))
	require.True(t, ok)
	require.Less(t, len(f.Gzip), len(f.Content)/2)
	r, err := gzip.NewReader(bytes.NewReader(f.Gzip))
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, f.Content, plain)
}

func TestBuild(t *testing.T) {
	t.Parallel()
	src := fstest.MapFS{
		"css/10-b.css": {Data: []byte("b{}\n")},
		"css/00-a.css": {Data: []byte("a{}\n")},
		"x.svg":        {Data: []byte("<svg/>")},
	}
	first, err := build(src)
	require.NoError(t, err)
	require.Equal(t, "a{}\nb{}\n", string(first.files["app.css"].Content), "the style sheets are joined in order of name")
	require.Nil(t, first.files["x.svg"].Gzip, "what does not shrink is not sent compressed")
	require.NotContains(t, first.files, "css/00-a.css")

	again, err := build(src)
	require.NoError(t, err)
	require.Equal(t, first.hash, again.hash, "the same sources give the same addresses")

	src["x.svg"] = &fstest.MapFile{Data: []byte("<svg />")}
	changed, err := build(src)
	require.NoError(t, err)
	require.NotEqual(t, first.hash, changed.hash, "any change gives new addresses")

	src["x.exe"] = &fstest.MapFile{Data: []byte("?")}
	_, err = build(src)
	require.ErrorContains(t, err, "x.exe")
}

// A style sheet names its neighbours by relative address, which only works when they exist under the same hash.
func TestStyleSheetNamesOnlyAssets(t *testing.T) {
	t.Parallel()
	f, ok := Open(Path("app.css"))
	require.True(t, ok)
	found := 0
	for _, m := range regexp.MustCompile(`url\(([^)]*)\)`).FindAllStringSubmatch(string(f.Content), -1) {
		found++
		_, ok := Open(Path("app.css")[:strings.LastIndex(Path("app.css"), "/")+1] + m[1])
		require.True(t, ok, m[1])
	}
	require.Positive(t, found)
	require.Equal(t, strings.Count(string(f.Content), "{"), strings.Count(string(f.Content), "}"))
	require.True(t, strings.HasPrefix(string(f.Content), "@layer reset, base, components, pages;"), "the order of layers comes first")
}

func TestScriptStaysSmallAndPlain(t *testing.T) {
	t.Parallel()
	for name, most := range map[string]int{
		"app.js":     10_000, // all that the sign-in page loads
		"console.js": 20_000,
	} {
		js, err := fs.ReadFile(FS, name)
		require.NoError(t, err)
		require.LessOrEqual(t, len(js), most, name)
		for _, no := range []string{"eval(", "new Function", "innerHTML", "insertAdjacentHTML", "document.write", "import("} {
			require.NotContains(t, string(js), no, name)
		}
	}
}

// The class of a page's body says which shell it has. A part of a page that took
// the same name would lay out whole pages.
func TestNamesOfShellsBelongToShells(t *testing.T) {
	t.Parallel()
	sheets, err := fs.Glob(FS, "css/*.css")
	require.NoError(t, err)
	require.NotEmpty(t, sheets)
	alone := regexp.MustCompile(`(?m)^\s*\.(?:admin|settings|flow|bare)\s*\{`)
	for _, name := range sheets {
		content, err := fs.ReadFile(FS, name)
		require.NoError(t, err)
		if name != "css/20-shell.css" && name != "css/95-media.css" {
			require.Empty(t, alone.FindString(string(content)), name)
		}
	}
}
