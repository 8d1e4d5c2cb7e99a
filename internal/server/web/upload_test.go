package web_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

func upload(t *testing.T, write func(*multipart.Writer)) *http.Request {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	write(w)
	require.NoError(t, w.Close())
	r := httptest.NewRequest(http.MethodPost, "/", &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func TestFilesBecomeDataURLs(t *testing.T) {
	t.Parallel()
	form, err := web.DecodeUpload(upload(t, func(w *multipart.Writer) {
		require.NoError(t, w.WriteField("name", "Ada"))
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="picture"; filename="a.png"`)
		h.Set("Content-Type", "image/png")
		part, err := w.CreatePart(h)
		require.NoError(t, err)
		_, _ = part.Write([]byte{0x89, 0, 0xff})
		h.Set("Content-Disposition", `form-data; name="nothing"; filename=""`)
		h.Set("Content-Type", "application/octet-stream")
		_, err = w.CreatePart(h)
		require.NoError(t, err)
	}))
	require.NoError(t, err)
	require.Equal(t, "Ada", form.Text("name"))
	require.Equal(t, "data:image/png;base64,iQD/", form.Text("picture"))
	require.True(t, form.Has("nothing"))
	require.Empty(t, form.Text("nothing"))
}

func TestBadUploadsAreFaultsOfTheInput(t *testing.T) {
	t.Parallel()
	text := upload(t, func(w *multipart.Writer) { require.NoError(t, w.WriteField("name", "a\x00b")) })
	_, err := web.DecodeUpload(text)
	require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
	for _, c := range []struct{ media, body string }{
		{"multipart/form-data", "x"},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.media)
		_, err := web.DecodeUpload(r)
		require.True(t, idp.Is(err, idp.CodeInvalid), "%s %q: %v", c.media, c.body, err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
	r.Header.Set("Content-Type", "text/plain")
	_, err = web.DecodeUpload(r)
	require.True(t, idp.Is(err, idp.CodeMediaType), "%v", err)
}
