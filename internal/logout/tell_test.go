package logout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestANoticeIsToldUntilItArrives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	w.grants(ada, w.application("wiki"))
	w.ends(ada)
	w.sent.fault = func(string) error { return errors.New("connection refused") }
	for tries := range 10 {
		require.Equal(t, 1, w.steps())
		n := w.notices(idp.LogoutNoticeFilter{})[0]
		require.Equal(t, idp.NoticePending, n.State)
		require.Equal(t, tries+1, n.Tries)
		require.Equal(t, "its words – connection refused", n.Answer)
		require.WithinDuration(t, time.Now().Add(pauseAfter(tries+1)), n.NextAt, time.Minute)
		require.Zero(t, w.steps(), "it was told before its time")
		w.due()
	}
	w.sent.fault = nil
	require.Equal(t, 1, w.steps())
	n := w.notices(idp.LogoutNoticeFilter{})[0]
	require.Equal(t, idp.NoticeDelivered, n.State)
	require.Equal(t, "200 OK", n.Answer)
	require.NotNil(t, n.EndedAt)
	w.due()
	require.Zero(t, w.steps())
}

func TestWhenANoticeIsGivenUp(t *testing.T) {
	t.Parallel()
	final, refused, passes := fmt.Errorf("no: %w", ErrFinal), fmt.Errorf("no: %w", ErrRefused), errors.New("later")
	for _, c := range []struct {
		name  string
		err   error
		tries int
		age   time.Duration
		state idp.NoticeState
	}{
		{"what no try would mend", final, 0, 0, idp.NoticeFailed},
		{"the first refusal", refused, 0, 0, idp.NoticePending},
		{"the last refusal", refused, refusals - 1, 0, idp.NoticeFailed},
		{"what passes, after as many tries", passes, refusals, time.Hour, idp.NoticePending},
		{"what passes, after a day", passes, 30, 24 * time.Hour, idp.NoticeFailed},
		{"arrived after a day", nil, 30, 24 * time.Hour, idp.NoticeDelivered},
	} {
		out := judge(&idp.LogoutNotice{Tries: c.tries}, "", c.err, c.age)
		require.Equal(t, c.state, out.State, c.name)
		require.Equal(t, c.state == idp.NoticePending, out.Pause > 0, c.name)
	}
	require.Equal(t, time.Second, pauseAfter(1))
	require.Equal(t, time.Hour, pauseAfter(50))
}

func TestWhoeverCouldNotBeToldIsAnEventAndCanBeToldAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, ada := t.Context(), w.user("ada")
	w.grants(ada, w.application("wiki"))
	w.ends(ada)
	w.sent.fault = func(string) error { return fmt.Errorf("no: %w", ErrFinal) }
	require.Equal(t, 1, w.steps())
	n := w.notices(idp.LogoutNoticeFilter{})[0]
	require.Equal(t, idp.NoticeFailed, n.State)
	id := ActionFailed
	told, err := w.db.Repos().Events.Find(ctx, idp.EventFilter{ActionID: &id})
	require.NoError(t, err)
	require.Len(t, told.Items, 1)
	require.Equal(t, "wiki", told.Items[0].Context["application"])
	require.Equal(t, "ada", told.Items[0].User["username"])

	nobody := idp.Actor{User: w.user("nobody")}
	for name, act := range map[string]func() error{
		"get":  func() error { _, err := w.logout.Get(ctx, nobody, n.ID); return err },
		"find": func() error { _, err := w.logout.Find(ctx, nobody, idp.LogoutNoticeFilter{}); return err },
		"tell": func() error { _, err := w.logout.Again(ctx, nobody, n.ID); return err },
	} {
		require.True(t, idp.Is(act(), idp.CodeForbidden), name)
	}
	_, err = w.logout.Again(ctx, w.admin, idp.NewID[idp.LogoutNotice]())
	require.True(t, idp.Is(err, idp.CodeNotFound), "%v", err)
	again, err := w.logout.Again(ctx, w.admin, n.ID)
	require.NoError(t, err)
	require.Equal(t, idp.NoticePending, again.State)
	_, err = w.logout.Again(ctx, w.admin, n.ID)
	require.True(t, idp.Is(err, idp.CodeConflict), "%v", err)
	w.sent.fault = nil
	require.Equal(t, 1, w.steps())
	id = ActionAgain
	told, err = w.db.Repos().Events.Find(ctx, idp.EventFilter{ActionID: &id})
	require.NoError(t, err)
	require.Len(t, told.Items, 1)

	w.does(`UPDATE logout_notices SET ended_at = ended_at - interval '91 days'`)
	require.NoError(t, w.logout.Sweep(ctx))
	require.Empty(t, w.notices(idp.LogoutNoticeFilter{}))
}

// runs runs a server until the test ends, which hears of notices as servers do.
func (w *world) runs(s *Service) {
	source := w.db.NewFeedSource()
	source.HearLogouts(s.Wake)
	ctx, stop := context.WithCancel(w.Context())
	var done sync.WaitGroup
	ready := make(chan struct{})
	done.Go(func() { _ = source.Listen(ctx, func() { close(ready) }, func(*idp.Change) {}, nil) })
	done.Go(func() { s.Run(ctx) })
	<-ready
	w.Cleanup(func() { stop(); done.Wait(); source.Close() })
}

// Several servers tell each application once, at once; those that do not answer keep
// no others waiting.
func TestOneThatDoesNotAnswerKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hang := make(chan struct{})
	defer close(hang)
	w.sent.fault = func(uri string) error {
		if strings.Contains(uri, "dead") {
			<-hang
			return errors.New("it did not answer")
		}
		return nil
	}
	dead, wiki := w.application("dead"), w.application("wiki")
	const people = 60
	w.runs(w.service())
	w.runs(w.service())
	for i := range people {
		u := w.user(fmt.Sprint("u", i))
		w.grants(u, dead)
		w.grants(u, wiki)
		w.ends(u)
	}
	delivered := idp.NoticeDelivered
	soon(t, "all that can be told are", func() bool {
		return len(w.notices(idp.LogoutNoticeFilter{State: &delivered, Paging: idp.Paging{Limit: 100}})) == people
	})
	sent := w.sent.take()
	once := slices.Compact(slices.Sorted(slices.Values(sent)))
	require.Len(t, once, len(sent), "something was told twice")
	waiting := 0
	for _, s := range sent {
		if strings.Contains(s, "dead") {
			waiting++
		}
	}
	require.LessOrEqual(t, waiting, 2*perClient)
}

func TestANoticeArrivesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application("wiki")
	arrived := make(chan time.Time, 1)
	w.sent.fault = func(string) error { arrived <- time.Now(); return nil }
	w.runs(w.logout)
	var took []time.Duration
	for i := range 20 {
		u := w.user(fmt.Sprint("u", i))
		w.grants(u, a)
		w.ends(u)
		begun := time.Now()
		took = append(took, (<-arrived).Sub(begun))
	}
	slices.Sort(took)
	t.Logf("from the commit to the request: median %v, most %v", took[len(took)/2], took[len(took)-1])
	require.Less(t, took[len(took)/2], 500*time.Millisecond, "nobody was woken")
}

func TestWhatADeadServerHadTakenIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	w.grants(ada, w.application("wiki"))
	w.ends(ada)
	ctx := t.Context()
	n, err := w.db.Repos().LogoutNotices.Take(ctx, lease, nil)
	require.NoError(t, err)
	require.NotNil(t, n)
	require.Zero(t, w.steps(), "it was taken twice")
	w.does(`UPDATE logout_notices SET taken_until = clock_timestamp()`)
	require.Equal(t, 1, w.steps())
	done, err := w.db.Repos().LogoutNotices.End(ctx, n.ID, n.Tries, idp.NoticeOutcome{State: idp.NoticeFailed})
	require.NoError(t, err)
	require.False(t, done, "the server that was late had the last word")
}
