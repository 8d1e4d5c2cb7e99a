package restorepage_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/restore"
	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/server/admin/restorepage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// links are those of token.
type links struct{ *token.Service }

func (l links) LinkIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, now time.Time) (string, idp.TokenID, error) {
	made, err := l.RecoveryLinkIn(ctx, tx, actor, user, brand, token.LinkTerms{}, now)
	if err != nil {
		return "", idp.TokenID{}, err
	}
	return made.Link, made.Token, nil
}

func (l links) MailIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, stage idp.StageID) error {
	return l.RecoveryMailIn(ctx, tx, actor, user, brand, stage, token.LinkTerms{})
}

// site is the server with somebody who was locked down, and had an address that is not
// theirs and a second factor.
type site struct {
	*pagetest.Site
	mia  *idp.User
	at   string
	boss *pagetest.Browser
}

func open(t *testing.T) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s := &site{Site: pagetest.New(t, db)}
	restores := restore.New(restore.Deps{Store: db, Access: s.Access, Lockdowns: s.Lockdowns, Passwords: s.Accounts, Accounts: s.Accounts, Tokens: s.Tokens,
		Consents: consent.New(consent.Deps{Store: db, Access: s.Access}), Links: links{s.Tokens}, Factors: factor.New(factor.Deps{Store: db, Access: s.Access})})
	s.Open(db.NewSessionStore(server.BlankSession), restorepage.New(restorepage.Deps{Restores: restores}).Routes, func(r chi.Router) {
		for _, path := range []string{"users/{user}/", "lockdowns/{lockdown}/", "events/{event}/"} {
			r.Get("/if/admin/"+path, http.NotFound)
		}
	}, pagetest.Elsewhere("restore/"))
	s.mia = s.User("mia", func(n *account.NewUser) { n.Name = "Mia Thermopolis" })
	s.Factor(s.mia, idp.FactorTOTP, "Phone")
	email := "thief@evil.example"
	_, err = s.Accounts.Update(t.Context(), idp.SystemActor(), s.mia.ID, account.Patch{Email: &email})
	require.NoError(t, err)
	done, err := s.Lockdowns.Contain(t.Context(), idp.SystemActor(), lockdown.Request{Users: []idp.UserID{s.mia.ID}, Switches: idp.AllSwitches()})
	require.NoError(t, err)
	s.at = restorepage.Path(done[0].Lockdown.ID)
	s.boss = s.As(s.Boss)
	return s
}

func TestTheChecklistWorksWithoutScript(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.boss.Get(s.at)
	require.Equal(t, http.StatusOK, p.Status)
	require.Empty(t, p.Faults())
	for _, says := range []string{"Restore Mia Thermopolis", "1. Activate the account", "The account is switched off", "Phone", "Added since then",
		"changed from mia@example.com to thief@evil.example", "No mail server is configured"} {
		require.Contains(t, p.Text(), says)
	}
	event := p.Value("event")
	since := s.mia.JoinedAt.UTC().Add(-time.Hour).Format("2006-01-02T15:04")
	p = s.boss.Post(s.at+"activate/", "since", since)
	require.Equal(t, http.StatusSeeOther, p.Status)
	p = p.Follow()
	require.Contains(t, p.Text(), "The account was activated")
	require.Contains(t, p.Value("since"), since, "the moment stays in the address")
	require.True(t, s.Reload(s.mia).IsActive)

	p = s.boss.Post(s.at+"password/", "password", "four words in a row", "repeat", "others")
	require.Equal(t, http.StatusBadRequest, p.Status)
	require.Contains(t, p.Text(), "The two passwords differ")
	require.Empty(t, p.Faults())
	require.False(t, s.Reload(s.mia).HasUsablePassword())
	p = s.boss.Post(s.at + "link/")
	require.Equal(t, http.StatusOK, p.Status)
	require.Contains(t, p.Text(), "flow_token=")
	require.Empty(t, p.Faults())

	p = s.boss.Post(s.at+"revert/", "event", event).Follow()
	require.Contains(t, p.Text(), "Reverted.")
	require.Equal(t, "mia@example.com", s.Reload(s.mia).Email)
	p = s.boss.Post(s.at+"skip/", "step", "tell", "reason", " ")
	require.Equal(t, http.StatusBadRequest, p.Status)
	require.Contains(t, p.Text(), "Say why")
	for _, step := range [][]string{{"review/", "step", "factors"}, {"renew/", "password", "true", "factor", "true"}, {"skip/", "step", "tell", "reason", "By phone"}} {
		require.Equal(t, http.StatusSeeOther, s.boss.Post(s.at+step[0], step[1:]...).Status)
	}
	p = s.boss.Get(s.at)
	require.Contains(t, p.Text(), "This restore is over")
	require.Contains(t, p.Text(), "By phone")
	require.False(t, p.Has(s.at+"revert/"), "a record that is closed offers nothing")
	require.Empty(t, p.Faults())
	require.Contains(t, s.boss.Post(s.at+"tell/").Follow().Text(), "This record is closed")
}

func TestWrongInputOnTheChecklist(t *testing.T) {
	t.Parallel()
	s := open(t)
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, since := range []string{"soon", later, "9999999999999"} {
		require.Equal(t, http.StatusBadRequest, s.boss.Get(s.at+"?since="+since).Status, since)
	}
	for _, form := range [][]string{{"activate/", "since", "soon"}, {"activate/", "since", later}, {"revert/", "event", "x"}, {"factor/", "factor", "x"},
		{"review/", "step", "dance"}, {"renew/"}, {"skip/", "step", "dance", "reason", "x"}, {"close/"}, {"password/", "password", "x", "repeat", "x"}, {"mail/"}, {"link/"}} {
		p := s.boss.Post(s.at+form[0], form[1:]...)
		require.Contains(t, []int{http.StatusSeeOther, http.StatusBadRequest}, p.Status, "%v", form)
	}
	require.False(t, s.Reload(s.mia).IsActive)
	require.Equal(t, http.StatusNotFound, s.boss.Get(restorepage.Path(idp.NewID[idp.Lockdown]())).Status)
	hers := s.As(s.User("leo"))
	require.Equal(t, http.StatusForbidden, hers.Get(s.at).Status)
	require.Equal(t, http.StatusForbidden, hers.Post(s.at+"activate/").Status)
	require.NoError(t, s.Accounts.Delete(t.Context(), idp.SystemActor(), s.mia.ID))
	p := s.boss.Get(s.at)
	require.Contains(t, p.Text(), "The account was deleted")
	require.Empty(t, p.Faults())
}
