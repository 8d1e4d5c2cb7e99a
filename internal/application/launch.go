package application

import (
	"net/url"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Hidden is the launch URL of an application that people's pages do not show.
const Hidden = "blank://blank"

// LaunchURL is where people begin to use an application: what it says, else the origin
// of its provider's first redirect URI, else "". In what it says, %(username)s and such
// stand for the person's, as path-safe text.
func LaunchURL(app *idp.Application, provider *idp.OAuthProvider, user *idp.User) string {
	if app.LaunchURL != "" {
		return filled(app.LaunchURL, user)
	}
	if provider == nil {
		return ""
	}
	for _, r := range provider.RedirectURIs {
		if r.Mode != idp.MatchStrict {
			continue
		}
		u, err := url.Parse(r.URL)
		if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			return u.Scheme + "://" + u.Host + "/"
		}
	}
	return ""
}

// filled puts a person's names into an address.
func filled(address string, user *idp.User) string {
	if user == nil || !strings.Contains(address, "%(") {
		return address
	}
	return strings.NewReplacer("%(username)s", url.PathEscape(user.Username), "%(email)s", url.PathEscape(user.Email),
		"%(name)s", url.PathEscape(user.Name), "%(uid)s", user.UUID.String()).Replace(address)
}
