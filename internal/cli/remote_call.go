package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var _ Installation = (*remote)(nil)

// call sends one request with JSON and reads the answer into out; nil = nothing
// is expected. What the server refuses is an *idp.Error.
func (r *remote) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	return r.below(ctx, "/api/v3", method, path, query, in, out)
}

// below is call for what a server answers below another path.
func (r *remote) below(ctx context.Context, base, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	contentType := ""
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("writing the request: %w", err)
		}
		body, contentType = bytes.NewReader(raw), "application/json"
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	status, content, err := r.exchange(ctx, method, base+path, contentType, body)
	switch {
	case err != nil:
		return err
	case status >= http.StatusMultipleChoices:
		return r.refusal(status, content)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("the answer of %s is not understood: %w", r.server, err)
	}
	return nil
}

// statuses are the codes of errors that an answer stands for.
var statuses = map[int]idp.Code{http.StatusBadRequest: idp.CodeInvalid, http.StatusForbidden: idp.CodeForbidden,
	http.StatusNotFound: idp.CodeNotFound, http.StatusConflict: idp.CodeConflict}

// refusal is the error that an answer stands for.
func (r *remote) refusal(status int, content []byte) error {
	code, known := statuses[status]
	if !known {
		return fmt.Errorf("%s answers %d %s%s", r.server, status, http.StatusText(status), reason(content))
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(content, &fields) != nil {
		return fmt.Errorf("%s answers %d %s: is it the address of Portcullis?", r.server, status, http.StatusText(status))
	}
	var kind string
	if json.Unmarshal(fields["code"], &kind) == nil && kind == string(idp.CodeStepUp) {
		code = idp.CodeStepUp
	}
	e := &idp.Error{Code: code, Fields: map[string][]string{}}
	if json.Unmarshal(fields["detail"], &e.Message) == nil && e.Message != "" {
		return e
	}
	if json.Unmarshal(fields["error"], &e.Message) == nil && e.Message != "" { // as below /api
		_ = json.Unmarshal(fields["fields"], &e.Fields) // there are some for wrong input alone
		return e
	}
	for name, raw := range fields {
		var messages []string
		if json.Unmarshal(raw, &messages) == nil {
			e.Fields[name] = messages
		}
	}
	if e.Message = strconv.Itoa(status) + " " + http.StatusText(status); len(e.Fields) == 0 {
		e.Message = r.server + " answers " + e.Message
	}
	return e
}

// pages calls each with what every page of a list holds.
func pages[T any](ctx context.Context, r *remote, path string, query url.Values, each func([]T)) error {
	query.Set("page_size", strconv.Itoa(stretch))
	for page := 1; page > 0; {
		query.Set("page", strconv.Itoa(page))
		var answer struct {
			Pagination struct{ Next int }
			Results    []T
		}
		if err := r.call(ctx, http.MethodGet, path, query, nil, &answer); err != nil {
			return err
		}
		each(answer.Results)
		page = answer.Pagination.Next
	}
	return nil
}
