package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// imageHost is what may be put into a policy for contents: no list and no other directive.
var imageHost = regexp.MustCompile(`^[a-zA-Z0-9.-]+(:[0-9]{1,5})?$`)

const ownImages = "img-src 'self' data:"

// AllowImages lets the page that is answered show pictures of other servers, by the
// origins of their addresses and over https alone. Call it before anything is written.
func AllowImages(w http.ResponseWriter, addresses ...string) {
	var origins []string
	for _, a := range addresses {
		u, err := url.Parse(a)
		if err != nil || u.Scheme != "https" || !imageHost.MatchString(u.Host) {
			continue
		}
		if origin := "https://" + u.Host; !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	const header = "Content-Security-Policy"
	if policy := w.Header().Get(header); len(origins) > 0 && len(origins) <= 20 {
		w.Header().Set(header, strings.Replace(policy, ownImages, ownImages+" "+strings.Join(origins, " "), 1))
	}
}
