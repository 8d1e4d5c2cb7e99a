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
	`body{margin:0;min-height:100vh;min-height:100dvh;box-sizing:border-box;padding:2.5rem 1rem;display:grid;place-items:safe center;background:light-dark(#f6f7f9,#0d1015);` +
	`color:light-dark(#161b26,#e8ebf1);font:.875rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif}` +
	`main{box-sizing:border-box;width:min(28.75rem,100%);padding:2rem;display:grid;justify-items:center;gap:.375rem;text-align:center;background:light-dark(#fff,#151920);` +
	`border:1px solid light-dark(#e2e6ed,#262c37);border-radius:.75rem;box-shadow:0 2px 6px light-dark(#141b2b14,#00000059),0 16px 40px -8px light-dark(#141b2b33,#000000a6)}` +
	`svg{box-sizing:border-box;width:3.5rem;height:3.5rem;padding:.875rem;border-radius:1rem;background:light-dark(#fdebec,#351719);fill:none;stroke:light-dark(#b21f2b,#ff8f95);` +
	`stroke-width:1.75;stroke-linecap:round;stroke-linejoin:round}` +
	`h1{margin:.75rem 0 0;font-size:1.25rem;line-height:1.4;font-weight:650;letter-spacing:-.012em}` +
	`p{margin:0;max-width:44ch;color:light-dark(#586174,#9ba5b7);overflow-wrap:anywhere;text-wrap:pretty}` +
	`@media(max-width:480px){body{padding-top:1.75rem;place-items:start center}main{padding:1.5rem 1.25rem}}`

// deniedArt is the gate of our own icons.
const deniedArt = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 21V11a9 9 0 0 1 18 0v10"/><path d="M9 2.6V17M15 2.6V17"/><path d="M3.3 8.5h17.4M3 14h18"/></svg>`

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
		`<title>Access refused</title><style>` + deniedStyle + `</style></head><body><main>` + deniedArt + `<h1>Access refused</h1><p>` +
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
