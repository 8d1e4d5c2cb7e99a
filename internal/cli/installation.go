package cli

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// serverVariable is the environment variable that stands for --server.
const serverVariable = "PORTCULLIS_SERVER"

// Installation is what the commands about resources ask. There are two: Direct,
// on the configured database as the owner of the server's shell, and a server
// elsewhere, as whoever the token belongs to. Errors are an *idp.Error of the same
// code in both.
type Installation interface {
	Locks
	Roles
	Preferences
	Users
	Lockouts
	Requests
	Audit
	SigningKeys
	Devices
	Restores
	// Who says who asks, and what is asked.
	Who(ctx context.Context) (*Identity, error)
}

// Locks are the locks of an installation; see lock.Service.
type Locks interface {
	// CreateLocks makes several, all or none. The warnings say what of the targets
	// does not exist (yet).
	CreateLocks(ctx context.Context, drafts []lock.Draft) (made []idp.Lock, warnings []string, err error)
	GetLock(ctx context.Context, id idp.LockID) (*idp.Lock, error)
	// EachLock calls each with the locks that are asked for, newest first.
	EachLock(ctx context.Context, q LockQuery, each func(*idp.Lock)) error
	ChangeLock(ctx context.Context, id idp.LockID, p lock.Patch) (warnings []string, err error)
	LiftLock(ctx context.Context, id idp.LockID) error
	// LiftLocks lifts those in force whose targets have all these keys.
	LiftLocks(ctx context.Context, target map[string]string) ([]idp.Lock, error)
}

// LockQuery selects locks.
type LockQuery struct {
	All    bool              // those of the past too
	Target map[string]string // nil = whatever they target
}

// Roles are the roles of an installation; see access.Service.
type Roles interface {
	FindRoles(ctx context.Context) ([]idp.Role, error)
	GetRole(ctx context.Context, name string) (*idp.Role, error)
	// CreateRole makes one; replace takes the place of one with the name. created
	// is false when it did.
	CreateRole(ctx context.Context, d access.Draft, replace bool) (created bool, err error)
	// ChangeRole changes a role; CodeConflict when it is not any more as before
	// has it.
	ChangeRole(ctx context.Context, before *idp.Role, d access.Draft) error
	DeleteRole(ctx context.Context, name string) error
}

// Preferences hold for a whole installation.
type Preferences interface {
	Preference(ctx context.Context) (*lock.Preference, error)
	SetPreference(ctx context.Context, mode idp.LockingMode) error
}

// Users are the accounts of an installation.
type Users interface {
	FindUsers(ctx context.Context) ([]User, error)
	GetUser(ctx context.Context, username string) (*User, error)
	// SetUserRoles replaces the roles that an account has directly. change gets the
	// names of those it has, in their order, and returns those it is to have; so
	// does SetUserRoles.
	SetUserRoles(ctx context.Context, username string, change func(has []string) []string) ([]string, error)
}

// User is an account, and the names of the roles that it has directly.
type User struct {
	idp.User
	Direct []string
}

// Identity is who works, and on what.
type Identity struct {
	Username  string
	Name      string
	Superuser bool
	Roles     []string // has directly
	Inherited []string // by way of groups
	Groups    []string
	Server    string // its address; "" = the database of this machine
	Version   string // of the server; "" = it does not say
}

// inherited is the part of the usage that lists the configuration's many flags.
const inherited = "{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}"

// remoteFlag adds --server, and keeps the flags that a server runs with out of
// the command's help.
func remoteFlag(c *cobra.Command) {
	c.SetUsageTemplate(strings.Replace(c.UsageTemplate(), inherited,
		"  --config, --data-dir, --database-url … name the database: see portcullis serve --help", 1))
	c.Flags().String("server", os.Getenv(serverVariable), "URL of a server to work on, with the token in "+tokenVariable+"; empty: the configured database ("+serverVariable+")")
}

// onInstallation opens what the flags name.
func onInstallation(c *cobra.Command, p Program, act func(Installation) error) error {
	if server, _ := c.Flags().GetString("server"); server != "" {
		return plain(act(&remote{server: server, token: os.Getenv(tokenVariable)}))
	}
	cfg, err := load(c)
	if err != nil {
		return err
	}
	return plain(p.Direct(c.Context(), cfg, func(d *Direct) error { return act(d) }))
}
