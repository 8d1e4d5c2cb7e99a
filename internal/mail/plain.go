package mail

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// web reports whether a text is the address of something in the web.
func web(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.ContainsFunc(address, unreadable)
}

func unreadable(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// printable drops what PostgreSQL and mail programs cannot hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// blocks are the elements that stand on lines of their own.
var blocks = map[string]bool{"p": true, "br": true, "div": true, "tr": true, "li": true, "ul": true, "ol": true, "table": true,
	"h1": true, "h2": true, "h3": true, "h4": true, "hr": true, "blockquote": true, "pre": true}

var spaces = regexp.MustCompile(`\s+`)

// asText is a page as plain text: its words, and where its links lead. It is for
// templates that have no text of their own.
func asText(page string) string {
	var out strings.Builder
	var link string
	unseen := 0 // elements around here whose content is not read
	in := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := in.Next()
		if kind == html.ErrorToken {
			return tidy(out.String())
		}
		switch t := in.Token(); {
		case kind == html.TextToken && unseen == 0:
			out.WriteString(spaces.ReplaceAllString(t.Data, " "))
		case t.Data == "head" || t.Data == "style" || t.Data == "script" || t.Data == "title":
			switch kind {
			case html.StartTagToken:
				unseen++
			case html.EndTagToken:
				unseen = max(0, unseen-1)
			}
		case blocks[t.Data]:
			out.WriteByte('\n')
		case t.Data == "a" && kind == html.StartTagToken:
			link = ""
			for _, a := range t.Attr {
				if a.Key == "href" && web(a.Val) {
					link = a.Val
				}
			}
		case t.Data == "a" && kind == html.EndTagToken && link != "":
			if !strings.HasSuffix(strings.TrimSpace(out.String()), link) {
				out.WriteString(" (" + link + ")")
			}
			link = ""
		}
	}
}

// tidy leaves one empty line where there are several.
func tidy(s string) string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		l = strings.TrimSpace(spaces.ReplaceAllString(l, " "))
		if l != "" || len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, l)
		}
	}
	return strings.TrimSpace(strings.Join(out, "\n")) + "\n"
}
