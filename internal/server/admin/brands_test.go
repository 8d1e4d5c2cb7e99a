package admin_test

import (
	"net/http"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of two forms that were filled from the same state and sent at the same time,
// one is saved and the other one is told.
func TestOneOfTwoBrandFormsSentAtOnceIsTold(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	path := s.names.Replace("/if/admin/brands/{brand}/")
	statuses := make(chan int, 2)
	for _, title := range []string{"First", "Second"} {
		boss := s.As(s.Boss)
		form := boss.Get(path).Fields("branding_title", title)
		go func() { statuses <- boss.Post(path, form...).Status }()
	}
	got := []int{<-statuses, <-statuses}
	sort.Ints(got)
	require.Equal(t, []int{http.StatusSeeOther, http.StatusConflict}, got)
}
