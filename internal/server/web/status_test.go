package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err     error
		status  int
		message string
	}{
		{idp.Invalid("a", "wrong"), 400, "wrong"}, {Unsigned(), 403, "Authentication credentials were not provided."},
		{idp.Forbidden("no"), 403, "no"}, {idp.NotFound("user"), 404, "No user matches."}, {idp.Conflict("late"), 409, "late"},
		{TooLarge(5), 413, "The body is larger than 5 bytes."}, {&idp.Error{Code: idp.CodeBusy}, 503, "Service Unavailable."},
		{&idp.Error{Code: idp.CodeRateLimited, Message: "slow down"}, 429, "slow down"}, {idp.Refuse(idp.DoorSession, idp.RefusedEnded), 403, "Your session has ended. Sign in again."},
		{&idp.Error{Code: idp.CodeMethod}, 405, "Method Not Allowed."}, {&idp.Error{Code: idp.CodeMediaType}, 415, "Unsupported Media Type."},
		{&idp.Error{Code: idp.CodeInternal, Message: "password=hunter2"}, 500, internal}, {errors.New("dsn=secret"), 500, internal},
		{&idp.Error{Code: "made up", Message: "x"}, 500, internal}, {context.Canceled, StatusClientGone, "The request was cancelled."},
		{fmt.Errorf("locking user 4: %w", idp.Conflict("late")), 409, "late"},
		{&idp.Error{Code: idp.CodeInternal, Err: context.Canceled}, StatusClientGone, "The request was cancelled."},
	} {
		status, message := Status(c.err)
		require.Equal(t, c.status, status, "%v", c.err)
		require.Equal(t, c.message, message)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	write := func(err error) (*httptest.ResponseRecorder, map[string]any) {
		w, body := httptest.NewRecorder(), map[string]any{}
		WriteProblem(w, httptest.NewRequest(http.MethodGet, "/", nil), err)
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		return w, body
	}
	_, body := write(&idp.Error{Code: idp.CodeInvalid, Message: "m"})
	require.Equal(t, map[string]any{"non_field_errors": []any{"m"}}, body)
	_, body = write(idp.Invalid("a", "b"))
	require.Equal(t, map[string]any{"a": []any{"b"}}, body)
	w, body := write(&idp.Error{Code: idp.CodeRateLimited, Message: "m", RetryAfter: 1500 * time.Millisecond})
	require.Equal(t, "2", w.Header().Get("Retry-After"))
	require.Equal(t, "m", body["detail"])
	require.Equal(t, "rate_limited", body["code"])
	w, body = write(errors.New("secret"))
	require.Equal(t, 500, w.Code)
	require.NotContains(t, body["detail"], "secret")
}

func TestHandlerWithoutAServerStillAnswers(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	Handler(func(http.ResponseWriter, *http.Request) error { return idp.NotFound("page") }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, 404, w.Code)
	w = httptest.NewRecorder()
	RequireUser(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, 403, w.Code)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(With(r.Context(), &Scope{Actor: idp.Actor{User: &idp.User{ID: 7}}}))
	w = httptest.NewRecorder()
	RequireUser(http.NotFoundHandler()).ServeHTTP(w, r)
	require.Equal(t, 404, w.Code)
	require.False(t, MayConsole(r), "without somebody who says so, only superusers may")
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(Check(r, idp.VerbList, idp.ResourceUser)))
	require.Equal(t, idp.UserID(7), User(r).ID)
	require.Equal(t, "fallback", Brand(r).Domain)
}
