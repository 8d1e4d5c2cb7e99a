package idp

import (
	"strings"
	"time"
)

// UserType says what kind of account it is.
type UserType string

// The types of accounts, by their names on the wire.
const (
	UserInternal               UserType = "internal"
	UserExternal               UserType = "external"
	UserServiceAccount         UserType = "service_account"
	UserInternalServiceAccount UserType = "internal_service_account"
)

// UserTypes lists every type.
func UserTypes() []UserType {
	return []UserType{UserInternal, UserExternal, UserServiceAccount, UserInternalServiceAccount}
}

// AnonymousUsername is the name of the account that stands for nobody. It can
// neither sign in nor be locked down.
const AnonymousUsername = "AnonymousUser"

// DefaultUserPath is where users go when nothing else is said.
const DefaultUserPath = "users"

// User is an account.
type User struct {
	ID       UserID
	UUID     UUID
	Username string // unique regardless of case, ≤ 150 characters
	Name     string
	Email    string
	Path     string
	Type     UserType
	IsActive bool

	// Password is the encoded hash: a PHC string, a foreign hash that is
	// upgraded at the next sign-in, or an unusable one that starts with "!".
	// It is never shown.
	Password          string
	PasswordChangedAt *time.Time

	LastLoginAt *time.Time
	JoinedAt    time.Time
	UpdatedAt   time.Time
	Attributes  Attributes

	// SessionGeneration and TokenGeneration are copied into what is minted.
	// Raising one ends everything minted before, however much there is.
	// They are never lowered.
	SessionGeneration int64
	TokenGeneration   int64
	// RenewPassword and RenewFactor ask for a new password, and a second factor that
	// was set up since, before somebody is signed in again. Setting either clears it.
	RenewPassword bool
	RenewFactor   bool
	// SessionsEnded is why SessionGeneration was raised; see EndSessions. It is
	// written with the raise and never read back.
	SessionsEnded string

	// IsSuperuser and Groups are derived from memberships when the user is
	// read; writing them changes nothing. Groups holds direct memberships,
	// AllGroups the ancestors too.
	IsSuperuser bool
	Groups      []GroupID
	AllGroups   []GroupID
	GroupNames  []string // names of AllGroups
	// RoleNames are the roles of the account and of AllGroups.
	RoleNames []string
}

// IsAnonymous reports whether this is the account of nobody.
func (u *User) IsAnonymous() bool { return u.Username == AnonymousUsername }

// HasUsablePassword reports whether a password could match at all.
func (u *User) HasUsablePassword() bool {
	return u.Password != "" && !strings.HasPrefix(u.Password, "!")
}

// DisplayName is the name, or the username where there is no name.
func (u *User) DisplayName() string {
	if u.Name != "" {
		return u.Name
	}
	return u.Username
}

// Protected says why the account cannot be locked down, or "" when it can
// (seed: Account Lockdown, "Protected accounts").
func (u *User) Protected() string {
	switch {
	case u.IsAnonymous():
		return "The anonymous user cannot be locked down."
	case u.Type == UserInternalServiceAccount:
		return "Internal service accounts cannot be locked down."
	}
	return ""
}

// Group is a set of users. Membership of a group implies membership of its
// parents.
type Group struct {
	ID          GroupID
	NumPK       int32 // the integer form that the API also shows
	Name        string
	IsSuperuser bool
	Attributes  Attributes
	Parents     []GroupID
	MemberCount int // derived
}
