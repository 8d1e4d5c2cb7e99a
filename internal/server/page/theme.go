package page

import (
	"net/http"
	"net/url"
	"time"

	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// themeLifetime is how long a browser remembers its colours.
const themeLifetime = 365 * 24 * time.Hour

// Theme returns the colours this browser chose.
func Theme(r *http.Request) ui.Theme {
	c, err := r.Cookie(ui.ThemeCookie)
	if err != nil {
		return ui.ThemeAuto
	}
	return ui.ParseTheme(c.Value)
}

// SetTheme answers POST ThemePath: it keeps the choice in a cookie and goes
// back to where it was made. Nobody needs to be signed in.
func SetTheme(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	theme := ui.ParseTheme(form.Text("theme"))
	cookies := web.From(r.Context()).Cookies
	if theme == ui.ThemeAuto {
		cookies.Clear(w, ui.ThemeCookie)
	} else {
		cookies.Set(w, ui.ThemeCookie, string(theme), time.Now().Add(themeLifetime))
	}
	next := web.Next(url.Values(form))
	if next == "" {
		next = "/"
	}
	return web.Redirect(w, r, next)
}
