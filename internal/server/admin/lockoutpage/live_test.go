package lockoutpage_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// The stream says that something about lockouts has changed, and nothing else: whoever
// may list lockouts may follow it, also without the right to events.
func TestLive(t *testing.T) {
	t.Parallel()
	s := open(t)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	follow := func(b *pagetest.Browser) *http.Response {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/if/admin/lockouts/live/", nil)
		require.NoError(t, err)
		r.Header.Set("Accept", "text/event-stream")
		r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: b.Cookie(web.SessionCookie)})
		res, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	require.Equal(t, http.StatusForbidden, follow(s.builtIn(access.Viewer)).StatusCode)
	res := follow(s.role("clerk", access.BuiltIn()[2].Spec.Allow.Rules[1]))
	require.Equal(t, http.StatusOK, res.StatusCode)
	lines := bufio.NewScanner(res.Body)
	ada := s.User("ada")
	s.fail(ada, "203.0.113.1", 5)
	told := false
	for !told && lines.Scan() {
		if data, is := strings.CutPrefix(lines.Text(), "data: "); is && strings.Contains(data, "pk") {
			var message struct{ PK string }
			require.NoError(t, json.Unmarshal([]byte(data), &message))
			id, err := idp.ParseID[idp.Event](message.PK)
			require.NoError(t, err)
			e, err := s.Store.Repos().Events.Get(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, lockout.ActionLocked, e.Context["action_id"], "and of no failed sign-in before it")
			require.Equal(t, `{"pk":"`+message.PK+`"}`, data, "no word about whom")
			told = true
		}
	}
	require.NoError(t, lines.Err())
	require.True(t, told)
}
