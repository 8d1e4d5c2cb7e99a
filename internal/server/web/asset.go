package web

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/static"
)

// Asset serves what the binary carries. Addresses hold a hash of the content,
// so an answer is good for ever.
func Asset(w http.ResponseWriter, r *http.Request) error {
	f, ok := static.Open(r.URL.Path)
	if !ok {
		return &idp.Error{Code: idp.CodeNotFound, Message: "There is nothing at this address."}
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", f.ContentType)
	h.Set("ETag", f.ETag)
	h.Set("Vary", "Accept-Encoding")
	body := f.Content
	if f.Gzip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", strings.TrimSuffix(f.ETag, `"`)+`-gz"`)
		body = f.Gzip
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}
