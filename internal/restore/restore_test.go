package restore_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/restore"
	"github.com/portcullis-idp/portcullis/internal/session"
)

const (
	open    = restore.Open
	done    = restore.Done
	skipped = restore.Skipped
)

func TestEveryStepOfARestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	old := w.factor(mia, "Old phone")
	l := w.contain(mia, idp.AllSwitches())
	require.Equal(t, []restore.State{open, open, open, done, open, open}, w.states(l))

	require.NoError(t, w.restores.Activate(w.ctx, w.admin, on(l)))
	require.NoError(t, w.restores.Activate(w.ctx, w.admin, on(l)), "twice is once")
	require.True(t, w.now(mia).IsActive)
	require.Equal(t, []restore.State{done, open, open, done, open, open}, w.states(l))

	require.NoError(t, w.restores.SetPassword(w.ctx, w.admin, on(l), "four words in a row"))
	require.True(t, w.now(mia).HasUsablePassword())

	require.NoError(t, w.restores.RemoveFactor(w.ctx, w.admin, on(l), old))
	require.NoError(t, w.restores.RemoveFactor(w.ctx, w.admin, on(l), old), "twice is once")
	factors, err := w.db.Repos().Factors.Of(w.ctx, mia.ID)
	require.NoError(t, err)
	require.Empty(t, factors)

	require.NoError(t, w.restores.Renew(w.ctx, w.admin, on(l), true, true))
	require.True(t, w.now(mia).RenewPassword)
	require.True(t, w.now(mia).RenewFactor)
	require.Nil(t, w.list(l).Lockdown.ClosedAt)

	require.NoError(t, w.restores.Tell(w.ctx, w.admin, on(l), false, nil))
	require.Equal(t, []string{"mia@example.org"}, w.post.told)

	c := w.list(l)
	require.Empty(t, c.Left())
	require.NotNil(t, c.Lockdown.ClosedAt, "nothing is left")
	require.Equal(t, "root", c.Lockdown.ClosedByName)
	require.NotNil(t, c.Lockdown.RestoredAt, "activating marks it restored")
	require.Equal(t, []string{"activate activated", "password password_set", "factors factor_removed", "renew required", "tell told", "close"}, w.steps())
	for _, a := range c.Acts {
		require.Equal(t, "root", a.ActorName)
		require.Equal(t, w.admin.User.ID, *a.ActorID)
		require.WithinDuration(t, time.Now(), a.CreatedAt, time.Minute)
	}
	err = w.restores.Skip(w.ctx, w.admin, on(l), idp.RestoreTell, "over")
	require.Equal(t, idp.CodeConflict, idp.CodeOf(err), "%v", err)
}

func TestNobodyIsSignedInBeforeEverythingIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	l := w.contain(mia, idp.AllSwitches())
	require.NoError(t, w.restores.Activate(w.ctx, w.admin, on(l)))
	require.NoError(t, w.restores.SetPassword(w.ctx, w.admin, on(l), "four words in a row"))
	require.NoError(t, w.restores.Renew(w.ctx, w.admin, on(l), true, false))
	signIn := func() error {
		u := w.now(mia)
		_, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: u.ID, Generation: u.SessionGeneration})
		return err
	}
	require.ErrorContains(t, signIn(), session.MustRenewPassword)
	require.NoError(t, w.accounts.SetPassword(w.ctx, w.admin, mia.ID, "an administrator chose it"))
	require.ErrorContains(t, signIn(), session.MustRenewPassword, "an administrator's password renews nothing")

	same, other := "an administrator chose it", "her own words at last"
	settle := func(password string) error {
		_, err := w.accounts.Settle(w.ctx, idp.Actor{}, mia.ID, account.Settlement{Password: &password, Generation: w.now(mia).SessionGeneration})
		return err
	}
	err := settle(same)
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), "%v", err)
	require.ErrorContains(t, signIn(), session.MustRenewPassword)
	require.NoError(t, settle(other))
	require.False(t, w.now(mia).RenewPassword)
	require.NoError(t, signIn())
	require.NoError(t, settle(other), "nobody has to renew it twice")
}

// changed makes an account to which everything happened that can be reverted.
func changed(t *testing.T) (w *world, mia *idp.User, l *idp.Lockdown, key string, groups []*idp.Group) {
	w = newWorld(t)
	mia = w.user("mia")
	repos := w.db.Repos()
	for _, name := range []string{"was in", "put into"} {
		g := &idp.Group{Name: name}
		require.NoError(t, repos.Groups.Create(w.ctx, g))
		groups = append(groups, g)
	}
	require.NoError(t, repos.Groups.AddUser(w.ctx, groups[0].ID, mia.ID))
	role := &idp.Role{Name: "auditor", Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"event"}, Verbs: []string{"list"}}}}}}
	require.NoError(t, repos.Roles.Create(w.ctx, role))

	thief := w.signedIn(mia)
	_, key = w.token(thief, mia)
	require.NoError(t, w.consents.Give(w.ctx, thief, consent.Given{User: mia.ID, Application: consent.Application{ID: "files", Name: "Files"}, Generation: mia.SessionGeneration}))
	for _, email := range []string{"between@evil.example", "thief@evil.example"} {
		_, err := w.accounts.Update(w.ctx, thief, mia.ID, account.Patch{Email: &email})
		require.NoError(t, err)
	}
	require.NoError(t, w.accounts.RemoveMember(w.ctx, w.admin, groups[0].ID, mia.ID))
	require.NoError(t, w.accounts.SetMembers(w.ctx, w.admin, groups[1].ID, []idp.UserID{mia.ID, w.admin.User.ID}))
	require.NoError(t, w.roles.SetUserRoles(w.ctx, w.admin, mia.ID, []string{"auditor"}))
	return w, mia, w.contain(mia, kept), key, groups
}

func TestEverythingSinceTheMomentCanBeReverted(t *testing.T) {
	t.Parallel()
	w, mia, l, key, groups := changed(t)
	c := w.list(l)
	kinds := map[restore.Kind]int{}
	for _, ch := range c.Changes {
		kinds[ch.Kind]++
		require.True(t, ch.Open, "%+v", ch)
		require.NotEmpty(t, ch.Text)
		require.Contains(t, []string{"mia", "root"}, ch.By)
	}
	require.Equal(t, map[restore.Kind]int{restore.KindToken: 1, restore.KindConsent: 1, restore.KindEmail: 2, restore.KindGroup: 2, restore.KindRole: 1}, kinds)
	require.True(t, w.keyWorks(key) == false, "the account is off")

	n, err := w.restores.RevertAll(w.ctx, w.admin, on(l))
	require.NoError(t, err)
	require.Equal(t, 7, n)
	now := w.now(mia)
	require.Equal(t, "mia@example.org", now.Email)
	require.Equal(t, []idp.GroupID{groups[0].ID}, now.Groups)
	require.Empty(t, now.RoleNames)
	c = w.list(l)
	require.Len(t, c.Changes, 7, "what the restore does is no change to be reverted")
	for _, ch := range c.Changes {
		require.False(t, ch.Open, "%+v", ch)
		require.Equal(t, "reverted", ch.State)
	}
	require.Equal(t, done, c.Item(idp.RestoreChanges).State)
	n, err = w.restores.RevertAll(w.ctx, w.admin, on(l))
	require.NoError(t, err)
	require.Zero(t, n, "twice is once")
	require.NoError(t, w.restores.Activate(w.ctx, w.admin, on(l)))
	require.False(t, w.keyWorks(key))
}

func TestRevertingOneTwice(t *testing.T) {
	t.Parallel()
	w, mia, l, _, _ := changed(t)
	for _, ch := range w.list(l).Changes {
		require.NoError(t, w.restores.Revert(w.ctx, w.admin, on(l), ch.ID))
		require.NoError(t, w.restores.Revert(w.ctx, w.admin, on(l), ch.ID))
	}
	require.Equal(t, "mia@example.org", w.now(mia).Email)
	// The older change of the address is settled by the newer one's return to the first
	// address only when it is reverted itself.
	reverts := 0
	for _, step := range w.steps() {
		if step == "changes reverted" {
			reverts++
		}
	}
	require.Equal(t, 7, reverts)
	err := w.restores.Revert(w.ctx, w.admin, on(l), idp.NewID[idp.Event]())
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), "%v", err)
}

func TestRevertingHandsOutNoRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, helper := w.user("mia"), w.user("helper")
	require.NoError(t, w.db.Repos().Groups.AddUser(w.ctx, w.admins, mia.ID))
	require.NoError(t, w.accounts.RemoveMember(w.ctx, w.admin, w.admins, mia.ID))
	l := w.contain(mia, kept)
	role := &idp.Role{Name: "helper", Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{
		{Resources: []string{"user", "lockdown", "event", "group", "mfa_device"}, Verbs: []string{"*"}}}}}}
	require.NoError(t, w.db.Repos().Roles.Create(w.ctx, role))
	require.NoError(t, w.db.Repos().Roles.SetUserRoles(w.ctx, helper.ID, []idp.RoleID{role.ID}))
	require.NoError(t, w.held.Reset(w.ctx))
	by := w.signedIn(helper)
	c, err := w.restores.Checklist(w.ctx, by, l.ID, nil)
	require.NoError(t, err)
	require.Len(t, c.Changes, 1)

	err = w.restores.Revert(w.ctx, by, on(l), c.Changes[0].ID)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err), "%v", err)
	require.Empty(t, w.now(mia).Groups)
	require.Empty(t, w.steps(), "nothing half done")
	require.NoError(t, w.restores.Activate(w.ctx, by, on(l)), "that much the helper may")
	require.NoError(t, w.restores.Revert(w.ctx, w.admin, on(l), c.Changes[0].ID))
	require.Equal(t, []idp.GroupID{w.admins}, w.now(mia).Groups)
	err = w.restores.SetPassword(w.ctx, by, on(l), "four words in a row")
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err), "an administrator again: %v", err)
	err = w.restores.Renew(w.ctx, by, on(l), true, false)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err), "%v", err)
}

func TestWhoMayNotRestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, leo := w.user("mia"), w.user("leo")
	l := w.contain(mia, idp.AllSwitches())
	by := w.signedIn(leo)
	for name, act := range map[string]func(idp.Actor) error{
		"checklist":  func(a idp.Actor) error { _, err := w.restores.Checklist(w.ctx, a, l.ID, nil); return err },
		"activate":   func(a idp.Actor) error { return w.restores.Activate(w.ctx, a, on(l)) },
		"password":   func(a idp.Actor) error { return w.restores.SetPassword(w.ctx, a, on(l), "four words in a row") },
		"link":       func(a idp.Actor) error { _, err := w.restores.RecoveryLink(w.ctx, a, on(l), nil); return err },
		"mail":       func(a idp.Actor) error { return w.restores.MailLink(w.ctx, a, on(l), nil) },
		"factor":     func(a idp.Actor) error { return w.restores.RemoveFactor(w.ctx, a, on(l), idp.NewID[idp.Factor]()) },
		"review":     func(a idp.Actor) error { return w.restores.Review(w.ctx, a, on(l), idp.RestoreFactors) },
		"revert":     func(a idp.Actor) error { return w.restores.Revert(w.ctx, a, on(l), idp.NewID[idp.Event]()) },
		"revert all": func(a idp.Actor) error { _, err := w.restores.RevertAll(w.ctx, a, on(l)); return err },
		"renew":      func(a idp.Actor) error { return w.restores.Renew(w.ctx, a, on(l), true, true) },
		"tell":       func(a idp.Actor) error { return w.restores.Tell(w.ctx, a, on(l), false, nil) },
		"skip":       func(a idp.Actor) error { return w.restores.Skip(w.ctx, a, on(l), idp.RestoreTell, "by phone") },
		"close":      func(a idp.Actor) error { return w.restores.Close(w.ctx, a, on(l), "all of it") },
	} {
		require.Equal(t, idp.CodeForbidden, idp.CodeOf(act(by)), name)
		require.Equal(t, idp.CodeUnsigned, idp.CodeOf(act(idp.Actor{})), name)
	}
	require.Empty(t, w.steps())
	require.False(t, w.now(mia).IsActive)
}

func TestWrongInputChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	l := w.contain(mia, idp.AllSwitches())
	future, ancient := time.Now().Add(time.Hour), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(since time.Time) restore.Terms { return restore.Terms{Lockdown: l.ID, Since: &since} }
	_, list := w.restores.Checklist(w.ctx, w.admin, l.ID, &future)
	for name, c := range map[string]struct {
		err   error
		code  idp.Code
		field string
	}{
		"a list since the future":  {list, idp.CodeInvalid, "since"},
		"a step since the future":  {w.restores.Activate(w.ctx, w.admin, at(future)), idp.CodeInvalid, "since"},
		"a step since long ago":    {w.restores.Activate(w.ctx, w.admin, at(ancient)), idp.CodeInvalid, "since"},
		"a short password":         {w.restores.SetPassword(w.ctx, w.admin, on(l), "x"), idp.CodeInvalid, "password"},
		"nothing to renew":         {w.restores.Renew(w.ctx, w.admin, on(l), false, false), idp.CodeInvalid, "require"},
		"no such step":             {w.restores.Skip(w.ctx, w.admin, on(l), "dance", "why not"), idp.CodeInvalid, "step"},
		"no reason":                {w.restores.Skip(w.ctx, w.admin, on(l), idp.RestoreTell, " "), idp.CodeInvalid, "reason"},
		"a long reason":            {w.restores.Skip(w.ctx, w.admin, on(l), idp.RestoreTell, strings.Repeat("x", restore.MaxReason+1)), idp.CodeInvalid, "reason"},
		"closing without a reason": {w.restores.Close(w.ctx, w.admin, on(l), ""), idp.CodeInvalid, "reason"},
		"reviewing a password":     {w.restores.Review(w.ctx, w.admin, on(l), idp.RestorePassword), idp.CodeInvalid, "step"},
		"another's factor":         {w.restores.RemoveFactor(w.ctx, w.admin, on(l), w.factor(w.admin.User, "Key")), idp.CodeNotFound, ""},
		"no such record":           {w.restores.Activate(w.ctx, w.admin, restore.Terms{Lockdown: idp.NewID[idp.Lockdown]()}), idp.CodeNotFound, ""},
		"a link while off":         {link(w, l), idp.CodeInvalid, idp.NonField},
	} {
		require.Equal(t, c.code, idp.CodeOf(c.err), "%s: %v", name, c.err)
		if c.field != "" {
			var e *idp.Error
			require.ErrorAs(t, c.err, &e, name)
			require.Contains(t, e.Fields, c.field, name)
		}
	}
	w.post.ready = false
	require.ErrorContains(t, w.restores.Tell(w.ctx, w.admin, on(l), false, nil), "No mail server is configured")
	require.Empty(t, w.steps())
	require.False(t, w.now(mia).IsActive)
	require.Nil(t, w.list(l).Lockdown.SuspectedAt)
}

func link(w *world, l *idp.Lockdown) error {
	_, err := w.restores.RecoveryLink(w.ctx, w.admin, on(l), nil)
	return err
}

func TestTheMomentIsKeptWithTheNextStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	l := w.contain(mia, idp.AllSwitches())
	require.Equal(t, l.StartedAt.Add(-restore.Before).UTC(), w.list(l).Since.UTC())
	since := l.StartedAt.Add(-90 * time.Minute).UTC()
	require.NoError(t, w.restores.Skip(w.ctx, w.admin, restore.Terms{Lockdown: l.ID, Since: &since}, idp.RestoreTell, "told by phone"))
	c := w.list(l)
	require.Equal(t, since, c.Since.UTC())
	require.Equal(t, skipped, c.Item(idp.RestoreTell).State)
	require.Equal(t, "told by phone", c.Item(idp.RestoreTell).Note)
	require.Equal(t, "root", c.Item(idp.RestoreTell).By)
}

func TestFactorsAddedSinceAreMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	w.factor(mia, "Phone")
	moment, err := w.db.Now(w.ctx)
	require.NoError(t, err)
	w.factor(mia, "Thief's key")
	l := w.contain(mia, idp.AllSwitches())
	terms := restore.Terms{Lockdown: l.ID, Since: &moment}
	c, err := w.restores.Checklist(w.ctx, w.admin, l.ID, &moment)
	require.NoError(t, err)
	require.Len(t, c.Factors, 2)
	require.False(t, c.Factors[0].Added)
	require.True(t, c.Factors[1].Added)
	require.Empty(t, c.Factors[1].Secret)

	require.NoError(t, w.restores.Review(w.ctx, w.admin, terms, idp.RestoreFactors))
	require.Equal(t, done, w.list(l).Item(idp.RestoreFactors).State)
	w.factor(mia, "One more")
	require.Equal(t, open, w.list(l).Item(idp.RestoreFactors).State, "what came after the review was not looked at")
}

func TestTwoAdministratorsAtOnce(t *testing.T) {
	t.Parallel()
	w, mia, l, _, _ := changed(t)
	second := w.administrator("second")
	var wg sync.WaitGroup
	for _, by := range []idp.Actor{w.admin, second} {
		wg.Add(2)
		go func() {
			defer wg.Done()
			_, err := w.restores.RevertAll(w.ctx, by, on(l))
			require.NoError(t, err)
		}()
		go func() {
			defer wg.Done()
			require.NoError(t, w.restores.Activate(w.ctx, by, on(l)))
		}()
	}
	wg.Wait()
	counts := map[string]int{}
	for _, step := range w.steps() {
		counts[step]++
	}
	require.Equal(t, map[string]int{"activate activated": 1, "changes reverted": 7}, counts)
	require.Equal(t, "mia@example.org", w.now(mia).Email)
}

func TestAFailingStepLeavesNothing(t *testing.T) {
	t.Parallel()
	w, mia, l, _, groups := changed(t)
	_, err := w.restores.RevertAll(w.ctx, w.admin, restore.Terms{Lockdown: l.ID, Since: nil})
	require.NoError(t, err)
	_ = groups

	// The mail cannot be ordered after the link was: neither is, and nothing is on record.
	broken := w.deps
	broken.Post = failing{}
	require.NoError(t, w.restores.Activate(w.ctx, w.admin, on(l)))
	before := w.list(l)
	err = restore.New(broken).Tell(w.ctx, w.admin, on(l), false, nil)
	require.ErrorContains(t, err, "out of paper")
	after := w.list(l)
	require.Equal(t, before.Acts, after.Acts)
	require.Equal(t, open, after.Item(idp.RestoreTell).State)

	broken = w.deps
	broken.Accounts = falling{w.accounts}
	err = restore.New(broken).Renew(w.ctx, w.admin, on(l), true, true)
	require.ErrorContains(t, err, "the power fails")
	require.False(t, w.now(mia).RenewPassword, "the act goes with its line")
}

func TestADeletedAccountAndAnOlderRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	first := w.contain(mia, idp.AllSwitches())
	second := w.contain(mia, idp.AllSwitches())
	err := w.restores.Activate(w.ctx, w.admin, on(first))
	require.Equal(t, idp.CodeConflict, idp.CodeOf(err), "%v", err)
	require.False(t, w.now(mia).IsActive)
	require.Equal(t, second.ID, *w.list(first).Newer)
	last, err := w.restores.Last(w.ctx, w.admin, mia.ID)
	require.NoError(t, err)
	require.Equal(t, second.ID, last.ID)

	require.NoError(t, w.accounts.Delete(w.ctx, w.admin, mia.ID))
	err = w.restores.Activate(w.ctx, w.admin, on(second))
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "The account was deleted")
	c := w.list(second)
	require.Nil(t, c.User)
	require.Empty(t, c.Left())

	_, err = w.restores.Last(w.ctx, w.admin, w.user("leo").ID)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err), "never locked down: %v", err)
}

func TestRecoveryLinksOfARestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	brand := w.brand()
	l := w.contain(mia, idp.AllSwitches())
	require.NoError(t, w.restores.Activate(w.ctx, w.admin, on(l)))
	first, err := w.restores.RecoveryLink(w.ctx, w.admin, on(l), brand)
	require.NoError(t, err)
	second, err := w.restores.RecoveryLink(w.ctx, w.admin, on(l), nil)
	require.NoError(t, err, "the default brand's flow")
	key := func(path string) string { return path[strings.LastIndex(path, "=")+1:] }
	_, _, err = w.tokens.OpenLink(w.ctx, key(first))
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err), "the newer link ends the older one")
	_, _, err = w.tokens.OpenLink(w.ctx, key(second))
	require.NoError(t, err)
	c := w.list(l)
	require.Equal(t, done, c.Item(idp.RestorePassword).State)
	require.Empty(t, c.Changes, "its own links are nothing to revert")
	for _, a := range c.Acts {
		for _, v := range a.Facts {
			require.NotContains(t, v, key(second))
		}
	}
	require.ErrorContains(t, w.restores.MailLink(w.ctx, w.admin, on(l), brand), "no email stage")
}

func TestClosingLeavesTheRestOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	w.factor(mia, "Phone")
	l := w.contain(mia, idp.AllSwitches())
	require.NoError(t, w.restores.Close(w.ctx, w.admin, on(l), "She has left the company"))
	c := w.list(l)
	require.NotNil(t, c.Lockdown.ClosedAt)
	require.False(t, c.User.IsActive)
	require.Equal(t, []restore.State{skipped, skipped, skipped, done, skipped, skipped}, w.states(l))
	require.Equal(t, "She has left the company", c.Item(idp.RestoreActivate).Note)
}
