package policy

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	tag "golang.org/x/net/html/atom"
)

func TestSanitizeHTML(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<p><strong>a</strong> <em>b</em><br><code>c</code></p><ul><li>d</li></ul><ol><li>e</li></ol>`: `<p><strong>a</strong> <em>b</em><br><code>c</code></p><ul><li>d</li></ul><ol><li>e</li></ol>`,
		`<script>alert(1)</script>x`:                                 `x`,
		`<p onclick="alert(1)" style="color:red" class="x">y</p>`:    `<p>y</p>`,
		`<img src=x onerror=alert(1)>z`:                              `z`,
		`<iframe src="https://example.org"></iframe>a`:               `a`,
		`<a href="javascript:alert(1)">a</a>`:                        `a`,
		`<a href="JaVaScRiPt:alert(1)">a</a>`:                        `a`,
		"<a href=\"java\tscript:alert(1)\">a</a>":                    `a`,
		`<a href="data:text/html,x">a</a>`:                           `a`,
		`<a href="/if/user/" onclick="x">a</a>`:                      `<a href="/if/user/" rel="nofollow">a</a>`,
		`<a href="https://example.org/?a=1&b=2" target="_top">a</a>`: `<a href="https://example.org/?a=1&amp;b=2" rel="nofollow noopener" target="_blank">a</a>`,
		`<form action="/x"><input name="y"></form>b`:                 `b`,
		`<svg><p>c</p></svg>`:                                        `<p>c</p>`,
		`&lt;script&gt;`:                                             `&lt;script&gt;`,
		`a < b & c`:                                                  `a &lt; b &amp; c`,
		`<h1>d</h1><div>e</div>`:                                     `de`,
		`<p>open`:                                                    `<p>open</p>`,
		`<p><em>a</p>b</em>`:                                         `<p><em>a</em></p>b`,
		`</p>a</a></br>`:                                             `a`,
		`<br/>a<br>`:                                                 `<br>a<br>`,
		`<a>a</a><a href>b</a>`:                                      `a<a href="" rel="nofollow">b</a>`,
		`<a href="//example.org/x">a</a>`:                            `<a href="//example.org/x" rel="nofollow noopener" target="_blank">a</a>`,
		`<a href="/\example.org">a</a>`:                              `a`,
		"<a href=\" \x01javascript:alert(1)\">a</a>":                 `a`,
		`<a href="&#106;avascript&colon;alert(1)">a</a>`:             `a`,
		`<a href="vbscript:x">a</a><a href="x:y">b</a>`:              `ab`,
		`<a href='x" onclick="alert(1)'>a</a>`:                       `a`,
		`<a href='/x"y'>a</a>`:                                       `<a href="/x&#34;y" rel="nofollow">a</a>`,
		`<a href=/a href=javascript:x>a</a>`:                         `<a href="/a" rel="nofollow">a</a>`,
		`<style>p{}</style><title><p>x</title><textarea><p></textarea><xmp><p></xmp>a`: `a`,
		`<noscript><p title="</noscript><img src=x onerror=alert(1)>">a`:               `&#34;&gt;a`,
		`<!--<p>--><!doctype html><?x?>a`:                                              `a`,
		`<math><mtext><p><style><img src=x onerror=alert(1)></style>`:                  `<p></p>`,
		`<p <script>alert(1)</script>`:                                                 `<p>alert(1)</p>`,
		`<plaintext><p>a`:                                                              ``,
		"a\x00b":                                                                       "ab",
	} {
		require.Equal(t, want, SanitizeHTML(in), in)
	}
}

// Whatever comes in, only what may appear comes out, and it means the same the
// next time.
func FuzzSanitizeHTML(f *testing.F) {
	for _, seed := range []string{`<p><a href="/x">a</a>`, `<script>x</script>`, `<a href="java	script:x">`, `<math><style><p>`, "<p\x00>", `&lt;p&gt;`} {
		f.Add(seed)
	}
	allowed := map[string][]string{"p": nil, "strong": nil, "em": nil, "code": nil, "ul": nil, "ol": nil, "li": nil, "br": nil, "a": {"href", "rel", "target"}}
	f.Fuzz(func(t *testing.T, in string) {
		out := SanitizeHTML(in)
		require.Equal(t, out, SanitizeHTML(out))
		nodes, err := html.ParseFragment(strings.NewReader(out), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: tag.Div})
		require.NoError(t, err)
		var walk func(*html.Node)
		walk = func(n *html.Node) {
			require.Contains(t, []html.NodeType{html.TextNode, html.ElementNode}, n.Type, "%q became %q", in, out)
			if n.Type == html.ElementNode {
				attrs, known := allowed[n.Data]
				require.True(t, known, "%q became %q", in, out)
				for _, a := range n.Attr {
					require.Contains(t, attrs, a.Key, "%q became %q", in, out)
					if u, err := url.Parse(a.Val); a.Key == "href" {
						require.NoError(t, err)
						require.Contains(t, []string{"", "http", "https"}, u.Scheme, "%q became %q", in, out)
					}
				}
			}
			for c := range n.ChildNodes() {
				walk(c)
			}
		}
		for _, n := range nodes {
			walk(n)
		}
	})
}
