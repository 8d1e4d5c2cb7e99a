package policy

import (
	"sync"

	"github.com/microcosm-cc/bluemonday"
)

// alertHTML is what may appear in an alert: text with emphasis, lists and links.
// No styles, classes, images or anything that loads or runs.
var alertHTML = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "strong", "em", "code", "ul", "ol", "li", "br")
	p.AllowAttrs("href").OnElements("a")
	p.RequireParseableURLs(true)
	p.AllowURLSchemes("http", "https")
	p.AllowRelativeURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true) // adds rel="noopener", too
	return p
})

// SanitizeHTML keeps p, strong, em, code, ul, ol, li, br and a (http, https and
// relative addresses) and drops every other element and attribute. It is applied
// to whatever an alert shows, on top of escaping in expressions.
func SanitizeHTML(s string) string { return alertHTML().Sanitize(s) }
