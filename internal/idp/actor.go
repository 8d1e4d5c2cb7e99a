package idp

import "net/netip"

// Actor is who does something, and from where. The zero Actor is the system
// itself (a job, the command line on the server's own machine).
type Actor struct {
	User    *User // nil = nobody signed in, or the system
	System  bool  // true = the product itself or its owner on the server's shell: may do everything
	Session *Session
	Token   *Token
	Grant   *OAuthHeld // an OAuth access token, instead of a session or a token
	Request *RequestInfo
	Brand   map[string]any // {pk, domain, name} for events
}

// SystemActor is the product acting on its own.
func SystemActor() Actor { return Actor{System: true} }

// ClientIP is the address the request came from; the zero Addr without one.
func (a Actor) ClientIP() netip.Addr {
	if a.Request == nil {
		return netip.Addr{}
	}
	return a.Request.ClientIP
}

// Is reports whether the actor is that user.
func (a Actor) Is(id UserID) bool { return a.User != nil && a.User.ID == id }

// RequestInfo is what is known of the HTTP request behind an act.
type RequestInfo struct {
	ID        string // request ID, as on error pages and in logs
	Method    string
	Path      string
	Query     map[string]string // without secrets
	Host      string
	UserAgent string
	ClientIP  netip.Addr
	Secure    bool
	// Atlas finds where ClientIP is, for events; nil = nobody knows.
	Atlas Whereabouts
}

// locate adds where a request came from to what an event says, as far as databases of
// addresses tell, and leaves what is there already.
func (r *RequestInfo) locate(context map[string]any) {
	if r.Atlas == nil || !r.ClientIP.IsValid() {
		return
	}
	if place, known := r.Atlas.Place(r.ClientIP); known && context["geo"] == nil {
		context["geo"] = place.Facts()
	}
	if network, known := r.Atlas.Network(r.ClientIP); known && context["asn"] == nil {
		context["asn"] = network.Facts()
	}
}

// Facts returns the request as events show it.
func (r *RequestInfo) Facts() map[string]any {
	args := map[string]any{}
	for k, v := range r.Query {
		args[k] = v
	}
	return map[string]any{"path": r.Path, "method": r.Method, "args": args, "user_agent": r.UserAgent, "request_id": r.ID}
}

// Verb is what somebody wants to do with a kind of object.
type Verb string

// The verbs.
const (
	VerbList   Verb = "list"
	VerbRead   Verb = "read"
	VerbCreate Verb = "create"
	VerbUpdate Verb = "update"
	VerbDelete Verb = "delete"
)

// Resource is a kind of object that access is asked for.
type Resource string

// The resources.
const (
	ResourceUser       Resource = "user"
	ResourceGroup      Resource = "group"
	ResourceSession    Resource = "session"
	ResourceToken      Resource = "token"
	ResourceEvent      Resource = "event"
	ResourceBrand      Resource = "brand"
	ResourceFlow       Resource = "flow"
	ResourceStage      Resource = "stage"
	ResourcePolicy     Resource = "policy"
	ResourceLockdown   Resource = "lockdown"
	ResourceBlueprint  Resource = "blueprint"
	ResourceSystem     Resource = "system"
	ResourceInvitation Resource = "invitation"
	ResourceConsent    Resource = "consent"
	ResourceLock       Resource = "lock"
	ResourceRole       Resource = "role"
	ResourcePreference Resource = "cluster_auth_preference"
	ResourceLockout    Resource = "lockout"
	ResourceSetting    Resource = "setting"
	// ResourceNotification covers rules, transports, mappings and deliveries; what
	// somebody was told is their own.
	ResourceNotification Resource = "notification"
	// ResourceApplication covers applications, their providers and scope mappings.
	ResourceApplication Resource = "application"
	// ResourceFactor covers second factors, ResourceDevice the browsers that accounts are
	// known in, ResourceAccessRequest asking for a group for a while, and deciding on it.
	ResourceFactor        Resource = "mfa_device"
	ResourceDevice        Resource = "device"
	ResourceAccessRequest Resource = "access_request"
	// ResourceRecovery is a recovery link for somebody else.
	ResourceRecovery Resource = "recovery"
)

// Verbs lists every verb.
func Verbs() []Verb { return []Verb{VerbList, VerbRead, VerbCreate, VerbUpdate, VerbDelete} }

// Resources lists every resource.
func Resources() []Resource {
	return []Resource{ResourceUser, ResourceGroup, ResourceRole, ResourceSession, ResourceToken, ResourceLockdown, ResourceLock, ResourceLockout,
		ResourceEvent, ResourceNotification, ResourceBrand, ResourceFlow, ResourceStage, ResourcePolicy, ResourceBlueprint, ResourceInvitation,
		ResourceApplication, ResourceConsent, ResourceRecovery, ResourceFactor, ResourceDevice, ResourceAccessRequest, ResourcePreference, ResourceSetting, ResourceSystem}
}

// Object names what access is asked for: a kind, and whose it is where it
// belongs to somebody.
type Object struct {
	Resource Resource
	Owner    *UserID // the user it is or belongs to; nil = nobody's
	Lock     *Lock   // what is locked, for rules that say where
	// Some asks whether there is anything of the kind that the actor may do that
	// with: what leads to an act asks so, and the act itself judges what it is.
	Some bool
}

// Of is an object that belongs to a user.
func Of(r Resource, owner UserID) Object { return Object{Resource: r, Owner: &owner} }

// Access is the one check of who may do what, used by pages, API and CLI.
type Access interface {
	Gate
	// Check returns nil, or an *Error with CodeUnsigned or CodeForbidden.
	Check(actor Actor, verb Verb, on Object) error
	// Covers returns nil when the actor has all these rights, else an *Error with
	// CodeForbidden. Acts that hand rights to somebody, or control over an account
	// that has them, ask it: nobody gains by an act what they do not have.
	Covers(actor Actor, rights Rights) error
	// Fresh returns nil when whoever acts has proved lately who they are, or comes
	// with a token that need not; otherwise an *Error with CodeStepUp. Acts that
	// destroy or hand out rights ask it, and judge the actor as Renew returned them.
	Fresh(actor Actor) error
}
