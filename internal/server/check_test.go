package server_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.Equal(t, http.StatusUnauthorized, r.do(request{path: "/-/session/"}).Code)
	require.Equal(t, http.StatusUnauthorized, r.do(request{path: "/-/session/", cookie: "forged"}).Code)
	got := r.do(request{path: "/-/session/", cookie: r.cookieOf(r.person)})
	require.Equal(t, http.StatusOK, got.Code)
	require.Equal(t, "no-store", got.Header().Get("Cache-Control"))
	var said struct {
		Session, Username string
		User              int
		Expires           time.Time
	}
	require.NoError(t, json.Unmarshal(got.Body.Bytes(), &said), "%s", got.Body)
	require.Equal(t, r.person.Username, said.Username)
	require.Equal(t, int(r.person.ID), said.User)
	require.Len(t, said.Session, 36)
	require.True(t, said.Expires.After(time.Now()))
}
