package idp_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestKeptCountsAndForgets(t *testing.T) {
	t.Parallel()
	var kept idp.Kept[string, int]
	made := 0
	get := func(revision byte, key string) int {
		v, err := kept.Get(idp.Revision{revision}, key, func() (int, error) { made++; return made, nil })
		require.NoError(t, err)
		return v
	}
	require.Zero(t, kept.Len())
	kept.Clear()
	require.Equal(t, []int{1, 1, 2}, []int{get(1, "a"), get(1, "a"), get(1, "b")})
	require.Equal(t, 2, kept.Len())
	_, err := kept.Get(idp.Revision{1}, "c", func() (int, error) { return 0, errors.New("boom") })
	require.ErrorContains(t, err, "boom")
	require.Equal(t, 2, kept.Len(), "errors are not kept")

	kept.Clear()
	require.Zero(t, kept.Len())
	require.Equal(t, []int{3, 3}, []int{get(1, "a"), get(1, "a")}, "made anew, and kept again")
	require.Equal(t, 4, get(2, "b"))
	require.Equal(t, 1, kept.Len(), "a later revision takes the place of the earlier")
}
