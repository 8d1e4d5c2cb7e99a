package lockpage_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// steps goes from the details to the question, and answers it; changes are of
// the details.
func (s *site) steps(address string, changes ...string) (review *pagetest.Page) {
	s.t.Helper()
	details := s.page(address)
	review = s.boss.Post(wizard, details.Fields(changes...)...)
	require.Empty(s.t, review.Faults())
	return review
}

// confirm presses the button of the question.
func (s *site) confirm(review *pagetest.Page, more ...string) *pagetest.Page {
	s.t.Helper()
	require.Equal(s.t, http.StatusOK, review.Status, review.Main())
	return s.boss.Post(wizard, append(append(review.Hidden(), "step", "create"), more...)...)
}

// From the first click to a lock that refuses, and back: lifted, in force again.
func TestLockSomebodyStepByStep(t *testing.T) {
	t.Parallel()
	s := open(t)
	empty := s.page(list)
	require.Contains(t, empty.Main(), "No locks in force")
	require.Contains(t, s.page(history).Main(), "No lock has ended yet")
	alice := s.User("alice", func(n *account.NewUser) { n.Name = "Alice Liddell" })
	hers := s.As(alice)

	require.Contains(t, s.page(wizard).Main(), "What should be locked?")
	pick := s.page(wizard + "?kind=user&search=ali")
	require.Contains(t, pick.Main(), "Alice Liddell")
	require.NotContains(t, pick.Main(), "Bo Ss")
	details := s.page(wizard + "?kind=user&item=user%3Aalice&search=ali&typed=&step=details")
	require.Contains(t, details.Main(), "Why, and until when?")
	review := s.boss.Post(wizard, details.Fields("message", "Suspicious activity.", "ttl", "2h45m")...)
	require.Empty(t, review.Faults())
	require.Contains(t, review.Main(), "1 account , 1 live session and 0 live tokens are refused")
	require.Contains(t, review.Main(), "Alice Liddell")
	require.Contains(t, review.Main(), `lock targeting User:"alice" is in force: Suspicious activity.`)
	require.Contains(t, review.Main(), "For 2h45m from the moment you confirm")
	require.NotContains(t, review.Main(), "include you")
	require.Empty(t, s.inForce(), "looking locks nobody")
	require.Equal(t, http.StatusForbidden, hers.Get("/if/admin/").Status) // she is no administrator
	require.NotContains(t, hers.Get("/if/admin/").Text(), "Suspicious")

	made := s.confirm(review)
	require.Len(t, s.inForce(), 1)
	l := s.inForce()[0]
	require.Equal(t, "/if/admin/locks/"+l.ID.String()+"/", made.Location)
	require.Equal(t, "alice", l.Target.Get(idp.LockUser))
	require.Equal(t, "Suspicious activity.", l.Message)
	require.Equal(t, "boss", l.CreatedBy)
	require.WithinDuration(t, l.CreatedAt.Add(2*time.Hour+45*time.Minute), *l.ExpiresAt, time.Minute)
	require.Contains(t, made.Follow().Main(), "The lock on user alice is in force.")
	refused := hers.Get("/if/admin/")
	require.Equal(t, http.StatusForbidden, refused.Status)
	require.Empty(t, refused.Faults())
	require.Contains(t, refused.Text(), "Access is locked")
	require.Contains(t, refused.Text(), `lock targeting User:"alice" is in force: Suspicious activity.`)
	require.Contains(t, refused.Text(), l.ExpiresAt.UTC().Format("2 Jan 2006, 15:04:05 UTC"))
	require.Contains(t, refused.Text(), "Try again")
	require.Contains(t, refused.Text(), "Sign out")

	twice := s.confirm(review)
	require.Equal(t, made.Location, twice.Location)
	require.Len(t, s.inForce(), 1, "the same form sent twice makes one lock")

	row := s.page(list).Rows()
	for _, want := range []string{"user: alice", "boss", "Suspicious activity.", "in 2 hours"} {
		require.Contains(t, row, want)
	}
	at := "/if/admin/locks/" + l.ID.String() + "/"
	asked := s.boss.Post(at+"lift/", "back", list+"?kind=user&search=alice")
	require.Empty(t, asked.Faults())
	require.Contains(t, asked.Main(), "Lift the lock on user alice?")
	require.Len(t, s.inForce(), 1, "not before it is confirmed")
	lifted := s.boss.Post(at+"lift/", asked.Fields()...).Follow()
	require.Empty(t, lifted.Faults())
	require.Contains(t, lifted.Main(), "The lock on user alice was lifted")
	require.Contains(t, lifted.Main(), "No locks match", "the filters stay")
	require.Equal(t, at, s.boss.Post(at+"lift/", "confirmed", "1", "back", "https://elsewhere.example/").Location)
	require.True(t, lifted.Has(at+"again/"), "one click takes it back")
	require.Empty(t, s.inForce())
	require.NotContains(t, hers.Get("/if/admin/").Text(), "Suspicious", "allowed again")
	require.Contains(t, s.page(history).Rows(), "Lifted by boss")
	require.Contains(t, s.boss.Post(at+"lift/", "confirmed", "1").Follow().Main(), "not in force any more")

	back := s.boss.Post(at+"again/", "confirmed", "1").Follow()
	require.Empty(t, back.Faults())
	require.Contains(t, back.Main(), "is in force again")
	require.Len(t, s.inForce(), 1)
	require.Equal(t, *l.ExpiresAt, *s.inForce()[0].ExpiresAt)
	require.Contains(t, hers.Get("/if/admin/").Text(), "Suspicious activity.")
	require.Contains(t, s.boss.Post(at+"again/", "confirmed", "1").Follow().Main(), "That lock is in force.")
	told := s.page(at).Main()
	require.Contains(t, told, "boss lifted the lock on user alice")
	require.Equal(t, 2, strings.Count(told, "boss locked user alice"))
}

// Several items come to a lock for each, or to one that asks for all of them.
func TestSeveralItems(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.User("alice")
	s.User("bob")
	const both = wizard + "?step=details&item=user%3Aalice&item=login%3Aroot"
	details := s.page(both).Main()
	require.Contains(t, details, "Refuses whoever is any one of these: user alice or login root.")
	require.Contains(t, details, "Refuses only who is all of these at the same time: user alice and login root.")
	require.Contains(t, s.page(wizard+"?item=user%3Aalice&item=login%3Aroot").Main(), "Picked so far")

	each := s.steps(both)
	require.Contains(t, each.Main(), "1 of 2")
	require.Contains(t, each.Main(), "Whom this hits cannot be told beforehand")
	done := s.confirm(each)
	require.Equal(t, list, done.Location)
	require.Len(t, s.inForce(), 2)

	one := s.steps(both, "join", "together")
	require.Contains(t, one.Main(), `User:"alice" Login:"root"`)
	s.confirm(one)
	require.Len(t, s.inForce(), 3)
	require.Len(t, s.inForce()[0].Target, 2)
	require.Contains(t, s.page(list).Rows(), "user: alice and login: root")

	same := s.boss.Post(wizard, "step", "review", "item", "user:alice", "item", "user:bob", "join", "together")
	require.Equal(t, http.StatusBadRequest, same.Status)
	require.Empty(t, same.Faults())
	require.Contains(t, same.Main(), "One lock can ask for one user only, and here are 2")
	require.Len(t, s.inForce(), 3)
	t.Run("Of somebody, by name", s.locksByName)
}

// locksByName: second factors and browsers are found by what they are called and whose
// they are, and the preview says whom the lock would hit.
func (s *site) locksByName(t *testing.T) {
	mia := s.User("mia")
	key := s.Factor(mia, idp.FactorWebAuthn, "Blue key")
	s.Factor(s.User("tom"), idp.FactorTOTP, "Phone")
	browser := s.Known(mia)
	s.As(mia, func(in *session.Begin) { in.Factor = &key.ID })
	for _, search := range []string{"mia", "blue"} {
		pick := s.page(wizard + "?kind=mfa_device&search=" + search).Main()
		require.Contains(t, pick, "Blue key of mia Passkey or security key · never used", search)
		require.NotContains(t, pick, "Phone of tom", search)
	}
	require.Contains(t, s.page(wizard+"?kind=mfa_device").Main(), "Phone of tom")
	require.Contains(t, s.page(wizard+"?kind=device&search=mia").Main(), "mia on Firefox")
	hits := func(item string) string {
		return s.steps(wizard + "?step=details&item=" + url.QueryEscape(item)).Main()
	}
	factor := hits("mfa_device:" + key.ID.String())
	require.Contains(t, factor, "1 account , 1 live session and 0 live tokens are refused")
	require.Contains(t, factor, "mia")
	require.Contains(t, hits("device:"+browser.Session.DeviceID.String()), "1 account , 1 live session and 0 live tokens are refused")
	require.NoError(t, s.Sessions.End(t.Context(), idp.SystemActor(), browser.Session.ID, "gone"))
	require.Contains(t, hits("device:"+browser.Session.DeviceID.String()), "1 account , 0 live sessions", "who would sign in in it")
	require.Contains(t, hits("device:"+idp.NewID[idp.KnownDevice]().String()), "0 accounts , 0 live sessions")
}

// What cannot be made does not keep the others from being in force, and only what
// failed is tried again.
func TestPartialFailure(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.User("alice")
	s.User("bob")
	review := s.steps(wizard+"?step=details&item=user%3Aalice&item=user%3Abob", "message", "Off you go.")
	s.deny = func(verb idp.Verb, on idp.Object) error {
		if verb == idp.VerbCreate && on.Lock != nil && on.Lock.Target.Get(idp.LockUser) == "bob" {
			return idp.Forbidden(`access denied to perform action "create" on "lock"`)
		}
		return nil
	}
	partly := s.confirm(review)
	require.Equal(t, http.StatusConflict, partly.Status)
	require.Empty(t, partly.Faults())
	require.Contains(t, partly.Main(), "1 of 2 locks are in force")
	require.Contains(t, partly.Main(), `user bob access denied to perform action "create" on "lock" Not made`)
	require.Len(t, s.inForce(), 1)
	require.NotContains(t, partly.Hidden(), "user:alice")
	blocked := s.boss.Post(wizard, append(partly.Hidden(), "step", "review")...)
	require.Contains(t, blocked.Main(), "This lock would not be made")
	s.deny = nil
	again := s.boss.Post(wizard, append(partly.Hidden(), "step", "review")...)
	require.Empty(t, again.Faults())
	s.confirm(again)
	require.Len(t, s.inForce(), 2, "the first was not made twice")
	require.Equal(t, "Off you go.", s.inForce()[0].Message)
	require.Equal(t, "bob", s.inForce()[0].Target.Get(idp.LockUser))
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct{ sent, says string }{
		{"step=review", "Pick at least one thing to lock."},
		{"step=review&item=", "A lock cannot target “”."},
		{"step=review&item=planet:mars", "A lock cannot target “planet”. It can target: user, role"},
		{"step=review&item=user:", "This field may not be blank."},
		{"step=review&item=user:" + strings.Repeat("x", 256), "no more than 255 characters"},
		{"step=review&item=session:nonsense", "not a valid UUID"},
		{"step=review&item=ip:300.1.1.1", "no IP address"},
		{"step=review&item=source_asn:AS-1", "no number of an autonomous system"},
		{"step=review&item=user:alice&ttl=soon", "“soon” is not a duration."},
		{"step=review&item=user:alice&ttl=-5h", "is not a duration"},
		{"step=review&item=user:alice&ttl=0s", "A lock ends later than it begins"},
		{"step=review&item=user:alice&ttl=65000w", "within a hundred years"},
		{"step=review&item=user:alice&until=2020-01-01T00:00", "A lock ends later than it begins: 1 Jan 2020, 00:00:00 UTC has passed."},
		{"step=review&item=user:alice&until=tomorrow", "“tomorrow” is not a time."},
		{"step=review&item=user:alice&ttl=5h&until=2036-01-01T00:00", "Give a duration or an end, not both."},
		{"step=review&item=user:alice&message=" + strings.Repeat("x", 1001), "no more than 1000 characters"},
		{"step=create&item=user:alice&ttl=soon", "“soon” is not a duration."},
		{"step=create&item=user:alice&id=nonsense", "“nonsense” is not the name of a lock."},
		{"step=dance&item=user:alice", "“dance” is no step of making a lock."},
		{"step=review" + strings.Repeat("&item=user:alice", 1) + many(51), "Lock 50 at most at once"},
	} {
		p := s.boss.PostBody(wizard, "application/x-www-form-urlencoded", c.sent)
		require.Equal(t, http.StatusBadRequest, p.Status, c.sent)
		require.Empty(t, p.Faults(), c.sent)
		require.Contains(t, p.Main(), c.says, c.sent)
	}
	for _, c := range []struct{ path, says string }{
		{wizard + "?kind=planet", "A lock cannot target “planet”."},
		{wizard + "?step=dance", "is no step"},
		{wizard + "?kind=ip&step=details&typed=", "Pick or type at least one address."},
		{wizard + "?kind=ip&step=details&typed=192.0.2.7%0Anonsense", "“nonsense” is no IP address"},
		{wizard + "?step=details&item=planet:mars", "A lock cannot target “planet”."},
		{list + "?kind=planet", "A lock cannot target “planet”."},
		{list + "?before=nonsense", "is no place in the list of locks"},
		{list + "?trail=nonsense", "not one of a page of locks"},
		{list + "?page=x", "is not the number of a page"},
	} {
		p := s.boss.Get(c.path)
		require.Equal(t, http.StatusBadRequest, p.Status, c.path)
		require.Empty(t, p.Faults(), c.path)
		require.Contains(t, p.Main(), c.says, c.path)
	}
	const nobody = "00000000-0000-7000-8000-000000000000"
	for _, id := range []string{nobody, "x", "%00", "%2e%2e", "'"} {
		for _, act := range []string{"", "edit/", "lift/", "again/"} {
			require.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, s.boss.Get(list+id+"/"+act).Status, id+act)
			if act != "" {
				require.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, s.boss.Post(list+id+"/"+act, "confirmed", "1").Status, id+act)
			}
		}
	}
	require.Equal(t, http.StatusUnsupportedMediaType, s.boss.PostBody(wizard, "application/json", "{}").Status)
	require.Equal(t, http.StatusOK, s.boss.Get(list+"?lifted=nonsense").Status)
	require.Empty(t, s.inForce())
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("&item=login:l" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
	}
	return b.String()
}

// Whoever would shut themselves out, or the last administrator, has to say so.
func TestShuttingOneselfOut(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.NoError(t, s.Accounts.SetPassword(t.Context(), idp.SystemActor(), s.Boss.ID, "correct horse battery staple"))
	s.boss = s.As(s.Boss)
	review := s.steps(wizard + "?step=details&item=user%3ABoss")
	require.Contains(t, review.Main(), "This would shut out the last administrator")
	again := s.confirm(review)
	require.Equal(t, http.StatusBadRequest, again.Status)
	require.Contains(t, again.Main(), "This would shut you out, too.")
	again = s.confirm(review, "me_too", "true")
	require.Equal(t, http.StatusBadRequest, again.Status)
	require.Contains(t, again.Main(), lock.LastAdministrator)
	require.Empty(t, s.inForce())

	second := s.User("second")
	admins, err := s.Store.Repos().Groups.Find(t.Context(), idp.GroupFilter{})
	require.NoError(t, err)
	require.NoError(t, s.Accounts.AddMember(t.Context(), idp.SystemActor(), admins.Items[0].ID, second.ID))
	require.NoError(t, s.Accounts.SetPassword(t.Context(), idp.SystemActor(), second.ID, "correct horse battery staple"))
	other := s.As(second)
	review = s.steps(wizard + "?step=details&item=user%3Aboss")
	require.Contains(t, review.Main(), "This would include you")
	require.NotContains(t, review.Main(), "last administrator")
	s.confirm(review, "me_too", "true")
	require.Len(t, s.inForce(), 1)
	require.Contains(t, s.boss.Get(list).Text(), "Access is locked")
	last := other.Post(wizard, "step", "review", "item", "user:second")
	require.Contains(t, last.Main(), "This would shut out the last administrator")
	require.Equal(t, http.StatusSeeOther, other.Post(wizard, append(last.Hidden(), "step", "create", "me_too", "1", "force_last_admin", "1")...).Status)
	require.Len(t, s.inForce(), 2)
}

func TestChangeMessageAndEnd(t *testing.T) {
	t.Parallel()
	s := open(t)
	l := s.lock("Come back tomorrow.", "user", "nobody.yet")
	at := list + l.ID.String() + "/"
	form := s.page(at + "edit/")
	require.Equal(t, "Come back tomorrow.", form.Value("message"))
	for _, c := range []struct{ field, sent, says string }{
		{"ttl", "soon", "is not a duration"}, {"until", "2020-01-01T00:00", "has passed"}, {"message", strings.Repeat("x", 1001), "no more than 1000"},
	} {
		p := s.boss.Post(at+"edit/", form.Fields(c.field, c.sent)...)
		require.Equal(t, http.StatusBadRequest, p.Status, c.field)
		require.Empty(t, p.Faults())
		require.Contains(t, p.Main(), c.says)
	}
	saved := s.boss.Post(at+"edit/", form.Fields("message", "Come back on Monday.", "ttl", "5h")...).Follow()
	require.Contains(t, saved.Main(), "was changed")
	now := s.inForce()[0]
	require.Equal(t, "Come back on Monday.", now.Message)
	require.WithinDuration(t, time.Now().Add(5*time.Hour), *now.ExpiresAt, time.Minute)
	require.Contains(t, s.page(at).Main(), "boss changed the lock on user nobody.yet")

	late := s.boss.Post(at+"edit/", form.Fields("message", "Overwritten")...)
	require.Equal(t, http.StatusConflict, late.Status)
	require.Contains(t, late.Main(), "Somebody changed this meanwhile.")
	require.Contains(t, late.Body, "Overwritten")
	require.Equal(t, "Come back on Monday.", s.inForce()[0].Message)

	second := s.page(at + "edit/")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(at+"edit/", second.Fields("message", "Bye.")...).Status)
	require.Equal(t, *now.ExpiresAt, *s.inForce()[0].ExpiresAt, "an end that nobody touched keeps its seconds")
	third := s.page(at + "edit/")
	s.boss.Post(at+"edit/", third.Fields("until", "")...)
	require.Nil(t, s.inForce()[0].ExpiresAt)

	_, err := s.locks.Lift(t.Context(), idp.SystemActor(), l.ID)
	require.NoError(t, err)
	require.Contains(t, s.boss.Post(at+"edit/", third.Fields()...).Follow().Main(), "not in force any more")
	require.Contains(t, s.boss.Get(at+"edit/").Follow().Main(), "not in force any more")
}

// A lock whose time is over becomes a new one with another end.
func TestLockAgainWhatExpired(t *testing.T) {
	t.Parallel()
	s := open(t)
	l := s.lock("Come back tomorrow.", "user", "alice", "login", "root")
	past := time.Now().Add(-time.Minute)
	l.ExpiresAt = &past
	require.NoError(t, s.Store.Repos().Locks.Update(t.Context(), l))
	require.Contains(t, s.page(history).Rows(), "Expired")
	shown := s.page(list + l.ID.String() + "/")
	require.Contains(t, shown.Main(), "Expired")
	require.Contains(t, shown.Main(), "It expired")
	again := s.boss.Post(list+l.ID.String()+"/again/", "confirmed", "1")
	details := again.Follow()
	require.Empty(t, details.Faults())
	require.Contains(t, details.Main(), "The time of that lock is over.")
	require.Equal(t, "Come back tomorrow.", details.Value("message"))
	s.confirm(s.boss.Post(wizard, details.Fields()...))
	require.Len(t, s.inForce(), 1)
	require.Equal(t, l.Target, s.inForce()[0].Target)
}

func TestFindAndPage(t *testing.T) {
	t.Parallel()
	s := open(t)
	var drafts []lock.Draft
	for i := range 45 {
		drafts = append(drafts, lock.Draft{Target: map[string]string{"login": "l" + string(rune('a'+i%26)) + string(rune('a'+i/26))}, Message: "Night shift."})
	}
	_, _, err := s.locks.CreateAll(t.Context(), idp.SystemActor(), drafts)
	require.NoError(t, err)
	s.lock("A scan.", "ip", "198.51.100.0/24")
	require.Contains(t, s.page(list+"?kind=ip").Rows(), "198.51.100.0/24")
	require.NotContains(t, s.page(list+"?kind=ip").Rows(), "login:")
	require.Contains(t, s.page(list+"?search=scan").Rows(), "198.51.100.0/24")
	require.NotContains(t, s.page(list+"?search=scan").Rows(), "login:")
	require.Contains(t, s.page(list+"?search="+url.QueryEscape("login: lba")).Rows(), "lba")
	require.NotContains(t, s.page(list+"?search="+url.QueryEscape("login: lba")).Rows(), "lbb")
	require.Contains(t, s.page(list+"?search=zzz").Main(), "No locks match")

	seen := map[string]int{}
	p := s.page(list)
	var addresses []string
	for range 3 {
		for _, row := range p.TableRows()[1:] {
			seen[row]++
		}
		addresses = append(addresses, p.Body)
		next := between(p.Body, `href="`, `" title="Next"`)
		if next == "" {
			break
		}
		p = s.page(next)
	}
	require.Len(t, seen, 46)
	require.Contains(t, p.Rows(), "41–46")
	back := s.page(between(p.Body, `href="`, `" title="Previous"`))
	require.Contains(t, back.Rows(), "21–40")
	first := s.page(between(back.Body, `href="`, `" title="Previous"`))
	require.Contains(t, first.Rows(), "1–20")
	require.Len(t, addresses, 3)
}

// between returns what stands right before the end, from the last start on.
func between(body, start, end string) string {
	before, _, found := strings.Cut(body, end)
	if !found {
		return ""
	}
	return strings.ReplaceAll(before[strings.LastIndex(before, start)+len(start):], "&amp;", "&")
}

// Locks that are everywhere are shown everywhere, with their message.
func TestBadges(t *testing.T) {
	t.Parallel()
	s := open(t)
	alice, bob := s.User("alice"), s.User("bob")
	s.group("Contractors", bob)
	s.role(bob, "porter", idp.RoleRule{Resources: []string{"session"}, Verbs: []string{"list"}})
	porter, err := s.Store.Repos().Roles.GetByName(t.Context(), "porter")
	require.NoError(t, err)
	role := "/if/admin/roles/" + porter.ID.String() + "/"
	browser := s.As(alice)
	s.As(bob)
	s.Token(alice, "nightly-backup")
	groups, err := s.Store.Repos().Groups.Find(t.Context(), idp.GroupFilter{Paging: idp.Paging{Search: "Contractors"}})
	require.NoError(t, err)
	group := "/if/admin/groups/" + groups.Items[0].ID.String() + "/"
	at := func(u *idp.User) string { return "/if/admin/users/" + u.ID.String() + "/" }
	everywhere := []string{"/if/admin/users/", at(alice), at(alice) + "sessions/", at(alice) + "tokens/", "/if/admin/sessions/", "/if/admin/groups/", group, at(bob), at(bob) + "roles/", role, role + "holders/", "/if/admin/roles/", "/if/admin/search/?q=alice"}
	for _, path := range everywhere {
		require.NotContains(t, s.page(path).Body, "lock-badge", path)
	}
	require.Contains(t, s.page(at(alice)).Body, `href="/if/admin/locks/new/?item=user%3Aalice&amp;step=details"`)
	for _, c := range []struct {
		target []string
		shown  []string
		hidden []string
	}{
		{[]string{"user", "Alice"}, []string{"/if/admin/users/", at(alice), at(alice) + "sessions/", at(alice) + "tokens/", "/if/admin/sessions/", "/if/admin/search/?q=alice"}, []string{group, "/if/admin/groups/"}},
		{[]string{"group", "Contractors"}, []string{"/if/admin/users/", at(bob), "/if/admin/groups/", group, "/if/admin/sessions/", role + "holders/", at(bob) + "groups/"}, []string{at(alice), role}},
		{[]string{"role", "porter"}, []string{"/if/admin/roles/", role, role + "holders/", at(bob) + "roles/", at(bob), "/if/admin/users/", "/if/admin/sessions/"}, []string{at(alice), "/if/admin/groups/"}},
		{[]string{"session", browser.Session.ID.String()}, []string{at(alice) + "sessions/", "/if/admin/sessions/"}, []string{"/if/admin/users/", at(alice)}},
		{[]string{"token", "nightly-backup"}, []string{at(alice) + "tokens/"}, []string{at(alice) + "sessions/", "/if/admin/users/"}},
		{[]string{"user", "alice", "login", "root"}, nil, everywhere}, // not she, but she as root
	} {
		l := s.lock("Call extension 112.", c.target...)
		for _, path := range c.shown {
			body := s.page(path).Body
			require.Contains(t, body, "lock-badge", "%v %s", c.target, path)
			require.Contains(t, body, `href="/if/admin/locks/`+l.ID.String()+`/"`, path)
			require.Contains(t, body, `title="Call extension 112."`, path)
		}
		for _, path := range c.hidden {
			require.NotContains(t, s.page(path).Body, "lock-badge", "%v %s", c.target, path)
		}
		_, err := s.locks.Lift(t.Context(), idp.SystemActor(), l.ID)
		require.NoError(t, err)
	}
}

// Who has no right to locks sees and does nothing; who may read only reads; a
// locksmith may do everything with locks.
func TestWhoMay(t *testing.T) {
	t.Parallel()
	s := open(t)
	l := s.lock("Secret reason.", "user", "alice")
	plain, reader, smith := s.User("plain"), s.User("reader"), s.User("smith")
	s.role(reader, "auditor", idp.RoleRule{Resources: []string{"lock"}, Verbs: []string{"list"}})
	s.role(smith, "locksmith", idp.RoleRule{Resources: []string{"lock"}, Verbs: []string{"list", "create", "read", "update", "delete"}})
	nobody, looks, locks := s.As(plain), s.As(reader), s.As(smith)
	routes := s.Routes("/if/admin/locks/")
	require.Len(t, routes, 11)
	visit := func(b *pagetest.Browser, route string) *pagetest.Page {
		method, pattern, _ := strings.Cut(route, " ")
		path := strings.ReplaceAll(pattern, "{lock}", l.ID.String())
		if method == http.MethodPost {
			return b.Post(path, "confirmed", "1", "step", "create", "item", "user:bob", "message", "x")
		}
		return b.Get(path)
	}
	for _, route := range routes {
		stranger := visit(s.Stranger(), route)
		require.Equal(t, http.StatusSeeOther, stranger.Status, route)
		require.True(t, strings.HasPrefix(stranger.Location, "/flows/-/default/authentication/"), route)
		refused := visit(nobody, route)
		require.Equal(t, http.StatusForbidden, refused.Status, "%s: %s", route, refused.Text())
		require.NotContains(t, refused.Body, "Secret reason.", route)
	}
	for _, path := range []string{list, history, list + l.ID.String() + "/"} {
		p := looks.Get(path)
		require.Equal(t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
		require.NotContains(t, p.Main(), "New lock")
		require.NotContains(t, p.Main(), "Lift")
	}
	require.NotEqual(t, http.StatusOK, looks.Get(list+l.ID.String()+"/edit/").Status)
	for _, route := range routes {
		if strings.HasPrefix(route, "POST") {
			before := len(s.inForce())
			visit(looks, route)
			require.Len(t, s.inForce(), before, route)
		}
	}
	require.Len(t, s.inForce(), 1)

	require.Contains(t, locks.Get(wizard+"?kind=user").Main(), "You may not list users, so type which ones.")
	review := locks.Post(wizard, "step", "review", "item", "user:alice", "message", "By a locksmith.")
	require.Equal(t, http.StatusOK, review.Status)
	made := locks.Post(wizard, append(review.Hidden(), "step", "create")...)
	require.Equal(t, http.StatusSeeOther, made.Status, made.Text())
	require.Len(t, s.inForce(), 2)
	require.Equal(t, "smith", s.inForce()[0].CreatedBy)
	require.Equal(t, http.StatusOK, locks.Get(made.Location).Status)
	require.Equal(t, http.StatusSeeOther, locks.Post(made.Location+"lift/", "confirmed", "1").Status)
	require.Len(t, s.inForce(), 1)
}
