package token_test

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// mailing is a world with a flow and an email stage; no worker takes the orders.
type mailing struct {
	*world
	flow  *idp.Flow
	stage *idp.Stage
	brand *idp.Brand
}

func newMailing(t *testing.T) *mailing {
	t.Helper()
	w := newWorld(t)
	m := &mailing{world: w, brand: w.brand()}
	m.brand.Domain = "example.org"
	require.NoError(t, w.db.Repos().Brands.Create(w.ctx, m.brand))
	var err error
	m.flow, err = w.db.Repos().Flows.Get(w.ctx, *m.brand.FlowRecovery)
	require.NoError(t, err)
	m.stage = &idp.Stage{Name: "mail", Kind: "email"}
	require.NoError(t, w.db.Repos().Stages.Create(w.ctx, m.stage))
	return m
}

func (m *mailing) person(name string, change ...func(*idp.User)) *idp.User {
	return m.user(name, append([]func(*idp.User){func(u *idp.User) { u.Email = name + "@example.org" }}, change...)...)
}

func (m *mailing) ask(u *idp.User) token.Ask {
	a := token.Ask{Run: idp.NewID[idp.Run](), Flow: m.flow.ID, Stage: m.stage.ID, Brand: m.brand, Intent: idp.IntentRecovery,
		Lifetime: time.Hour, Limit: 5, Window: time.Minute}
	if u != nil {
		a.User, a.SessionGeneration = u.ID, u.SessionGeneration
	}
	return a
}

var from = idp.Actor{Request: &idp.RequestInfo{ClientIP: netip.MustParseAddr("192.0.2.1")}}

// order asks and returns the link.
func (m *mailing) order(a token.Ask) idp.LinkID {
	m.Helper()
	require.NoError(m, m.tokens.AskMail(m.ctx, from, a))
	return m.newest()
}

// newest is the link ordered last, as its job names it.
func (m *mailing) newest() idp.LinkID {
	m.Helper()
	id, err := idp.ParseID[idp.Link](m.scalar(`SELECT args->>'link' FROM river_job WHERE kind = 'mail' ORDER BY id DESC LIMIT 1`))
	require.NoError(m, err)
	return id
}

func (m *mailing) mail(id idp.LinkID) *token.Letter {
	m.Helper()
	letter, err := m.tokens.MailLink(m.ctx, id)
	require.NoError(m, err)
	return letter
}

// exec and scalar speak SQL beside the storage.
func (m *mailing) exec(sql string) {
	m.Helper()
	db, err := pgx.Connect(m.ctx, m.url)
	require.NoError(m, err)
	defer db.Close(m.ctx)
	_, err = db.Exec(m.ctx, sql)
	require.NoError(m, err)
}

func (m *mailing) scalar(sql string) (text string) {
	m.Helper()
	db, err := pgx.Connect(m.ctx, m.url)
	require.NoError(m, err)
	defer db.Close(m.ctx)
	require.NoError(m, db.QueryRow(m.ctx, sql).Scan(&text))
	return text
}

func letterKey(t *testing.T, l *token.Letter) string {
	t.Helper()
	require.NotNil(t, l)
	u, err := url.Parse(l.Path)
	require.NoError(t, err)
	return u.Query().Get("flow_token")
}

func TestALinkByMail(t *testing.T) {
	t.Parallel()
	m := newMailing(t)
	mia := m.person("mia")
	a := m.ask(mia)
	a.State = []byte(`{"plan": ["x"]}`)
	id := m.order(a)
	letter := m.mail(id)
	require.Equal(t, "mia@example.org", letter.To)
	require.True(t, strings.HasPrefix(letter.Path, "/if/flow/recovery-flow/?flow_token="))
	require.Equal(t, m.stage.ID, letter.Stage.ID)
	require.Equal(t, m.brand.ID, letter.Brand.ID)
	o, err := m.tokens.Open(m.ctx, letterKey(t, letter))
	require.NoError(t, err)
	require.Equal(t, mia.ID, o.User.ID)
	require.JSONEq(t, `{"plan": ["x"]}`, string(o.Link.State))
	require.WithinDuration(t, letter.ExpiresAt, *o.Token.ExpiresAt, time.Microsecond)
	require.Equal(t, idp.IntentRecovery, o.Token.Intent)

	again := m.mail(id) // a second try
	_, err = m.tokens.Open(m.ctx, letterKey(t, letter))
	require.Equal(t, idp.RefusedEnded, fault(t, err).Reason)
	require.NoError(t, m.tokens.MailSent(m.ctx, again, map[string]any{"to_email": again.To}))
	require.Nil(t, m.mail(id), "once")
	_, err = m.tokens.Open(m.ctx, letterKey(t, again))
	require.NoError(t, err)
	sent := m.events(idp.ActionEmailSent)
	require.Len(t, sent, 1)
	require.Equal(t, "192.0.2.1", sent[0].ClientIP.String())
	require.Equal(t, map[string]any{"to_email": "mia@example.org", "link": id.String(), "stage": "mail"}, sent[0].Context)
	require.Equal(t, "example.org", sent[0].Brand["domain"])

	failed := m.mail(m.order(m.ask(mia)))
	require.NoError(t, m.tokens.MailFailed(m.ctx, failed, idp.ActionSystemException, map[string]any{"exception": "550"}))
	_, err = m.tokens.Open(m.ctx, letterKey(t, failed))
	require.Equal(t, idp.RefusedEnded, fault(t, err).Reason)
	require.Len(t, m.events(idp.ActionSystemException), 1)
}

// An order is kept for everybody, and carried out only for those who may act: now
// and when the mail is sent.
func TestWhoIsWrittenTo(t *testing.T) {
	t.Parallel()
	m := newMailing(t)
	raise := func(session, token int64) func(*idp.User) {
		return func(u *idp.User) { u.SessionGeneration += session; u.TokenGeneration += token }
	}
	for name, c := range map[string]struct {
		before, after func(*idp.User) // of the order
		nobody        bool            // the order names nobody
		sent          bool
	}{
		"healthy":                      {sent: true},
		"closed":                       {before: inactive, nobody: true},
		"closed meanwhile":             {after: inactive},
		"without an address":           {before: func(u *idp.User) { u.Email = "" }, nobody: true},
		"signed out meanwhile":         {after: raise(1, 0)},
		"tokens revoked meanwhile":     {after: raise(0, 1)},
		"locked down before the order": {before: raise(1, 1), sent: true},
	} {
		u := m.person(strings.ReplaceAll(name, " ", "-"))
		alter := func(change func(*idp.User)) {
			if change != nil {
				now := m.now(u)
				change(now)
				require.NoError(t, m.db.Repos().Users.Update(m.ctx, now))
			}
		}
		alter(c.before)
		id := m.order(m.ask(m.now(u)))
		l, err := m.db.Repos().Links.Get(m.ctx, id)
		require.NoError(t, err)
		require.Equal(t, c.nobody, l.UserID == nil, name)
		alter(c.after)
		require.Equal(t, c.sent, m.mail(id) != nil, name)
		page, err := m.db.Repos().Tokens.Find(m.ctx, idp.TokenFilter{UserID: &u.ID})
		require.NoError(t, err)
		require.Equal(t, c.sent, page.Total == 1, "%s: no key is made for nothing", name)
	}
	require.Nil(t, m.mail(m.order(m.ask(nil))))
	require.Nil(t, m.mail(m.order(m.ask(&idp.User{ID: 1_000_000}))))
	nobody := m.person(idp.AnonymousUsername)
	require.Nil(t, m.mail(m.order(m.ask(nobody))))
	stale := m.person("stale")
	a := m.ask(stale)
	a.SessionGeneration-- // the run began before everything was ended
	require.Nil(t, m.mail(m.order(a)))
	require.Nil(t, m.mail(idp.NewID[idp.Link]()))
	late := m.order(m.ask(m.person("late")))
	m.exec(`UPDATE links SET expires_at = clock_timestamp() - interval '1 second'`)
	require.Nil(t, m.mail(late), "a mail that waited too long is of no use")
	require.Len(t, m.events(idp.ActionSystemException), 1, "and that is told")
}

func TestHowOftenMailMayBeAskedFor(t *testing.T) {
	t.Parallel()
	m := newMailing(t)
	mia := m.person("mia")
	for _, u := range []*idp.User{mia, nil} {
		a := m.ask(u)
		a.Limit = 2
		m.order(a)
		m.order(a)
		require.Equal(t, idp.CodeInvalid, idp.CodeOf(m.tokens.AskMail(m.ctx, from, a)), "the same run")
	}
	a := m.ask(mia)
	a.Limit = 2
	require.Nil(t, m.mail(m.order(a)), "another run hears nothing, and nothing is sent")
	a.Limit = 5
	require.NotNil(t, m.mail(m.order(a)))
	m.exec(`UPDATE links SET created_at = clock_timestamp() - interval '61 seconds'`)
	a = m.ask(mia)
	a.Limit = 1
	require.NotNil(t, m.mail(m.order(a)))
}

// A mail may switch on an account that waits for its first use, and no account
// that anybody closed.
func TestWhichAccountsALinkMayConfirm(t *testing.T) {
	t.Parallel()
	m := newMailing(t)
	fresh := m.person("fresh", inactive)
	closed, contained, used := m.person("closed"), m.person("contained"), m.person("used", inactive)
	require.NoError(t, m.lockdowns.Deactivate(m.ctx, idp.SystemActor(), closed.ID))
	now := m.now(contained)
	now.IsActive = false
	require.NoError(t, m.db.Repos().Users.Update(m.ctx, now))
	require.NoError(t, m.db.Repos().Lockdowns.Create(m.ctx, &idp.Lockdown{UserID: &contained.ID, Username: "contained"}))
	require.NoError(t, m.db.Repos().Users.TouchLogin(m.ctx, used.ID))
	for _, u := range []*idp.User{closed, contained, used, fresh} {
		a := m.ask(m.now(u))
		require.Nil(t, m.mail(m.order(a)), "%s: only where the stage may switch on", u.Username)
		a.Confirms = true
		letter := m.mail(m.order(a))
		require.Equal(t, u == fresh, letter != nil, u.Username)
		if letter != nil {
			o, err := m.tokens.Open(m.ctx, letterKey(t, letter))
			require.NoError(t, err)
			require.False(t, o.User.IsActive, "opening changes nothing")
			require.NoError(t, m.lockdowns.Deactivate(m.ctx, idp.SystemActor(), u.ID))
			_, err = m.tokens.Open(m.ctx, letterKey(t, letter))
			require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
		}
	}
}

// The tokens of mailed links are nobody's to change, and open nothing without
// their link.
func TestAMailedLinkNeedsItsOrder(t *testing.T) {
	t.Parallel()
	m := newMailing(t)
	key := letterKey(t, m.mail(m.order(m.ask(m.person("mia")))))
	o, err := m.tokens.Open(m.ctx, key)
	require.NoError(t, err)
	text := "text"
	_, err = m.tokens.Update(m.ctx, idp.SystemActor(), o.Token.ID, token.Patch{Description: &text})
	require.NoError(t, err)
	root := m.person("root", func(u *idp.User) {})
	root.IsSuperuser = true
	_, err = m.tokens.Update(m.ctx, idp.Actor{User: root}, o.Token.ID, token.Patch{Description: &text})
	require.Error(t, err)
	require.NoError(t, m.db.Repos().Stages.Delete(m.ctx, m.stage.ID))
	_, err = m.tokens.Open(m.ctx, key)
	require.Equal(t, idp.RefusedEnded, fault(t, err).Reason)
	forged := "portcullis/mailed-link/nonsense"
	_, key = m.issue(idp.SystemActor(), token.Draft{User: o.User.ID, Identifier: "forged", Intent: idp.IntentRecovery, Managed: &forged})
	_, err = m.tokens.Open(m.ctx, key)
	require.Equal(t, idp.RefusedUnknown, fault(t, err).Reason)
}

// Nothing that a lockdown and a mail under way race for works afterwards.
func TestNoKeyPassesALockdown(t *testing.T) {
	t.Parallel()
	m := newMailing(t)
	made := 0
	for i := range 40 {
		u := m.person(fmt.Sprintf("u%d", i))
		id := m.order(m.ask(u))
		var letter *token.Letter
		var minting, closing error
		var both sync.WaitGroup
		start := make(chan struct{})
		both.Go(func() { <-start; letter, minting = m.tokens.MailLink(m.ctx, id) })
		both.Go(func() { <-start; closing = m.lockdowns.Deactivate(m.ctx, idp.SystemActor(), u.ID) })
		close(start)
		both.Wait()
		require.NoError(t, minting)
		require.NoError(t, closing)
		require.NoError(t, m.lockdowns.Activate(m.ctx, idp.SystemActor(), u.ID))
		require.Nil(t, m.mail(id), "nothing is sent later")
		if letter != nil {
			made++
			_, err := m.tokens.Open(m.ctx, letterKey(t, letter))
			require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
		}
	}
	t.Logf("in 40 races %d keys were made", made)
}

func TestRecoveryMail(t *testing.T) {
	t.Parallel()
	m := newMailing(t)
	mia, silent, off := m.person("mia"), m.user("silent"), m.person("off", inactive)
	other := &idp.Stage{Name: "other", Kind: "deny"}
	require.NoError(t, m.db.Repos().Stages.Create(m.ctx, other))
	for name, c := range map[string]struct {
		actor    idp.Actor
		user     idp.UserID
		brand    *idp.Brand
		stage    idp.StageID
		lifetime time.Duration
		want     idp.Code
	}{
		"good":               {idp.SystemActor(), mia.ID, m.brand, m.stage.ID, time.Hour, ""},
		"usual lifetime":     {idp.SystemActor(), mia.ID, m.brand, m.stage.ID, 0, ""},
		"one's own":          {idp.Actor{User: mia}, mia.ID, m.brand, m.stage.ID, 0, idp.CodeForbidden},
		"no recovery flow":   {idp.SystemActor(), mia.ID, &idp.Brand{}, m.stage.ID, 0, idp.CodeInvalid},
		"no brand":           {idp.SystemActor(), mia.ID, nil, m.stage.ID, 0, idp.CodeInvalid},
		"another stage":      {idp.SystemActor(), mia.ID, m.brand, other.ID, 0, idp.CodeInvalid},
		"no stage":           {idp.SystemActor(), mia.ID, m.brand, idp.NewID[idp.Stage](), 0, idp.CodeInvalid},
		"too long":           {idp.SystemActor(), mia.ID, m.brand, m.stage.ID, 31 * 24 * time.Hour, idp.CodeInvalid},
		"nobody":             {idp.SystemActor(), 4711, m.brand, m.stage.ID, 0, idp.CodeNotFound},
		"without an address": {idp.SystemActor(), silent.ID, m.brand, m.stage.ID, 0, idp.CodeInvalid},
		"switched off":       {idp.SystemActor(), off.ID, m.brand, m.stage.ID, 0, idp.CodeRefused},
	} {
		err := m.tokens.RecoveryMail(m.ctx, c.actor, c.user, c.brand, c.stage, token.LinkTerms{Lifetime: c.lifetime})
		require.Equal(t, c.want, idp.CodeOf(err), "%s: %v", name, err)
		if err == nil {
			letter := m.mail(m.newest())
			o, err := m.tokens.Open(m.ctx, letterKey(t, letter))
			require.NoError(t, err)
			require.JSONEq(t, `{}`, string(o.Link.State), "the flow begins")
		}
	}
	require.Equal(t, "2", m.scalar(`SELECT count(*)::text FROM links`))
}

// The order carries how often the link works to the token that is made later.
func TestHowOftenAMailedLinkWorks(t *testing.T) {
	t.Parallel()
	m := newMailing(t)
	mia := m.person("mia")
	for _, again := range []bool{false, true} {
		asked := m.ask(mia)
		asked.Reusable = again
		require.NoError(t, m.tokens.RecoveryMail(m.ctx, idp.SystemActor(), mia.ID, m.brand, m.stage.ID, token.LinkTerms{Reusable: again}))
		for _, id := range []idp.LinkID{m.newest(), m.order(asked)} {
			key := letterKey(t, m.mail(id))
			for n := range 3 {
				o, err := m.tokens.Open(m.ctx, key)
				require.Equal(t, n == 0 || again, err == nil, "use %d of a reusable (%t) link: %v", n+1, again, err)
				if err != nil {
					continue
				}
				require.Equal(t, again, o.Token.Reusable && o.Link.Reusable)
				require.NoError(t, m.redeem(mia, o.Token.ID))
			}
		}
	}
}
