package restore

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The acts of others that steps are made of. Each is in a transaction of ours, judges
// the actor, asks for a fresh proof where it destroys or hands out something, and
// writes its own event.
type (
	// Reopener switches accounts on.
	Reopener interface {
		ActivateIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID) error
	}
	// Passwords sets passwords. SetPasswordIn comes first in its transaction.
	Passwords interface {
		CheckPassword(password string) error
		HashPassword(ctx context.Context, password string) (string, error)
		SetPasswordIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID, encoded string, then time.Time) error
	}
	// Accounts changes accounts.
	Accounts interface {
		// ReaddressIn changes the address.
		ReaddressIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID, email string) error
		// MemberIn puts a user into a group, or takes them out of it.
		MemberIn(ctx context.Context, tx idp.Repos, actor idp.Actor, group idp.GroupID, user idp.UserID, in bool) error
		// RequireIn asks for something new at the next sign-in.
		RequireIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID, password, factor bool) error
	}
	// Roles changes which roles a held user, or a held group, has directly.
	Roles interface {
		SetUserRolesIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User, change func(has map[string]bool) []string) (bool, error)
		SetGroupRolesIn(ctx context.Context, tx idp.Repos, actor idp.Actor, g *idp.Group, change func(has map[string]bool) []string) (bool, error)
	}
	// Tokens ends tokens.
	Tokens interface {
		RevokeIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.TokenID) error
	}
	// Consents takes consents back.
	Consents interface {
		WithdrawIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.ConsentID) error
	}
	// Links makes recovery links.
	Links interface {
		// LinkIn makes one and returns it as a path; now is by the database's clock.
		LinkIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, now time.Time) (path string, token idp.TokenID, err error)
		// MailIn has one sent by an email stage.
		MailIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, stage idp.StageID) error
	}
	// Factors removes second factors.
	Factors interface {
		RemoveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.FactorID) error
	}
	// Post tells people of a restore by mail.
	Post interface {
		Ready() bool
		// Restored orders the mail; link says that another one brings a recovery link.
		Restored(ctx context.Context, tx idp.Repos, u *idp.User, link bool) error
	}
)

// Deps are what a Service needs.
type Deps struct {
	Store     idp.Store
	Access    idp.Access
	Lockdowns Reopener
	Passwords Passwords
	Accounts  Accounts
	Roles     Roles
	Tokens    Tokens
	Consents  Consents
	Links     Links
	Factors   Factors
	Post      Post
}

// Service restores accounts.
type Service struct{ d Deps }

// New returns a Service.
func New(d Deps) *Service { return &Service{d} }

const app = "restore"

// Before is how long before a lockdown somebody else may have acted as the account,
// where nobody has said since when.
const Before = 24 * time.Hour

// MaxReason is the longest reason for leaving a step out, in characters.
const MaxReason = 1_000

// State says how far a step has come.
type State string

// The states of steps.
const (
	Open    State = "open"
	Done    State = "done"
	Skipped State = "skipped"
)

// Item is a step with its state.
type Item struct {
	Step  idp.RestoreStep
	State State
	// Summary says in a sentence what is so.
	Summary string
	At      *time.Time // when it was done or left out, where that is known
	By      string     // by whom
	Note    string     // why it was left out
}

// Factor is a second factor of the account.
type Factor struct {
	idp.Factor
	Added bool // since the suspected moment
}

// Checklist is how far a restore has come.
type Checklist struct {
	Lockdown *idp.Lockdown
	User     *idp.User // nil = the account was deleted
	// Since is the suspected moment that Factors and Changes are judged by.
	Since time.Time
	Now   time.Time // by the database's clock
	Items []Item
	Acts  []idp.RestoreAct // what was done, oldest first
	// Factors and Changes are empty for whoever may not see them: Hidden says so.
	Factors []Factor
	Changes []Change // newest first
	// More says that the log has more since then than is looked at.
	More   bool
	Hidden map[idp.RestoreStep]string
	// Newer is a later lockdown of the same account, which is the one to restore from.
	Newer *idp.LockdownID
	// Unsent says why no mail can be sent to the account; "" = it can.
	Unsent string
}

// Item returns the step of that name.
func (c *Checklist) Item(step idp.RestoreStep) Item {
	for _, item := range c.Items {
		if item.Step == step {
			return item
		}
	}
	return Item{Step: step, State: Open}
}

// Left lists the steps that are neither done nor left out.
func (c *Checklist) Left() []idp.RestoreStep {
	var left []idp.RestoreStep
	for _, item := range c.Items {
		if item.State == Open {
			left = append(left, item.Step)
		}
	}
	return left
}
