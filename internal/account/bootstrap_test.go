package account_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// named returns the one account of a name.
func (w *world) named(name string) *idp.User {
	w.Helper()
	page, err := w.db.Repos().Users.Find(w.ctx, idp.UserFilter{Usernames: []string{name}})
	require.NoError(w, err)
	require.Equal(w, 1, page.Total, "accounts named %s", name)
	return &page.Items[0]
}

func TestTheFirstStartMakesTheAdministrator(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	token := "a-token-of-the-operator"
	require.NoError(t, w.accounts.EnsureAdministrator(w.ctx, account.Bootstrap{Password: good, Email: "ops@example.org", Token: token}))
	admin := w.named("admin")
	require.True(t, admin.IsSuperuser && admin.IsActive)
	require.Equal(t, "ops@example.org", admin.Email)
	require.Equal(t, []string{"Portcullis Admins"}, admin.GroupNames)
	require.NotNil(t, admin.PasswordChangedAt)
	require.True(t, w.accepts(admin, good))

	found, u, err := w.tokens.Authenticate(w.ctx, token)
	require.NoError(t, err)
	require.Equal(t, "bootstrap-token", found.Identifier)
	require.False(t, found.Expiring)
	require.Equal(t, admin.ID, u.ID)

	nobody := w.named("AnonymousUser")
	require.NotEmpty(t, nobody.Protected())
	require.False(t, nobody.HasUsablePassword())

	_, err = w.accounts.SetupLink(w.ctx, "")
	require.Equal(t, idp.CodeConflict, idp.CodeOf(err), "there is a password")

	require.NoError(t, w.accounts.EnsureAdministrator(w.ctx, account.Bootstrap{Password: "another good one"}))
	require.True(t, w.accepts(admin, good), "a later start changes nothing")
	require.EqualValues(t, 1, w.hasher.hashes.Load())
}

func TestAnInstallationWithAccountsIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	w.user("somebody")
	require.NoError(t, w.accounts.EnsureAdministrator(w.ctx, account.Bootstrap{Password: good}))
	page, err := w.db.Repos().Users.Find(w.ctx, idp.UserFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
	_, err = w.accounts.SetupLink(w.ctx, "")
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
}

func TestSeveralReplicasStartAtOnce(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	var g errgroup.Group
	for range 8 {
		g.Go(func() error { return w.accounts.EnsureAdministrator(w.ctx, account.Bootstrap{}) })
	}
	require.NoError(t, g.Wait())
	w.named("admin")
	w.named("AnonymousUser")
	page, err := w.db.Repos().Groups.Find(w.ctx, idp.GroupFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
	require.True(t, w.named("admin").IsSuperuser)
}

func TestBadBootstrapValuesNameTheVariable(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	err := w.accounts.EnsureAdministrator(w.ctx, account.Bootstrap{Password: strings.Repeat("x", 2000), Email: "x", Token: strings.Repeat("x", 300)})
	require.Equal(t, map[string][]string{
		"bootstrap_password": {"Expected text of at most 1024 bytes."},
		"bootstrap_email":    {"Enter a valid email address."},
		"bootstrap_token":    {"Expected text of at most 255 characters."},
	}, fault(t, err).Fields)
	page, err := w.db.Repos().Users.Find(w.ctx, idp.UserFilter{})
	require.NoError(t, err)
	require.Zero(t, page.Total)
}

func setupKey(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	require.Equal(t, "/if/flow/initial-setup/", u.Path)
	return u.Query().Get("flow_token")
}

func TestTheSetupLinkIsFreshUntilItIsUsed(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	require.NoError(t, w.accounts.EnsureAdministrator(w.ctx, account.Bootstrap{}))
	first, err := w.accounts.SetupLink(w.ctx, "https://id.example.org/")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(first, "https://id.example.org/if/flow/"), first)
	second, err := w.accounts.SetupLink(w.ctx, "")
	require.NoError(t, err)
	_, _, err = w.tokens.OpenLink(w.ctx, setupKey(t, first))
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err), "the former link is invalid")
	opened, admin, err := w.tokens.OpenLink(w.ctx, setupKey(t, second))
	require.NoError(t, err)
	require.Equal(t, "initial-setup", opened.FlowSlug)
	require.Equal(t, idp.IntentRecovery, opened.Intent)
	require.False(t, opened.Expiring)
	redeem := func() error {
		return w.db.InTx(w.ctx, func(tx idp.Repos) error {
			held, err := tx.Users.Hold(w.ctx, admin.ID)
			require.NoError(t, err)
			return idp.RedeemLink(w.ctx, tx, idp.Unlocked{}, held, opened.ID)
		})
	}
	require.NoError(t, redeem())
	require.Equal(t, idp.CodeRefused, idp.CodeOf(redeem()), "one-time")

	// Opened, but left before a password was set: another link may be made.
	_, err = w.accounts.SetupLink(w.ctx, "")
	require.NoError(t, err)
	require.NoError(t, w.accounts.SetPassword(w.ctx, idp.Actor{User: w.now(admin)}, admin.ID, good))
	_, err = w.accounts.SetupLink(w.ctx, "")
	require.Equal(t, idp.CodeConflict, idp.CodeOf(err))
	require.ErrorContains(t, err, "has been set up already")
}

func TestASignedInAdministratorNeedsNoSetupLink(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	require.NoError(t, w.accounts.EnsureAdministrator(w.ctx, account.Bootstrap{}))
	w.signIn(w.named("admin"))
	_, err := w.accounts.SetupLink(w.ctx, "")
	require.Equal(t, idp.CodeConflict, idp.CodeOf(err))
}

// Without a password yet, the administrator of a bootstrap token may not lose
// their rights by their own hand either.
func TestAnAdministratorByTokenKeepsTheirRights(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	require.NoError(t, w.accounts.EnsureAdministrator(w.ctx, account.Bootstrap{Token: "a-token-of-the-operator"}))
	token, u, err := w.tokens.Authenticate(w.ctx, "a-token-of-the-operator")
	require.NoError(t, err)
	actor := idp.Actor{User: u, Token: token}
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(w.accounts.DeleteGroup(w.ctx, actor, u.Groups[0])))
	require.True(t, w.now(u).IsSuperuser)
	g, err := w.accounts.CreateGroup(w.ctx, actor, account.NewGroup{Name: "g"})
	require.NoError(t, err)
	require.NoError(t, w.accounts.DeleteGroup(w.ctx, actor, g.ID))
}
