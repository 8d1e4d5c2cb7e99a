package pagetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// Page is an answer.
type Page struct {
	Status   int
	Location string // of a redirect
	Header   http.Header
	Body     string
	Doc      *html.Node
	browser  *Browser
	path     string
}

func newPage(b *Browser, r *http.Request, rec *httptest.ResponseRecorder) *Page {
	b.site.tb.Helper()
	p := &Page{Status: rec.Code, Location: rec.Header().Get("Location"), Header: rec.Header(), Body: rec.Body.String(),
		browser: b, path: r.URL.RequestURI()}
	doc, err := html.Parse(strings.NewReader(p.Body))
	require.NoError(b.site.tb, err)
	p.Doc = doc
	return p
}

// Follow reads where a redirect leads.
func (p *Page) Follow() *Page {
	p.browser.site.tb.Helper()
	require.Equal(p.browser.site.tb, http.StatusSeeOther, p.Status, "%s: %s", p.path, p.Text())
	return p.browser.Get(p.Location)
}

// Text is what a reader sees: the content without tags, in single spaces.
func (p *Page) Text() string { return textOf(first(p.Doc, "body")) }

// Main is the text of the page's own content.
func (p *Page) Main() string { return textOf(first(p.Doc, "main")) }

// Rows is the text of the lists on the page: rows, empty states and counts,
// without filters and navigation.
func (p *Page) Rows() string {
	var out []string
	walk(p.Doc, func(n *html.Node) {
		if class := " " + attr(n, "class") + " "; strings.Contains(class, " table-scroll ") || strings.Contains(class, " empty ") || strings.Contains(class, " paging ") {
			out = append(out, textOf(n))
		}
	})
	return strings.Join(out, " ")
}

// TableRows are the texts of the rows of the page's tables, their heads among
// them.
func (p *Page) TableRows() []string {
	var out []string
	for _, tr := range all(p.Doc, "tr") {
		out = append(out, textOf(tr))
	}
	return out
}

// Hidden are the names and values of the hidden fields of the content, as pairs.
func (p *Page) Hidden() []string {
	var out []string
	for _, n := range all(first(p.Doc, "main"), "input") {
		if attr(n, "type") == "hidden" {
			out = append(out, attr(n, "name"), attr(n, "value"))
		}
	}
	return out
}

// Title is the title of the window.
func (p *Page) Title() string { return textOf(first(p.Doc, "title")) }

// Has reports whether something on the page can be pressed that posts to the
// path.
func (p *Page) Has(action string) bool {
	for _, f := range all(p.Doc, "form") {
		for _, b := range all(f, "button") {
			if attr(f, "action") == action && attr(b, "type") != "button" {
				return true
			}
		}
	}
	return false
}

// Faults lists what every page must keep to and this one does not.
func (p *Page) Faults() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if n := len(all(p.Doc, "h1")); n != 1 {
		add("%d headings h1", n)
	}
	if p.Title() == "" {
		add("no title")
	}
	ids := map[string]bool{}
	walk(p.Doc, func(n *html.Node) {
		if attr(n, "style") != "" || n.Data == "style" {
			add("inline style on %s", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") {
				add("event handler %s on %s", a.Key, n.Data)
			}
		}
		if n.Data == "script" && attr(n, "src") == "" {
			add("inline script")
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				add("id %q twice", id)
			}
			ids[id] = true
		}
	})
	walk(p.Doc, func(n *html.Node) {
		switch n.Data {
		case "input", "select", "textarea":
			if !p.labelled(n) {
				add("no label for %s name=%q", n.Data, attr(n, "name"))
			}
		case "button", "a":
			if textOf(n) == "" && attr(n, "aria-label") == "" {
				add("%s without a name", n.Data)
			}
		}
		for _, ref := range strings.Fields(attr(n, "aria-describedby") + " " + attr(n, "popovertarget") + " " + attr(n, "form")) {
			if !ids[ref] {
				add("%s refers to %q, which is not there", n.Data, ref)
			}
		}
	})
	return append(out, p.deadLinks()...)
}

func (p *Page) labelled(n *html.Node) bool {
	if attr(n, "type") == "hidden" || attr(n, "aria-label") != "" || attr(n, "aria-hidden") == "true" {
		return true
	}
	for up := n.Parent; up != nil; up = up.Parent {
		if up.Data == "label" && textOf(up) != "" {
			return true
		}
	}
	for _, l := range all(p.Doc, "label") {
		if id := attr(n, "id"); id != "" && attr(l, "for") == id && textOf(l) != "" {
			return true
		}
	}
	return false
}

// deadLinks are links and forms into the console and the account pages that no
// route answers.
func (p *Page) deadLinks() []string {
	var out []string
	check := func(method, target string) {
		u, err := url.Parse(target)
		if err != nil {
			out = append(out, "a broken address: "+target)
			return
		}
		if !strings.HasPrefix(u.Path, "/if/") {
			return
		}
		if !p.browser.site.routes.Match(chi.NewRouteContext(), method, u.Path) {
			out = append(out, "a dead end: "+method+" "+target)
		}
	}
	for _, a := range all(p.Doc, "a") {
		if href := attr(a, "href"); strings.HasPrefix(href, "/") {
			check(http.MethodGet, href)
		}
	}
	for _, f := range all(p.Doc, "form") {
		check(strings.ToUpper(attr(f, "method")), attr(f, "action"))
	}
	return out
}

func walk(n *html.Node, visit func(*html.Node)) {
	if n == nil {
		return
	}
	if n.Type == html.ElementNode {
		visit(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, visit)
	}
}

func all(n *html.Node, tag string) []*html.Node {
	var out []*html.Node
	walk(n, func(e *html.Node) {
		if e.Data == tag {
			out = append(out, e)
		}
	})
	return out
}

func first(n *html.Node, tag string) *html.Node {
	if found := all(n, tag); len(found) > 0 {
		return found[0]
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	var read func(*html.Node)
	read = func(n *html.Node) {
		if n == nil {
			return
		}
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			read(c)
		}
	}
	read(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// rawOf is the text of an element as it stands, line breaks and all.
func rawOf(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// Fields are the names and values that the content's first form would send, with
// changes, as pairs.
func (p *Page) Fields(changes ...string) []string {
	changed := map[string]string{}
	for i := 0; i+1 < len(changes); i += 2 {
		changed[changes[i]] = changes[i+1]
	}
	var out []string
	add := func(name, value string) {
		if v, ok := changed[name]; ok {
			value = v
		}
		if name != "" {
			out = append(out, name, value)
		}
	}
	walk(first(first(p.Doc, "main"), "form"), func(n *html.Node) {
		switch n.Data {
		case "input":
			if kind := attr(n, "type"); kind != "checkbox" && kind != "radio" || has(n, "checked") {
				add(attr(n, "name"), attr(n, "value"))
			}
		case "textarea":
			add(attr(n, "name"), rawOf(n))
		case "select":
			for _, o := range all(n, "option") {
				if has(o, "selected") {
					add(attr(n, "name"), attr(o, "value"))
				}
			}
		}
	})
	return out
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// Value is what a field of the page holds, "" when there is none of that name.
func (p *Page) Value(name string) string {
	out := ""
	walk(p.Doc, func(n *html.Node) {
		switch {
		case attr(n, "name") != name:
		case n.Data == "textarea":
			out = rawOf(n)
		case n.Data == "input":
			out = attr(n, "value")
		}
	})
	return out
}
