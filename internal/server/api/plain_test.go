package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Whatever breaks inside is one text, without a word of what it was.
func TestPlainFailuresTellNothingOfTheInside(t *testing.T) {
	t.Parallel()
	op := operation{failed: "Failed to fetch locked accounts"}
	for _, c := range []struct {
		err    error
		status int
		body   string
	}{
		{errors.New("pq: relation does not exist"), http.StatusInternalServerError, `{"error":"Failed to fetch locked accounts"}`},
		{&idp.Error{Code: idp.CodeUnavailable, Message: "The database does not answer."}, http.StatusInternalServerError, `{"error":"Failed to fetch locked accounts"}`},
		{&idp.Error{Code: idp.CodeNotFound, Message: "No active lockout found"}, http.StatusNotFound, `{"error":"No active lockout found"}`},
		{idp.Invalid("limit", "Must be a whole number."), http.StatusBadRequest, `{"error":"limit: Must be a whole number.","fields":{"limit":["Must be a whole number."]}}`},
	} {
		w := httptest.NewRecorder()
		handler := op.plain(func(http.ResponseWriter, *http.Request) error { return c.err })
		require.NoError(t, handler(w, httptest.NewRequest(http.MethodGet, "/api/security/locked-accounts", nil)))
		require.Equal(t, c.status, w.Code, "%v", c.err)
		require.JSONEq(t, c.body, w.Body.String())
	}
}
