package live

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func lockOn(user string) *idp.Lock {
	return &idp.Lock{ID: idp.NewID[idp.Lock](), Message: "Suspicious activity.", Target: idp.LockTarget{{Kind: idp.LockUser, Value: user}}}
}

// A lock has only those streams ask their door whom it refuses; the last message
// is its text, and the cut is heard of.
func TestALockCutsTheStreamsItMatches(t *testing.T) {
	t.Parallel()
	l := lockOn("ada")
	var matches atomic.Bool
	var cut []*idp.Lock
	d := newDesk(t, Options{Barred: func(a idp.Actor) bool { return a.User.Username == "ada" && matches.Load() },
		Cut: func(_ context.Context, a idp.Actor, by *idp.Lock) {
			require.Equal(t, sessionID, a.Session.ID)
			cut = append(cut, by)
		}}, bySession()).serve()
	change := []idp.Change{{Kind: idp.ChangeLock, Subject: l.ID.String(), Lock: l}}
	d.judge(l.Refusal())
	d.hub.Apply(change)
	d.hub.Apply([]idp.Change{{Kind: idp.ChangeLock, Subject: l.ID.String()}})
	d.sends("one") // it is not asked, else it would have ended
	matches.Store(true)
	d.hub.Apply([]idp.Change{{Kind: idp.ChangeLock, Subject: l.ID.String()}})
	d.sends("two") // what is lifted cuts nobody
	d.judge(l.Refusal())
	d.hub.Apply(change)
	require.Equal(t, `lock targeting User:"ada" is in force: Suspicious activity.`, d.ends(string(idp.RefusedLocked)))
	require.Equal(t, []*idp.Lock{l}, cut)
}

// sends lets the door open for one message, and closes it again.
func (d *desk) sends(text string) {
	d.Helper()
	d.mu.Lock()
	verdict := d.verdict
	d.verdict = nil
	d.mu.Unlock()
	before := len(d.checked)
	d.all <- []Message{{Data: []byte(text)}}
	d.says("data: " + text + "\n\n")
	require.Len(d, d.checked, before+1, "asked for the message, and not before")
	d.judge(verdict)
}

// Where only a role is strict, the streams of whoever has it end when the locks
// are out of date, and nobody else's.
func TestDoubtHasStreamsAskTheirDoor(t *testing.T) {
	t.Parallel()
	var doubt atomic.Bool
	d := newDesk(t, Options{Doubt: doubt.Load}, bySession()).serve()
	d.trust.state.Store(int64(feed.Stale))
	doubt.Store(true)
	<-d.checked // best effort: it goes on
	d.all <- []Message{{Data: []byte("one")}}
	d.says("data: one\n\n")

	doubt.Store(false)
	d = newDesk(t, Options{Doubt: doubt.Load}, bySession()).serve()
	d.judge(idp.StaleRefusal())
	require.Empty(t, d.checked)
	doubt.Store(true)
	require.Equal(t, StaleMessage, d.ends(reasonStale))
}
