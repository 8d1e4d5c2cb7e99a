package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
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
		`<p>open`:                                                    `<p>open`,
	} {
		require.Equal(t, want, SanitizeHTML(in), in)
	}
}
