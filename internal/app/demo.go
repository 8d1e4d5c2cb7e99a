package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// DemoPassword is the password of everybody in the demonstration.
const DemoPassword = "portcullis-demo"

// demoMark remembers that the demonstration is in place.
const demoMark = "demo"

// demonstration fills an empty installation.
type demonstration struct {
	*App
	rand   *rand.Rand
	now    time.Time
	hash   string
	groups map[string]idp.GroupID
	users  []*idp.User
}

// Demo fills an installation that holds nobody yet with believable people,
// groups, sessions, tokens and events. A second call changes nothing; an
// installation with people of its own is refused.
func (a *App) Demo(ctx context.Context) error {
	repos := a.DB.Repos()
	if done, err := repos.Settings.Get(ctx, demoMark); err != nil || done != nil {
		return err
	}
	page, err := repos.Users.Find(ctx, idp.UserFilter{Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return err
	}
	const own = 2 // the administrator and the anonymous user
	if page.Total > own {
		return idp.Conflict("The installation holds %d accounts already; the demonstration wants an empty one.", page.Total)
	}
	// The same people every time: screenshots and lessons can be compared.
	d := &demonstration{App: a, rand: rand.New(rand.NewPCG(7, 11)), now: time.Now().UTC(), groups: map[string]idp.GroupID{}}
	for _, step := range []func(context.Context) error{d.people, d.credentials, d.history, d.incidents} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("filling the demonstration: %w", err)
		}
	}
	if _, err := a.Audit.SealLate(ctx); err != nil { // of events that say they are of last month
		return err
	}
	return repos.Settings.Set(ctx, demoMark, json.RawMessage(`true`))
}

func (d *demonstration) people(ctx context.Context) (err error) {
	if d.hash, err = d.Hasher.Hash(ctx, DemoPassword); err != nil {
		return err
	}
	for _, name := range []string{"Engineering", "Finance", "IT operations", "People", "Sales", "Support"} {
		g, err := d.Accounts.CreateGroup(ctx, idp.SystemActor(), account.NewGroup{Name: name})
		if err != nil {
			return err
		}
		d.groups[name] = g.ID
	}
	for _, p := range people {
		if err := d.join(ctx, &idp.User{Username: p.username, Name: p.name, Email: p.username + "@example.org", Path: idp.DefaultUserPath,
			Type: idp.UserInternal, Password: d.hash}, p.group); err != nil {
			return err
		}
	}
	for _, p := range services {
		if err := d.join(ctx, &idp.User{Username: p.username, Name: p.name, Path: "services", Type: idp.UserServiceAccount,
			Password: secret.Unusable()}, ""); err != nil {
			return err
		}
	}
	return nil
}

// join makes an account that has been there for a while, as an import would.
func (d *demonstration) join(ctx context.Context, u *idp.User, group string) error {
	u.UUID, u.IsActive, u.JoinedAt = uuid.New(), true, d.now.Add(-time.Duration(60+d.rand.IntN(600))*24*time.Hour)
	if u.Type == idp.UserInternal {
		changed := u.JoinedAt.Add(time.Duration(d.rand.IntN(30)) * 24 * time.Hour)
		u.PasswordChangedAt = &changed
	}
	d.users = append(d.users, u)
	return d.DB.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.Users.Create(ctx, u); err != nil || group == "" {
			return err
		}
		return tx.Groups.AddUser(ctx, d.groups[group], u.ID)
	})
}

// credentials gives people browsers and tokens.
func (d *demonstration) credentials(ctx context.Context) error {
	return d.DB.InTx(ctx, func(tx idp.Repos) error {
		for i, u := range d.users {
			if u.Type == idp.UserServiceAccount || i%3 == 0 {
				if err := d.token(ctx, tx, u); err != nil {
					return err
				}
			}
			if u.Type == idp.UserServiceAccount {
				continue
			}
			for range d.rand.IntN(4) {
				if err := d.session(ctx, tx, u); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (d *demonstration) session(ctx context.Context, tx idp.Repos, u *idp.User) error {
	began := d.ago(10 * 24 * time.Hour)
	seen := began.Add(time.Duration(d.rand.Int64N(int64(d.now.Sub(began)))))
	return tx.Sessions.Create(ctx, &idp.Session{UserID: u.ID, Digest: secret.DigestOf(secret.Token()).Bytes(), Generation: u.SessionGeneration,
		AuthMethod: "password", CreatedAt: began, LastSeenAt: seen, ExpiresAt: d.now.Add(4 * 24 * time.Hour),
		IP: d.address(), UserAgent: agents[d.rand.IntN(len(agents))]})
}

func (d *demonstration) token(ctx context.Context, tx idp.Repos, u *idp.User) error {
	intent, what := idp.IntentAPI, "Automation"
	if u.Type != idp.UserServiceAccount && d.rand.IntN(3) == 0 {
		intent, what = idp.IntentAppPassword, "Mail client"
	}
	used := d.ago(48 * time.Hour)
	return tx.Tokens.Create(ctx, &idp.Token{Identifier: fmt.Sprintf("%s-%s", u.UUID.String()[:8], intent), Intent: intent, UserID: u.ID,
		Digest: secret.DigestOf(secret.Token()).Bytes(), Generation: u.TokenGeneration, Description: what,
		CreatedAt: d.ago(60 * 24 * time.Hour), LastUsedAt: &used})
}

// history writes a month of sign-ins, as an import would.
func (d *demonstration) history(ctx context.Context) error {
	const month = 29 * 24 * time.Hour
	latest := map[idp.UserID]time.Time{}
	return d.DB.InTx(ctx, func(tx idp.Repos) error {
		for range 700 {
			u := d.users[d.rand.IntN(len(people))]
			e := idp.LoginEvent("flow", idp.Actor{User: u}, u, map[string]any{"auth_method": "password"})
			at := d.now.Add(-time.Duration(d.rand.Int64N(int64(month))))
			switch n := d.rand.IntN(20); {
			case n == 0:
				e.Action, e.Context = idp.ActionLoginFailed, map[string]any{"username": u.Username, "reason": "password"}
			case n < 5:
				e.Action, e.Context = idp.ActionLogout, map[string]any{"logout_reason": "Signed out"}
			case n == 5:
				e.Action, e.Context = idp.ActionPasswordSet, map[string]any{}
			case at.After(latest[u.ID]):
				latest[u.ID] = at
			}
			e.Imported, e.CreatedAt, e.ClientIP = true, at, d.address()
			if err := tx.Events.Append(ctx, e); err != nil {
				return err
			}
		}
		for _, u := range d.users {
			if at, ok := latest[u.ID]; ok {
				u.LastLoginAt = &at
				if err := tx.Users.Update(ctx, u); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// incidents locks three accounts down and restores one of them.
func (d *demonstration) incidents(ctx context.Context) (err error) {
	found, err := d.DB.Repos().Users.Find(ctx, idp.UserFilter{Usernames: []string{account.AdministratorUsername}, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return err
	}
	responder := idp.SystemActor()
	if len(found.Items) > 0 {
		// Somebody who is in no session takes a marked token for grave acts.
		marked := true
		t, _, err := d.Tokens.Issue(ctx, responder, token.Draft{User: found.Items[0].ID, Identifier: "demonstration", StepUpExempt: &marked})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.Tokens.Revoke(ctx, idp.SystemActor(), t.ID)) }()
		responder = idp.Actor{User: &found.Items[0], Token: t}
	}
	for _, c := range []struct {
		who, why string
		restore  bool
	}{
		{"dmitri.volkov", "Reported a phishing page that asked for the company password.", true},
		{"jana.kowalska", "Laptop stolen at the airport, disk not encrypted.", false},
		{"svc-ci", "API token found in a public repository.", false},
	} {
		var target *idp.User
		for _, u := range d.users {
			if u.Username == c.who {
				target = u
			}
		}
		results, err := d.Lockdowns.Contain(ctx, responder, lockdown.Request{Users: []idp.UserID{target.ID},
			Reason: c.why, Switches: idp.AllSwitches()})
		if err != nil {
			return err
		}
		if r := results[0]; r.Error != "" {
			return fmt.Errorf("locking down %s: %s", c.who, r.Error)
		}
		if c.restore {
			if err := d.Lockdowns.Activate(ctx, responder, target.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// ago is a moment within the last while, more often a recent one.
func (d *demonstration) ago(within time.Duration) time.Time {
	f := d.rand.Float64()
	return d.now.Add(-time.Duration(f * f * float64(within)))
}

// address is one of the ranges reserved for documentation (RFC 5737).
func (d *demonstration) address() netip.Addr {
	ranges := [][3]byte{{192, 0, 2}, {198, 51, 100}, {203, 0, 113}}
	r := ranges[d.rand.IntN(len(ranges))]
	return netip.AddrFrom4([4]byte{r[0], r[1], r[2], byte(1 + d.rand.IntN(254))})
}
