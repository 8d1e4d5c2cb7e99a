package app_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// spoil makes one reason to refuse true.
type spoil string

// What can be done to an account or to a credential between the moment somebody
// got hold of it and the moment they come to a door with it.
const (
	healthy  spoil = "healthy" // nothing: the door opens
	forged   spoil = "forged"  // there is no such thing
	nobodys  spoil = "nobodys" // it is the anonymous user's
	closed   spoil = "closed"  // the account is switched off, the credential as it was
	outdated spoil = "outdated"
	expired  spoil = "expired"
	ended    spoil = "ended"
	misused  spoil = "misused" // a token of another intent
	moved    spoil = "moved"   // a session comes from where its binding does not allow it
	barred   spoil = "locked"  // a lock on the account is in force
	mistyped spoil = "password"
	guessed  spoil = "lockout" // somebody guessed at the password too often
	doubtful spoil = "stale"   // a role of the account wants more certainty about locks than there ever is
)

// opens reports whether every door but those of secrets opens all the same.
func (s spoil) opens() bool { return s == healthy || s == guessed }

// spoils says which of them is which refusal.
var spoils = map[idp.Refusal]spoil{
	idp.RefusedUnknown: forged, idp.RefusedAnonymous: nobodys, idp.RefusedInactive: closed, idp.RefusedGeneration: outdated,
	idp.RefusedExpired: expired, idp.RefusedEnded: ended, idp.RefusedIntent: misused,
	idp.RefusedBinding: moved, idp.RefusedLocked: barred, idp.RefusedStale: doubtful, idp.RefusedPassword: mistyped, idp.RefusedLockout: guessed,
}

// cannot holds every pair that no state of the world brings about, and why.
var cannot = map[idp.Door]map[idp.Refusal]string{
	idp.DoorPassword: {
		idp.RefusedExpired: "passwords have no time at which they end",
		idp.RefusedEnded:   "a password is replaced or made unusable; it then simply does not match",
		idp.RefusedIntent:  "a password has one purpose",
	},
	idp.DoorSignIn: {
		idp.RefusedExpired: "a sign-in under way is forgotten after its time: the browser begins anew",
		idp.RefusedEnded:   "everything of an account ends at once, by its generation; a single sign-in under way cannot be ended",
		idp.RefusedIntent:  "what proved who somebody is was judged at its own door",
	},
	idp.DoorSession: {
		idp.RefusedIntent: "a session has one purpose",
	},
	idp.DoorAuthorize: {
		idp.RefusedIntent: "a session has one purpose",
	},
	idp.DoorForwardAuth: {
		idp.RefusedIntent: "a pass has one purpose",
	},
	idp.DoorSecondFactor: {
		idp.RefusedAnonymous: "nobody's account gets a second factor: setting one up asks the door",
		idp.RefusedExpired:   "a code of another moment, and an answer to an older question, are wrong ones",
		idp.RefusedEnded:     "a factor that was removed is gone: nothing fits",
		idp.RefusedIntent:    "a second factor has one purpose",
	},
	idp.DoorPasskey: {
		idp.RefusedAnonymous:  "nobody's account gets a passkey: setting one up asks the door",
		idp.RefusedGeneration: "a passkey says who somebody is at this moment: nothing was established before",
		idp.RefusedExpired:    "an answer to an older question is a wrong one",
		idp.RefusedEnded:      "a passkey that was removed is unknown",
		idp.RefusedIntent:     "a passkey has one purpose",
	},
	idp.DoorAccessRequest: {
		idp.RefusedIntent: "a request has one purpose",
	},
	idp.DoorInvitation: {
		idp.RefusedEnded: "an invitation that was used up or withdrawn is gone: it is unknown",
	},
	idp.DoorConsent: {
		idp.RefusedExpired: "a flow under way is forgotten after its time",
		idp.RefusedEnded:   "everything of an account ends at once, by its generation",
		idp.RefusedIntent:  "what proved who somebody is was judged at its own door",
	},
	idp.DoorClientCredentials: {
		idp.RefusedUnknown: firstUse, idp.RefusedAnonymous: firstUse, idp.RefusedGeneration: firstUse,
		idp.RefusedExpired: firstUse, idp.RefusedEnded: firstUse, idp.RefusedIntent: firstUse,
	},
}

// firstUse is why little can be wrong with the account of a client.
const firstUse = "the account is made at the client's first use, and nothing is brought that was made before"

// doors opens each door, for an account spoilt in one way. The error is what the
// use case says; where strangers reach the door over HTTP, the way in makes sure
// that the answer there is the same.
var doors = map[idp.Door]func(d *doorway, how spoil) error{
	idp.DoorPassword:     (*doorway).password,
	idp.DoorSignIn:       (*doorway).signIn,
	idp.DoorSession:      (*doorway).session,
	idp.DoorAPIToken:     (*doorway).apiToken,
	idp.DoorAppPassword:  (*doorway).appPassword,
	idp.DoorTokenIssue:   (*doorway).tokenIssue,
	idp.DoorFlowLink:     (*doorway).flowLink,
	idp.DoorRecoveryLink: (*doorway).recoveryLink,
	idp.DoorPasswordSet:  (*doorway).passwordSet,
	idp.DoorInvitation:   (*doorway).invitation,
	idp.DoorConsent:      (*doorway).consent,
	idp.DoorAuthorize:    (*doorway).authorize,

	idp.DoorCodeExchange:      (*doorway).codeExchange,
	idp.DoorTokenRefresh:      (*doorway).tokenRefresh,
	idp.DoorClientCredentials: (*doorway).clientCredentials,
	idp.DoorDevicePoll:        (*doorway).devicePoll,
	idp.DoorUserinfo:          (*doorway).userinfo,
	idp.DoorIntrospect:        (*doorway).introspect,
	idp.DoorOAuthAPI:          (*doorway).oauthAPI,
	idp.DoorForwardAuth:       (*doorway).forwardAuth,

	idp.DoorSecondFactor: (*doorway).secondFactor,
	idp.DoorPasskey:      (*doorway).passkey,

	idp.DoorAccessRequest: (*doorway).accessRequest,
}

// secrets are the doors at which somebody types one: those that guessing shuts.
var secrets = map[idp.Door]bool{idp.DoorPassword: true, idp.DoorAppPassword: true, idp.DoorSecondFactor: true, idp.DoorPasskey: true}

func TestAllDoorsAllRefusals(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	s.adjust = func(c *config.Config) { c.LockingMaxStaleness = 1 } // nobody is ever as sure as that
	s.open()
	for _, door := range idp.Doors() {
		open := doors[door]
		require.NotNil(t, open, "no test opens the door %s", door)
		d := &doorway{site: s, replica: s.replicas[0]}
		require.NoError(t, open(d, healthy), "the door %s stays shut for a healthy account", door)
		for _, refusal := range idp.Refusals() {
			how, known := spoils[refusal]
			require.True(t, known, "no test brings the refusal %s about", refusal)
			if cannot[door][refusal] != "" || refusal == idp.RefusedBinding && door != idp.DoorSession ||
				refusal == idp.RefusedPassword && !secrets[door] {
				continue // only sessions are bound, and judged at the one door that honours them
			}
			err := open(d, how)
			if refusal == idp.RefusedLockout && !secrets[door] {
				require.NoError(t, err, "%s: whoever guesses at a password shuts no other door", door)
				continue
			}
			var e *idp.Error
			require.True(t, errors.As(err, &e), "%s × %s: %v", door, refusal, err)
			if want, other := otherwise[door][refusal]; other {
				require.Equal(t, want, e.Code, "%s × %s: %v", door, refusal, err)
				continue
			}
			require.Equal(t, idp.CodeRefused, e.Code, "%s × %s: %v", door, refusal, err)
			require.Equal(t, refusal, e.Reason, "%s × %s", door, refusal)
		}
	}
	require.Len(t, doors, len(idp.Doors()))
	require.Len(t, spoils, len(idp.Refusals()))
	for door, refusals := range cannot {
		require.Contains(t, idp.Doors(), door)
		for refusal := range refusals {
			require.Contains(t, idp.Refusals(), refusal)
		}
	}
}

// otherwise holds the pairs that are refused by another rule: administrators who
// name an account that does not exist are told so.
var otherwise = map[idp.Door]map[idp.Refusal]idp.Code{
	idp.DoorTokenIssue:   {idp.RefusedUnknown: idp.CodeInvalid},
	idp.DoorRecoveryLink: {idp.RefusedUnknown: idp.CodeNotFound},
	idp.DoorPasswordSet:  {idp.RefusedUnknown: idp.CodeNotFound},

	idp.DoorAccessRequest: {idp.RefusedUnknown: idp.CodeNotFound},
}

// doorway makes accounts and takes them to doors.
type doorway struct {
	*site
	*replica
}

const nobodyID idp.UserID = 1_000_000

// person is a fresh account, or the anonymous one.
func (d *doorway) person(how spoil) *idp.User {
	if how == nobodys {
		return d.named(idp.AnonymousUsername)
	}
	return d.user(unique("person"))
}

// switchOff closes an account and touches nothing else: no generation is raised,
// so that the one rule alone stands between its credentials and the door.
func (d *doorway) switchOff(u *idp.User) {
	d.Helper()
	now := d.now(u)
	now.IsActive = false
	d.write(now)
}

// write changes the account as every act does: in a transaction, whose end waits until
// what servers know by heart has followed.
func (d *doorway) write(u *idp.User) {
	d.Helper()
	require.NoError(d, d.DB.InTx(d.Context(), func(tx idp.Repos) error { return tx.Users.Update(d.Context(), u) }))
}

// endAll raises both generations, as a lockdown does.
func (d *doorway) endAll(u *idp.User) {
	d.Helper()
	now := d.now(u)
	now.SessionGeneration++
	now.TokenGeneration++
	d.write(now)
}

// sessionOf is a session of the account, spoilt.
func (d *doorway) sessionOf(u *idp.User, how spoil) (*idp.Session, string) {
	d.Helper()
	clock, err := d.DB.Now(d.Context())
	require.NoError(d, err)
	cookie := secret.Token()
	row := &idp.Session{UserID: u.ID, Digest: secret.DigestOf(cookie).Bytes(), Generation: d.now(u).SessionGeneration,
		AuthMethod: "password", CreatedAt: clock.Add(-time.Hour), LastSeenAt: clock, ProvedAt: clock, ExpiresAt: clock.Add(time.Hour)}
	switch how {
	case expired:
		row.ExpiresAt = clock.Add(-time.Second)
	case moved:
		row.IP, row.Binding.Network = netip.MustParseAddr("198.51.100.77"), idp.BindASNNetworkIP
	}
	require.NoError(d, d.repos().Sessions.Create(d.Context(), row))
	if how == ended {
		_, err := d.repos().Sessions.End(d.Context(), row.ID, "ended by a test")
		require.NoError(d, err)
	}
	d.common(u, how)
	if how == forged {
		return row, secret.Token()
	}
	return row, cookie
}

// tokenOf is a token of the account, spoilt.
func (d *doorway) tokenOf(u *idp.User, intent, other idp.TokenIntent, how spoil) (*idp.Token, string) {
	d.Helper()
	clock, err := d.DB.Now(d.Context())
	require.NoError(d, err)
	key := secret.Token()
	row := &idp.Token{Identifier: unique("spoilt"), Intent: intent, UserID: u.ID, Digest: secret.DigestOf(key).Bytes(),
		Generation: d.now(u).TokenGeneration, CreatedAt: clock.Add(-time.Hour), FlowSlug: recoveryFlow, StepUpExempt: true}
	switch how {
	case expired:
		past := clock.Add(-time.Second)
		row.Expiring, row.ExpiresAt = true, &past
	case misused:
		row.Intent = other
	case forged:
		key = secret.Token()
	}
	require.NoError(d, d.repos().Tokens.Create(d.Context(), row))
	if how == ended {
		_, err := d.repos().Tokens.Revoke(d.Context(), row.ID)
		require.NoError(d, err)
	}
	d.common(u, how)
	return row, key
}

// lock puts a lock on the account.
func (d *doorway) lock(u *idp.User) {
	d.Helper()
	require.NoError(d, d.DB.InTx(d.Context(), func(tx idp.Repos) error {
		return tx.Locks.Create(d.Context(), &idp.Lock{CreatedBy: "a test", Message: "Come back tomorrow.",
			Target: idp.LockTarget{{Kind: idp.LockUser, Value: u.Username}}})
	}))
}

// doubt gives the account a role for which locks are judged strictly.
func (d *doorway) doubt(u *idp.User) {
	d.Helper()
	name := unique("strict")
	_, err := d.RoleService.Create(d.Context(), idp.SystemActor(), access.Draft{Name: name, Spec: idp.RoleSpec{Options: idp.RoleOptions{Lock: idp.Strict}}})
	require.NoError(d, err)
	require.NoError(d, d.RoleService.SetUserRoles(d.Context(), idp.SystemActor(), u.ID, []string{name}))
}

// common does what concerns the account.
func (d *doorway) common(u *idp.User, how spoil) {
	switch how {
	case closed:
		d.switchOff(u)
	case outdated:
		d.endAll(u)
	case barred:
		d.lock(u)
	case guessed:
		d.guessAt(u)
	case doubtful:
		d.doubt(u)
	}
}

// guessAt has strangers lock the account out.
func (d *doorway) guessAt(u *idp.User) {
	d.Helper()
	for i := range 5 {
		passed, err := d.Accounts.Authenticate(d.Context(), idp.Actor{}, idp.Attempt{User: d.now(u), Secret: fmt.Sprint("wrong ", i)})
		require.NoError(d, err)
		require.False(d, passed)
	}
	active := true
	page, err := d.repos().Lockouts.Find(d.Context(), idp.LockoutFilter{UserID: &u.ID, Active: &active})
	require.NoError(d, err)
	require.Len(d, page.Items, 1)
}

// agree makes sure that HTTP says what the use case says.
func (d *doorway) agree(err error, admitted bool, what string) error {
	d.Helper()
	require.Equal(d, err == nil, admitted, "%s: over HTTP admitted %v, the use case says %v", what, admitted, err)
	return err
}

func (d *doorway) session(how spoil) error {
	d.Helper()
	_, cookie := d.sessionOf(d.person(how), how)
	found, u, err := d.Sessions.Visit(d.Context(), cookie)
	if err == nil {
		err = d.Sessions.Follow(d.Context(), idp.Actor{User: u, Session: found}, found, u, netip.MustParseAddr("192.0.2.1"))
	}
	b := d.holding(cookie)
	page := b.get("/if/user/")
	require.Equal(d, err == nil, page.status == http.StatusOK, "the page says %d", page.status)
	switch {
	case idp.Locked(err):
		require.Equal(d, http.StatusForbidden, page.status)
		require.Contains(d, string(page.body), map[spoil]string{barred: "Come back tomorrow.", doubtful: "preventive lock-out"}[how])
	case err != nil:
		require.Contains(d, page.location(), "/flows/-/default/authentication/", "strangers are sent to sign in")
	}
	d.watching(how)
	return d.agree(err, b.works(), "session")
}

func (d *doorway) apiToken(how spoil) error {
	d.Helper()
	for _, other := range []idp.TokenIntent{idp.IntentAppPassword, idp.IntentRecovery, idp.IntentVerification} {
		_, key := d.tokenOf(d.person(how), idp.IntentAPI, other, how)
		_, _, err := d.Tokens.Authenticate(d.Context(), key)
		answer := d.program(key).get("/api/v3/core/users/me/")
		if idp.Locked(err) {
			require.Equal(d, map[spoil]string{barred: "lock_in_force", doubtful: "lock_view_stale"}[how], answer.json(http.StatusForbidden)["code"])
		} else if err != nil {
			require.Equal(d, "Token invalid/expired", answer.json(http.StatusForbidden)["detail"])
		}
		if d.agree(err, answer.status == http.StatusOK, "API token") == nil || how != misused || other == idp.IntentVerification {
			return err
		}
	}
	return nil
}

func (d *doorway) flowLink(how spoil) error {
	d.Helper()
	person := d.person(how)
	row, key := d.tokenOf(person, idp.IntentRecovery, idp.IntentAPI, how)
	_, _, err := d.Tokens.OpenLink(d.Context(), key)
	answer := d.browser().get("/if/flow/" + recoveryFlow + "/?flow_token=" + key)
	switch {
	case idp.Locked(err): // whoever holds the link is told, in the browser and through the API
		require.Contains(d, string(answer.body), map[spoil]string{barred: "Come back tomorrow.", doubtful: "preventive lock-out"}[how])
		got := d.browser().get("/api/v3/flows/executor/" + recoveryFlow + "/?query=flow_token%3D" + key).json(http.StatusOK)
		require.Equal(d, "ak-stage-access-denied", got["component"])
		require.Equal(d, err.Error(), got["error_message"])
	case err != nil:
		require.Contains(d, string(answer.body), "This link does not work", "one message for all")
	}
	if how == forged {
		row.ID = idp.NewID[idp.Token]()
	}
	redeem := func() error {
		return d.DB.InTx(d.Context(), func(tx idp.Repos) error { return idp.RedeemLink(d.Context(), tx, d.Access, d.now(person), row.ID) })
	}
	redeemed := redeem()
	require.Equal(d, err == nil, redeemed == nil, "opening says %v, redeeming %v", err, redeemed)
	require.True(d, idp.Is(redeem(), idp.CodeRefused), "once")
	d.mailedLink(how, err)
	d.madeAgain(how, err)
	return d.agree(err, answer.status == http.StatusSeeOther, "link")
}

// mailedLink opens a link that came by mail: it is refused like any other.
func (d *doorway) mailedLink(how spoil, want error) {
	d.Helper()
	person := d.person(how)
	stages, err := d.repos().Stages.Find(d.Context(), idp.StageFilter{Paging: idp.Paging{Limit: 1}})
	require.NoError(d, err)
	flow, err := d.repos().Flows.GetBySlug(d.Context(), recoveryFlow)
	require.NoError(d, err)
	ordered := &idp.Link{UserID: &person.ID, RunID: idp.NewID[idp.Run](), FlowID: flow.ID, StageID: stages.Items[0].ID, Intent: idp.IntentRecovery,
		SessionGeneration: d.now(person).SessionGeneration, TokenGeneration: d.now(person).TokenGeneration, Lifetime: time.Hour}
	require.NoError(d, d.repos().Links.Create(d.Context(), ordered))
	row, key := d.tokenOf(person, idp.IntentRecovery, idp.IntentAPI, how)
	managed := "portcullis/mailed-link/" + ordered.ID.Hex() + "/" + row.ID.Hex()
	row.Managed = &managed
	require.NoError(d, d.repos().Tokens.Update(d.Context(), row))
	require.NoError(d, d.repos().Links.Made(d.Context(), ordered.ID, row.ID, ordered.ExpiresAt))
	_, err = d.Tokens.Open(d.Context(), key)
	require.Equal(d, want == nil, err == nil, "mailed: %v, otherwise %v", err, want)
	if err != nil {
		var mailed, other *idp.Error
		require.True(d, errors.As(err, &mailed) && errors.As(want, &other))
		require.Equal(d, other.Reason, mailed.Reason)
	}
	answer := d.browser().get("/if/flow/" + recoveryFlow + "/?flow_token=" + key)
	require.Equal(d, want == nil, answer.status == http.StatusSeeOther)
}

// password comes to the password stage with the right password. What the use
// case says is in the audit log: strangers see one message.
func (d *doorway) password(how spoil) error {
	d.Helper()
	person := d.person(how)
	if how == nobodys {
		// It has no password and no flow finds it. Give it one, to see the rule.
		now := d.now(person)
		now.Password, _ = encoded()
		require.NoError(d, d.repos().Users.Update(d.Context(), now))
	}
	b, name := d.browser(), person.Username
	if how == forged {
		name = "somebody who does not exist"
	}
	b.solve(signInFlow, map[string]any{"uid_field": name})
	read := d.now(person)
	d.common(person, how)
	secret := password
	if how == mistyped {
		secret += "x"
	}
	got := b.solve(signInFlow, map[string]any{"component": "ak-stage-password", "password": secret})
	switch how {
	case healthy:
	case doubtful:
		require.Equal(d, "ak-stage-access-denied", got["component"])
		require.Equal(d, idp.StaleRefusal().Message, got["error_message"])
	case barred: // whoever gave the right password is told
		require.Equal(d, "ak-stage-access-denied", got["component"])
		require.Equal(d, `lock targeting User:"`+person.Username+`" is in force: Come back tomorrow.`, got["error_message"])
	default:
		require.Equal(d, "Failed to authenticate.", fault(got, "password"), "one message for all")
	}
	if how == forged {
		read = nil
	}
	passed, err := d.Accounts.Authenticate(d.Context(), idp.Actor{}, idp.Attempt{User: read, Secret: secret})
	if how == barred || how == doubtful {
		require.True(d, idp.Locked(err), "%v", err)
	} else {
		require.NoError(d, err)
	}
	switch {
	case !passed && how == guessed:
		err = idp.Refuse(idp.DoorPassword, idp.RefusedLockout) // strangers are not told, and the audit log was when it began
	case !passed:
		err = idp.Refuse(idp.DoorPassword, d.lastRefusal())
	}
	return d.agree(err, got["component"] == "xak-flow-redirect" && b.works(), "password")
}

// lastRefusal is the reason in the newest login_failed event.
func (d *doorway) lastRefusal() idp.Refusal {
	d.Helper()
	page, err := d.repos().Events.Find(d.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionLoginFailed}, Paging: idp.Paging{Limit: 1}})
	require.NoError(d, err)
	require.Len(d, page.Items, 1)
	return idp.Refusal(fmt.Sprint(page.Items[0].Context["reason"]))
}

// fault is the first message beside a field.
func fault(challenge map[string]any, field string) any {
	faults, _ := challenge["response_errors"].(map[string]any)
	list, _ := faults[field].([]any)
	if len(list) == 0 {
		return nil
	}
	return list[0].(map[string]any)["string"]
}

// signIn stands before the last stage of a flow, having given the password.
func (d *doorway) signIn(how spoil) error {
	d.Helper()
	person := d.person(how)
	began := session.Begin{User: person.ID, Generation: d.now(person).SessionGeneration}
	if how == nobodys {
		_, _, err := d.Sessions.Start(d.Context(), idp.Actor{}, began)
		return err // nobody gets so far in a flow
	}
	d.askWhetherToStay()
	b := d.browser()
	b.solve(signInFlow, map[string]any{"uid_field": person.Username})
	got := b.solve(signInFlow, map[string]any{"component": "ak-stage-password", "password": password})
	require.Equal(d, "ak-stage-user-login", got["component"], "%v", got)
	if how == forged {
		require.NoError(d, d.Accounts.Delete(d.Context(), idp.SystemActor(), person.ID))
	} else {
		d.common(person, how)
	}
	got = b.solve(signInFlow, map[string]any{"component": "ak-stage-user-login", "remember_me": false})
	_, _, err := d.Sessions.Start(d.Context(), idp.Actor{}, began)
	return d.agree(err, got["component"] == "xak-flow-redirect" && b.works(), "sign-in")
}

// askWhetherToStay makes the default flow stop before it signs in.
func (d *doorway) askWhetherToStay() {
	d.Helper()
	kind := "user_login"
	page, err := d.repos().Stages.Find(d.Context(), idp.StageFilter{Kind: &kind})
	require.NoError(d, err)
	for _, stage := range page.Items {
		if stage.Name == "default-authentication-login" {
			stage.Settings = []byte(`{"remember_me_offset": "days=30"}`)
			require.NoError(d, d.repos().Stages.Update(d.Context(), &stage))
		}
	}
}

// actor is an administrator with a credential that was spoilt after the request
// came in: the act waits, and looks again.
func (d *doorway) actor(how spoil) idp.Actor {
	d.Helper()
	root := d.user(unique("root"), d.administers)
	if how == misused {
		row, _ := d.tokenOf(root, idp.IntentAPI, idp.IntentVerification, how)
		return idp.Actor{User: root, Token: row}
	}
	row, _ := d.sessionOf(root, how)
	return idp.Actor{User: root, Session: row}
}

// target is whom an administrator acts on: the spoilt one is the account where
// the reason is the account's, and the credential of the actor where it is a
// credential's.
func (d *doorway) target(how spoil) (idp.Actor, idp.UserID) {
	d.Helper()
	switch how {
	case forged:
		return d.actor(healthy), nobodyID
	case nobodys:
		return d.actor(healthy), d.named(idp.AnonymousUsername).ID
	case closed:
		person := d.person(how)
		d.switchOff(person)
		return d.actor(healthy), person.ID
	}
	return d.actor(how), d.person(healthy).ID
}

func (d *doorway) tokenIssue(how spoil) error {
	d.Helper()
	d.revealed(how)
	d.rekeyed(how)
	actor, target := d.target(how)
	_, _, err := d.Tokens.Issue(d.Context(), actor, token.Draft{User: target, Identifier: unique("issued")})
	answer := d.admin().do(http.MethodPost, "/api/v3/core/tokens/", map[string]any{"identifier": unique("issued"), "user": target})
	return d.told(err, answer, http.StatusCreated, how)
}

func (d *doorway) recoveryLink(how spoil) error {
	d.Helper()
	actor, target := d.target(how)
	page, err := d.repos().Brands.Find(d.Context(), idp.BrandFilter{})
	require.NoError(d, err)
	_, err = d.Tokens.RecoveryLink(d.Context(), actor, target, &page.Items[0], token.LinkTerms{})
	answer := d.admin().do(http.MethodPost, fmt.Sprintf("/api/v3/core/users/%d/recovery/", target), map[string]any{})
	return d.told(err, answer, http.StatusOK, how)
}

// told compares with what an administrator hears over HTTP, where the reason
// lies with the account; the administrator's own credential is good there.
func (d *doorway) told(err error, answer *answer, good int, how spoil) error {
	d.Helper()
	if how.opens() || how == forged || how == nobodys || how == closed {
		require.Equal(d, err == nil, answer.status == good, "%v against %d %s", err, answer.status, answer.body)
		require.Less(d, answer.status, 500)
	}
	return err
}

// passwordSet: an account sets its own password, in a flow or by itself.
func (d *doorway) passwordSet(how spoil) error {
	d.Helper()
	person := d.person(how)
	read := d.now(person)
	change := account.Settlement{Generation: read.SessionGeneration, Name: &read.Name}
	switch how {
	case expired, ended:
		row, _ := d.sessionOf(person, how)
		return d.Accounts.SetPassword(d.Context(), idp.Actor{User: read, Session: row}, person.ID, password)
	case misused:
		row, _ := d.tokenOf(person, idp.IntentAPI, idp.IntentVerification, how)
		return d.Accounts.SetPassword(d.Context(), idp.Actor{User: read, Token: row}, person.ID, password)
	case forged:
		person.ID = nobodyID
	default:
		d.common(person, how)
	}
	_, err := d.Accounts.Settle(d.Context(), idp.Actor{}, person.ID, change)
	return err
}

// invitation is opened by a stranger; the account is its maker's.
func (d *doorway) invitation(how spoil) error {
	d.Helper()
	maker, flows := d.person(how), d.repos().Flows
	opens, err := flows.GetBySlug(d.Context(), recoveryFlow)
	require.NoError(d, err)
	row := &idp.Invitation{ID: idp.InvitationID(uuid.New()), Name: unique("invitation"), CreatedBy: maker.ID,
		Generation: d.now(maker).TokenGeneration, SingleUse: true, FlowID: &opens.ID}
	switch how {
	case expired:
		clock, err := d.DB.Now(d.Context())
		require.NoError(d, err)
		past := clock.Add(-time.Second)
		row.ExpiresAt = &past
	case misused:
		other, err := flows.GetBySlug(d.Context(), signInFlow)
		require.NoError(d, err)
		row.FlowID = &other.ID
	}
	require.NoError(d, d.repos().Invitations.Create(d.Context(), row))
	if how != nobodys { // of nobody there is one only, and it is switched off anyway
		d.common(maker, how)
	}
	token := row.ID
	if how == forged {
		token = idp.InvitationID(uuid.New())
	}
	_, err = d.Invitations.Open(d.Context(), token.String(), opens.ID)
	redeemed := d.DB.InTx(d.Context(), func(tx idp.Repos) error {
		_, err := idp.RedeemInvitation(d.Context(), tx, d.Access, token, opens.ID)
		return err
	})
	require.Equal(d, err == nil, redeemed == nil, "opening says %v, redeeming %v", err, redeemed)
	if err != nil {
		require.ErrorContains(d, err, "This invitation is not valid.", "one message for all")
	}
	return err
}

// consent is given in a flow by somebody who proved who they are.
func (d *doorway) consent(how spoil) error {
	d.Helper()
	person := d.person(how)
	given := consent.Given{User: person.ID, Generation: d.now(person).SessionGeneration, Permissions: []string{"openid"},
		Application: consent.Application{ID: unique("application")}}
	if how == forged {
		given.User = nobodyID
	} else {
		d.common(person, how)
	}
	err := d.Consents.Give(d.Context(), idp.Actor{}, given)
	kept, found := d.Consents.Current(d.Context(), person.ID, given.Application.ID)
	require.NoError(d, found)
	require.Equal(d, err == nil, kept != nil)
	return err
}
