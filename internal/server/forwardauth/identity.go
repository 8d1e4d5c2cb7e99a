package forwardauth

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/portcullis-idp/portcullis/internal/forward"
)

// Identities are the headers that tell an application who it is, all of which every
// good answer has: the original's names, and those that many applications read.
// Separators in names of groups would make several groups of one, so groups with one in
// their name are left out.
func identify(h http.Header, p *forward.Pass) {
	u := p.User
	groups := func(separator string) string {
		var out []string
		for _, g := range u.GroupNames {
			if g = plain(g); g != "" && !strings.Contains(g, separator) {
				out = append(out, g)
			}
		}
		return strings.Join(out, separator)
	}
	for name, value := range map[string]string{
		"X-Authentik-Username": plain(u.Username), "X-Authentik-Email": plain(u.Email), "X-Authentik-Name": plain(u.Name),
		"X-Authentik-Groups": groups("|"), "X-Authentik-Uid": u.UUID.String(), "X-Authentik-Meta-App": p.Application.Slug,
		"Remote-User": plain(u.Username), "Remote-Email": plain(u.Email), "Remote-Name": plain(u.Name), "Remote-Groups": groups(","),
	} {
		h.Set(name, value)
	}
}

// plain is a value that stays one line of a header.
func plain(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return -1
		}
		return r
	}, s))
}
