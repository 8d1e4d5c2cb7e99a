package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Before the click, the shipped flow says whom it is about and what will end.
func TestTheShippedWarningCountsWhatEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	warning := func(b *browser, path string, body map[string]any) string {
		t.Helper()
		b.api(http.StatusOK, http.MethodPost, path, body)
		for _, f := range b.challenge("default-account-lockdown")["fields"].([]any) {
			if field := f.(map[string]any); field["field_key"] == "lockdown_warning" {
				return field["initial_value"].(string)
			}
		}
		t.Fatal("no warning")
		return ""
	}
	ada, bob := s.user("ada", func(n *account.NewUser) { n.Name = "<Ada>" }), s.user("bob")
	s.cookie(ada)
	_, own := s.cookie(ada)
	s.key(ada, idp.IntentAPI)

	admin := s.with(s.named("admin"))
	one := warning(admin, "/core/users/account_lockdown/", map[string]any{"user": ada.ID})
	require.Contains(t, one, "&lt;Ada&gt;")
	require.NotContains(t, one, "<Ada>")
	require.Contains(t, one, "(2 sessions, 1 token)")

	both := warning(admin, "/core/users/account_lockdown_bulk/", map[string]any{"users": []int{int(ada.ID), int(bob.ID)}})
	require.Contains(t, both, "(2 sessions, 1 token)")
	require.Contains(t, both, "(0 sessions, 0 tokens)")

	self := warning(s.holding(own), "/core/users/account_lockdown/", map[string]any{})
	require.Contains(t, self, "your own account")
	require.Contains(t, self, "End all your sessions, this one too (2)")
	require.Equal(t, 1, strings.Count(self, "<ul>"))
}
