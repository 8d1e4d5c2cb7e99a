package api

import (
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// baseSecurity is where the operations live whose shapes come from Olympus's API of
// locked accounts and settings, which programs of operators know.
const baseSecurity = "/api"

// Failure is how those say what went wrong.
type Failure struct {
	Error  string              `json:"error"`
	Fields map[string][]string `json:"fields,omitempty" doc:"By field, where the input is not valid."`
}

// plain answers failures in that shape: 401 for nobody, and nothing of what went
// wrong inside.
func (op operation) plain(next web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := next(w, r)
		if err == nil || idp.Locked(err) || idp.Is(err, idp.CodeStepUp) { // said the same way everywhere
			return err
		}
		status, message := web.Status(err)
		body := Failure{Error: message}
		switch code := idp.CodeOf(err); {
		case code == idp.CodeUnsigned:
			status = http.StatusUnauthorized
		case code == idp.CodeMediaType:
			status = http.StatusBadRequest
		case status >= http.StatusInternalServerError:
			status, body.Error = http.StatusInternalServerError, op.failed
		}
		var e *idp.Error
		if errors.As(err, &e) && status == http.StatusBadRequest && len(e.Fields) > 0 {
			body.Error, body.Fields = firstOf(e.Fields), e.Fields
		}
		if rec := web.From(r.Context()).Record; rec != nil {
			rec.Code = string(idp.CodeOf(err))
			if status >= http.StatusInternalServerError {
				rec.Err = err
			}
		}
		w.Header().Set("Cache-Control", "no-store")
		web.SetRetryAfter(w, err)
		return web.WriteJSON(w, status, body)
	}
}

// firstOf is one of the messages, with the field that it is about.
func firstOf(fields map[string][]string) string {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if messages := fields[name]; len(messages) > 0 && name != idp.NonField {
			return name + ": " + messages[0]
		} else if len(messages) > 0 {
			return messages[0]
		}
	}
	return ""
}
