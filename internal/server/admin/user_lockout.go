package admin

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const (
	// attemptsSince is how far back failed attempts at an account are counted, and
	// attemptsMost how many of them at most.
	attemptsSince = 24 * time.Hour
	attemptsMost  = 1000
	// pastShown and addressesShown bound what the panel lists.
	pastShown      = 5
	addressesShown = 8
)

// lockedOut is what the page of a user says of lockouts.
type lockedOut struct {
	Now  []idp.Lockout // in force
	Past []idp.Lockout // over, the newest ones
	More bool          // there are more of the past

	Used, Most int // attempts of strangers in the present window, and how many lead to a lockout
	Window     time.Duration

	From     []attempts // by address, the most first
	Counted  int        // failed attempts in From
	Bounded  bool       // there were more
	SeesFrom bool       // may be shown

	History string // where all of them are
	User    *idp.User
	flashes []ui.Flash
}

// attempts are those from one address.
type attempts struct {
	IP   netip.Addr // not valid = unknown
	N    int
	Last time.Time
}

// lockedOut reports whether strangers who try the account are locked out, from
// memory; nobody learns it who may not list lockouts.
func (c *Console) lockedOut(r *http.Request, u *idp.User) (until time.Time, is bool) {
	if c.lockouts == nil || !web.May(r, idp.VerbList, idp.ResourceLockout) {
		return time.Time{}, false
	}
	return c.lockouts.Out(u)
}

// lockoutsOf reads what the page of a user says of lockouts; nil for whoever may not
// see them.
func (c *Console) lockoutsOf(r *http.Request, u *idp.User, now time.Time) (*lockedOut, error) {
	if c.lockouts == nil || !web.May(r, idp.VerbList, idp.ResourceLockout) {
		return nil, nil
	}
	ctx, actor := r.Context(), web.Actor(r)
	limits := c.lockouts.Limits()
	out := &lockedOut{User: u, Most: limits.MaxAttempts, Window: limits.Window,
		History: page.List{Path: page.LockoutHistoryPath}.Href("search", lockout.Canonical(u.Username))}
	found, err := c.lockouts.Find(ctx, actor, idp.LockoutFilter{UserID: &u.ID, Uncounted: true, Paging: idp.Paging{Limit: 50}})
	if err != nil {
		return nil, fmt.Errorf("listing the lockouts of user %d: %w", u.ID, err)
	}
	for _, l := range found.Items {
		switch {
		case l.Active:
			out.Now = append(out.Now, l)
		case len(out.Past) < pastShown:
			out.Past = append(out.Past, l)
		default:
			out.More = true
		}
	}
	standings, err := c.lockouts.Standings(ctx, actor, u)
	if err != nil {
		return nil, err
	}
	if len(standings) > 0 && standings[0].Subject == u.UUID {
		out.Used = len(standings[0].Guesses)
	}
	if out.SeesFrom = web.May(r, idp.VerbList, idp.ResourceEvent); out.SeesFrom {
		err = c.attemptsAt(r, u, now, out)
	}
	out.flashes = page.UnlockToast(r, c.lockouts, page.Back(r.URL.Path))
	return out, err
}

// attemptsAt counts the failed attempts at an account by address.
func (c *Console) attemptsAt(r *http.Request, u *idp.User, now time.Time, out *lockedOut) error {
	since := now.Add(-attemptsSince)
	found, err := c.store.Repos().Events.Find(r.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionLoginFailed}, UserID: &u.ID, After: &since,
		Uncounted: true, Paging: idp.Paging{Limit: attemptsMost, Order: []string{"-created"}}})
	if err != nil {
		return fmt.Errorf("counting failed attempts at user %d: %w", u.ID, err)
	}
	out.Counted, out.Bounded = len(found.Items), len(found.Items) == attemptsMost
	at := map[netip.Addr]int{}
	for i := range found.Items {
		e := &found.Items[i]
		ip := e.ClientIP.Unmap().WithZone("")
		n, known := at[ip]
		if !known {
			n = len(out.From)
			at[ip] = n
			out.From = append(out.From, attempts{IP: ip, Last: e.CreatedAt})
		}
		out.From[n].N++
	}
	slices.SortStableFunc(out.From, func(a, b attempts) int { return b.N - a.N })
	return nil
}

// with puts a tag behind the state of the account.
func (l *lockedOut) with(state templ.Component) templ.Component {
	if l == nil || len(l.Now) == 0 {
		return state
	}
	for _, it := range l.Now {
		if it.DeviceID == nil {
			return ui.Join(state, page.LockedOutBadge(it.LockedUntil))
		}
	}
	return state
}

func (l *lockedOut) toast() []ui.Flash {
	if l == nil {
		return nil
	}
	return l.flashes
}

// unlockAct unlocks the account, in every browser.
func (l *lockedOut) unlockAct() templ.Component {
	hidden := page.Back(userPath(l.User.ID)).Hidden()
	for _, it := range l.Now {
		hidden = append(hidden, ui.Pair{Name: "lockouts", Value: it.ID.String()})
	}
	return ui.Action(ui.ActionProps{Action: page.UnlockPath, Hidden: hidden,
		Button: ui.ButtonProps{Label: "Unlock", Icon: ui.IconLockOpen, Kind: ui.Primary, Small: true}})
}

// left says how many attempts strangers have left.
func (l *lockedOut) left() string {
	if l.Used == 0 {
		return "No failed attempts in the last " + lockout.Remaining(l.Window) + "."
	}
	return ui.Number(l.Used) + " of " + ui.Count(l.Most, "attempt") + " used in the last " + lockout.Remaining(l.Window) + "."
}

// rest are the addresses that are not listed.
func (l *lockedOut) rest() string {
	if len(l.From) <= addressesShown {
		return ""
	}
	n := 0
	for _, a := range l.From[addressesShown:] {
		n += a.N
	}
	return ui.Count(n, "more attempt") + " from " + ui.Count(len(l.From)-addressesShown, "other address") + "."
}
