package access

import "github.com/portcullis-idp/portcullis/internal/idp"

// Checker implements idp.Access. Superusers and the system may do everything;
// everybody else only what own lists, and only with what is their own.
type Checker struct{}

var _ idp.Access = (*Checker)(nil)

// New returns a Checker. It holds no state.
func New() *Checker { return &Checker{} }

// own lists what people may do with what belongs to them.
var own = map[idp.Resource]map[idp.Verb]bool{
	idp.ResourceUser:     {idp.VerbRead: true, idp.VerbUpdate: true},
	idp.ResourceSession:  {idp.VerbList: true, idp.VerbRead: true, idp.VerbDelete: true},
	idp.ResourceToken:    {idp.VerbList: true, idp.VerbRead: true, idp.VerbCreate: true, idp.VerbUpdate: true, idp.VerbDelete: true},
	idp.ResourceLockdown: {idp.VerbCreate: true},
	idp.ResourceConsent:  {idp.VerbList: true, idp.VerbRead: true, idp.VerbDelete: true},
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
		if on.Owner != nil && *on.Owner == u.ID && own[on.Resource][verb] {
			return nil
		}
	}
	return idp.Forbidden("You do not have permission to perform this action.")
}
