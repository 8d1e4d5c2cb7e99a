package page_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
)

func list(t *testing.T, target string) page.List {
	t.Helper()
	l, err := page.ReadList(httptest.NewRequest(http.MethodGet, target, nil), "name")
	require.NoError(t, err)
	return l
}

func TestListKeepsTheFiltersInTheAddress(t *testing.T) {
	t.Parallel()
	l := list(t, "/if/admin/users/?search=ada&status=active&page=3&ordering=-name&empty=")
	require.Equal(t, idp.Paging{Limit: page.PageSize, Offset: 40, Order: []string{"-name"}, Search: "ada"}, l.Paging())
	require.Equal(t, "/if/admin/users/?ordering=-name&search=ada&status=active", l.Href(), "another filter starts at the first page")
	require.Equal(t, "/if/admin/users/?ordering=-name&page=4&search=ada&status=active", l.Href("page", "4"))
	require.Equal(t, "/if/admin/users/?ordering=name&search=ada", l.Href("ordering", "name", "status", ""))
	require.True(t, l.Filtered("status"))
	require.Equal(t, "/if/admin/users/?ordering=-name", l.Reset("status"))

	plain := list(t, "/if/admin/users/")
	require.Equal(t, "/if/admin/users/", plain.Href())
	require.Equal(t, []string{"name"}, plain.Paging().Order)
	require.Empty(t, plain.Reset("status"))
}

func TestListBeyondItsEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		target string
		total  int
		want   string
	}{
		{"/x/?page=3", 60, ""}, {"/x/?page=3", 41, ""}, {"/x/?page=3", 40, "/x/?page=2"}, {"/x/?page=3&search=a", 5, "/x/?search=a"},
		{"/x/?page=2", 0, "/x/"}, {"/x/", 0, ""},
	} {
		require.Equal(t, c.want, list(t, c.target).Beyond(c.total), "%s of %d", c.target, c.total)
	}
}

func TestListRefusesPagesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"x", "0", "-3", "1.5", "99999999999999999999", "2147483647"} {
		_, err := page.ReadList(httptest.NewRequest(http.MethodGet, "/x/?page="+p, nil), "")
		require.True(t, idp.Is(err, idp.CodeInvalid), p)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("creating: %w", &idp.Error{Code: idp.CodeInvalid, Fields: map[string][]string{
		"username": {"Taken."}, "mystery": {"Odd."}, idp.NonField: {"Both."}}})
	f, ok := page.FaultsOf(err)
	require.True(t, ok)
	require.Equal(t, http.StatusBadRequest, f.Status())
	require.Equal(t, "Taken.", f.Of("username"))
	require.Empty(t, f.Of("name"))
	require.Equal(t, []string{"mystery: Odd.", "Both."}, f.Rest("username"))
	require.Equal(t, "Odd. Both. Taken.", f.Text())

	conflict, ok := page.FaultsOf(idp.Conflict("Changed meanwhile."))
	require.True(t, ok)
	require.Equal(t, http.StatusConflict, conflict.Status())
	require.Equal(t, []string{"Changed meanwhile."}, conflict.Rest())

	for _, err := range []error{nil, errors.New("boom"), idp.NotFound("user"), &idp.Error{Code: idp.CodeInternal, Err: errors.New("secret")},
		&idp.Error{Code: idp.CodeUnavailable}} {
		_, ok := page.FaultsOf(err)
		require.False(t, ok, "%v", err)
	}
	var none page.Faults
	require.Equal(t, http.StatusOK, none.Status())
	require.Empty(t, none.Rest())
}

func TestEnds(t *testing.T) {
	t.Parallel()
	require.Empty(t, page.Ends(idp.Holdings{}))
	require.Equal(t, []string{"1 session ends", "3 tokens stop working", "3 consents end", "2 invitations stop working", "1 grant ends", "2 applications lose access"},
		page.Ends(idp.Holdings{Sessions: 1, Tokens: map[idp.TokenIntent]int{idp.IntentAPI: 2, idp.IntentRecovery: 1},
			Consents: 3, Invitations: 2, Grants: 1, Applications: 2}))
	require.Equal(t, []string{"1,001 sessions end"}, page.Ends(idp.Holdings{Sessions: idp.CountLimit + 1}), "counted to the end")
	require.Equal(t, []string{"more than 1,000 sessions end", "2 tokens stop working"},
		page.Ends(idp.Holdings{Sessions: idp.CountLimit + 1, Tokens: map[idp.TokenIntent]int{idp.IntentAPI: 2}, AtLeast: true}))
}
