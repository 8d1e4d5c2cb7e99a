package app_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Who may lock down one account may lock down that one, and not two of which it is
// one.
func TestTheRightOverOneAccountIsTheRightOverThatOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	theirs, other := s.user(unique("theirs")), s.user(unique("other"))
	_, b := s.holder(nil, idp.RoleRule{Resources: []string{"lockdown"}, Verbs: []string{"create"}, Where: fmt.Sprintf("owner == %d", theirs.ID)})

	link := b.api(http.StatusOK, http.MethodPost, "/core/users/account_lockdown/", anyMap{"user": theirs.ID})
	require.NotEmpty(t, link["link"])
	b.api(http.StatusForbidden, http.MethodPost, "/core/users/account_lockdown/", anyMap{"user": other.ID})
	b.api(http.StatusForbidden, http.MethodPost, "/core/users/account_lockdown_bulk/", anyMap{"users": []idp.UserID{theirs.ID, other.ID}})
	b.api(http.StatusOK, http.MethodPost, "/core/users/account_lockdown_bulk/", anyMap{"users": []idp.UserID{theirs.ID}})
	require.True(t, s.now(theirs).IsActive, "a link alone does nothing")

	b.api(http.StatusForbidden, http.MethodPost, "/lockdowns/", anyMap{"users": []idp.UserID{theirs.ID, other.ID}, "reason": "r"})
	require.True(t, s.now(theirs).IsActive)
	b.api(http.StatusOK, http.MethodPost, "/lockdowns/", anyMap{"users": []idp.UserID{theirs.ID}, "reason": "r"})
	require.False(t, s.now(theirs).IsActive)
	require.True(t, s.now(other).IsActive)
}
