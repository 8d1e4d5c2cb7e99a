package app_test

import (
	"bufio"
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// bell opens the stream of a person's bell, which must succeed.
func (b *browser) bell() *line {
	b.site.Helper()
	ctx, hangUp := context.WithCancel(b.site.Context())
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
	tell := func(u *idp.User) {
		require.NoError(t, here.DB.InTx(t.Context(), func(tx idp.Repos) error {
			return tx.Notifications.Create(t.Context(), []idp.Notification{{UserID: u.ID, Severity: idp.SeverityNotice, Body: "x"}})
		}))
	}
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
