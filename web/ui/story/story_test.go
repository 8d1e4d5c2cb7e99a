package story_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/portcullis-idp/portcullis/web/static"
	"github.com/portcullis-idp/portcullis/web/ui"
	"github.com/portcullis-idp/portcullis/web/ui/story"
)

// page is what the checks below want to know of a document.
type page struct {
	ids     map[string]int
	count   map[string]int // elements by name
	nodes   []*html.Node
	symbols string
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func parse(t *testing.T, s story.Story) page {
	t.Helper()
	var b strings.Builder
	require.NoError(t, s.Document(ui.ThemeAuto).Render(context.Background(), &b))
	root, err := html.Parse(strings.NewReader(b.String()))
	require.NoError(t, err)
	sprite, ok := static.Open(static.Path("icons.svg"))
	require.True(t, ok)
	p := page{ids: map[string]int{}, count: map[string]int{}, symbols: string(sprite.Content)}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		p.nodes = append(p.nodes, n)
		p.count[n.Data]++
		if id, ok := attr(n, "id"); ok {
			p.ids[id]++
		}
	}
	return p
}

func TestEveryStory(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range story.Stories() {
		require.False(t, seen[s.Slug()], "two stories share the address %s", s.Slug())
		seen[s.Slug()] = true
		found, ok := story.Find(s.Slug())
		require.True(t, ok)
		require.Equal(t, s.Name, found.Name)
		t.Run(s.Slug(), func(t *testing.T) {
			t.Parallel()
			p := parse(t, s)
			require.Equal(t, 1, p.count["h1"], "headings of the page")
			require.Equal(t, 1, p.count["main"], "main landmarks")
			require.Equal(t, 1, p.count["title"]-charts(p), "titles")
			for id, n := range p.ids {
				require.Equal(t, 1, n, "id %q must be unique", id)
			}
			for _, n := range p.nodes {
				policy(t, n)
				references(t, p, n)
				named(t, n)
			}
		})
	}
	_, ok := story.Find("nothing-of-the-kind")
	require.False(t, ok)
}

// charts counts the titles that belong to bars.
func charts(p page) int {
	n := 0
	for _, e := range p.nodes {
		if e.Data == "title" && e.Parent.Data == "g" {
			n++
		}
	}
	return n
}

// policy: nothing that the content security policy would drop.
func policy(t *testing.T, n *html.Node) {
	for _, a := range n.Attr {
		require.NotEqual(t, "style", a.Key, "<%s> has a style attribute", n.Data)
		require.False(t, strings.HasPrefix(a.Key, "on"), "<%s> has the handler %s", n.Data, a.Key)
		require.False(t, strings.HasPrefix(a.Key, "hx-"), "<%s> has %s", n.Data, a.Key)
	}
	require.NotEqual(t, "style", n.Data)
	if n.Data == "script" {
		src, _ := attr(n, "src")
		require.Contains(t, []string{static.Path("app.js"), static.Path("console.js")}, src)
		require.Nil(t, n.FirstChild)
	}
}

// references: what an element names by id or address exists.
func references(t *testing.T, p page, n *html.Node) {
	for _, name := range []string{"for", "aria-labelledby", "aria-describedby", "popovertarget", "form", "data-swap"} {
		v, ok := attr(n, name)
		if !ok {
			continue
		}
		for _, id := range strings.Fields(v) {
			require.Contains(t, p.ids, id, "<%s %s>", n.Data, name)
		}
	}
	if n.Data == "use" {
		href, _ := attr(n, "href")
		file, symbol, _ := strings.Cut(href, "#")
		require.Equal(t, static.Path("icons.svg"), file)
		require.Contains(t, p.symbols, `<symbol id="`+symbol+`"`)
	}
	if n.Data == "form" {
		method, _ := attr(n, "method")
		require.Contains(t, []string{"get", "post"}, method)
		_, ok := attr(n, "action")
		require.True(t, ok, "a form says where it goes")
	}
}

// named: controls and pictures have a name in words.
func named(t *testing.T, n *html.Node) {
	switch n.Data {
	case "img":
		_, ok := attr(n, "alt")
		require.True(t, ok)
	case "button", "a":
		var words strings.Builder
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				words.WriteString(d.Data)
			}
		}
		label, _ := attr(n, "aria-label")
		require.NotEmpty(t, strings.TrimSpace(words.String())+label, "<%s class=%q> without a name", n.Data, n.Attr)
	case "svg":
		hidden, _ := attr(n, "aria-hidden")
		label, _ := attr(n, "aria-label")
		require.True(t, hidden == "true" || label != "", "a picture is named or hidden")
	}
}

func TestEveryIconIsInTheSprite(t *testing.T) {
	t.Parallel()
	f, ok := static.Open(static.Path("icons.svg"))
	require.True(t, ok)
	require.Equal(t, len(ui.Icons()), strings.Count(string(f.Content), "<symbol "), "no icon that nobody can name")
	for _, i := range ui.Icons() {
		require.Contains(t, string(f.Content), `<symbol id="`+string(i)+`" `)
	}
}

func TestIndexListsEveryStory(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	require.NoError(t, story.Index("/storybook/", ui.ThemeDark).Render(context.Background(), &b))
	for _, s := range story.Stories() {
		require.Contains(t, b.String(), `href="/storybook/`+s.Slug()+`"`)
	}
}
