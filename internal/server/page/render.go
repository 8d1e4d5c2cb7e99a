package page

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/a-h/templ"
)

// Render writes a whole page with status 200. Nothing is written when drawing
// fails. Pages of somebody signed in are not kept by browsers or proxies: after
// signing out, the back button shows nothing.
func Render(w http.ResponseWriter, r *http.Request, c templ.Component) error {
	return RenderStatus(w, r, http.StatusOK, c)
}

// RenderStatus is Render with another status, such as that of a faulty form.
func RenderStatus(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	var buf bytes.Buffer
	if err := c.Render(offering(r), &buf); err != nil {
		return fmt.Errorf("drawing the page %s: %w", r.URL.Path, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(buf.Bytes()) // the browser is gone: nobody to tell
	}
	return nil
}
