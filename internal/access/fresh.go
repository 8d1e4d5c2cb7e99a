package access

import "github.com/portcullis-idp/portcullis/internal/idp"

// Fresh implements idp.Access. A session counts from when its person last proved who
// they are, in it or to begin it; a token is asked for nothing and counts when it is
// marked; an OAuth access token, from the sign-in that it was granted at. Whoever comes
// with none of them has proved nothing.
func (c *Checker) Fresh(actor idp.Actor) error {
	if actor.System || c.d.ProofAge == nil {
		return nil
	}
	limit := c.d.ProofAge()
	switch {
	case limit <= 0:
		return nil
	case actor.Token != nil:
		if actor.Token.StepUpExempt {
			return nil
		}
		return &idp.Error{Code: idp.CodeStepUp, Message: "This token may not do that: it takes one that is marked as allowed without a fresh sign-in."}
	case actor.Session != nil && actor.Session.ProvedAgo < limit:
		return nil
	case actor.Grant != nil:
		// Of a client itself nobody ever proved anything.
		if g := &actor.Grant.Grant; g.Kind != idp.GrantClientCredentials && g.AuthAge < limit {
			return nil
		}
		return &idp.Error{Code: idp.CodeStepUp, Message: "This access token may not do that: it takes one of somebody who signed in lately."}
	}
	return &idp.Error{Code: idp.CodeStepUp, Message: "Confirm that it is you: this takes a password or second factor that was given lately."}
}
