package lockpage

import (
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// kind is one sort of item in words.
type kind struct {
	Kind    idp.LockKind
	Noun    string // "person": what one item is called
	Title   string // of the choice
	Text    string // what a lock on it does
	Icon    ui.IconName
	Listed  bool   // there is a list to choose from
	Example string // of what is typed
	Hint    string // about what is typed, where that is not plain
}

// kinds are in the order in which they are offered: what is needed most first.
var kinds = []kind{
	{idp.LockUser, "user", "User", "A person or a service account, wherever they come from.", ui.IconUser, true, "alice", "The username."},
	{idp.LockGroup, "group", "Group", "Everybody in a group, now or later.", ui.IconUsers, true, "contractors", "The group’s name."},
	{idp.LockRole, "role", "Role", "Everybody who has a role, by themselves or through a group.", ui.IconIdCard, true, "contractor", "The role’s name."},
	{idp.LockSession, "session", "Session", "One signed-in browser. Its owner can go on elsewhere.", ui.IconGlobe, true, "", "The session’s UUID."},
	{idp.LockDevice, "device", "Device", "A browser that is known to belong to somebody.", ui.IconLaptop, true, "", "The device’s ID."},
	{idp.LockToken, "token", "Token", "One API token or app password.", ui.IconKeyRound, true, "nightly-backup", "The token’s identifier."},
	{idp.LockIP, "address", "Address or network", "Everybody who comes from there.", ui.IconMapPin, false, "192.0.2.7 or 192.0.2.0/24", ""},
	{idp.LockSourceASN, "autonomous system", "Autonomous system", "Everybody who comes from a provider’s network, by its number.", ui.IconActivity, false, "AS64496", ""},
	{idp.LockApplication, "application", "Application", "Everybody’s use of one application.", ui.IconAppWindow, false, "wiki", "The application’s slug or client ID."},
	{idp.LockMFADevice, "MFA device", "MFA device", "Whoever signs in with one second factor, such as a lost key.", ui.IconFingerprint, true, "", "The device’s UUID."},
	{idp.LockLogin, "login", "Login", "A login of an operating system, on every server that asks.", ui.IconLogIn, false, "root", "As the servers know it. Upper and lower case count."},
	{idp.LockServer, "server", "Server", "One server that asks, for everybody.", ui.IconServer, false, "1f4a6a0e-58a5-4a35-a0a7-3b5f6a3f6c11", "The server’s UUID."},
	{idp.LockWindowsDesktop, "desktop", "Windows desktop", "One desktop, for everybody.", ui.IconAppWindow, false, "desk-042", "The desktop’s name."},
	{idp.LockAccessRequest, "access request", "Access request", "What was granted by one request.", ui.IconTicket, false, "0c6d57a0-7a0e-4c40-8f0d-0f4b7f3a1d22", "The request’s UUID."},
}

// kindOf returns the words for a kind.
func kindOf(k idp.LockKind) kind {
	for _, it := range kinds {
		if it.Kind == k {
			return it
		}
	}
	return kind{Kind: k, Noun: k.String(), Title: k.Title(), Icon: ui.IconLock}
}

// namedKind reads a kind's name in an address.
func namedKind(field, name string) (kind, error) {
	k, known := idp.ParseLockKind(name)
	if !known {
		return kind{}, idp.Invalid(field, "A lock cannot target “%.40s”. It can target: %s.", name, lock.Kinds())
	}
	return kindOf(k), nil
}

// item is one thing that was picked, as forms carry it: "user:alice".
type item idp.LockKey

func (i item) String() string { return i.Kind.String() + ":" + i.Value }

// Plain is the item in a sentence: "user alice".
func (i item) Plain() string { return kindOf(i.Kind).Noun + " " + i.Value }

// parseItem reads and judges an item. The error is the reason in words.
func parseItem(text string) (item, error) {
	name, value, _ := strings.Cut(text, ":")
	k, err := namedKind("item", name)
	if err != nil {
		return item{}, err
	}
	target, err := lock.ParseTarget(map[string]string{k.Kind.String(): strings.TrimSpace(value)})
	if err != nil {
		return item{}, err
	}
	return item(target[0]), nil
}
