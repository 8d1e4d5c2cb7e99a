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
	first, second := s.As(s.Boss), s.As(s.Boss)
	one := first.Get(path).Fields("branding_title", "First")
	two := second.Get(path).Fields("branding_title", "Second")
	statuses := make(chan int, 2)
	go func() { statuses <- first.Post(path, one...).Status }()
	go func() { statuses <- second.Post(path, two...).Status }()
	got := []int{<-statuses, <-statuses}
	sort.Ints(got)
	require.Equal(t, []int{http.StatusSeeOther, http.StatusConflict}, got)
}
