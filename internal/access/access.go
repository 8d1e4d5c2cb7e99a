package access

import (
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/herald"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Deps are what a Checker needs. The zero value knows of no roles and no locks.
type Deps struct {
	// Roles are the roles by name; nil = there are none.
	Roles *Roles
	// Locks is this server's view of the locks; nil = there are none.
	Locks Locks
	// Networks tells the network of an address, for locks that name one; nil =
	// nothing is known of any.
	Networks idp.Whereabouts
	// Heralds knows of acts under way; nil = nothing is known of any.
	Heralds *herald.Board
	// ProofAge is how long ago somebody may have proved who they are who does what
	// idp.Access.Fresh guards; nil or 0 = that is not asked.
	ProofAge func() time.Duration
}

// Checker implements idp.Access. Superusers and the system may do everything;
// everybody else what own lists, with what is their own, and what their roles
// allow; but nothing that one of their roles denies. Signing out is not asked for.
type Checker struct{ d Deps }

var _ idp.Access = (*Checker)(nil)

// New returns a Checker.
func New(d ...Deps) *Checker {
	c := &Checker{}
	if len(d) > 0 {
		c.d = d[0]
	}
	if c.d.Networks == nil {
		c.d.Networks = idp.Nowhere{}
	}
	return c
}

// own lists what people may do with what belongs to them.
var own = map[idp.Resource]map[idp.Verb]bool{
	idp.ResourceUser:     {idp.VerbRead: true, idp.VerbUpdate: true},
	idp.ResourceSession:  {idp.VerbList: true, idp.VerbRead: true, idp.VerbDelete: true},
	idp.ResourceToken:    {idp.VerbList: true, idp.VerbRead: true, idp.VerbCreate: true, idp.VerbUpdate: true, idp.VerbDelete: true},
	idp.ResourceLockdown: {idp.VerbCreate: true},
	idp.ResourceFactor:   {idp.VerbList: true, idp.VerbRead: true, idp.VerbCreate: true, idp.VerbUpdate: true, idp.VerbDelete: true},
	idp.ResourceDevice:   {idp.VerbList: true, idp.VerbRead: true, idp.VerbDelete: true},

	idp.ResourceAccessRequest: {idp.VerbList: true, idp.VerbRead: true, idp.VerbCreate: true, idp.VerbDelete: true},

	idp.ResourceConsent: {idp.VerbList: true, idp.VerbRead: true, idp.VerbDelete: true},
}

// Check returns nil when the actor may; otherwise an *idp.Error with
// CodeUnsigned when nobody is signed in, CodeForbidden when somebody is. It
// fails closed on accounts that are switched off and on unknown resources.
func (c *Checker) Check(actor idp.Actor, verb idp.Verb, on idp.Object) error {
	if actor.System {
		return nil
	}
	u := actor.User
	if u == nil || u.IsAnonymous() {
		return &idp.Error{Code: idp.CodeUnsigned, Message: "Authentication credentials were not provided."}
	}
	if u.IsActive {
		if u.IsSuperuser {
			return nil
		}
		theirs := on.Owner != nil && *on.Owner == u.ID && own[on.Resource][verb]
		if allowed, denied := c.d.Roles.judge(u.RoleNames, verb, on); !denied && (allowed || theirs) {
			return nil
		}
	}
	return idp.Forbidden("%s", Denied(verb, on.Resource))
}

// Denied is what somebody is told who may not (seed: Session and Identity
// Locking, "failed to create a lock?").
func Denied(verb idp.Verb, on idp.Resource) string {
	return fmt.Sprintf("access denied to perform action %q on %q", verb, on)
}
