package web

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// DecodeUpload reads a form that may hold files: multipart or urlencoded. A
// file becomes a data URL (RFC 2397), as programs send one; an empty file field
// becomes an empty text. Errors are those of DecodeForm.
func DecodeUpload(r *http.Request) (Form, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return DecodeForm(r)
	}
	raw, err := ReadBody(r)
	if err != nil {
		return nil, err
	}
	values := url.Values{}
	parts := multipart.NewReader(bytes.NewReader(raw), params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, idp.Invalid("", "The form is not valid: its parts cannot be told apart.")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, idp.Invalid("", "The form is not valid: a part ends too early.")
		}
		values.Add(part.FormName(), partText(part, content))
	}
	if err := CheckText(values); err != nil {
		return nil, err
	}
	return Form(values), nil
}

// partText is a part's value: its text, or a file's content as a data URL.
func partText(part *multipart.Part, content []byte) string {
	media := part.Header.Get("Content-Type")
	if part.FileName() == "" && (media == "" || len(content) == 0) {
		return string(content)
	}
	if plain, _, err := mime.ParseMediaType(media); err == nil {
		media = plain
	} else {
		media = "application/octet-stream"
	}
	return "data:" + media + ";base64," + base64.StdEncoding.EncodeToString(content)
}

// File is the content of a file that DecodeUpload read, or the text of a field
// that is none. Errors: CodeInvalid on the field.
func (f Form) File(name string) ([]byte, error) {
	text := f.Text(name)
	_, encoded, isFile := strings.Cut(text, ";base64,")
	if !isFile || !strings.HasPrefix(text, "data:") {
		return []byte(text), nil
	}
	content, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, idp.Invalid(name, "The file could not be read.")
	}
	return content, nil
}
