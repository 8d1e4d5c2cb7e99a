package live

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// trust is a Freshness that a test sets.
type trust struct{ state, ahead atomic.Int64 }

func (c *trust) State() feed.State { return feed.State(c.state.Load()) }
func (c *trust) Now() time.Time    { return time.Now().Add(time.Duration(c.ahead.Load())) }

// desk is a hub with one stream that is served, and its reader.
type desk struct {
	*testing.T
	hub     *Hub
	trust   *trust
	actor   idp.Actor
	all     chan []Message
	checked chan struct{} // one for each question to the door

	mu      sync.Mutex
	verdict error

	reader *bufio.Reader
	hangUp func()
}

func newDesk(t *testing.T, o Options, actor idp.Actor) *desk {
	t.Helper()
	o.Tick = time.Millisecond
	d := &desk{T: t, hub: NewHub(o), trust: &trust{}, actor: actor, all: make(chan []Message), checked: make(chan struct{}, 1000)}
	d.trust.state.Store(int64(feed.Fresh))
	d.hub.Follow(d.trust)
	return d
}

func (d *desk) check(context.Context) (idp.Actor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checked <- struct{}{}
	return d.actor, d.verdict
}

func (d *desk) judge(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.verdict = err
}

// serve opens the stream and reads its beginning.
func (d *desk) serve() *desk {
	d.Helper()
	s, err := d.hub.Open(d.actor, d.check)
	require.NoError(d, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.Close()
		s.Serve(w, r, []Message{{ID: "1", Data: []byte("first\nsecond")}}, d.all)
	}))
	d.Cleanup(server.Close)
	ctx, hangUp := context.WithCancel(d.Context())
	d.hangUp = hangUp
	d.Cleanup(hangUp)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	require.NoError(d, err)
	response, err := server.Client().Do(r)
	require.NoError(d, err)
	d.reader = bufio.NewReader(response.Body)
	d.says("retry: 3000\n: the stream is open\n\n", "id: 1\ndata: first\ndata: second\n\n")
	return d
}

func (d *desk) says(parts ...string) {
	d.Helper()
	for _, want := range parts {
		got := make([]byte, len(want))
		_, err := io.ReadFull(d.reader, got)
		require.NoError(d, err)
		require.Equal(d, want, string(got))
	}
}

// ends waits for the last message, after which there is nothing, and returns what
// it says.
func (d *desk) ends(reason string) string {
	d.Helper()
	rest, err := io.ReadAll(d.reader)
	require.NoError(d, err)
	name, data, _ := strings.Cut(string(rest), "\ndata: ")
	require.Equal(d, "event: end", name, "%s", rest)
	var why end
	require.NoError(d, json.Unmarshal([]byte(data), &why))
	require.Equal(d, reason, why.Reason)
	require.NotEmpty(d, why.Message)
	require.Eventually(d, func() bool { return d.hub.Len() == 0 }, time.Minute, time.Millisecond)
	return why.Message
}

var (
	sessionID = idp.NewID[idp.Session]()
	ada       = &idp.User{ID: 7, Username: "ada", IsActive: true}
)

func bySession(change ...func(*idp.Session)) idp.Actor {
	s := &idp.Session{ID: sessionID, UserID: 7, ExpiresAt: time.Now().Add(time.Hour), LastSeenAt: time.Now()}
	for _, c := range change {
		c(s)
	}
	return idp.Actor{User: ada, Session: s}
}

func byToken() idp.Actor {
	later := time.Now().Add(time.Hour)
	return idp.Actor{User: ada, Token: &idp.Token{ID: idp.NewID[idp.Token](), UserID: 7, Expiring: true, ExpiresAt: &later}}
}

func TestAStreamAsksItsDoorWhenItIsNamed(t *testing.T) {
	t.Parallel()
	other := idp.Change{Kind: idp.ChangeSession, Subject: idp.NewID[idp.Session]().String()}
	for name, c := range map[string]struct {
		actor   idp.Actor
		changes []idp.Change
		reset   bool
		asked   bool
	}{
		"its session":                {actor: bySession(), changes: []idp.Change{other, {Kind: idp.ChangeSession, Subject: sessionID.String()}}, asked: true},
		"its user":                   {actor: bySession(), changes: []idp.Change{{Kind: idp.ChangeUser, Subject: "7"}, other}, asked: true},
		"its token's user":           {actor: byToken(), changes: []idp.Change{{Kind: idp.ChangeUser, Subject: "7"}}, asked: true},
		"all groups":                 {actor: bySession(), changes: []idp.Change{{Kind: idp.ChangeGroup}}, asked: true},
		"everything":                 {actor: byToken(), reset: true, asked: true},
		"another session":            {actor: bySession(), changes: []idp.Change{other}},
		"another user":               {actor: bySession(), changes: []idp.Change{{Kind: idp.ChangeUser, Subject: "77"}}},
		"a user of the session's id": {actor: bySession(), changes: []idp.Change{{Kind: idp.ChangeUser, Subject: sessionID.String()}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, Options{}, c.actor).serve()
			d.judge(idp.Refuse(idp.DoorSession, idp.RefusedInactive))
			d.hub.Apply(c.changes)
			if c.reset {
				require.NoError(t, d.hub.Reset(t.Context()))
			}
			if c.asked {
				d.ends(string(idp.RefusedInactive))
				return
			}
			require.Empty(t, d.checked)
			d.hub.Apply([]idp.Change{{Kind: idp.ChangeGroup}})
			d.ends(string(idp.RefusedInactive))
			require.Len(t, d.checked, 1)
		})
	}
}

func TestTheDoorIsAskedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{}, byToken()).serve()
	d.all <- []Message{{Data: []byte("one")}, {Name: "gap", Data: []byte("two")}}
	d.says("data: one\n\nevent: gap\ndata: two\n\n")
	require.Len(t, d.checked, 1)
	d.judge(idp.Refuse(idp.DoorAPIToken, idp.RefusedEnded))
	d.all <- []Message{{Data: []byte("secret")}}
	d.ends(string(idp.RefusedEnded))
}

func TestWhatTheDoorSaysEndsTheStream(t *testing.T) {
	t.Parallel()
	for reason, verdict := range map[string]error{
		string(idp.RefusedExpired): idp.Refuse(idp.DoorSession, idp.RefusedExpired),
		reasonForbidden:            idp.Forbidden("No."),
		reasonUnavailable:          errors.New("no database"),
	} {
		d := newDesk(t, Options{}, bySession()).serve()
		d.judge(verdict)
		require.NoError(t, d.hub.Reset(t.Context()))
		d.ends(reason)
	}
}

// When the time of what it was opened with is up, the stream asks by itself; as
// long as the door lets it, it goes on.
func TestAStreamKnowsWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	for name, actor := range map[string]idp.Actor{
		"expires":        bySession(),
		"token expires":  byToken(),
		"would lie idle": bySession(func(s *idp.Session) { s.IdleTimeout = 30 * time.Minute }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, Options{}, actor).serve()
			require.Empty(t, d.checked)
			d.trust.ahead.Store(int64(59 * time.Minute))
			if name == "would lie idle" {
				<-d.checked // used elsewhere: it goes on
			}
			d.trust.ahead.Store(int64(61 * time.Minute))
			<-d.checked
			d.judge(idp.Refuse(idp.DoorSession, idp.RefusedExpired))
			d.ends(string(idp.RefusedExpired))
		})
	}
}

func TestStaleEndsStreamsInStrictModeOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{Strict: func() bool { return true }}, bySession()).serve()
	d.trust.state.Store(int64(feed.Behind))
	d.all <- []Message{{Data: []byte("one")}}
	d.says("data: one\n\n")
	d.trust.state.Store(int64(feed.Stale))
	d.ends(reasonStale)
	_, err := d.hub.Open(d.actor, d.check)
	require.Equal(t, idp.CodeUnavailable, idp.CodeOf(err))
	require.EqualError(t, err, "preventive lock-out due to local lock view becoming unreliable")
	require.Equal(t, StaleMessage, messages[reasonStale])
	d.trust.state.Store(int64(feed.Fresh))
	s, err := d.hub.Open(d.actor, d.check)
	require.NoError(t, err)
	s.Close()

	d = newDesk(t, Options{Heartbeat: time.Millisecond}, bySession()).serve()
	d.trust.state.Store(int64(feed.Stale))
	d.says(": \n\n", ": \n\n", ": \n\n") // it looked at the clock, and goes on
}

// What was missed while nothing could be known is asked for when it can be again.
func TestFreshAgainAsks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{}, bySession())
	d.trust.state.Store(int64(feed.Stale))
	d.serve()
	require.Empty(t, d.checked)
	d.trust.state.Store(int64(feed.Fresh))
	<-d.checked
}

func TestShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{}, bySession()).serve()
	d.hub.Close()
	d.hub.Close()
	d.ends(reasonShutdown)
	_, err := d.hub.Open(d.actor, d.check)
	require.Equal(t, idp.CodeBusy, idp.CodeOf(err))
}

func TestSlowReadersAreDropped(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{}, bySession()).serve()
	close(d.all)
	d.ends(reasonSlow)
}

// A reader who takes nothing at all does not hold the stream for longer than one
// write may take.
func TestAReaderWhoTakesNothingIsCutOff(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{Patience: 20 * time.Millisecond}, bySession()).serve()
	much := []Message{{Data: make([]byte, 1<<20)}}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for d.hub.Len() > 0 {
			select {
			case d.all <- much:
			case <-time.After(time.Millisecond):
			}
		}
	}()
	<-over
}

func TestASilentStreamBeats(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{Heartbeat: time.Millisecond}, bySession()).serve()
	d.says(": \n\n", ": \n\n")
	d.hangUp()
	require.Eventually(t, func() bool { return d.hub.Len() == 0 }, time.Minute, time.Millisecond)
}

func TestBounds(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{PerCredential: 2, Total: 3}, bySession())
	open := func(a idp.Actor, want idp.Code) *Stream {
		s, err := d.hub.Open(a, d.check)
		require.Equal(t, want, idp.CodeOf(err))
		return s
	}
	open(idp.Actor{}, idp.CodeUnsigned)
	open(idp.Actor{User: ada}, idp.CodeUnsigned)
	first := open(d.actor, "")
	open(d.actor, "")
	open(d.actor, idp.CodeRateLimited)
	open(byToken(), "")
	open(byToken(), idp.CodeBusy)
	first.Close()
	first.Close()
	require.Equal(t, 2, d.hub.Len())
	open(d.actor, "")
	open(d.actor, idp.CodeRateLimited)
}
