package factor_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/testkit/credential"
)

const public = "https://idp.example.org"

// rp is this server as a well-behaved browser sees it.
var rp = virtualwebauthn.RelyingParty{ID: "idp.example.org", Name: "idp.example.org", Origin: public}

type world struct {
	*testing.T
	ctx       context.Context
	url       string
	db        *postgres.DB
	clock     *clock
	locks     *locks
	factors   *factor.Service
	lockouts  *lockout.Service
	lockdowns *lockdown.Service
	checker   *access.Checker
	fresh     time.Duration // how old a proof may be; 0 = any
	admin     idp.Actor
}

// clock is a database whose clock stands still at times.
type clock struct {
	*postgres.DB
	at time.Time
}

func (c *clock) Now(ctx context.Context) (time.Time, error) {
	if !c.at.IsZero() {
		return c.at, nil
	}
	return c.DB.Now(ctx)
}

// locks are those in force: each of one key.
type locks struct {
	keys []idp.LockKey
	said string
}

func (l *locks) Check(keys []idp.LockKey, _ bool) error {
	for _, k := range keys {
		if slices.Contains(l.keys, k) {
			return &idp.Error{Code: idp.CodeRefused, Reason: idp.RefusedLocked, Message: l.said}
		}
	}
	return nil
}
func (l *locks) Names(idp.LockKind) bool { return true }
func (l *locks) Generation() uint64      { return 1 }

var sealer = func() *secret.Sealer {
	s, err := secret.NewSealer(make([]byte, secret.MinSecret))
	if err != nil {
		panic(err)
	}
	return s
}()

func newWorld(t *testing.T) *world {
	t.Helper()
	url := testkit.Database(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w := &world{T: t, ctx: t.Context(), url: url, db: db, clock: &clock{DB: db}, locks: &locks{said: "This device is locked."}}
	w.checker = access.New(access.Deps{Locks: w.locks, ProofAge: func() time.Duration { return w.fresh }})
	w.lockouts = lockout.New(lockout.Deps{Store: db, Access: w.checker, View: lockout.NewView(db), Keys: sealer})
	w.lockdowns = lockdown.New(lockdown.Deps{Store: db, Access: w.checker})
	w.factors = factor.New(factor.Deps{Store: w.clock, Access: w.checker, Guard: w.lockouts, Sealer: sealer, Lasts: true, PublicURL: public})
	group := &idp.Group{Name: "admins", IsSuperuser: true}
	require.NoError(t, db.Repos().Groups.Create(w.ctx, group))
	root := w.user("root")
	require.NoError(t, db.Repos().Groups.AddUser(w.ctx, group.ID, root.ID))
	w.admin = idp.Actor{User: w.now(root)}
	return w
}

func (w *world) user(name string) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, Email: name + "@example.org", IsActive: true, Password: "$argon2id$of-" + name}
	require.NoError(w, w.db.Repos().Users.Create(w.ctx, u))
	return w.now(u)
}

func (w *world) now(u *idp.User) *idp.User {
	w.Helper()
	found, err := w.db.Repos().Users.Get(w.ctx, u.ID)
	require.NoError(w, err)
	return found
}

// stranger is somebody who is not signed in.
func stranger() idp.Actor {
	return idp.Actor{Request: &idp.RequestInfo{ClientIP: netip.MustParseAddr("192.0.2.7"), ID: "test", Host: "idp.example.org", Secure: true}}
}

func proved(u *idp.User) factor.Adding {
	some := idp.NewID[idp.Factor]()
	return factor.Adding{User: u, Generation: u.SessionGeneration, Proved: true, Factor: &some}
}

func of(u *idp.User, kinds ...idp.FactorKind) factor.Proof {
	if kinds == nil {
		kinds = idp.FactorKinds()
	}
	return factor.Proof{User: u, Generation: u.SessionGeneration, Kinds: kinds}
}

// app is an authenticator app.
type app struct {
	*world
	of     *idp.Factor
	secret string
	digits int
}

// code is what the app shows so many steps from now.
func (a *app) code(steps int) string {
	a.Helper()
	at, err := a.clock.Now(a.ctx)
	require.NoError(a, err)
	code, err := totp.GenerateCodeCustom(a.secret, at.Add(time.Duration(steps)*30*time.Second),
		totp.ValidateOpts{Period: 30, Digits: otp.Digits(a.digits), Algorithm: otp.AlgorithmSHA1})
	require.NoError(a, err)
	return code
}

// totp sets an authenticator app up, and stops the clock a few steps later.
func (w *world) totp(u *idp.User, digits int) *app {
	w.Helper()
	d, err := w.factors.NewTOTP(digits)
	require.NoError(w, err)
	link, err := w.factors.ConfigURL(d, "Example Inc", u.Username)
	require.NoError(w, err)
	key, err := otp.NewKeyFromURL(link)
	require.NoError(w, err)
	require.Equal(w, "Example Inc", key.Issuer())
	require.Equal(w, u.Username, key.AccountName())
	require.Equal(w, digits, key.Digits().Length())
	a := &app{world: w, secret: key.Secret(), digits: digits}
	a.of, err = w.factors.AddTOTP(w.ctx, stranger(), proved(u), d, a.code(0))
	require.NoError(w, err)
	at, err := w.clock.Now(w.ctx)
	require.NoError(w, err)
	w.clock.at = at.Add(10 * time.Minute)
	return a
}

// device is a passkey with its browser.
type device struct {
	*world
	of   *idp.Factor
	auth virtualwebauthn.Authenticator
	key  virtualwebauthn.Credential
}

func (w *world) device(u *idp.User) *device {
	w.Helper()
	d := &device{world: w, key: credential.New()}
	d.auth = virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: u.UUID[:]})
	d.auth.AddCredential(d.key)
	asked, c, err := w.factors.BeginRegistration(w.ctx, stranger(), u, factor.Registering{Verification: factor.Preferred, Resident: "preferred"})
	require.NoError(w, err)
	d.of, err = w.factors.AddWebAuthn(w.ctx, stranger(), proved(u), c, d.registers(rp, asked))
	require.NoError(w, err)
	return d
}

func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func (d *device) registers(rp virtualwebauthn.RelyingParty, asked map[string]any) string {
	d.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(text(asked))
	require.NoError(d, err)
	return virtualwebauthn.CreateAttestationResponse(rp, d.auth, d.key, *o)
}

func (d *device) answers(rp virtualwebauthn.RelyingParty, asked map[string]any) string {
	d.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(text(asked))
	require.NoError(d, err)
	d.key.Counter++
	return virtualwebauthn.CreateAssertionResponse(rp, d.auth, d.key, *o)
}

// ask begins to ask for the account's passkeys.
func (w *world) ask(u *idp.User) (map[string]any, factor.Ceremony) {
	w.Helper()
	has, err := w.db.Repos().Factors.Of(w.ctx, u.ID)
	require.NoError(w, err)
	asked, c, err := w.factors.BeginAssertion(w.ctx, stranger(), u, has, factor.Preferred)
	require.NoError(w, err)
	require.NotNil(w, asked)
	return asked, c
}

// events are those with an action, the newest last.
func (w *world) events(action idp.Action) []idp.Event {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{action}, Paging: idp.Paging{Limit: 1000, Order: []string{"created"}}})
	require.NoError(w, err)
	return page.Items
}
