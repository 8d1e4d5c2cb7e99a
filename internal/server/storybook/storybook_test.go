package storybook_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/server/storybook"
	"github.com/portcullis-idp/portcullis/internal/stages"
)

func TestEveryPageOfTheStorybookRenders(t *testing.T) {
	t.Parallel()
	kinds := stages.All(stages.Deps{})
	book := storybook.New(kinds)
	addresses := storybook.Addresses(kinds)
	require.Greater(t, len(addresses), 40)
	for _, a := range append(addresses, storybook.Prefix) {
		w := httptest.NewRecorder()
		book.ServeHTTP(w, httptest.NewRequest(http.MethodGet, a, nil))
		require.Equal(t, http.StatusOK, w.Code, "%s: %s", a, w.Body)
		require.Contains(t, w.Body.String(), "<h1", a)
	}
}

func TestStrangeAddressesAreNotFound(t *testing.T) {
	t.Parallel()
	book := storybook.New(stages.All(stages.Deps{}))
	for _, a := range []string{"nonsense/", "stage/password/999/", "stage/password/-1/", "stage/nonsense/0/", "stage/password/x/", "refusal/99/", "refusal/x/"} {
		w := httptest.NewRecorder()
		book.ServeHTTP(w, httptest.NewRequest(http.MethodGet, storybook.Prefix+a, nil))
		require.Equal(t, http.StatusNotFound, w.Code, a)
	}
}
