package idp

import (
	"encoding/json"
	"net/netip"
	"time"
)

// Policy is one configured rule. Settings is the JSON of the kind's settings.
type Policy struct {
	ID               PolicyID
	Name             string // unique
	Kind             string // expression, …
	Settings         json.RawMessage
	ExecutionLogging bool
	UpdatedAt        time.Time
	CreatedAt        time.Time
	// BoundTo counts the bindings and the stages that name it; derived, and
	// only there when the policy was read by itself.
	BoundTo int
}

// PolicyBinding attaches a policy, a group or a user to a target: a flow or a
// flow binding, by its own ID. Exactly one of PolicyID, GroupID and UserID is
// set.
type PolicyBinding struct {
	ID            PolicyBindingID
	Target        UUID
	PolicyID      *PolicyID
	GroupID       *GroupID
	UserID        *UserID
	Negate        bool
	Enabled       bool
	Order         int
	Timeout       time.Duration
	FailureResult bool

	Policy *Policy // loaded with the binding when PolicyID is set
}

// PolicyRequest is what a policy may look at. User is whom the question is
// about: the pending user of a flow, else whoever is signed in.
type PolicyRequest struct {
	User     *User  // may be nil
	SignedIn *User  // request.http_request.user; nil = nobody
	Path     string // of the HTTP request
	Method   string
	Query    map[string]string
	ClientIP netip.Addr
	Context  map[string]any // plain data only; users as UserFacts
	Secrets  []string       // names of entries of Context that hold what people typed unseen
	Object   map[string]any // what the policy is bound to, as plain data; nil = nothing, or not known
	Brand    string         // what the site calls itself; "" = not known
	Debug    bool           // somebody tries the policy; nothing depends on the answer
}

// PolicyResult is the answer of a policy or of all bindings of a target.
type PolicyResult struct {
	Passing  bool
	Messages []string
	// Trace is what each binding of a target answered, by order. It is for
	// whoever may inspect flows, never for the person concerned.
	Trace []PolicyTrace
	// Context is what policies set of the flow's context, by the names that
	// JudgeContext lets through; nil as a value drops it.
	Context map[string]any
}

// PolicyTrace is what one policy binding answered.
type PolicyTrace struct {
	Binding  PolicyBindingID `json:"binding"`
	Kind     string          `json:"kind"` // policy, group, user
	Name     string          `json:"name"` // of the policy; "" for groups and users
	Passing  bool            `json:"passing"`
	Negated  bool            `json:"negated,omitempty"`
	Messages []string        `json:"messages,omitempty"`
	Fault    string          `json:"fault,omitempty"` // why there was no answer
	Took     time.Duration   `json:"took"`            // nanoseconds
}

// Facts returns the user as the plain data that expressions see.
func (u *User) Facts() map[string]any {
	if u == nil {
		return nil
	}
	attributes := map[string]any{}
	for k, v := range u.Attributes {
		attributes[k] = v
	}
	groups := make([]any, 0, len(u.GroupNames))
	for _, g := range u.GroupNames {
		groups = append(groups, g)
	}
	return map[string]any{
		"pk": int(u.ID), "uuid": u.UUID.String(), "username": u.Username, "name": u.Name,
		"email": u.Email, "path": u.Path, "type": string(u.Type), "is_active": u.IsActive,
		"is_superuser": u.IsSuperuser, "attributes": attributes, "groups": groups,
		"renew_password": u.RenewPassword, "renew_factor": u.RenewFactor,
	}
}
