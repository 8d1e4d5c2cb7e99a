package lockoutpage_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	keep     = "/if/admin/security-settings/retention/"
	keepDays = "events.retention"
)

// How long events are kept stands on the page of the settings, in a form of its own.
func TestHowLongEventsAreKept(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.page(settings)
	require.Equal(t, "365", p.Value(keepDays))
	require.Contains(t, p.Main(), "when they are 365 days old")
	saved := s.boss.Post(keep, "seen", p.Value("seen"), keepDays, "30")
	require.Equal(t, http.StatusSeeOther, saved.Status, saved.Text())
	after := saved.Follow()
	require.Empty(t, after.Faults())
	for _, want := range []string{"How long events are kept was saved.", "when they are 30 days old", "boss set Event retention from days=365 to days=30"} {
		require.Contains(t, after.Main(), want)
	}
	require.EqualValues(t, 30, s.chain.Kept(), "it is in force before it is answered")

	for _, value := range []string{"", "6", "-1", "36501", "1e3", "a year", "7.5"} {
		refused := s.boss.Post(keep, "seen", after.Value("seen"), keepDays, value)
		require.Equal(t, http.StatusBadRequest, refused.Status, value)
		require.Empty(t, refused.Faults(), value)
		require.Contains(t, refused.Main(), "a whole number from 7 to 36500", value)
		require.Contains(t, refused.Body, `aria-invalid="true"`)
		if value != "" {
			require.Equal(t, value, refused.Value(keepDays), "what was typed stays")
		}
	}
	stale := s.boss.Post(keep, "seen", p.Value("seen"), keepDays, "90")
	require.Equal(t, http.StatusConflict, stale.Status)
	require.Contains(t, stale.Main(), "Somebody changed this meanwhile")
	require.EqualValues(t, 30, s.chain.Kept())

	require.Contains(t, s.boss.Post(keep, "seen", after.Value("seen"), keepDays, "0").Follow().Main(), "Events are kept for ever.")
	require.EqualValues(t, 0, s.chain.Kept())
	require.Equal(t, http.StatusForbidden, s.As(s.User("plain")).Post(keep, keepDays, "7").Status)
}
