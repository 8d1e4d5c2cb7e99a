package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const livePath = "/api/v3/events/live/"

// line is an open stream of events.
type line struct {
	site     *site
	response *http.Response
	reader   *bufio.Reader
	hangUp   context.CancelFunc
}

// message is one event of a stream.
type message struct{ name, id, data string }

// listen opens a stream, which must succeed; it is open when it returns.
func (b *browser) listen(query string, header ...string) *line {
	b.site.Helper()
	l := b.tryToListen(query, header...)
	require.Equal(b.site, http.StatusOK, l.response.StatusCode)
	require.Equal(b.site, "text/event-stream", l.response.Header.Get("Content-Type"))
	require.Equal(b.site, "no-store", l.response.Header.Get("Cache-Control"))
	require.Equal(b.site, "no", l.response.Header.Get("X-Accel-Buffering"))
	return l
}

func (b *browser) tryToListen(query string, header ...string) *line {
	b.site.Helper()
	ctx, hangUp := context.WithCancel(b.site.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+livePath+query, nil)
	require.NoError(b.site, err)
	b.authorize(r)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := b.client.Do(r)
	require.NoError(b.site, err)
	l := &line{b.site, response, bufio.NewReader(response.Body), hangUp}
	b.site.Cleanup(l.close)
	return l
}

func (l *line) close() {
	l.hangUp()
	l.response.Body.Close()
}

// next waits for the next message; comments are none.
func (l *line) next() (m message, err error) {
	for {
		text, err := l.reader.ReadString('\n')
		if err != nil {
			return m, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ": ")
		switch name {
		case "event":
			m.name = value
		case "id":
			m.id = value
		case "data":
			m.data += value
		case "":
			if m != (message{}) {
				return m, nil
			}
		}
	}
}

// event waits for the next event of the audit log.
func (l *line) event() (id string, e map[string]any) {
	l.site.Helper()
	m, err := l.next()
	require.NoError(l.site, err)
	require.Empty(l.site, m.name, "%s", m.data)
	require.NoError(l.site, json.Unmarshal([]byte(m.data), &e))
	require.Equal(l.site, m.id, e["pk"])
	return m.id, e
}

// ended waits for the end of the stream and returns the reason.
func (l *line) ended() string {
	l.site.Helper()
	for {
		m, err := l.next()
		require.NoError(l.site, err, "the stream broke off without a reason")
		if m.name != "end" {
			continue
		}
		var why struct{ Reason, Message string }
		require.NoError(l.site, json.Unmarshal([]byte(m.data), &why))
		require.NotEmpty(l.site, why.Message)
		_, err = l.next()
		require.ErrorIs(l.site, err, io.EOF, "nothing comes after the end")
		return why.Reason + ": " + why.Message
	}
}

const sessionHasEnded = "Your session has ended. Sign in again."

// administrator is somebody who may follow events.
func (s *site) administrator(name string) *idp.User {
	s.Helper()
	return s.user(unique(name), s.administers)
}

// A stream at one replica ends when what it was opened with is ended at another.
func TestStreamsEndWithWhatTheyWereOpenedWith(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	here, there := s.replicas[0], s.replicas[1]
	end := func(session *idp.Session) string {
		return "/api/v3/core/authenticated_sessions/" + session.ID.String() + "/"
	}
	for name, c := range map[string]struct {
		act  func(u *idp.User, session *idp.Session)
		want string
	}{
		"the session is ended": {func(_ *idp.User, session *idp.Session) {
			require.Equal(t, http.StatusNoContent, s.admin().at(here).do(http.MethodDelete, end(session), nil).status)
		}, "ended: " + sessionHasEnded},
		"the user is locked down": {func(u *idp.User, _ *idp.Session) {
			s.admin().at(here).contain(map[string]any{"users": []idp.UserID{u.ID}})
		}, "inactive: " + sessionHasEnded},
		"all sessions of the user are ended by a lockdown": {func(u *idp.User, _ *idp.Session) {
			s.admin().at(here).contain(map[string]any{"users": []idp.UserID{u.ID}, "deactivate_user": false, "set_unusable_password": false, "revoke_tokens": false})
		}, "(generation|ended): " + sessionHasEnded}, // the job that ends the rows may have been quicker
		"the user is deleted": {func(u *idp.User, _ *idp.Session) {
			require.NoError(t, here.Accounts.Delete(t.Context(), idp.SystemActor(), u.ID))
		}, "unknown: " + sessionHasEnded},
		"the session lasts shorter": {func(_ *idp.User, session *idp.Session) {
			_, err := s.connect().Exec(t.Context(), `UPDATE sessions SET expires_at = clock_timestamp() + interval '300 milliseconds' WHERE id = $1`, session.ID)
			require.NoError(t, err)
		}, "expired: " + sessionHasEnded},
		"the session lies idle": {func(_ *idp.User, session *idp.Session) {
			_, err := s.connect().Exec(t.Context(), `UPDATE sessions SET idle_timeout = 1 WHERE id = $1`, session.ID)
			require.NoError(t, err)
		}, "expired: " + sessionHasEnded},
		"the user is no administrator any more": {func(u *idp.User, _ *idp.Session) {
			page, err := s.repos().Groups.Find(t.Context(), idp.GroupFilter{})
			require.NoError(t, err)
			for _, g := range page.Items {
				s.admin().at(here).do(http.MethodPost, "/api/v3/core/groups/"+g.ID.String()+"/remove_user/", map[string]any{"pk": u.ID})
			}
		}, `forbidden: access denied to perform action "list" on "event"`},
	} {
		t.Run(name, func(t *testing.T) {
			u := s.administrator("ada")
			session, cookie := s.cookie(u)
			l := s.holding(cookie).at(there).listen("")
			other := s.with(s.administrator("bea")).at(there).listen("")
			c.act(u, session)
			require.Regexp(t, "^"+c.want+"$", l.ended())
			_, e := other.event()
			require.NotEmpty(t, e["action"], "the stream of somebody else goes on")
			other.close()
		})
	}
}

// unstreamed holds the refusals that nothing can bring about while a stream is
// open, and why.
var unstreamed = map[idp.Refusal]string{
	idp.RefusedAnonymous: "the account of nobody has no session, and no account becomes it",
	idp.RefusedIntent:    "a session has one purpose",
	idp.RefusedBinding:   "it is a request that breaks a binding, and ends the session by that",
	idp.RefusedPassword:  "passwords are not asked for again",
	idp.RefusedLockout:   "whoever guesses at a password ends nothing that was proved before: see all doors",
	idp.RefusedStale:     "it takes a database that cannot be reached: see the tests of server/live and of the modes",
}

// A stream is one more caller of the door that its request came through: what the
// door refuses ends it, with the door's reason.
func TestAllRefusalsEndStreams(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	d := &doorway{site: s, replica: s.replicas[0]}
	for _, refusal := range idp.Refusals() {
		if unstreamed[refusal] != "" {
			continue
		}
		u := s.administrator("ada")
		row, cookie := d.sessionOf(u, healthy)
		l, bell := s.holding(cookie).listen(""), s.holding(cookie).bell()
		switch how := spoils[refusal]; how {
		case closed, outdated:
			d.common(u, how)
		case barred:
			d.lock(u)
			for _, l := range []*line{l, bell} {
				require.Equal(t, `locked: lock targeting User:"`+u.Username+`" is in force: Come back tomorrow.`, l.ended())
			}
			continue
		case forged:
			require.NoError(t, s.repos().Users.Delete(t.Context(), u.ID))
		case ended:
			_, err := s.repos().Sessions.End(t.Context(), row.ID, "ended by a test")
			require.NoError(t, err)
		case expired:
			_, err := s.connect().Exec(t.Context(), `UPDATE sessions SET expires_at = clock_timestamp() WHERE id = $1`, row.ID)
			require.NoError(t, err)
		default:
			t.Fatalf("no test brings the refusal %s about", refusal)
		}
		require.Equal(t, string(refusal)+": "+sessionHasEnded, l.ended())
		require.Equal(t, string(refusal)+": "+sessionHasEnded, bell.ended())
	}
	u := s.administrator("ada")
	session, cookie := d.sessionOf(u, moved)
	_, err := s.connect().Exec(t.Context(), `UPDATE sessions SET ip = '127.0.0.1' WHERE id = $1`, session.ID)
	require.NoError(t, err)
	l, bell := s.holding(cookie).listen(""), s.holding(cookie).bell()
	now, err := s.repos().Sessions.Get(t.Context(), session.ID)
	require.NoError(t, err)
	err = d.Sessions.Follow(t.Context(), idp.Actor{User: u, Session: now}, now, u, netip.MustParseAddr("198.51.100.77"))
	require.True(t, idp.Is(err, idp.CodeRefused), "%v", err)
	require.Equal(t, "ended: "+sessionHasEnded, l.ended(), "it has left what it is bound to, elsewhere")
	require.Equal(t, "ended: "+sessionHasEnded, bell.ended())
}

// A server that stops tells the readers, instead of waiting for them.
func TestShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	r := s.replicas[0]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- r.Run(ctx, listener) }()
	l := s.admin().at(&replica{App: r.App, base: "http://" + listener.Addr().String()}).listen("")
	began := time.Now()
	stop()
	require.Contains(t, l.ended(), "shutdown: ")
	require.NoError(t, <-over)
	require.Less(t, time.Since(began), r.Config.ShutdownTimeout)
}

func TestStreamsOfTokensEndWithThem(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	u := s.administrator("ada")
	token, key := s.key(u, idp.IntentAPI)
	l := s.program(key).at(s.replicas[1]).listen("")
	require.Equal(t, http.StatusNoContent, s.admin().do(http.MethodDelete, "/api/v3/core/tokens/"+token.Identifier+"/", nil).status)
	require.Contains(t, []string{"ended: Token invalid/expired", "unknown: Token invalid/expired"}, l.ended())

	_, key = s.key(u, idp.IntentAPI)
	l = s.program(key).at(s.replicas[1]).listen("")
	s.admin().contain(map[string]any{"users": []idp.UserID{u.ID}})
	require.Equal(t, "inactive: Token invalid/expired", l.ended())
}

// Ending the other sessions spares the one in use.
func TestEndingTheOtherSessionsSparesTheStreamOfThisOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	u := s.administrator("ada")
	current, cookie := s.cookie(u)
	own, others := s.holding(cookie).at(s.replicas[1]).listen(""), s.with(u).at(s.replicas[1]).listen("")
	ended, err := s.replicas[0].Sessions.EndOthers(t.Context(), idp.Actor{User: u, Session: current}, u.ID)
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	require.Contains(t, others.ended(), sessionHasEnded)
	for {
		if _, e := own.event(); e["action"] == "logout" {
			break
		}
	}
	require.NoError(t, s.replicas[0].Sessions.End(t.Context(), idp.SystemActor(), current.ID, ""))
	require.Equal(t, "ended: "+sessionHasEnded, own.ended())
}

func TestWhoMayNotListEventsMayNotFollowThem(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	require.Equal(t, http.StatusForbidden, s.browser().get(livePath).status)
	require.Equal(t, http.StatusForbidden, s.with(s.user("mia")).get(livePath).status)
	for _, query := range []string{"?last_event_id=x", "?client_ip=x", "?nothing=1", "?user=x"} {
		name, _, _ := strings.Cut(query[1:], "=")
		require.Contains(t, s.admin().get(livePath+query).json(http.StatusBadRequest), name)
	}
	require.Contains(t, s.admin().do(http.MethodGet, livePath, nil, "Last-Event-ID", "x").json(http.StatusBadRequest), "last_event_id")
	require.Equal(t, http.StatusOK, s.admin().do(http.MethodHead, livePath, nil).status)
	require.Zero(t, s.replicas[0].Live.Hub.Len())
}

func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	b := s.with(s.administrator("ada"))
	for range 8 {
		b.listen("")
	}
	refused := b.tryToListen("")
	require.Equal(t, http.StatusTooManyRequests, refused.response.StatusCode)
	require.Equal(t, "10", refused.response.Header.Get("Retry-After"))
	s.with(s.administrator("bea")).listen("")
	require.Equal(t, 9, s.replicas[0].Live.Hub.Len())
}

// Events that many write at both replicas come to every stream, each once.
func TestEventsComeOnce(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 25
	s := newSite(t, 2)
	ada := s.with(s.administrator("ada"))
	lines := []*line{ada.listen("?actions=login&actions=logout"), ada.at(s.replicas[1]).listen("")}
	done := make(chan error, writers)
	for w := range writers {
		go func() {
			for n := range each {
				err := s.replicas[w%2].DB.InTx(t.Context(), func(tx idp.Repos) error {
					return tx.Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin, App: fmt.Sprintf("test %d/%d", w, n)})
				})
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		require.NoError(t, <-done)
	}
	last := ""
	for _, l := range lines {
		seen := map[string]bool{}
		for len(seen) < writers*each {
			id, e := l.event()
			app, _ := e["app"].(string)
			if !strings.HasPrefix(app, "test ") {
				continue
			}
			require.False(t, seen[app], "%s comes twice", app)
			seen[app], last = true, id
		}
	}
	// Whoever comes back goes on behind what they know, at the same replica exactly.
	require.NoError(t, s.repos().Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin, App: "more"}))
	_, e := lines[1].event()
	require.Equal(t, "more", e["app"])
	back := ada.at(s.replicas[1]).listen("", "Last-Event-ID", last)
	_, e = back.event()
	require.Equal(t, "more", e["app"])
}

// A replica that has not told of an event itself goes on behind it as well; it
// may tell once more what was written shortly before.
func TestStreamsGoOnAtAnotherReplica(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	ada := s.with(s.administrator("ada"))
	var known idp.EventID
	for n := range 3 {
		e := &idp.Event{Action: idp.ActionSecretView, App: fmt.Sprint(n)}
		require.NoError(t, s.repos().Events.Append(t.Context(), e))
		if n == 1 {
			known = e.ID
		}
	}
	l := ada.at(s.replicas[1]).listen("?action=secret_view&last_event_id=" + known.String())
	_, first := l.event()
	_, second := l.event()
	require.Equal(t, []any{"0", "2"}, []any{first["app"], second["app"]})

	for n := range 120 {
		require.NoError(t, s.repos().Events.Append(t.Context(), &idp.Event{Action: idp.ActionEmailSent, App: fmt.Sprint(n)}))
	}
	l.close()
	require.Eventually(t, func() bool { return s.replicas[1].Live.Hub.Len() == 0 }, time.Minute, time.Millisecond)
	for _, after := range []string{known.String(), idp.NewID[idp.Event]().String()} {
		m, err := ada.at(s.replicas[1]).listen("?last_event_id=" + after).next()
		require.NoError(t, err)
		require.Equal(t, "gap", m.name)
	}
}

// Where nobody follows, nothing reads events.
func TestNobodyFollowsNothingIsRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	watching := func() (n int) {
		require.NoError(t, s.connect().QueryRow(t.Context(), `SELECT count(*) FROM replicas WHERE watching`).Scan(&n))
		return n
	}
	require.Zero(t, watching())
	l := s.with(s.administrator("ada")).listen("")
	require.Equal(t, 1, watching())
	l.close()
	require.Eventually(t, func() bool { return watching() == 0 }, time.Minute, time.Millisecond)
}
