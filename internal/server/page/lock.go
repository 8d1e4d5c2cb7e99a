package page

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// LocksPath is where the console shows locks.
const LocksPath = AdminPath + "locks/"

// LockPath is where the console shows a lock.
func LockPath(id idp.LockID) string { return LocksPath + id.String() + "/" }

// LockWizard is where a lock on these items is made.
func LockWizard(keys ...idp.LockKey) string {
	q := url.Values{"step": {"details"}}
	for _, k := range keys {
		q.Add("item", k.Kind.String()+":"+k.Value)
	}
	return LocksPath + "new/?" + q.Encode()
}

// LockView is this server's view of the locks in force; lock.View is one. It
// answers from memory, so every row of a list may ask.
type LockView interface {
	// Find returns the lock that refuses an interaction with these canonical
	// keys, nil when none does.
	Find(keys []idp.LockKey) *idp.Lock
}

// Badges tell which of the things on a page are locked now. Without a View
// nothing is.
type Badges struct{ View LockView }

func (b Badges) find(keys ...idp.LockKey) *idp.Lock {
	if b.View == nil {
		return nil
	}
	return b.View.Find(keys)
}

// person are the keys that come with everything an account does.
func person(u *idp.User) []idp.LockKey {
	keys := []idp.LockKey{{Kind: idp.LockUser, Value: strings.ToLower(u.Username)}}
	for _, name := range u.RoleNames {
		keys = append(keys, idp.LockKey{Kind: idp.LockRole, Value: name})
	}
	for _, name := range u.GroupNames {
		keys = append(keys, idp.LockKey{Kind: idp.LockGroup, Value: name})
	}
	return keys
}

// User returns the lock that refuses an account wherever it comes from: one on
// the account itself, on a role or on a group of it.
func (b Badges) User(u *idp.User) *idp.Lock {
	if b.View == nil {
		return nil
	}
	return b.find(person(u)...)
}

// Group returns the lock on a group of that name.
func (b Badges) Group(name string) *idp.Lock {
	return b.find(idp.LockKey{Kind: idp.LockGroup, Value: name})
}

// Role returns the lock on a role of that name.
func (b Badges) Role(name string) *idp.Lock {
	return b.find(idp.LockKey{Kind: idp.LockRole, Value: name})
}

// Session returns the lock that refuses a live session of the account, used from
// where it was last.
func (b Badges) Session(s *idp.Session, owner *idp.User) *idp.Lock {
	if b.View == nil || !s.Live {
		return nil
	}
	keys := append(person(owner), idp.LockKey{Kind: idp.LockSession, Value: s.ID.String()})
	if s.DeviceID != nil {
		keys = append(keys, idp.LockKey{Kind: idp.LockDevice, Value: s.DeviceID.String()})
	}
	if s.FactorID != nil {
		keys = append(keys, idp.LockKey{Kind: idp.LockMFADevice, Value: s.FactorID.String()})
	}
	if s.IP.IsValid() {
		keys = append(keys, idp.LockKey{Kind: idp.LockIP, Value: s.IP.Unmap().WithZone("").String()})
	}
	return b.find(keys...)
}

// Device returns the lock that names a browser, and whatever else its owner comes
// with; nil owner = somebody.
func (b Badges) Device(d *idp.KnownDevice, owner *idp.User) *idp.Lock {
	return b.named(idp.LockKey{Kind: idp.LockDevice, Value: d.ID.String()}, owner)
}

// Factor returns the lock that names a second factor.
func (b Badges) Factor(id idp.FactorID, owner *idp.User) *idp.Lock {
	return b.named(idp.LockKey{Kind: idp.LockMFADevice, Value: id.String()}, owner)
}

// named returns a lock that has the key: by itself, or with what comes with everything
// the owner does.
func (b Badges) named(key idp.LockKey, owner *idp.User) *idp.Lock {
	if b.View == nil {
		return nil
	}
	if l := b.find(key); l != nil || owner == nil {
		return l
	}
	if l := b.find(append(person(owner), key)...); l != nil && l.Target.Get(key.Kind) != "" {
		return l
	}
	return nil
}

// Token returns the lock that refuses a live token of the account.
func (b Badges) Token(t *idp.Token, owner *idp.User) *idp.Lock {
	if b.View == nil || !t.Live {
		return nil
	}
	return b.find(append(person(owner), idp.LockKey{Kind: idp.LockToken, Value: t.Identifier})...)
}

// With puts the badge of a lock behind what it is about; nil = no badge.
func With(what templ.Component, l *idp.Lock) templ.Component {
	if l == nil {
		return what
	}
	return withBadge(what, l)
}

// LockBanner says on the page of something that it is locked, and leads to the
// lock.
func LockBanner(l *idp.Lock) templ.Component {
	a := ui.AlertProps{Tone: ui.ToneBad, Title: "This account is locked", Text: l.Text() + ". It is refused everywhere",
		Action: ui.Button(ui.ButtonProps{Label: "Open the lock", Small: true, Href: LockPath(l.ID)})}
	if l.Message != "" {
		a.Text = "“" + l.Message + "” It is refused everywhere"
	}
	if a.Text += " until the lock is lifted."; l.ExpiresAt != nil {
		a.Text = strings.TrimSuffix(a.Text, " until the lock is lifted.") + " until " + ui.Absolute(*l.ExpiresAt) + ", unless the lock is lifted before."
	}
	return ui.Alert(a)
}

// lockTitle is what a badge says to whoever points at it.
func lockTitle(l *idp.Lock) string {
	text := l.Message
	if text == "" {
		text = l.Text()
	}
	if l.ExpiresAt != nil {
		text += " (until " + l.ExpiresAt.UTC().Format("2 Jan 2006, 15:04 UTC") + ")"
	}
	return text
}

// lockVerbs are what events about locks tell, by context.action_id.
var lockVerbs = map[string]struct {
	label, done string
	icon        ui.IconName
	tone        ui.Tone
}{
	lock.ActionCreated: {"Lock made", "locked", ui.IconLock, ui.ToneBad},
	lock.ActionUpdated: {"Lock changed", "changed the lock on", ui.IconPencil, ui.ToneNeutral},
	lock.ActionDeleted: {"Lock lifted", "lifted the lock on", ui.IconLockOpen, ui.ToneOK},
}

// lockEvent puts an event about a lock into words; ok is false for all others.
func lockEvent(e *idp.Event, v *EventView) (ok bool) {
	verb, ok := lockVerbs[text(e.Context["action_id"])]
	if !ok {
		return false
	}
	who := first(v.By, v.User, "The system")
	v.Label, v.Icon, v.Tone, v.Sentence = verb.label, verb.icon, verb.tone, who+" "+verb.done+" "+lockedItems(e)
	return true
}

// lockedItems are the items that an event about a lock tells of.
func lockedItems(e *idp.Event) string {
	target := object(e.Context["target"])
	var parts []string
	for _, k := range idp.LockKinds() {
		if v := text(target[k.String()]); v != "" {
			parts = append(parts, strings.ReplaceAll(k.String(), "_", " ")+" "+v)
		}
	}
	return first(strings.Join(parts, " and "), "something")
}

// LockEventText is what an event about a lock says of its message and its end.
func LockEventText(e *idp.Event) string {
	if text(e.Context["action_id"]) == lock.ActionDeleted {
		return ""
	}
	out := text(e.Context["message"])
	until := "Until it is lifted."
	if at, err := time.Parse(time.RFC3339Nano, text(e.Context["expires"])); err == nil {
		until = "Until " + ui.Absolute(at) + "."
	}
	if out == "" {
		return until
	}
	return "“" + out + "” " + until
}
