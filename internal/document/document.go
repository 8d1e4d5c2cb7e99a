package document

import (
	"fmt"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Kind says what a document describes.
type Kind string

// The kinds.
const (
	KindLock       Kind = "lock"
	KindRole       Kind = "role"
	KindPreference Kind = "cluster_auth_preference"
	KindUser       Kind = "user" // is shown and never read
)

// The versions that documents are written with. Roles are read with every
// version.
const (
	lockVersion       = "v2"
	roleVersion       = "v5"
	preferenceVersion = "v2"
	userVersion       = "v2"
)

// PreferenceName is the name of the one preference.
const PreferenceName = "cluster-auth-preference"

// Document is one resource. The field of its kind is set, the others are nil.
type Document struct {
	Kind Kind
	File string // "" = it was not read from one
	Line int    // where it begins, from 1

	Lock       *Lock
	Role       *Role
	Preference *Preference
	User       *User
}

// Lock is a lock as a document has it.
type Lock struct {
	ID      idp.LockID        // zero = none was given
	Target  map[string]string // by the names on the wire, which are known ones
	Message string
	Expires *time.Time

	// What follows is shown, and says nothing to whoever makes a lock of it.
	CreatedAt time.Time
	CreatedBy string
	LiftedAt  *time.Time
	LiftedBy  string
}

// Role is a role as a document has it.
type Role struct {
	Name        string
	Description string
	Spec        idp.RoleSpec
}

// Preference is what holds for the whole installation.
type Preference struct {
	LockingMode idp.LockingMode
}

// User is an account as documents show it.
type User struct {
	Username, Name, Email string
	IsActive, IsSuperuser bool
	Roles, Groups         []string
}

// OfLock shows a lock.
func OfLock(l *idp.Lock) Document {
	return Document{Kind: KindLock, Lock: &Lock{ID: l.ID, Target: l.Target.Map(), Message: l.Message, Expires: l.ExpiresAt,
		CreatedAt: l.CreatedAt, CreatedBy: l.CreatedBy, LiftedAt: l.LiftedAt, LiftedBy: l.LiftedBy}}
}

// OfRole shows a role.
func OfRole(r *idp.Role) Document {
	return Document{Kind: KindRole, Role: &Role{Name: r.Name, Description: r.Description, Spec: r.Spec}}
}

// OfPreference shows the preference.
func OfPreference(mode idp.LockingMode) Document {
	return Document{Kind: KindPreference, Preference: &Preference{LockingMode: mode}}
}

// OfUser shows an account; roles are those that it has directly.
func OfUser(u *idp.User, roles []string) Document {
	return Document{Kind: KindUser, User: &User{Username: u.Username, Name: u.Name, Email: u.Email, IsActive: u.IsActive,
		IsSuperuser: u.IsSuperuser, Roles: roles, Groups: u.GroupNames}}
}

// Problem is one thing that is wrong with a file.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0 = the whole file
	Key          string // with dots between the names of nested keys; "" = none
	Message      string
}

// String returns file:line:column: key: message.
func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
		if p.Column > 0 {
			s += fmt.Sprintf(":%d", p.Column)
		}
	}
	if p.Key != "" {
		s += ": " + p.Key
	}
	return s + ": " + p.Message
}

// Error is everything that is wrong with files.
type Error struct{ Problems []Problem }

// Error implements error.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
