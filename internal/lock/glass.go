package lock

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// GlassName is the setting that says for whom the glass is broken.
const GlassName = "break_glass"

// What context.action_id of events about broken glass says.
const (
	ActionGlassBroken = "break_glass.begun"
	ActionGlassEnded  = "break_glass.ended"
)

// Bounds of how long glass stays broken, and what it is when nothing is said.
const (
	GlassDefault = time.Hour
	glassMin     = time.Minute
	glassMax     = 24 * time.Hour
)

// endedByGlass is why the sessions of whom the glass was broken for ended.
const endedByGlass = "Glass broken: sign in anew"

// Glass is an emergency way in: no lock refuses the sign-in and the sessions of
// one administrator until it ends. It is broken from the server's own shell only;
// nothing that answers HTTP may call BreakGlass or EndGlass.
type Glass struct {
	User     idp.UserID `json:"user"`
	Username string     `json:"username"`
	Until    time.Time  `json:"until"`
	By       string     `json:"by"` // who sat at the shell
}

// BreakGlass lets an administrator pass every lock for so long, by the database's
// clock; username "" = the first administrator. Sessions that the account has end:
// who has one of them need not be who is let in. Its tokens stay locked. Errors:
// CodeInvalid on lasts, or username for an account that is no administrator who
// could sign in; CodeNotFound.
func (s *Service) BreakGlass(ctx context.Context, username string, lasts time.Duration, by string) (*Glass, error) {
	if lasts == 0 {
		lasts = GlassDefault
	}
	if lasts < glassMin || lasts > glassMax {
		return nil, idp.Invalid("for", "Expected a duration from %s to %s, such as 1h.", glassMin, glassMax)
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	var g *Glass
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.Settings.Hold(ctx, GlassName); err != nil {
			return err
		}
		u, err := rescued(ctx, tx, username)
		if err != nil {
			return err
		}
		held, err := tx.Holder.Sessions(ctx, u.ID, u.SessionGeneration)
		if err != nil {
			return err
		}
		u.EndSessions(endedByGlass)
		if err := tx.Users.Update(ctx, u); err != nil {
			return err
		}
		if err := tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep, User: u.ID}); err != nil {
			return err
		}
		if err := idp.TellEnded(ctx, tx, app, idp.SystemActor(), u, held); err != nil {
			return err
		}
		g = &Glass{User: u.ID, Username: u.Username, Until: now.Add(lasts).UTC(), By: by}
		value, err := json.Marshal(g)
		if err != nil {
			return err
		}
		if err := tx.Settings.Set(ctx, GlassName, value); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.SuspiciousEvent(app, idp.SystemActor(), u, map[string]any{"action_id": ActionGlassBroken,
			"message": fmt.Sprintf("Break-glass: no lock refuses %s until %s", u.Username, g.Until.Format(time.RFC3339)), "until": g.Until, "by": by}))
	})
	if err != nil {
		return nil, fmt.Errorf("breaking the glass: %w", err)
	}
	return g, nil
}

// rescued returns the administrator to let in, held.
func rescued(ctx context.Context, tx idp.Repos, username string) (*idp.User, error) {
	f := idp.UserFilter{Paging: idp.Paging{Limit: 1, Order: []string{"pk"}}}
	if username != "" {
		f.Usernames = []string{username}
	} else {
		yes := true
		f.IsSuperuser, f.IsActive = &yes, &yes
	}
	page, err := tx.Users.Find(ctx, f)
	if err != nil {
		return nil, err
	}
	if len(page.Items) == 0 && username == "" {
		return nil, idp.NotFound("administrator who is switched on")
	}
	if len(page.Items) == 0 {
		return nil, idp.NotFound(fmt.Sprintf("account with the username %q", username))
	}
	u, err := tx.Users.Hold(ctx, page.Items[0].ID)
	if err != nil {
		return nil, err
	}
	if !u.IsSuperuser || !u.IsActive || u.IsAnonymous() {
		return nil, idp.Invalid("username", "%q is no administrator who is switched on. Locks are not what keeps this account out.", u.Username)
	}
	return u, nil
}

// EndGlass ends the emergency way in; ended is false when there was none.
func (s *Service) EndGlass(ctx context.Context, by string) (ended bool, err error) {
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		ended = false
		if err := tx.Settings.Hold(ctx, GlassName); err != nil {
			return err
		}
		value, err := tx.Settings.Get(ctx, GlassName)
		if err != nil || len(value) == 0 {
			return err
		}
		ended = true
		if err := tx.Settings.Delete(ctx, GlassName); err != nil {
			return err
		}
		facts := map[string]any{"action_id": ActionGlassEnded, "message": "Break-glass ended: locks hold for everybody again", "by": by}
		var about *idp.User
		if g := glassOf(value); g != nil {
			about, err = tx.Users.Get(ctx, g.User)
			if err != nil && !idp.Is(err, idp.CodeNotFound) {
				return err
			}
		}
		return tx.Events.Append(ctx, idp.SuspiciousEvent(app, idp.SystemActor(), about, facts))
	})
	if err != nil {
		return false, fmt.Errorf("ending the break-glass: %w", err)
	}
	return ended, nil
}

// glassOf reads the setting; what nobody can read lets nobody in.
func glassOf(value json.RawMessage) *Glass {
	var g Glass
	if len(value) == 0 || json.Unmarshal(value, &g) != nil || g.Username == "" {
		return nil
	}
	return &g
}

// Glass returns the emergency way in that is open now, as far as this server
// knows; nil = none.
func (v *View) Glass() *Glass {
	g := v.glass.Load()
	if g == nil || !v.fresh.Now().Before(g.Until) {
		return nil
	}
	return g
}

// spares reports whether the glass is broken for an interaction: one of the
// administrator, in a browser. Tokens are not spared.
func (v *View) spares(keys []idp.LockKey) bool {
	g := v.Glass()
	if g == nil {
		return false
	}
	name, theirs := strings.ToLower(g.Username), false
	for i := range keys {
		if keys[i].Kind == idp.LockToken {
			return false
		}
		theirs = theirs || keys[i].Kind == idp.LockUser && keys[i].Value == name
	}
	return theirs
}

// Door is the view as this installation's own doors ask it: broken glass counts,
// which it does not for programs outside.
type Door struct {
	*View
	// Quiet asks without anybody knocking: refusals are not counted.
	Quiet bool
}

// Check is View.Check, unless the glass is broken for whom it would refuse.
func (d Door) Check(keys []idp.LockKey, strict bool) error {
	l, err := d.check(keys, strict)
	if err == nil || l != nil && d.spares(keys) {
		return nil
	}
	if !d.Quiet {
		d.tally.note(l, time.Now())
	}
	return err
}
