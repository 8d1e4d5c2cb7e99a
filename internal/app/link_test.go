package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// uses opens a link in a browser of its own, sets a password with it, and reports
// whether that led to a session.
func (s *site) uses(slug, link string) bool {
	s.Helper()
	b := s.browser()
	if b.get(link).status != http.StatusSeeOther {
		return false
	}
	require.Equal(s, "ak-stage-prompt", b.challenge(slug)["component"])
	got := b.solve(slug, map[string]any{"component": "ak-stage-prompt", "password": newPassword, "password_repeat": newPassword})
	require.Equal(s, "xak-flow-redirect", got["component"], "%v", got)
	return b.works()
}

// Whoever makes a recovery link says whether it works once, which it does unless
// they say otherwise.
func TestARecoveryLinkWorksAgainWhereItIsAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	path := fmt.Sprintf("/core/users/%d/recovery/", ada.ID)
	made := func(body map[string]any) string {
		t.Helper()
		got := s.admin().api(http.StatusOK, http.MethodPost, path, body)
		return strings.TrimPrefix(got["link"].(string), s.replicas[0].base)
	}
	for _, body := range []map[string]any{{}, {"single_use": true}} {
		once := made(body)
		require.Equal(t, []bool{true, false}, []bool{s.uses(recoveryFlow, once), s.uses(recoveryFlow, once)}, "%v", body)
	}
	again := made(map[string]any{"single_use": false})
	for range 3 {
		require.True(t, s.uses(recoveryFlow, again))
	}
	require.Equal(t, false, s.acted(idp.ActionModelCreated)[0].Context["single_use"])
	newer := made(map[string]any{"single_use": false})
	require.False(t, s.uses(recoveryFlow, again), "a newer one has taken its place")
	require.True(t, s.uses(recoveryFlow, newer))
	s.admin().contain(map[string]any{"users": []idp.UserID{ada.ID}, "reason": "stolen"})
	require.False(t, s.uses(recoveryFlow, newer))
	require.NoError(t, s.reactivate(ada))
	require.False(t, s.uses(recoveryFlow, newer))

	for _, wrong := range []any{"often", 1, nil, []any{}} {
		require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodPost, path, map[string]any{"single_use": wrong}), "single_use")
	}
}

// The stage says it of the links that people ask for, the request of one that an
// administrator sends, and the mail says it to whoever reads it.
func TestAMailedLinkWorksAgainWhereItIsAskedFor(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.quiet()
	mia := s.user("mia")
	stage := s.admin().api(http.StatusOK, http.MethodGet, "/stages/email/", nil)["results"].([]any)[0].(map[string]any)
	require.Equal(t, true, stage["single_use"])
	s.admin().api(http.StatusOK, http.MethodPatch, "/stages/email/"+stage["pk"].(string)+"/", map[string]any{"single_use": false})
	s.browser().forgot("mia")
	m := post.Receive()
	require.Contains(t, m.Text, "works for 30 minutes.")
	link := linkIn(t, m)
	for range 2 {
		require.True(t, s.uses(mailFlow, link))
	}
	s.admin().contain(map[string]any{"users": []idp.UserID{mia.ID}, "reason": "stolen", "deactivate_user": false,
		"set_unusable_password": false, "revoke_tokens": false})
	s.dead(link)

	flow, err := s.repos().Flows.GetBySlug(t.Context(), mailFlow)
	require.NoError(t, err)
	s.brand(map[string]any{"flow_recovery": flow.ID})
	for _, single := range []bool{true, false} {
		body := map[string]any{"email_stage": stage["pk"], "single_use": single}
		if single {
			delete(body, "single_use")
		}
		s.admin().api(http.StatusNoContent, http.MethodPost, fmt.Sprintf("/core/users/%d/recovery_email/", mia.ID), body)
		m := post.Receive()
		require.Equal(t, single, strings.Contains(m.Text, "once"), m.Text)
		link := linkIn(t, m)
		require.Equal(t, []bool{true, !single}, []bool{s.uses(mailFlow, link), s.uses(mailFlow, link)})
	}
}
