package lockoutpage_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// From the first failed attempts to a sign-in that works again, and back.
func TestUnlockAndUndo(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.page(list).Main(), "Nobody is locked out")
	require.Contains(t, s.page(history).Main(), "No lockout has ended yet")
	ada := s.User("ada")
	l := s.lockOut(ada, "203.0.113.42")
	s.lockOut(nil, "")

	p := s.page(list)
	require.Equal(t, "Identifier Reason Source IP Failed Attempts Locked At Expires Actions", strings.TrimPrefix(p.TableRows()[0], "Selection "))
	rows := p.Rows()
	for _, want := range []string{"ada Brute force 203.0.113.42 5", l.LockedUntil.UTC().Format("2 Jan 2006, 15:04:05 UTC") + " in 14 minutes", "Nobody’s name Brute force — unknown 5", "2 locked accounts"} {
		require.Contains(t, rows, want)
	}
	require.Contains(t, p.Body, `href="/if/admin/users/`+ada.ID.String()+`/"`)
	require.NotContains(t, p.Main(), "Showing")
	require.Contains(t, p.Main(), "As of ")
	require.Contains(t, p.Main(), "Refresh")
	require.True(t, s.boss.Get(list).Has(unlock))

	done := s.boss.Post(unlock, "lockouts", l.ID.String(), "back", list+"?of=accounts")
	require.Equal(t, http.StatusSeeOther, done.Status, done.Text())
	require.NotContains(t, done.Location, "ada", "no address has an identifier")
	after := done.Follow()
	require.Empty(t, after.Faults())
	require.Contains(t, after.Main(), "ada was unlocked")
	require.Contains(t, after.Main(), "Undo: lock out again until "+l.LockedUntil.UTC().Format("15:04 UTC"))
	require.Contains(t, after.Main(), "No locked accounts match", "the filters stay")
	require.Len(t, s.inForce(), 1)
	require.Contains(t, s.page(history).Rows(), "ada Brute force 203.0.113.42 5")
	require.Contains(t, s.page(history).Rows(), "Unlocked by boss")

	back := s.boss.Post(undo, "lockout", l.ID.String(), "back", list+"?unlocked="+l.ID.String())
	require.Equal(t, list, back.Location)
	require.Contains(t, back.Follow().Main(), "ada is locked out again until "+l.LockedUntil.UTC().Format("2 Jan 2006, 15:04:05 UTC"))
	require.Len(t, s.inForce(), 2)
	require.Contains(t, s.boss.Post(undo, "lockout", l.ID.String()).Follow().Main(), "There is nothing to take back")
	require.Len(t, s.inForce(), 2)

	log := s.page("/if/admin/events/?action=lockouts").Rows()
	for _, want := range []string{"ada was locked out after 5 failed attempts", "boss unlocked ada", "boss took the unlock of ada back"} {
		require.Contains(t, log, want)
	}
	require.Equal(t, list, s.boss.Post(undo, "lockout", l.ID.String(), "back", "https://elsewhere.example/").Location, "never away from here")
	require.Equal(t, http.StatusNotFound, s.boss.Post(undo, "lockout", idp.NewID[idp.Lockout]().String()).Status)
}

// Two administrators at once: one has done it, the other one is told that it is done,
// and it is in the log once.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	l := s.lockOut(s.User("ada"), "203.0.113.42")
	other := s.builtIn(access.Helpdesk)
	answers := make(chan *pagetest.Page, 2)
	start := make(chan struct{})
	for _, b := range []*pagetest.Browser{s.boss, other} {
		go func() {
			<-start
			answers <- b.Post(unlock, "lockouts", l.ID.String(), "back", list)
		}()
	}
	close(start)
	done := 0
	for range 2 {
		p := <-answers
		require.Equal(t, http.StatusSeeOther, p.Status)
		if text := p.Follow().Main(); strings.Contains(text, "ada was unlocked") {
			done++
		} else {
			require.Contains(t, text, "already unlocked")
		}
	}
	require.Equal(t, 1, done)
	require.Equal(t, 1, s.events(lockout.ActionUnlocked))
}

func TestUnlockSeveral(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.lockOut(s.User("ada"), "203.0.113.1")
	bob := s.lockOut(s.User("bob"), "203.0.113.2")
	s.many(3)
	require.Contains(t, s.boss.Post(unlock, "back", list).Follow().Main(), "Nobody was selected")
	p := s.boss.Post(unlock, "lockouts", ada.ID.String(), "lockouts", bob.ID.String(), "lockouts", ada.ID.String(), "back", list).Follow()
	require.Empty(t, p.Faults())
	require.Contains(t, p.Main(), "2 accounts were unlocked")
	require.Len(t, s.inForce(), 3)
	again := s.boss.Post(undo, "lockout", ada.ID.String(), "back", list).Follow()
	require.Contains(t, again.Main(), "2 lockouts are in force again")
	require.Len(t, s.inForce(), 5)

	asked := s.boss.Post(unlock, "all_matching", "true", "of", "unknown", "back", list+"?of=unknown")
	require.Equal(t, http.StatusOK, asked.Status)
	require.Empty(t, asked.Faults())
	require.Contains(t, asked.Main(), "Unlock 3 locked accounts?")
	require.Len(t, s.inForce(), 5, "not before it is confirmed")
	all := s.boss.Post(unlock, asked.Fields()...).Follow()
	require.Contains(t, all.Main(), "3 accounts were unlocked")
	require.Len(t, s.inForce(), 2)
	partly := s.boss.Post(unlock, append(asked.Fields(), "lockouts", s.inForce()[0].ID.String())...).Follow()
	require.Contains(t, partly.Main(), "3 other lockouts had ended already")
	require.Len(t, s.inForce(), 1)
}

// More than 500: the banner says so, in the words of the runbook, and nobody can hide
// behind the others.
func TestMoreThan500(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.many(599)
	ada := s.lockOut(s.User("ada"), "203.0.113.1")
	p := s.page(list)
	require.Contains(t, p.Main(), "Showing 500 of 600 locked accounts. Some accounts may not be displayed.")
	require.Less(t, strings.Index(p.Main(), "Showing 500"), strings.Index(p.Main(), "Identifier"), "above the table")
	require.Len(t, p.TableRows(), 501)
	require.Contains(t, p.Rows(), "1–500 of 600 locked accounts")
	require.NotContains(t, p.Main(), "that match", "more than one act may touch")
	next := between(p.Body, `href="`, `" title="Next"`)
	second := s.page(next)
	require.Len(t, second.TableRows(), 101)
	require.Contains(t, second.Rows(), "501–600 of 600 locked accounts")
	require.Contains(t, second.Rows(), "unknown-0257")
	seen := map[string]bool{}
	for _, row := range append(p.TableRows()[1:], second.TableRows()[1:]...) {
		require.False(t, seen[row], row)
		seen[row] = true
	}
	first := s.page(between(second.Body, `href="`, `" title="Previous"`))
	require.Contains(t, first.Rows(), "1–500 of 600")

	found := s.page(list + "?search=ADA%40example.com")
	require.Contains(t, found.Rows(), "ada Brute force")
	require.Len(t, found.TableRows(), 2)
	require.NotContains(t, found.Main(), "Showing")
	require.Len(t, s.page(list+"?search=203.0.113.1").TableRows(), 2)
	require.Len(t, s.page(list+"?search=unknown-000").TableRows(), 16)
	require.Len(t, s.page(list+"?of=accounts").TableRows(), 2)
	require.Contains(t, s.page(list+"?of=unknown").Main(), "Showing 500 of 599 locked accounts.")
	require.Contains(t, s.page(list+"?search=zzz").Main(), "No locked accounts match")

	sorted := s.page(list + "?ordering=identifier")
	require.Contains(t, sorted.TableRows()[1], "ada")
	behind := s.page(between(sorted.Body, `href="`, `" title="Next"`))
	require.Contains(t, behind.Rows(), "501–600 of 600")
	require.Contains(t, behind.TableRows()[100], "unknown-0257")
	require.Contains(t, s.boss.Post(unlock, "all_matching", "true", "back", list).Follow().Main(), "Unlock 500 accounts at most at once")
	require.Len(t, s.inForce(), 600)

	for _, id := range []string{ada.ID.String()} {
		require.Contains(t, s.boss.Post(unlock, "lockouts", id, "back", next).Follow().Main(), "ada was unlocked")
	}
}

// between returns what stands right before the end, from the last start on.
func between(body, start, end string) string {
	before, _, found := strings.Cut(body, end)
	if !found {
		return ""
	}
	return strings.ReplaceAll(before[strings.LastIndex(before, start)+len(start):], "&amp;", "&")
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct{ path, says string }{
		{list + "?of=planets", "“planets” is nothing to filter by"},
		{list + "?before=nonsense", "is no place in the list of lockouts"},
		{list + "?before=f" + strings.Repeat("_", 31), "is no place in the list of lockouts"},
		{list + "?trail=nonsense", "not one of a page of lockouts"},
		{list + "?page=x", "is not the number of a page"},
		{list + "?ordering=planets", "“planets” is not one of"},
		{list + "?ordering=identifier&before=AAYqVdxQ0AABkp5F0UB3VLuCUv1b7vYA", "newest first"},
		{history + "?of=planets", "nothing to filter by"},
		{"/if/admin/events/export/?format=xls", "“xls” is not a format of files"},
		{"/if/admin/events/export/?format=csv&action=planets", "is not an action of events"},
	} {
		p := s.boss.Get(c.path)
		require.Equal(t, http.StatusBadRequest, p.Status, c.path)
		require.Empty(t, p.Faults(), c.path)
		require.Contains(t, p.Main(), c.says, c.path)
	}
	require.Contains(t, s.boss.Post(unlock, "lockouts", "nonsense").Follow().Main(), "“nonsense” is not the key of a lockout")
	require.Contains(t, s.boss.Post(unlock, "lockouts", idp.NewID[idp.Lockout]().String()).Follow().Main(), "already unlocked")
	require.Contains(t, s.boss.Post(unlock, "all_matching", "true", "of", "x").Follow().Main(), "nothing to filter by")
	require.Equal(t, http.StatusBadRequest, s.boss.Post(undo, "lockout", "nonsense").Status)
	require.Equal(t, http.StatusBadRequest, s.boss.Post(settings, "reset", "planets").Status)
}

// What goes wrong says nothing of why, and leaves everything as it was.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	s := open(t)
	l := s.lockOut(s.User("ada"), "203.0.113.42")
	s.broken = true
	for _, p := range []*pagetest.Page{s.boss.Get(list), s.boss.Get(history), s.boss.Post(unlock, "lockouts", l.ID.String()), s.boss.Post(undo, "lockout", l.ID.String())} {
		require.Equal(t, http.StatusInternalServerError, p.Status)
		require.NotContains(t, p.Text(), "hunter2")
	}
	s.broken = false
	require.Len(t, s.inForce(), 1)
}

// A viewer sees nothing of lockouts, not even that there is such a page; an auditor
// looks; helpdesk unlocks.
func TestWhoMay(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.User("secretly-locked")
	l := s.lockOut(ada, "203.0.113.42")
	viewer, auditor, helpdesk, nobody := s.builtIn(access.Viewer), s.builtIn(access.Auditor), s.builtIn(access.Helpdesk), s.As(s.User("plain"))
	routes := append(s.Routes(list), s.Routes(settings)...)
	require.Len(t, routes, 9)
	visit := func(b *pagetest.Browser, route string) *pagetest.Page {
		method, path, _ := strings.Cut(route, " ")
		if method == http.MethodPost {
			return b.Post(path, "lockouts", l.ID.String(), "lockout", l.ID.String(), prefix+"max_attempts", "1")
		}
		return b.Get(path)
	}
	for _, route := range routes {
		if route == "GET /if/admin/lockouts/live/" {
			continue // see TestLive
		}
		stranger := visit(s.Stranger(), route)
		require.Equal(t, http.StatusSeeOther, stranger.Status, route)
		require.True(t, strings.HasPrefix(stranger.Location, "/flows/-/default/authentication/"), route)
		for _, b := range []*pagetest.Browser{viewer, nobody} {
			refused := visit(b, route)
			require.Equal(t, http.StatusForbidden, refused.Status, "%s: %s", route, refused.Text())
			require.NotContains(t, refused.Body, "secretly-locked", route)
		}
	}
	for _, b := range []*pagetest.Browser{viewer} {
		users := s.read(b, "/if/admin/users/")
		require.NotContains(t, users.Body, "Locked accounts", "the entry is not there")
		require.NotContains(t, users.Body, list)
		require.NotContains(t, users.Body, settings)
		require.NotContains(t, users.Main(), "Locked out")
		require.NotContains(t, s.read(b, "/if/admin/users/"+ada.ID.String()+"/").Main(), "ocked out")
	}
	for _, route := range routes {
		if strings.HasPrefix(route, "POST") && route != "POST "+effect {
			require.Equal(t, http.StatusForbidden, visit(auditor, route).Status, route)
		}
	}
	for _, path := range []string{list, history, settings} {
		p := s.read(auditor, path)
		require.False(t, p.Has(unlock), path)
		require.False(t, p.Has(settings), path)
		require.NotContains(t, p.Main(), "Unlock")
	}
	require.Contains(t, s.read(auditor, "/if/admin/").Body, list)
	require.Len(t, s.inForce(), 1)
	require.Equal(t, http.StatusForbidden, helpdesk.Get(settings).Status)
	require.NotContains(t, s.read(helpdesk, list).Body, settings)
	require.Contains(t, helpdesk.Post(unlock, "lockouts", l.ID.String()).Follow().Main(), "secretly-locked was unlocked")
	require.Contains(t, s.page(history).Rows(), "Unlocked by helpdesk")
	require.Contains(t, helpdesk.Post(undo, "lockout", l.ID.String()).Follow().Main(), "is locked out again")
}

// The page of a user says whether they are locked out, who tries it, and what was.
func TestUserPage(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.User("ada")
	at := "/if/admin/users/" + ada.ID.String() + "/"
	require.Contains(t, s.page(at).Main(), "Not locked out. No failed attempts in the last 10 minutes.")
	s.fail(ada, "203.0.113.1", 2)
	require.Contains(t, s.page(at).Main(), "Not locked out. 2 of 5 attempts used in the last 10 minutes.")
	s.fail(ada, "203.0.113.2", 3)
	s.fail(ada, "203.0.113.9", 1) // refused: it is locked out
	p := s.page(at).Main()
	for _, want := range []string{"Locked out until", "Locked out, except in browsers they have used before", "After 5 failed attempts, the last one from 203.0.113.2", "203.0.113.2 3 attempts", "203.0.113.1 2 attempts"} {
		require.Contains(t, p, want)
	}
	require.Contains(t, s.page("/if/admin/users/").Main(), "Locked out")
	l := s.inForce()[0]
	done := s.boss.Post(unlock, "lockouts", l.ID.String(), "back", at)
	require.Equal(t, at+"?unlocked="+l.ID.String(), done.Location)
	after := done.Follow()
	require.Empty(t, after.Faults())
	require.Contains(t, after.Main(), "ada was unlocked")
	require.Contains(t, after.Main(), "Not locked out. No failed attempts")
	require.Contains(t, after.Main(), "5 failed attempts from 203.0.113.2 Unlocked by boss")
	require.NotContains(t, s.page("/if/admin/users/").Main(), "Locked out")
	require.Contains(t, s.page(history+"?search=ada").Rows(), "Unlocked by boss")
	require.WithinDuration(t, time.Now(), *s.ended()[0].EndedAt, time.Minute)
}

// ended are the lockouts of the past, newest first.
func (s *site) ended() []idp.Lockout {
	s.t.Helper()
	no := false
	found, err := s.Store.Repos().Lockouts.Find(s.t.Context(), idp.LockoutFilter{Active: &no, Paging: idp.Paging{Limit: 100}})
	require.NoError(s.t, err)
	return found.Items
}
