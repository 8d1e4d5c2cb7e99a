package app_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// bell opens the stream of a person's bell, which must succeed. It is cut off after two
// minutes: a test that waits for a ring that does not come fails then.
func (b *browser) bell() *line {
	b.site.Helper()
	ctx, hangUp := context.WithTimeout(b.site.Context(), 2*time.Minute)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/if/user/notifications/live/", nil)
	require.NoError(b.site, err)
	response, err := b.client.Do(r)
	require.NoError(b.site, err)
	l := &line{b.site, response, bufio.NewReader(response.Body), hangUp}
	b.site.Cleanup(l.close)
	require.Equal(b.site, http.StatusOK, response.StatusCode)
	require.Equal(b.site, "text/event-stream", response.Header.Get("Content-Type"))
	return l
}

// count waits for the next count of a bell.
func (l *line) count(want string) {
	l.site.Helper()
	m, err := l.next()
	require.NoError(l.site, err)
	require.Empty(l.site, m.name, m.data)
	require.JSONEq(l.site, want, m.data)
}

// tell tells somebody something through the first server.
func (s *site) tell(u *idp.User) {
	s.Helper()
	require.NoError(s, s.replicas[0].DB.InTx(s.Context(), func(tx idp.Repos) error {
		return tx.Notifications.Create(s.Context(), []idp.Notification{{UserID: u.ID, Severity: idp.SeverityNotice, Body: "x"}})
	}))
}

// What somebody has seen in one tab, or by a program, they have seen in all the others,
// at whatever server those hang; what others have seen changes nothing.
func TestWhatIsSeenChangesAllBells(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	here, there := s.replicas[0], s.replicas[1]
	ada, bea := s.user(unique("ada")), s.user(unique("bea"))
	_, cookie := s.cookie(ada)
	mine, hers := s.holding(cookie).at(here), s.with(bea).at(there)
	for range 3 {
		s.tell(ada)
	}
	s.tell(bea)
	bells := []*line{s.holding(cookie).at(here).bell(), s.holding(cookie).at(there).bell()}
	other := hers.bell()
	other.count(unseen(1))
	all := func(n int) {
		t.Helper()
		for _, l := range bells {
			l.count(unseen(n))
		}
	}
	all(3)
	page, err := s.repos().Notifications.Find(t.Context(), idp.NotificationFilter{UserID: &ada.ID})
	require.NoError(t, err)
	one := "/if/user/notifications/" + page.Items[0].ID.String() + "/"
	require.Equal(t, http.StatusSeeOther, mine.do(http.MethodPost, one+"seen/", form{}).status)
	all(2)
	require.Equal(t, http.StatusSeeOther, mine.do(http.MethodPost, one+"seen/", form{"seen": "false"}).status)
	all(3)
	require.Equal(t, http.StatusSeeOther, mine.do(http.MethodPost, "/if/user/notifications/"+page.Items[1].ID.String()+"/delete/", form{}).status)
	all(2)
	api := s.with(ada).at(there)
	require.Equal(t, http.StatusNoContent, api.do(http.MethodPost, "/api/v3/events/notifications/mark_all_seen/", nil).status)
	all(0)
	s.tell(bea)
	other.count(unseen(2))
}

// unseen is what a bell says.
func unseen(n int) string {
	if n == 0 {
		return `{"unseen": 0, "count": "0", "words": "Notifications"}`
	}
	return fmt.Sprintf(`{"unseen": %d, "count": "%d", "words": "Notifications: %d not seen"}`, n, n, n)
}

// What somebody is told through one server rings their bell at another, and nobody
// else's; what ends the session ends the stream.
func TestBellsRingOnEveryServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	here, there := s.replicas[0], s.replicas[1]
	ada, bea := s.user(unique("ada")), s.user(unique("bea"))
	mine, cookie := s.cookie(ada)
	_, hers := s.cookie(bea)
	l, other := s.holding(cookie).at(there).bell(), s.holding(hers).at(there).bell()
	const none = `{"unseen": 0, "count": "0", "words": "Notifications"}`
	l.count(none)
	other.count(none)
	tell := s.tell
	tell(ada)
	l.count(`{"unseen": 1, "count": "1", "words": "Notifications: 1 not seen"}`)
	tell(ada)
	l.count(`{"unseen": 2, "count": "2", "words": "Notifications: 2 not seen"}`)
	tell(bea)
	other.count(`{"unseen": 1, "count": "1", "words": "Notifications: 1 not seen"}`)
	require.NoError(t, here.Sessions.End(t.Context(), idp.SystemActor(), mine.ID, session.ReasonByAdministrator))
	require.Equal(t, "ended: "+sessionHasEnded, l.ended())
	require.Equal(t, 1, there.Bells.Hub.Len())
}
