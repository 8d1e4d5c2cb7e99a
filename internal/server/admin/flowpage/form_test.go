package flowpage_test

import (
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// sent are the names and values that the form with this action would send, with
// changes, as pairs. A changed field that the form has not is sent as well; the
// value "-" takes a field out.
func (s *site) sent(p *pagetest.Page, action string, changes ...string) []string {
	s.t.Helper()
	form := find(p.Doc, func(n *html.Node) bool { return n.Data == "form" && value(n, "action") == action })
	require.NotNil(s.t, form, "no form posts to %s", action)
	var out []string
	visit(p.Doc, func(n *html.Node) {
		own := within(n, form)
		if id := value(n, "form"); id != "" {
			own = id == value(form, "id")
		}
		name := value(n, "name")
		if !own || name == "" {
			return
		}
		switch n.Data {
		case "input":
			if kind := value(n, "type"); kind != "checkbox" && kind != "radio" || holds(n, "checked") {
				out = append(out, name, value(n, "value"))
			}
		case "select":
			chosen := ""
			visit(n, func(o *html.Node) {
				if o.Data == "option" && holds(o, "selected") {
					chosen = value(o, "value")
				}
			})
			out = append(out, name, chosen)
		}
	})
	return changed(out, changes)
}

func changed(pairs, changes []string) []string {
	for i := 0; i+1 < len(changes); i += 2 {
		at := -1
		for j := 0; j < len(pairs); j += 2 {
			if pairs[j] == changes[i] {
				at = j
			}
		}
		switch {
		case at < 0 && changes[i+1] != "-":
			pairs = append(pairs, changes[i], changes[i+1])
		case at >= 0 && changes[i+1] == "-":
			pairs = slices.Delete(pairs, at, at+2)
		case at >= 0:
			pairs[at+1] = changes[i+1]
		}
	}
	return pairs
}

// submit fills in the form of a page and sends it.
func (s *site) submit(p *pagetest.Page, action string, changes ...string) *pagetest.Page {
	s.t.Helper()
	return s.boss.Post(action, s.sent(p, action, changes...)...)
}

// done sends a form that must be accepted, and returns the page that follows.
func (s *site) done(p *pagetest.Page, action string, changes ...string) *pagetest.Page {
	s.t.Helper()
	answer := s.submit(p, action, changes...)
	require.Equal(s.t, 303, answer.Status, answer.Main())
	to, _, _ := strings.Cut(answer.Location, "#")
	return s.page(to)
}

func visit(n *html.Node, act func(*html.Node)) {
	if n.Type == html.ElementNode {
		act(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		visit(c, act)
	}
}

func find(n *html.Node, is func(*html.Node) bool) (found *html.Node) {
	visit(n, func(e *html.Node) {
		if found == nil && is(e) {
			found = e
		}
	})
	return found
}

func within(n, ancestor *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n == ancestor {
			return true
		}
	}
	return false
}

func value(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func holds(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// words is the text of an element, with single spaces.
func words(n *html.Node) string {
	var b strings.Builder
	var read func(*html.Node)
	read = func(n *html.Node) {
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
