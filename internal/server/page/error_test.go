package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

func request(method, path string, u *idp.User) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	return r.WithContext(web.With(r.Context(), &web.Scope{Actor: idp.Actor{User: u}, Brand: &idp.Brand{Title: "Example"}}))
}

func TestErrorPages(t *testing.T) {
	t.Parallel()
	boss, ada := &idp.User{ID: 1, Username: "boss", IsSuperuser: true}, &idp.User{ID: 2, Username: "ada"}
	for _, c := range []struct {
		name       string
		path       string
		user       *idp.User
		status     int
		want, lack []string
	}{
		{"inside the console", "/if/admin/users/9/", boss, 404, []string{"Nothing here", "No user matches.", `href="/if/admin/groups/"`}, []string{"req-1"}},
		{"no permission", "/if/admin/users/", ada, 403, []string{"You do not have permission to open the console", "signed in as ada", `href="/if/user/"`}, []string{`href="/if/admin/groups/"`}},
		{"the person's own pages", "/if/user/x/", ada, 404, []string{"Nothing here", `href="/if/user/settings/"`}, nil},
		{"a stranger", "/nowhere/", nil, 404, []string{"Nothing here", "Sign in"}, []string{`href="/if/admin/"`}},
		{"a fault of ours", "/if/admin/", boss, 500, []string{"Something went wrong", "req-1", "Try again"}, []string{`href="/if/admin/groups/"`}},
		{"overload", "/if/admin/", boss, 503, []string{"Not available right now", "req-1"}, nil},
		{"a status without a title", "/x/", nil, 418, []string{"I&#39;m a teapot"}, nil},
		{"markup in a message", "/x/", nil, 400, []string{"&lt;script&gt;"}, []string{"<script>"}},
	} {
		rec := httptest.NewRecorder()
		message := "No user matches."
		if c.status == 400 {
			message = "<script>"
		}
		page.Pages{}.Error(rec, request(http.MethodGet, c.path, c.user), c.status, message, "req-1")
		require.Equal(t, c.status, rec.Code, c.name)
		require.Equal(t, "text/html; charset=utf-8", rec.Header().Get("Content-Type"))
		require.Equal(t, "no-store", rec.Header().Get("Cache-Control"))
		for _, want := range c.want {
			require.Contains(t, rec.Body.String(), want, c.name)
		}
		for _, not := range c.lack {
			require.NotContains(t, rec.Body.String(), not, c.name)
		}
	}
	rec := httptest.NewRecorder()
	page.Pages{}.Error(rec, request(http.MethodPost, "/x/", nil), 500, "Oh.", "req-1")
	require.NotContains(t, rec.Body.String(), "Try again", "a form cannot be sent again by a link")
}

func TestFlowEndsWithAWayOut(t *testing.T) {
	t.Parallel()
	boss, ada := &idp.User{ID: 1, Username: "boss", IsSuperuser: true}, &idp.User{ID: 2, Username: "ada"}
	for _, c := range []struct {
		name      string
		user      *idp.User
		challenge flow.Challenge
		want      []string
	}{
		{"denied, with a reason", ada, flow.AccessDenied{ErrorMessage: "Not you."}, []string{"Access denied", "Not you.", `href="/if/user/"`}},
		{"denied, without", boss, flow.AccessDenied{}, []string{"You do not have permission to go on here.", `href="/if/admin/"`}},
		{"denied to a stranger", nil, flow.AccessDenied{SignIn: true}, []string{"next=%2Fif%2Fflow%2Flock%2F"}},
		{"a fault", nil, flow.FlowError{RequestID: "req-1"}, []string{"This cannot go on", "req-1"}},
		{"a fault, for superusers", boss, flow.FlowError{RequestID: "req-1", Error: "stage x: boom"}, []string{"stage x: boom"}},
	} {
		rec := httptest.NewRecorder()
		a := &flow.Answer{Challenge: c.challenge, Info: flow.Info{Title: "Lock Account", CancelURL: "/flows/-/cancel/"}}
		err := page.Pages{}.Flow(rec, request(http.MethodGet, "/if/flow/lock/", c.user),
			web.FlowPage{Answer: a, Messages: []web.Message{{Tone: web.ToneInfo, Text: "By the way."}}})
		require.NoError(t, err)
		require.Contains(t, rec.Body.String(), "<h1>Lock Account</h1>", c.name)
		require.Contains(t, rec.Body.String(), "By the way.", c.name)
		for _, want := range c.want {
			require.Contains(t, rec.Body.String(), want, c.name)
		}
	}
}

func TestLockedNeedsNoSession(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	require.NoError(t, page.Pages{}.Locked(rec, request(http.MethodGet, "/if/lockdown-complete/", nil)))
	require.Contains(t, rec.Body.String(), "Your account has been locked")
	require.Contains(t, rec.Body.String(), "Contact your administrator")
}
