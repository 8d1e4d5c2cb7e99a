package forwardauth

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A refusal is a page for browsers, whose looks need nothing from elsewhere and whose
// policy allows nothing else, and plain text for everybody else.
func TestRefusalsArePagesForBrowsersAlone(t *testing.T) {
	t.Parallel()
	const message = `Not for <b>you</b> & "others".`
	for accept, page := range map[string]bool{"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8": true, "application/json, Text/HTML;q=0.5": true,
		"*/*": false, "": false, "application/json": false, "text/html5": false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		w := httptest.NewRecorder()
		require.NoError(t, say(w, r, http.StatusForbidden, message))
		require.Equal(t, http.StatusForbidden, w.Code)
		if !page {
			require.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"), accept)
			require.Equal(t, message+"\n", w.Body.String())
			continue
		}
		require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"), accept)
		body := w.Body.String()
		require.Contains(t, body, "Not for &lt;b&gt;you&lt;/b&gt; &amp; &#34;others&#34;.")
		require.NotContains(t, body, "<b>")
		_, rest, _ := strings.Cut(body, "<style>")
		style, _, _ := strings.Cut(rest, "</style>")
		sum := sha256.Sum256([]byte(style))
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	}
}
