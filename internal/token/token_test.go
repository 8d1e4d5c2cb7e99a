package token_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/token"
)

func TestAnAPITokenIsShownOnceAndOpensTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := idp.Actor{User: w.user("mia")}
	issued, key := w.issue(mia, token.Draft{User: mia.User.ID, Identifier: "ci", Description: "for CI"})
	require.Len(t, key, 43)
	require.True(t, secret.DigestOf(key).Equal(issued.Digest), "only a digest is kept")
	found, u, err := w.tokens.Authenticate(w.ctx, key)
	require.NoError(t, err)
	require.Equal(t, issued.ID, found.ID)
	require.Equal(t, idp.IntentAPI, found.Intent)
	require.Equal(t, "mia", u.Username)
	require.Nil(t, found.ExpiresAt)
	events := w.events(idp.ActionModelCreated)
	require.Len(t, events, 1)
	require.Equal(t, "ci", events[0].Context["model"].(map[string]any)["name"])
}

func TestKeysThatMayNotOpenTheAPIAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	system := idp.SystemActor()
	soon := time.Now().Add(time.Hour)
	keys := map[string]string{"empty": "", "forged": secret.Token(), "NUL": "\x00", "huge": strings.Repeat("k", 1<<20)}
	want := map[string]idp.Refusal{"empty": idp.RefusedUnknown, "forged": idp.RefusedUnknown, "NUL": idp.RefusedUnknown, "huge": idp.RefusedUnknown}
	for _, intent := range []idp.TokenIntent{idp.IntentAppPassword, idp.IntentRecovery, idp.IntentVerification} {
		_, keys[string(intent)] = w.issue(system, token.Draft{User: mia.ID, Identifier: string(intent), Intent: intent})
		want[string(intent)] = idp.RefusedIntent
	}
	expired, key := w.issue(system, token.Draft{User: mia.ID, Identifier: "expired", Expiring: true, ExpiresAt: &soon})
	past := time.Now().Add(-time.Second)
	expired.ExpiresAt = &past
	require.NoError(t, w.db.Repos().Tokens.Update(w.ctx, expired))
	keys["expired"], want["expired"] = key, idp.RefusedExpired

	ended, key := w.issue(system, token.Draft{User: mia.ID, Identifier: "ended"})
	_, err := w.db.Repos().Tokens.Revoke(w.ctx, ended.ID)
	require.NoError(t, err)
	keys["ended"], want["ended"] = key, idp.RefusedEnded

	off := w.user("off")
	_, key = w.issue(system, token.Draft{User: off.ID, Identifier: "of-off"})
	require.NoError(t, w.lockdowns.Deactivate(w.ctx, system, off.ID))
	keys["inactive"], want["inactive"] = key, idp.RefusedInactive

	back := w.user("back")
	_, key = w.issue(system, token.Draft{User: back.ID, Identifier: "of-back"})
	require.NoError(t, w.lockdowns.Deactivate(w.ctx, system, back.ID))
	require.NoError(t, w.lockdowns.Activate(w.ctx, system, back.ID))
	keys["generation"], want["generation"] = key, idp.RefusedGeneration

	for name, key := range keys {
		found, u, err := w.tokens.Authenticate(w.ctx, key)
		require.Equal(t, want[name], fault(t, err).Reason, name)
		require.Equal(t, "Token invalid/expired", fault(t, err).Message, name)
		require.Nil(t, found, name)
		require.Nil(t, u, name)
	}
}

func TestWhoMayIssueWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	off, nobody := w.user("off", inactive), w.user(idp.AnonymousUsername)
	key, managed := secret.Token(), "system"
	owner, system := idp.Actor{User: mia}, idp.SystemActor()
	n := 0
	for name, c := range map[string]struct {
		actor idp.Actor
		draft token.Draft
		want  idp.Code
	}{
		"own":                      {owner, token.Draft{User: mia.ID}, ""},
		"own app password":         {owner, token.Draft{User: mia.ID, Intent: idp.IntentAppPassword}, ""},
		"own recovery link":        {owner, token.Draft{User: mia.ID, Intent: idp.IntentRecovery}, idp.CodeInvalid},
		"own flow":                 {owner, token.Draft{User: mia.ID, FlowSlug: "x"}, idp.CodeInvalid},
		"another's":                {owner, token.Draft{User: tom.ID}, idp.CodeForbidden},
		"own with a chosen key":    {owner, token.Draft{User: mia.ID, Key: &key}, idp.CodeForbidden},
		"own managed":              {owner, token.Draft{User: mia.ID, Managed: &managed}, idp.CodeForbidden},
		"nobody signed in":         {idp.Actor{}, token.Draft{User: mia.ID}, idp.CodeUnsigned},
		"system":                   {system, token.Draft{User: mia.ID, Key: &key, Managed: &managed}, ""},
		"for an inactive account":  {system, token.Draft{User: off.ID}, idp.CodeRefused},
		"by an inactive account":   {idp.Actor{User: off}, token.Draft{User: off.ID}, idp.CodeForbidden},
		"for the anonymous user":   {system, token.Draft{User: nobody.ID}, idp.CodeRefused},
		"for an unknown user":      {system, token.Draft{User: 4711}, idp.CodeInvalid},
		"api token opening a flow": {system, token.Draft{User: mia.ID, FlowSlug: "x"}, idp.CodeInvalid},
	} {
		n++
		c.draft.Identifier = fmt.Sprintf("t%d", n)
		_, _, err := w.tokens.Issue(w.ctx, c.actor, c.draft)
		require.Equal(t, c.want, idp.CodeOf(err), "%s: %v", name, err)
	}
}

func TestBadTokensNameTheField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	past, short := time.Now().Add(-time.Hour), "short"
	w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "taken"})
	for name, c := range map[string]struct {
		draft token.Draft
		field string
		says  string
	}{
		"blank":        {token.Draft{}, "identifier", "This field may not be blank."},
		"long":         {token.Draft{Identifier: strings.Repeat("a", 256)}, "identifier", "Ensure this field has no more than 255 characters."},
		"no slug":      {token.Draft{Identifier: "a b"}, "identifier", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."},
		"NUL":          {token.Draft{Identifier: "a\x00"}, "identifier", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."},
		"taken":        {token.Draft{Identifier: "taken"}, "identifier", "This field must be unique."},
		"intent":       {token.Draft{Identifier: "x", Intent: "root"}, "intent", "\"root\" is not a valid choice."},
		"description":  {token.Draft{Identifier: "x", Description: "\x00"}, "description", "Null characters are not allowed."},
		"past":         {token.Draft{Identifier: "x", Expiring: true, ExpiresAt: &past}, "expires", "Ensure this value is in the future."},
		"short key":    {token.Draft{Identifier: "x", Key: &short}, "key", "Ensure this field has at least 20 and no more than 255 characters."},
		"unknown user": {token.Draft{Identifier: "x", User: 4711}, "user", "Invalid pk \"4711\" - object does not exist."},
	} {
		if c.draft.User == 0 {
			c.draft.User = mia.ID
		}
		_, _, err := w.tokens.Issue(w.ctx, idp.SystemActor(), c.draft)
		require.Equal(t, []string{c.says}, fault(t, err).Fields[c.field], name)
	}
}

func TestATokenExpiresByDefaultAfterHalfAnHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issued, _ := w.issue(idp.SystemActor(), token.Draft{User: w.user("mia").ID, Identifier: "x", Expiring: true})
	now, err := w.db.Now(w.ctx)
	require.NoError(t, err)
	require.WithinDuration(t, now.Add(30*time.Minute), *issued.ExpiresAt, time.Second)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := idp.Actor{User: w.user("mia")}, idp.Actor{User: w.user("tom")}
	issued, key := w.issue(mia, token.Draft{User: mia.User.ID, Identifier: "ci"})
	id, text, expiring, future := "ci2", "text", true, time.Now().Add(time.Hour).UTC()
	changed, err := w.tokens.Update(w.ctx, mia, issued.ID, token.Patch{Identifier: &id, Description: &text, Expiring: &expiring, ExpiresAt: &future})
	require.NoError(t, err)
	require.Equal(t, "ci2", changed.Identifier)
	require.WithinDuration(t, future, *changed.ExpiresAt, time.Millisecond)
	_, _, err = w.tokens.Authenticate(w.ctx, key)
	require.NoError(t, err)

	recovery, bad := idp.IntentRecovery, idp.TokenIntent("x")
	for name, c := range map[string]struct {
		actor idp.Actor
		patch token.Patch
		want  idp.Code
	}{
		"another's":            {tom, token.Patch{Description: &text}, idp.CodeNotFound},
		"nobody":               {idp.Actor{}, token.Patch{Description: &text}, idp.CodeUnsigned},
		"into a recovery link": {idp.SystemActor(), token.Patch{Intent: &recovery}, idp.CodeInvalid},
		"bad intent":           {mia, token.Patch{Intent: &bad}, idp.CodeInvalid},
	} {
		_, err := w.tokens.Update(w.ctx, c.actor, issued.ID, c.patch)
		require.Equal(t, c.want, idp.CodeOf(err), name)
	}
	_, err = w.tokens.Update(w.ctx, idp.SystemActor(), idp.NewID[idp.Token](), token.Patch{})
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
}

func TestAnEndedTokenStaysEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	off := false
	revoked, _ := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "revoked"})
	_, err := w.db.Repos().Tokens.Revoke(w.ctx, revoked.ID)
	require.NoError(t, err)
	old, key := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "old"})
	require.NoError(t, w.lockdowns.Deactivate(w.ctx, idp.SystemActor(), mia.ID))
	_, err = w.tokens.Update(w.ctx, idp.SystemActor(), old.ID, token.Patch{Expiring: &off})
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err), "an account that is switched off keeps its tokens as they are")
	require.NoError(t, w.lockdowns.Activate(w.ctx, idp.SystemActor(), mia.ID))
	for _, id := range []idp.TokenID{revoked.ID, old.ID} {
		_, err := w.tokens.Update(w.ctx, idp.SystemActor(), id, token.Patch{Expiring: &off})
		require.Equal(t, idp.CodeInvalid, idp.CodeOf(err))
	}
	_, _, err = w.tokens.Authenticate(w.ctx, key)
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
}

func TestRevokingFreesTheIdentifier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := idp.Actor{User: w.user("mia")}, idp.Actor{User: w.user("tom")}
	issued, key := w.issue(mia, token.Draft{User: mia.User.ID, Identifier: "ci"})
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(w.tokens.Revoke(w.ctx, tom, issued.ID)))
	require.Equal(t, idp.CodeUnsigned, idp.CodeOf(w.tokens.Revoke(w.ctx, idp.Actor{}, issued.ID)))
	require.NoError(t, w.tokens.Revoke(w.ctx, mia, issued.ID))
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(w.tokens.Revoke(w.ctx, mia, issued.ID)))
	_, _, err := w.tokens.Authenticate(w.ctx, key)
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
	require.Len(t, w.events(idp.ActionModelDeleted), 1)
	w.issue(mia, token.Draft{User: mia.User.ID, Identifier: "ci"})
}

func TestPeopleSeeOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := idp.Actor{User: w.user("mia")}, idp.Actor{User: w.user("tom")}
	issued, _ := w.issue(mia, token.Draft{User: mia.User.ID, Identifier: "of-mia"})
	w.issue(tom, token.Draft{User: tom.User.ID, Identifier: "of-tom"})
	got, err := w.tokens.GetByIdentifier(w.ctx, mia, "of-mia")
	require.NoError(t, err)
	require.Equal(t, issued.ID, got.ID)
	_, err = w.tokens.GetByIdentifier(w.ctx, mia, "of-tom")
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	_, err = w.tokens.Get(w.ctx, tom, issued.ID)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	_, err = w.tokens.Get(w.ctx, idp.Actor{}, idp.NewID[idp.Token]())
	require.Equal(t, idp.CodeUnsigned, idp.CodeOf(err))
	page, err := w.tokens.Find(w.ctx, mia, idp.TokenFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
	_, err = w.tokens.Find(w.ctx, mia, idp.TokenFilter{UserID: &tom.User.ID})
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	page, err = w.tokens.Find(w.ctx, idp.SystemActor(), idp.TokenFilter{})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total)
}
