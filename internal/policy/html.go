package policy

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// SanitizeHTML keeps p, strong, em, code, ul, ol, li, br and a (http, https and
// relative addresses) and drops every other element and attribute. It is applied
// to whatever an alert shows, on top of escaping in expressions.
//
// Nothing of the input is passed on as it came: the output is made of the tags
// below and of escaped text (adr/0008).
func SanitizeHTML(s string) string {
	var out strings.Builder
	var open []string // elements to be closed
	unseen := false   // the next text is the content of an element that shows none
	in := html.NewTokenizer(strings.NewReader(s))
	for {
		kind := in.Next()
		if kind == html.ErrorToken { // the end
			break
		}
		token := in.Token()
		switch {
		case kind == html.TextToken && !unseen:
			out.WriteString(html.EscapeString(strings.ReplaceAll(token.Data, "\x00", "")))
		case kind == html.StartTagToken || kind == html.SelfClosingTagToken:
			if tag := opening(token); tag != "" {
				out.WriteString(tag)
				if token.Data != "br" {
					open = append(open, token.Data)
				}
			}
		case kind == html.EndTagToken:
			open = closeUpTo(&out, open, token.Data)
		}
		unseen = kind == html.StartTagToken && slices.Contains(contentUnseen, token.Data)
	}
	for len(open) > 0 {
		open = closeUpTo(&out, open, open[len(open)-1])
	}
	return out.String()
}

// contentUnseen are the elements whose content the tokenizer hands over as one
// text, and which is not meant to be read.
var contentUnseen = []string{"script", "style", "iframe", "noembed", "noframes", "noscript", "xmp", "plaintext", "title", "textarea"}

// opening is the tag of an element that may appear, or "".
func opening(t html.Token) string {
	switch t.Data {
	case "p", "strong", "em", "code", "ul", "ol", "li", "br":
		return "<" + t.Data + ">"
	case "a":
		for _, a := range t.Attr {
			if a.Key == "href" {
				return link(strings.TrimSpace(a.Val))
			}
		}
	}
	return ""
}

// link is the tag of a link, or "" for an address that may lead to anything but
// a page. Browsers drop control characters out of addresses and take \ for /, so
// what holds any of them is not read as they would read it.
func link(address string) string {
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return ""
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Opaque != "":
		return ""
	case u.Scheme == "" && u.Host == "":
		return `<a href="` + html.EscapeString(address) + `" rel="nofollow">`
	case u.Scheme == "" || u.Scheme == "http" || u.Scheme == "https":
		return `<a href="` + html.EscapeString(address) + `" rel="nofollow noopener" target="_blank">`
	}
	return ""
}

// closeUpTo closes the innermost element of the name and all within it, and
// returns what stays open. An element that is not open needs no closing.
func closeUpTo(out *strings.Builder, open []string, name string) []string {
	at := len(open) - 1
	for at >= 0 && open[at] != name {
		at--
	}
	if at < 0 {
		return open
	}
	for i := len(open) - 1; i >= at; i-- {
		out.WriteString("</" + open[i] + ">")
	}
	return open[:at]
}
