package forwardauth

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"strings"
)

// deniedStyle is all of the looks of the page: at an application's host nothing of ours
// is to be had but the answer itself.
const deniedStyle = `:root{color-scheme:light dark}` +
	`body{margin:0;min-height:100vh;display:grid;place-items:center;background:light-dark(#f6f7f9,#111418);color:light-dark(#1b2330,#e6e9ee);font:1rem/1.5 system-ui,sans-serif}` +
	`main{box-sizing:border-box;width:min(28rem,calc(100vw - 2rem));padding:2rem;background:light-dark(#fff,#1a1f26);border:1px solid light-dark(#d9dee5,#333b46);border-radius:.75rem}` +
	`h1{margin:0 0 .5rem;font-size:1.25rem;line-height:1.3}p{margin:0;overflow-wrap:anywhere}`

// deniedPolicy lets the page have that style, by its digest, and nothing else.
var deniedPolicy = func() string {
	sum := sha256.Sum256([]byte(deniedStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// denied is the page of a refusal, for people.
func denied(w http.ResponseWriter, status int, message string) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", deniedPolicy)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">` +
		`<title>Access refused</title><style>` + deniedStyle + `</style></head><body><main><h1>Access refused</h1><p>` +
		html.EscapeString(message) + `</p></main></body></html>`))
	return nil
}

// reads reports whether whoever asks shows pages: browsers that open one say so first.
func reads(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		for _, one := range strings.Split(accept, ",") {
			media, _, _ := strings.Cut(one, ";")
			if strings.EqualFold(strings.TrimSpace(media), "text/html") {
				return true
			}
		}
	}
	return false
}
