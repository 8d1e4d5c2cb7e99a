package app_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Whoever may lock something only is let into the pages that lead there, and is
// told at the act when it is something else.
func TestLockingIsLimitedToWhatARoleSays(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	u, b := s.holder(nil, idp.RoleRule{Resources: []string{"lock"}, Verbs: []string{"list"}},
		idp.RoleRule{Resources: []string{"lock"}, Verbs: []string{"create", "delete"}, Where: `lock.target.role == "contractor"`})
	page := s.with(u)
	require.Equal(t, http.StatusOK, page.get("/if/admin/locks/").status)
	require.Equal(t, http.StatusOK, page.get("/if/admin/locks/new/").status)
	require.Equal(t, http.StatusForbidden, page.get("/if/admin/roles/new/").status)

	own := b.api(http.StatusCreated, http.MethodPost, "/locks/", anyMap{"target": anyMap{"role": "contractor"}})
	refused := b.api(http.StatusForbidden, http.MethodPost, "/locks/", anyMap{"target": anyMap{"user": "akadmin"}})
	require.Equal(t, `access denied to perform action "create" on "lock"`, refused["detail"])
	other := s.lock(anyMap{"user": "somebody"})
	b.api(http.StatusForbidden, http.MethodDelete, "/locks/"+other["name"].(string)+"/", nil)
	b.api(http.StatusForbidden, http.MethodDelete, "/locks/?user=somebody", nil)
	b.api(http.StatusForbidden, http.MethodPatch, "/locks/"+own["name"].(string)+"/", anyMap{"message": "Changed."})
	require.Equal(t, http.StatusNoContent, b.do(http.MethodDelete, "/api/v3/locks/"+own["name"].(string)+"/", nil).status)
}
