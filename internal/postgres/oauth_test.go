package postgres

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// registered is an application with its provider, as rows.
func registered(t *testing.T, db *DB, slug, logout string) (idp.OAuthProviderID, idp.ApplicationID) {
	t.Helper()
	provider, application := idp.NewID[idp.OAuthProvider](), idp.NewID[idp.Application]()
	flow := &idp.Flow{Slug: "flow-" + slug, Name: slug, Title: slug, Designation: idp.DesignationAuthorization, Authentication: idp.AuthenticationNone,
		PolicyMode: idp.PolicyAny, DeniedAction: idp.DeniedMessage, Layout: "stacked"}
	require.NoError(t, db.Repos().Flows.Create(t.Context(), flow))
	_, err := db.pool.Exec(t.Context(), `INSERT INTO oauth_providers (id, name, authorization_flow, invalidation_flow, client_type, client_id, grant_types,
		code_lifetime, access_lifetime, refresh_lifetime, subject_mode, issuer_mode, logout_uri)
		VALUES ($1, $2, $3, $3, 'confidential', $2, '{authorization_code}', 60, 300, 3600, 'user_uuid', 'per_provider', $4)`, provider, slug, flow.ID, logout)
	require.NoError(t, err)
	_, err = db.pool.Exec(t.Context(), `INSERT INTO applications (id, name, slug, provider_id, cookie_lifetime) VALUES ($1, $2, $2, $3, 3600)`, application, slug, provider)
	require.NoError(t, err)
	return provider, application
}

func digestOf(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func TestTokensOfAGrantEndWithItsSessionItsGenerationAndItself(t *testing.T) {
	t.Parallel()
	db := open(t)
	repos, ctx := db.Repos(), t.Context()
	provider, application := registered(t, db, "wiki", "https://wiki.example.org/logout")
	ada := &idp.User{Username: "ada", Path: "users", Type: idp.UserInternal, IsActive: true}
	require.NoError(t, repos.Users.Create(ctx, ada))
	session := &idp.Session{UserID: ada.ID, Digest: digestOf(1), Generation: ada.SessionGeneration, ExpiresAt: time.Now().Add(time.Hour)}
	require.NoError(t, repos.Sessions.Create(ctx, session))

	grants := repos.OAuthGrants
	tied := &idp.OAuthGrant{ProviderID: provider, ApplicationID: application, UserID: ada.ID, SessionID: &session.ID, Kind: idp.GrantCode, Scopes: []string{"openid"}, Subject: "s"}
	require.NoError(t, grants.Create(ctx, tied))
	offline := &idp.OAuthGrant{ProviderID: provider, ApplicationID: application, UserID: ada.ID, SessionID: &session.ID, Offline: true, Kind: idp.GrantCode, Subject: "s"}
	require.NoError(t, grants.Create(ctx, offline))
	for i, g := range []*idp.OAuthGrant{tied, offline} {
		token := &idp.OAuthToken{GrantID: g.ID, Kind: idp.OAuthAccess, Digest: digestOf(byte(10 + i)), Signed: i == 1}
		require.NoError(t, grants.CreateToken(ctx, token, time.Minute))
		require.Positive(t, token.Num)
		held, err := grants.Use(ctx, token.Digest)
		require.NoError(t, err)
		require.NoError(t, idp.MayAct(idp.DoorAPIToken, held.User, held.Credential()))
		require.Equal(t, "ada", held.User.Username)
		again, err := grants.GetTokenByNum(ctx, token.Num)
		require.NoError(t, err)
		require.Equal(t, held.Token.ID, again.Token.ID)
		require.NotNil(t, again.Grant.LastUsedAt, "the use was not noted")
	}
	live := true
	counted, err := grants.FindTokens(ctx, idp.OAuthTokenFilter{UserID: &ada.ID, Live: &live})
	require.NoError(t, err)
	require.Equal(t, 2, counted.Total)

	ended, err := repos.Sessions.End(ctx, session.ID, "logout")
	require.NoError(t, err)
	require.True(t, ended)
	refused := func(digest byte) bool {
		held, err := grants.Use(ctx, digestOf(digest))
		require.NoError(t, err)
		return idp.MayAct(idp.DoorAPIToken, held.User, held.Credential()) != nil
	}
	require.True(t, refused(10), "the token outlived its session")
	require.False(t, refused(11), "the offline token ended with the session")
	alive, err := grants.Find(ctx, idp.OAuthGrantFilter{UserID: &ada.ID, Live: &live})
	require.NoError(t, err)
	require.Len(t, alive.Items, 1)
	notices, err := repos.LogoutNotices.Find(ctx, idp.LogoutNoticeFilter{UserID: &ada.ID})
	require.NoError(t, err)
	require.Len(t, notices.Items, 1, "one notice for the application whose session ended")
	require.Equal(t, session.ID, *notices.Items[0].SessionID)
	require.Equal(t, idp.NoticePending, notices.Items[0].State)
	require.NotNil(t, notices.Items[0].ExposedUntil)
	require.NotNil(t, notices.Items[0].TokensUntil)

	ada.TokenGeneration++
	require.NoError(t, repos.Users.Update(ctx, ada))
	require.True(t, refused(11), "the offline token outlived its generation")
	notices, err = repos.LogoutNotices.Find(ctx, idp.LogoutNoticeFilter{UserID: &ada.ID})
	require.NoError(t, err)
	require.Len(t, notices.Items, 2)
	require.Nil(t, notices.Items[0].SessionID)

	took, err := repos.LogoutNotices.Take(ctx, time.Minute, []string{"other"})
	require.NoError(t, err)
	require.Equal(t, notices.Items[1].ID, took.ID)
	done, err := repos.LogoutNotices.End(ctx, took.ID, took.Tries, idp.NoticeOutcome{State: idp.NoticeDelivered, Answer: "200"})
	require.NoError(t, err)
	require.True(t, done)
	again, err := repos.LogoutNotices.Again(ctx, took.ID)
	require.NoError(t, err)
	require.True(t, again)
	due, err := repos.LogoutNotices.Due(ctx, time.Minute)
	require.NoError(t, err)
	require.Zero(t, due)
	count, err := repos.LogoutNotices.Count(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, count[idp.NoticePending])

	require.NoError(t, repos.Users.Delete(ctx, ada.ID))
	all, err := repos.LogoutNotices.Find(ctx, idp.LogoutNoticeFilter{})
	require.NoError(t, err)
	require.Equal(t, 2, all.Total, "what was over was told again")
	require.Nil(t, all.Items[0].UserID)
	require.Equal(t, "ada", all.Items[0].Username)
}

func TestDeletingSomebodyTellsTheirApplications(t *testing.T) {
	t.Parallel()
	db := open(t)
	repos, ctx := db.Repos(), t.Context()
	provider, application := registered(t, db, "wiki", "https://wiki.example.org/logout")
	silent, other := registered(t, db, "mute", "")
	ada := &idp.User{Username: "ada", Path: "users", Type: idp.UserInternal, IsActive: true}
	require.NoError(t, repos.Users.Create(ctx, ada))
	session := &idp.Session{UserID: ada.ID, Digest: digestOf(1), Generation: ada.SessionGeneration, ExpiresAt: time.Now().Add(time.Hour)}
	require.NoError(t, repos.Sessions.Create(ctx, session))
	for _, to := range []struct {
		provider    idp.OAuthProviderID
		application idp.ApplicationID
	}{{provider, application}, {silent, other}, {silent, other}} {
		require.NoError(t, repos.OAuthGrants.Create(ctx, &idp.OAuthGrant{ProviderID: to.provider, ApplicationID: to.application, UserID: ada.ID, SessionID: &session.ID,
			Kind: idp.GrantCode, Subject: "s"}))
	}
	require.NoError(t, repos.Users.Delete(ctx, ada.ID))
	all, err := repos.LogoutNotices.Find(ctx, idp.LogoutNoticeFilter{Paging: idp.Paging{Order: []string{"application"}}})
	require.NoError(t, err)
	require.Len(t, all.Items, 2)
	require.Equal(t, idp.NoticeNoAddress, all.Items[0].State)
	require.Equal(t, idp.NoticePending, all.Items[1].State)
	require.Equal(t, "deletion", all.Items[1].Cause)
}

func TestWhatIsUnderWayWorksOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	repos, ctx := db.Repos(), t.Context()
	provider, application := registered(t, db, "wiki", "")
	ada := &idp.User{Username: "ada", Path: "users", Type: idp.UserInternal, IsActive: true}
	require.NoError(t, repos.Users.Create(ctx, ada))
	r := repos.OAuthRequests

	pushed := &idp.OAuthRequest{Digest: digestOf(1), ProviderID: provider, Params: map[string]string{"scope": "openid"}}
	require.NoError(t, r.Create(ctx, pushed, time.Minute))
	took, err := r.TakePushed(ctx, pushed.Digest)
	require.NoError(t, err)
	require.Equal(t, "openid", took.Params["scope"])
	_, err = r.TakePushed(ctx, pushed.Digest)
	require.True(t, idp.Is(err, idp.CodeNotFound))

	waiting := &idp.OAuthRequest{ProviderID: provider, Browser: []byte("b"), Params: map[string]string{}}
	require.NoError(t, r.Create(ctx, waiting, time.Minute))
	waiting.UserID, waiting.Scopes = &ada.ID, []string{"openid"}
	require.NoError(t, r.Approve(ctx, waiting))
	held, err := r.Hold(ctx, waiting.ID)
	require.NoError(t, err)
	require.NotNil(t, held.ApprovedAt)
	require.False(t, held.Expired)
	require.NoError(t, r.Delete(ctx, waiting.ID))

	code := &idp.OAuthCode{Digest: digestOf(2), ProviderID: provider, UserID: ada.ID, SessionID: idp.NewID[idp.Session](), RedirectURI: "https://x/", AuthTime: time.Now()}
	require.NoError(t, r.CreateCode(ctx, code, time.Minute))
	codes, err := r.FindCodes(ctx, idp.OAuthCodeFilter{UserID: &ada.ID})
	require.NoError(t, err)
	require.Len(t, codes.Items, 1)
	grant := &idp.OAuthGrant{ProviderID: provider, ApplicationID: application, UserID: ada.ID, Kind: idp.GrantCode, Subject: "s"}
	require.NoError(t, repos.OAuthGrants.Create(ctx, grant))
	for i := range 2 {
		spent, err := r.SpendCode(ctx, code.Digest, grant.ID)
		require.NoError(t, err)
		require.Equal(t, i == 0, spent)
	}
	again, err := r.HoldCode(ctx, code.Digest)
	require.NoError(t, err)
	require.Equal(t, grant.ID, *again.GrantID)

	device := &idp.OAuthDevice{Digest: digestOf(3), UserCode: digestOf(4), ProviderID: provider, Interval: 5 * time.Second}
	require.NoError(t, r.CreateDevice(ctx, device, time.Minute))
	found, err := r.GetDevice(ctx, device.UserCode)
	require.NoError(t, err)
	require.Equal(t, 5*time.Second, found.Interval)
	for i := range 2 {
		polled, err := r.Poll(ctx, device.Digest)
		require.NoError(t, err)
		require.Equal(t, i == 1, polled.TooSoon)
		require.Equal(t, time.Duration(5+5*i)*time.Second, polled.Interval)
	}
	found.State, found.UserID = idp.DeviceApproved, &ada.ID
	decided, err := r.Decide(ctx, found)
	require.NoError(t, err)
	require.True(t, decided)
	for i := range 2 {
		used, err := r.UseDevice(ctx, found.ID)
		require.NoError(t, err)
		require.Equal(t, i == 0, used)
	}
	n, err := r.Purge(ctx, -time.Hour, 10)
	require.NoError(t, err)
	require.Equal(t, 2, n)

	key := &idp.SigningKey{ID: "k", Algorithm: "ES256", Private: "sealed", Public: []byte{1}}
	require.NoError(t, repos.SigningKeys.Create(ctx, key, time.Hour))
	require.NoError(t, repos.SigningKeys.Retire(ctx, "k"))
	keys, err := repos.SigningKeys.All(ctx)
	require.NoError(t, err)
	require.NotNil(t, keys[0].RetiredAt)
}
