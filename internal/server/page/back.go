package page

import (
	"net/http"
	"net/url"

	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// BackField is the parameter with the page that somebody came from, to make
// something that they need there.
const BackField = "back"

// Back is where to go when it is made; "" = nowhere in particular. It never leads
// away from this server.
type Back string

// BackOf reads it from what was sent (nil = nothing was) or from the address.
func BackOf(r *http.Request, sent web.Form) Back {
	back := sent.Text(BackField)
	if back == "" {
		back = web.Query(r).Text(BackField)
	}
	if !web.Local(back) {
		return ""
	}
	return Back(back)
}

// With is an address of this server that remembers where to go back to.
func (b Back) With(path string) string {
	if b == "" {
		return path
	}
	return path + "?" + url.Values{BackField: {string(b)}}.Encode()
}

// Or is where to go back to, or else the other address.
func (b Back) Or(otherwise string) string {
	if b == "" {
		return otherwise
	}
	return string(b)
}

// Telling is where to go back to with a parameter that says what was made.
func (b Back) Telling(name, id string) string {
	u, err := url.Parse(string(b))
	if err != nil {
		return string(b)
	}
	q := u.Query()
	q.Set(name, id)
	u.RawQuery = q.Encode()
	return u.String()
}

// Hidden carries it along in a form.
func (b Back) Hidden() []ui.Pair {
	if b == "" {
		return nil
	}
	return []ui.Pair{{Name: BackField, Value: string(b)}}
}
