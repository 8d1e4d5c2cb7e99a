package account

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Closer closes and reopens accounts inside a transaction of ours; u is held.
type Closer interface {
	CloseIn(ctx context.Context, tx idp.Repos, u *idp.User, sw idp.Switches) (idp.Holdings, error)
	ReopenIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User) error
}

// Hasher hashes and verifies passwords; see secret.Hasher.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	Verify(ctx context.Context, encoded, password string) (secret.Result, error)
	VerifyAbsent(ctx context.Context, password string) error
}

// Roles says who has which roles, in a transaction of ours that holds the row and
// has renewed the actor; see access.Service.
type Roles interface {
	SetUserRolesIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User, change func(has map[string]bool) []string) (bool, error)
	SetGroupRolesIn(ctx context.Context, tx idp.Repos, actor idp.Actor, g *idp.Group, change func(has map[string]bool) []string) (bool, error)
}

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	Closer Closer
	Hasher Hasher
	Roles  Roles // nil = roles cannot be given here
	// Guard counts attempts at passwords; nil = nobody counts.
	Guard idp.Guard
	// AppPasswords is asked where app passwords are good; nil = there are none.
	AppPasswords AppPasswords
	// Release takes a group out of the configuration that names it, in the
	// transaction that deletes the group; nil = nothing names groups.
	Release func(ctx context.Context, tx idp.Repos, actor idp.Actor, row any) error
}

// Service keeps users and groups.
type Service struct {
	store        idp.Store
	access       idp.Access
	closer       Closer
	hasher       Hasher
	roles        Roles
	guard        idp.Guard
	appPasswords AppPasswords
	release      func(ctx context.Context, tx idp.Repos, actor idp.Actor, row any) error
}

// New returns a Service.
func New(d Deps) *Service {
	if d.Guard == nil {
		d.Guard = idp.Unguarded{Store: d.Store}
	}
	if d.AppPasswords == nil {
		d.AppPasswords = noAppPasswords{}
	}
	return &Service{store: d.Store, access: d.Access, closer: d.Closer, hasher: d.Hasher, roles: d.Roles, guard: d.Guard,
		appPasswords: d.AppPasswords, release: d.Release}
}

// NewUser is an account to be created.
type NewUser struct {
	Username     string
	Name         string
	Email        string
	Path         string       // "" = idp.DefaultUserPath
	Type         idp.UserType // "" = idp.UserInternal
	IsActive     *bool        // nil = true
	Attributes   idp.Attributes
	Groups       []idp.GroupID
	Roles        []string // names or IDs
	Password     *string  // nil = none: an unusable one
	PasswordHash *string  // an encoded hash, as an import brings along
}

// Patch is a change of an account; nil means unchanged.
type Patch struct {
	Username     *string
	Name         *string
	Email        *string
	Path         *string
	Type         *idp.UserType
	IsActive     *bool
	Attributes   *idp.Attributes
	Groups       *[]idp.GroupID
	Roles        *[]string // names or IDs
	PasswordHash *string
}

// NewGroup is a group to be created.
type NewGroup struct {
	Name        string
	IsSuperuser bool
	Parents     []idp.GroupID
	Users       []idp.UserID
	Roles       []string // names or IDs
	Attributes  idp.Attributes
}

// GroupPatch is a change of a group; nil means unchanged.
type GroupPatch struct {
	Name        *string
	IsSuperuser *bool
	Parents     *[]idp.GroupID
	Users       *[]idp.UserID
	Roles       *[]string // names or IDs
	Attributes  *idp.Attributes
}

// Bootstrap says how the first administrator begins.
type Bootstrap struct {
	Password string // "" = by a set-up link
	Email    string
	Token    string // "" = no API token
}
