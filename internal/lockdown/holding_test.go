package lockdown_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// agree lets the user consent to an application.
func (w *world) agree(u *idp.User, application string, expires *time.Time) {
	w.Helper()
	require.NoError(w, w.db.Repos().Consents.Save(w.ctx, &idp.Consent{UserID: u.ID, Application: application, ExpiresAt: expires,
		Generation: w.now(u).TokenGeneration}))
}

// invite makes an invitation of the user's.
func (w *world) invite(u *idp.User, expires *time.Time) {
	w.Helper()
	require.NoError(w, w.db.Repos().Invitations.Create(w.ctx, &idp.Invitation{ID: idp.InvitationID(uuid.New()), Name: "party", ExpiresAt: expires,
		CreatedBy: u.ID, Generation: w.now(u).TokenGeneration}))
}

// held counts the consents and invitations of an account, in Holdings and by
// their own rows, which have to agree.
func (w *world) held(u *idp.User) (consents, invitations int) {
	w.Helper()
	h, err := w.db.Repos().Holder.Holdings(w.ctx, u.ID)
	require.NoError(w, err)
	live := true
	c, err := w.db.Repos().Consents.Find(w.ctx, idp.ConsentFilter{UserID: &u.ID, Live: &live})
	require.NoError(w, err)
	require.Equal(w, c.Total, h.Consents)
	if w.now(u).IsActive { // else none would be let through now, but could be later
		i, err := w.db.Repos().Invitations.Find(w.ctx, idp.InvitationFilter{CreatorName: &u.Username, Live: &live})
		require.NoError(w, err)
		require.Equal(w, i.Total, h.Invitations)
	}
	return h.Consents, h.Invitations
}

// What an account agreed to and whom it invited is counted as what the lockdown
// ends, and only when it does.
func TestConsentsAndInvitationsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for application, expires := range map[string]*time.Time{"a": nil, "b": &future, "c": &future, "over": &past} {
		w.agree(mia, application, expires)
	}
	for _, expires := range []*time.Time{nil, &future, &past} {
		w.invite(mia, expires)
	}
	w.agree(tom, "a", nil)
	w.invite(tom, nil)
	counted := func() []int {
		consents, invitations := w.held(mia)
		return []int{consents, invitations}
	}
	require.Equal(t, []int{3, 2}, counted())
	targets, err := w.lockdowns.Preview(w.ctx, w.admin, []idp.UserID{mia.ID})
	require.NoError(t, err)
	require.Equal(t, []int{3, 2}, []int{targets[0].Holdings.Consents, targets[0].Holdings.Invitations})

	contain := func(sw idp.Switches) idp.Holdings {
		results, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: []idp.UserID{mia.ID}, Reason: "r", Switches: sw})
		require.NoError(t, err)
		record, err := w.lockdowns.Get(w.ctx, w.admin, results[0].Lockdown.ID)
		require.NoError(t, err)
		return record.Ended
	}
	ended := contain(idp.Switches{DeactivateUser: true, DeleteSessions: true})
	require.Equal(t, []int{0, 0}, []int{ended.Consents, ended.Invitations}, "they were not to end")
	require.Equal(t, []int{3, 2}, counted(), "they would be good again with the account")
	require.NoError(t, w.lockdowns.Activate(w.ctx, w.admin, mia.ID))
	require.Equal(t, []int{3, 2}, counted())

	ended = contain(idp.AllSwitches())
	require.Equal(t, []int{3, 2}, []int{ended.Consents, ended.Invitations})
	require.Equal(t, []int{0, 0}, counted())
	events := w.events(idp.ActionIDLockdown)
	told := events[len(events)-1].Context["ended"].(map[string]any)
	require.Equal(t, []any{3.0, 2.0}, []any{told["consents"], told["invitations"]})
	require.NoError(t, w.lockdowns.Activate(w.ctx, w.admin, mia.ID))
	require.Equal(t, []int{0, 0}, counted(), "nothing comes back")
	consents, invitations := w.held(tom)
	require.Equal(t, []int{1, 1}, []int{consents, invitations})
}

// What an application was granted in a session ends with it, and is counted, also where
// tokens go on; what works when nobody is there goes on as well.
func TestGrantsOfSessionsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, repos := w.user("mia"), w.db.Repos()
	session := &idp.Session{UserID: mia.ID, Digest: secret.DigestOf("of mia").Bytes(), Generation: w.now(mia).SessionGeneration, ExpiresAt: time.Now().Add(time.Hour)}
	require.NoError(t, repos.Sessions.Create(w.ctx, session))
	flow := &idp.Flow{Name: "Agree", Slug: "agree", Title: "Agree", Designation: idp.DesignationAuthorization, Authentication: idp.AuthenticationNone,
		DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(t, repos.Flows.Create(w.ctx, flow))
	for slug, offline := range map[string]bool{"wiki": false, "chat": true} {
		p := &idp.OAuthProvider{Name: slug, ClientID: slug, AuthorizationFlow: flow.ID, InvalidationFlow: flow.ID}
		require.NoError(t, repos.OAuthProviders.Create(w.ctx, p))
		a := &idp.Application{Name: slug, Slug: slug, ProviderID: &p.ID}
		require.NoError(t, repos.Applications.Create(w.ctx, a))
		g := &idp.OAuthGrant{ProviderID: p.ID, ApplicationID: a.ID, UserID: mia.ID, SessionID: &session.ID, Offline: offline, Kind: idp.GrantCode, Subject: "mia",
			Generation: w.now(mia).TokenGeneration}
		require.NoError(t, repos.OAuthGrants.Create(w.ctx, g))
		require.NoError(t, repos.OAuthGrants.CreateToken(w.ctx, &idp.OAuthToken{GrantID: g.ID, Kind: idp.OAuthAccess, Digest: secret.DigestOf(slug).Bytes()}, time.Minute))
	}
	targets, err := w.lockdowns.Preview(w.ctx, w.admin, []idp.UserID{mia.ID})
	require.NoError(t, err)
	for sw, want := range map[idp.Switches][]int{{DeleteSessions: true}: {1, 1, 1}, {RevokeTokens: true}: {0, 2, 2}, {DeactivateUser: true}: {0, 0, 0}, idp.AllSwitches(): {1, 2, 2}} {
		ends := lockdown.Ending(targets[0].Holdings, sw)
		require.Equal(t, want, []int{ends.Sessions, ends.Grants, ends.Applications}, "%+v", sw)
	}
	only := idp.Switches{DeleteSessions: true}
	require.Len(t, lockdown.Telling(targets[0].Applications, only), 2, "the session was signed in to both")
	require.Empty(t, lockdown.Telling(targets[0].Applications, idp.Switches{DeactivateUser: true}))

	results, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: []idp.UserID{mia.ID}, Reason: "r", Switches: only})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	ended := results[0].Lockdown.Ended
	require.Equal(t, []int{1, 1, 1}, []int{ended.Sessions, ended.Grants, ended.Applications})
	events := w.events(idp.ActionIDLockdown)
	told := events[len(events)-1].Context["ended"].(map[string]any)
	require.Equal(t, []any{1.0, 1.0}, []any{told["grants"], told["applications"]})
	left, err := repos.Holder.Holdings(w.ctx, mia.ID)
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, []int{left.Grants, left.SessionGrants})
}
