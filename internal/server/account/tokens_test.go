package account_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

const tokensAt = "/if/user/settings/tokens/"

// only is the one token there is.
func only(t *testing.T, s *pagetest.Site, u *idp.User) *idp.Token {
	t.Helper()
	found, err := s.Store.Repos().Tokens.Find(t.Context(), idp.TokenFilter{UserID: &u.ID})
	require.NoError(t, err)
	require.Len(t, found.Items, 1)
	return &found.Items[0]
}

func TestMakeAToken(t *testing.T) {
	t.Parallel()
	for slug, c := range map[string]struct {
		intent idp.TokenIntent
		usual  time.Duration
	}{"app-password": {idp.IntentAppPassword, 365 * 24 * time.Hour}, "api-token": {idp.IntentAPI, 30 * time.Minute}} {
		t.Run(slug, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			u := ada(s)
			me := s.As(u)
			path := tokensAt + "new/" + slug + "/"
			require.True(t, strings.Contains(me.Get(tokensAt).Body, path), "the list leads there")
			form := me.Get(path)
			require.Empty(t, form.Faults())
			made := me.Post(path, form.Fields("identifier", "mail-on-my-phone", "description", "Mail on my phone")...)
			require.Equal(t, http.StatusSeeOther, made.Status, made.Text())
			row := only(t, s, u)
			require.Equal(t, tokensAt+row.ID.String()+"/key/", made.Location)
			require.Equal(t, []any{c.intent, "mail-on-my-phone", "Mail on my phone", true}, []any{row.Intent, row.Identifier, row.Description, row.Expiring})
			require.WithinDuration(t, time.Now().Add(c.usual), *row.ExpiresAt, time.Minute)
			require.NotContains(t, made.Body, "Copy")

			shown := made.Follow()
			require.Empty(t, shown.Faults())
			require.Equal(t, "no-store", shown.Header.Get("Cache-Control"))
			require.Contains(t, shown.Main(), "Copy it now: it is not shown again.")
			key := keyIn(shown)
			if c.intent == idp.IntentAPI {
				found, _, err := s.Tokens.Authenticate(t.Context(), key)
				require.NoError(t, err)
				require.Equal(t, row.ID, found.ID)
			} else {
				found, err := s.Tokens.AppPassword(t.Context(), u, key)
				require.NoError(t, err)
				require.Equal(t, row.ID, found.ID)
			}
			for range 2 { // reloaded, or gone back to
				again := me.Get(made.Location)
				require.Equal(t, http.StatusOK, again.Status)
				require.Empty(t, again.Faults())
				require.Contains(t, again.Main(), "was shown already")
				require.NotContains(t, again.Body, key)
			}
			require.NotContains(t, me.Get(tokensAt).Body, key)
			events, err := s.Store.Repos().Events.Find(t.Context(), idp.EventFilter{Paging: idp.Paging{Limit: 100}})
			require.NoError(t, err)
			seen := map[idp.Action]int{}
			for _, e := range events.Items {
				seen[e.Action]++
				require.NotContains(t, fmt.Sprint(e.Context), key)
			}
			require.Equal(t, 1, seen[idp.ActionSecretView], "it is in the audit log that the key was shown, once")
		})
	}
}

// keyIn is the key that a page shows.
func keyIn(p *pagetest.Page) string {
	_, rest, _ := strings.Cut(p.Body, `<copy-text class="copy"><code class="mono">`)
	key, _, _ := strings.Cut(rest, "<")
	return key
}

func TestTokensThatCannotBe(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	me := s.As(u)
	s.Token(s.User("eve"), "taken")
	for slug, cases := range map[string]map[string]struct{ field, sent, says string }{
		"api-token": {
			"no identifier": {"identifier", "", "This field may not be blank."}, "no slug": {"identifier", "my phone", "Enter a valid “slug”"},
			"too long": {"identifier", strings.Repeat("x", 256), "no more than 255 characters"}, "taken": {"identifier", "taken", "must be unique"},
			"a term that is none": {"expires", "2d", "Choose how long"}, "no end": {"expires", "never", "An API token has to end"},
			"past": {"until", "2020-01-01T00:00", "Expected a time in the future."}, "no time": {"until", "tomorrow", "is not a time"},
			"description": {"description", strings.Repeat("x", 10_001), "no more than 10000 characters"}},
		"app-password": {"no term": {"expires", "", "Choose how long"}},
	} {
		path := tokensAt + "new/" + slug + "/"
		for name, c := range cases {
			p := me.Post(path, me.Get(path).Fields(append([]string{"identifier", "mine"}, c.field, c.sent)...)...)
			require.Equal(t, http.StatusBadRequest, p.Status, name)
			require.Contains(t, p.Main(), c.says, name)
			require.Contains(t, p.Body, `id="field-`+c.field+`-error"`, name)
			require.Empty(t, p.Faults(), name)
		}
	}
	found, err := s.Store.Repos().Tokens.Find(t.Context(), idp.TokenFilter{UserID: &u.ID})
	require.NoError(t, err)
	require.Empty(t, found.Items, "nothing half-done")

	path := tokensAt + "new/app-password/"
	require.Equal(t, http.StatusSeeOther, me.Post(path, me.Get(path).Fields("identifier", "for-good", "expires", "never")...).Status)
	require.False(t, only(t, s, u).Expiring, "app passwords may last for good")
}

func TestAKeyIsShownToNobodyElse(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	me := s.As(u)
	row := s.Token(u, "nightly")
	key := tokensAt + row.ID.String() + "/key/"
	require.Equal(t, http.StatusNotFound, s.As(s.Boss).Get(key).Status, "not to administrators here")
	for _, site := range []string{"cross-site", "same-site"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, key, nil)
		r.Header.Set("Sec-Fetch-Site", site)
		require.Equal(t, http.StatusForbidden, me.Do(r).Status, "asking would use it up")
	}
	require.Contains(t, me.Get(key).Main(), "Copy it now")

	// Whoever is contained has no page to make one on.
	path := tokensAt + "new/app-password/"
	pairs := me.Get(path).Fields("identifier", "late")
	require.NoError(t, s.Lockdowns.Deactivate(t.Context(), idp.SystemActor(), u.ID))
	require.True(t, strings.HasPrefix(me.Post(path, pairs...).Location, "/flows/-/default/authentication/"))
	require.Equal(t, "nightly", only(t, s, u).Identifier)
}

func TestTokensInChromium(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	me := s.As(u)
	tab := me.Tab()
	tab.Open(tokensAt)
	tab.Judge("own-tokens-none")
	path := tokensAt + "new/api-token/"
	tab.Open(path)
	tab.Judge("own-new-token")
	s.Token(u, "nightly-backup")
	made := me.Post(tokensAt+"new/app-password/", "identifier", "mail-on-my-phone", "description", "Mail", "expires", "never")
	tab.Open(made.Location)
	tab.Judge("own-key")
	tab.Open(made.Location)
	tab.Judge("own-key-gone")
	tab.Open(tokensAt)
	tab.Judge("own-tokens")
	require.Empty(t, tab.Complaints())
}
