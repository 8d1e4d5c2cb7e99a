package idp

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"
)

// Paging selects part of a list.
type Paging struct {
	Limit  int // ≤ 0 means the default of 20; at most 1,000
	Offset int
	Order  []string // field names as on the wire, "-" first for descending; unknown ones are CodeInvalid
	Search string   // matched against the noun's own text fields
}

// Page is part of a list and how long the whole list is.
type Page[T any] struct {
	Items []T
	Total int
	// AtLeast is true where nobody has counted to the end: there are Total or more.
	AtLeast bool
}

// Table is what every plainly stored noun offers. Get, Update and Delete of
// an absent row are CodeNotFound. Create fills in an unset ID. A broken
// unique rule is CodeInvalid and names the field.
type Table[T, I, F any] interface {
	Get(ctx context.Context, id I) (*T, error)
	Find(ctx context.Context, filter F) (Page[T], error)
	Create(ctx context.Context, row *T) error
	Update(ctx context.Context, row *T) error
	Delete(ctx context.Context, id I) error
}

// HeldTable is a Table whose rows several people may change at once.
type HeldTable[T, I, F any] interface {
	Table[T, I, F]
	// Hold is Get that makes everybody else who holds, changes or deletes the
	// row wait until the transaction ends.
	Hold(ctx context.Context, id I) (*T, error)
}

// UserFilter selects users. Unset fields select all.
type UserFilter struct {
	Paging
	IDs                             []UserID // nil = all; empty but not nil = none
	Usernames                       []string
	Email                           *string
	UUID                            *UUID
	Name                            *string
	IsActive                        *bool
	IsSuperuser                     *bool
	Types                           []UserType
	Path                            *string
	PathStartsWith                  *string
	GroupIDs                        []GroupID // direct membership of any
	GroupNames                      []string
	Attributes                      Attributes // containment
	LastLoginAfter, LastLoginBefore *time.Time
	LastLoginNull                   *bool
	JoinedAfter, JoinedBefore       *time.Time
	UpdatedAfter, UpdatedBefore     *time.Time
	LockedDown                      *bool // has a lockdown that was not restored

	LastLoginAt, JoinedAt, UpdatedAt *time.Time // exactly, to the microsecond
	RoleIDs                          []RoleID   // roles of their own, any of them
	RoleNames                        []string
}

// Users stores accounts.
type Users interface {
	Table[User, UserID, UserFilter]
	GetByUUID(ctx context.Context, id UUID) (*User, error)
	// FindByLogin returns whoever has the value, regardless of case, in one of
	// the fields (username, email, upn); nil without an error when nobody or
	// more than one has it.
	FindByLogin(ctx context.Context, value string, fields []string) (*User, error)
	// Hold locks the row for update until the transaction ends.
	Hold(ctx context.Context, id UserID) (*User, error)
	// Share locks the row for share: whoever mints a credential calls it, so
	// that a lockdown and a mint never pass each other.
	Share(ctx context.Context, id UserID) (*User, error)
	// TouchLogin sets LastLoginAt to now.
	TouchLogin(ctx context.Context, id UserID) error
	// UpgradePassword stores another hash of the same password, unless the
	// password changed meanwhile (old is the encoded value verified).
	UpgradePassword(ctx context.Context, id UserID, old, encoded string) error
	// HoldAdministrators serialises everything that could remove the last
	// administrator and returns how many active superusers with a usable way
	// to sign in remain beside those named.
	HoldAdministrators(ctx context.Context, without ...UserID) (int, error)
	// Paths lists the distinct paths in use.
	Paths(ctx context.Context) ([]string, error)
}

// GroupFilter selects groups.
type GroupFilter struct {
	Paging
	IDs         []GroupID
	Name        *string
	IsSuperuser *bool
	MemberID    *UserID    // direct members only
	ParentID    *GroupID   // groups that name it as a parent
	Attributes  Attributes // containment

	MemberIDs   []UserID // groups with any of them as a direct member
	MemberNames []string // the same by username, regardless of case
	Names       []string // nil = all
}

// Groups stores groups and who belongs to them.
type Groups interface {
	HeldTable[Group, GroupID, GroupFilter]
	AddUser(ctx context.Context, group GroupID, user UserID) error
	RemoveUser(ctx context.Context, group GroupID, user UserID) error
	// SetUsers replaces the direct members.
	SetUsers(ctx context.Context, group GroupID, users []UserID) error
	// SetGroups replaces the direct memberships of a user.
	SetGroups(ctx context.Context, user UserID, groups []GroupID) error
	Members(ctx context.Context, group GroupID, p Paging) (Page[User], error)
	// MemberIDs lists the direct members, all of them, in the order of their IDs.
	MemberIDs(ctx context.Context, group GroupID) ([]UserID, error)
}

// SessionFilter selects sessions.
type SessionFilter struct {
	Paging
	UserID *UserID
	Live   *bool
	IP     *string
	// UserAgent is the whole header of the browser.
	UserAgent *string
}

// Sessions stores signed-in browsers.
type Sessions interface {
	Get(ctx context.Context, id SessionID) (*Session, error)
	Find(ctx context.Context, filter SessionFilter) (Page[Session], error)
	Create(ctx context.Context, s *Session) error
	// Visit returns the session of a cookie digest with its user, in one
	// statement; CodeNotFound when there is none. It does not judge: call
	// MayAct.
	Visit(ctx context.Context, digest []byte) (*Session, *User, error)
	// Save keeps the session manager's data, and only on a row that lives.
	Save(ctx context.Context, digest []byte, data []byte) error
	// Used notes that sessions were used just now, from where and with what. It
	// leaves those that have ended or lay idle too long as they are, and the
	// address of bound ones, which moves by a check only.
	Used(ctx context.Context, uses []SessionUse) error
	// Hold is Get for whoever is about to judge where the session is used from:
	// everybody else who does waits until the transaction ends.
	Hold(ctx context.Context, id SessionID) (*Session, error)
	// Move writes the address that the session was last used from, at once. A
	// session that has ended stays as it is. An invalid address is none.
	Move(ctx context.Context, id SessionID, to netip.Addr) error
	// End makes the row a tombstone. ended is false when it was one already.
	End(ctx context.Context, id SessionID, reason string) (ended bool, err error)
	// Prove notes that whoever is in the session has just proved to be who they are,
	// with the factor where it was one. A session that has ended stays as it is.
	Prove(ctx context.Context, id SessionID, factor *FactorID) error
	// Carry lifts one live session to its user's present generation: the one
	// that is kept while all others end. The transaction holds the user and has
	// just raised the generation from the one given, which the row must have;
	// carried is false when it has another, was ended or has expired.
	Carry(ctx context.Context, id SessionID, from int64) (carried bool, err error)
}

// TokenFilter selects tokens.
type TokenFilter struct {
	Paging
	UserID     *UserID
	Intent     *TokenIntent
	Identifier *string
	Live       *bool
	Managed    *string

	Description *string
	Expiring    *bool
	ExpiresAt   *time.Time // of those that expire, to the microsecond
}

// TokenUse is a token with its user, as they are found together.
type TokenUse struct {
	Token Token
	User  User
}

// Tokens stores bearer secrets.
type Tokens interface {
	Table[Token, TokenID, TokenFilter]
	GetByIdentifier(ctx context.Context, identifier string) (*Token, error)
	// Use returns the token of a digest with its user, in one statement, and with
	// another one notes the use at most once a minute; CodeNotFound when there is
	// none. It does not judge: call MayAct.
	Use(ctx context.Context, digest []byte) (*Token, *User, error)
	// UseMany is Use for several, each once and in no order; those there are none of
	// are left out.
	UseMany(ctx context.Context, digests [][]byte) ([]TokenUse, error)
	// RevokeIntent revokes the live tokens of a user with that intent; nil = all.
	RevokeIntent(ctx context.Context, user UserID, intent TokenIntent, except *TokenID) (int, error)
	// Revoke ends one; revoked is false when it was ended already.
	Revoke(ctx context.Context, id TokenID) (revoked bool, err error)
	// KeepKey stores the sealed key of a token, in place of an earlier one, for
	// a lifetime that counts from the database's now; 0 = without an end.
	KeepKey(ctx context.Context, id TokenID, sealed []byte, lifetime time.Duration) error
	// TakeKey returns the sealed key of a live token, nil when there is none or
	// its time has passed, and forgets it unless it is to stay: of two who take
	// it at once one gets nil.
	TakeKey(ctx context.Context, id TokenID, stays bool) ([]byte, error)
	// LimitKeys gives keys that were stored without an end a lifetime, and
	// returns how many.
	LimitKeys(ctx context.Context, lifetime time.Duration) (int, error)
}

// FlowFilter selects flows.
type FlowFilter struct {
	Paging
	Designation  *Designation
	DeniedAction *DeniedAction
	Name         *string
	Slug         *string
	IDs          []FlowID
}

// Flows stores flows.
type Flows interface {
	HeldTable[Flow, FlowID, FlowFilter]
	GetBySlug(ctx context.Context, slug string) (*Flow, error)
}

// FlowBindingFilter selects flow bindings.
type FlowBindingFilter struct {
	Paging
	IDs                   []FlowBindingID
	FlowID                *FlowID
	FlowIDs               []FlowID
	StageID               *StageID
	StageIDs              []StageID
	Order                 *int
	EvaluateOnPlan        *bool
	ReEvaluatePolicies    *bool
	InvalidResponseAction *InvalidAction
	PolicyMode            *PolicyMode
}

// FlowBindings stores which stages a flow has; Find orders by Order.
type FlowBindings interface {
	HeldTable[FlowBinding, FlowBindingID, FlowBindingFilter]
}

// StageFilter selects stages.
type StageFilter struct {
	Paging
	Kind *string
	Name *string
	IDs  []StageID
	// Bound selects stages that some flow has, or those that none has.
	Bound *bool
	// Settings selects stages whose settings hold, by name, one of the values;
	// of a list, one of the values among its own.
	Settings map[string][]any
}

// Stages stores stages.
type Stages interface {
	HeldTable[Stage, StageID, StageFilter]
}

// PromptFilter selects prompts.
type PromptFilter struct {
	Paging
	IDs      []PromptID
	Name     *string
	FieldKey *string
	Type     *string
	Types    []string

	Label, Placeholder *string
}

// Prompts stores prompts.
type Prompts interface {
	HeldTable[Prompt, PromptID, PromptFilter]
}

// PolicyFilter selects policies.
type PolicyFilter struct {
	Paging
	Kind             *string
	Name             *string
	IDs              []PolicyID // nil = all
	ExecutionLogging *bool
	Bound            *bool // has a binding
	Validates        *bool // a stage asks it about answers

	CreatedAt, UpdatedAt *time.Time // exactly, to the microsecond
	// Settings selects policies whose settings hold, by name, one of the values.
	// Defaults are the settings of a policy that stores none.
	Settings map[string][]any
	Defaults json.RawMessage
}

// Policies stores policies.
type Policies interface {
	HeldTable[Policy, PolicyID, PolicyFilter]
}

// PolicyBindingFilter selects policy bindings. Find loads each binding's
// Policy.
type PolicyBindingFilter struct {
	Paging
	Targets   []UUID
	PolicyID  *PolicyID
	GroupID   *GroupID
	UserID    *UserID
	HasPolicy *bool // binds a policy, not a group or a user
	Enabled   *bool
	Order     *int
	Timeout   *time.Duration
}

// PolicyBindings stores policy bindings; Find orders by Order.
type PolicyBindings interface {
	HeldTable[PolicyBinding, PolicyBindingID, PolicyBindingFilter]
}

// BrandFilter selects brands.
type BrandFilter struct {
	Paging
	Domain  *string
	Default *bool

	IDs                                         []BrandID // nil = all
	Title, Logo, Favicon, DefaultFlowBackground *string
	FlowAuthentication, FlowInvalidation        *FlowID
	FlowRecovery, FlowUnenrollment              *FlowID
	FlowUserSettings, FlowDeviceCode            *FlowID
}

// Brands stores brands.
type Brands interface {
	HeldTable[Brand, BrandID, BrandFilter]
	// ForHost returns the brand with the longest domain that the host ends in,
	// else the default one, else CodeNotFound.
	ForHost(ctx context.Context, host string) (*Brand, error)
}

// EventFilter selects events. Find orders newest first unless asked otherwise.
type EventFilter struct {
	Paging
	Actions  []Action
	UserID   *UserID // the event's user or authenticated_as
	Username *string
	ClientIP *string
	ActionID *string // context.action_id
	Lock     *LockID // what happened to that lock
	After    *time.Time
	Before   *time.Time

	BrandName                    *string // the title of the brand it happened on
	ModelApp, ModelName, ModelPK *string // of the object it is about: context.model
	AuthorizedApp                *string // pk of context.authorized_application

	ActionIDs []string // any of these context.action_id; nil = all
	// Behind continues a list by descending pk after that one.
	Behind    *EventID
	Uncounted bool // leave Page.Total at -1 where the page does not tell it
}

// Events is the audit log: it grows and is read, nothing else.
type Events interface {
	Append(ctx context.Context, e *Event) error
	// AppendAll is Append of many, in one round trip.
	AppendAll(ctx context.Context, all []*Event) error
	Get(ctx context.Context, id EventID) (*Event, error)
	Find(ctx context.Context, filter EventFilter) (Page[Event], error)
	// Tail returns events that were committed since the mark, and the mark behind
	// them; nothing is left out and nothing told twice. Imported events are history
	// and not among them.
	Tail(ctx context.Context, mark EventMark) ([]Event, EventMark, error)
	// Daily counts events per day (UTC) and action over the last days.
	Daily(ctx context.Context, days int) ([]EventCount, error)
	// Volume counts the events of a filter per quarter of a day (UTC) and action over
	// the last days, oldest first.
	Volume(ctx context.Context, filter EventFilter, days int) ([]EventCount, error)
	// Applications counts the events of an action per authorized application, the
	// most frequent first; at most so many.
	Applications(ctx context.Context, action Action, most int) ([]ApplicationCount, error)
}

// ApplicationCount is how many events name an application, and how many users.
type ApplicationCount struct {
	Application map[string]any // context.authorized_application
	Events      int
	Users       int
}

// EventCount is how many events of an action a day, or a part of it, saw.
type EventCount struct {
	Day    time.Time // when it began
	Action Action
	Count  int
}

// LockdownFilter selects lockdown records, newest first.
type LockdownFilter struct {
	Paging
	UserID  *UserID
	ActorID *UserID
	BatchID *UUID
	Open    *bool // not restored yet
}

// Lockdowns stores lockdown records.
type Lockdowns interface {
	Get(ctx context.Context, id LockdownID) (*Lockdown, error)
	Find(ctx context.Context, filter LockdownFilter) (Page[Lockdown], error)
	Create(ctx context.Context, l *Lockdown) error
	// FindByKey returns what an earlier call of the actor with the
	// idempotency key did; nil actor = the system.
	FindByKey(ctx context.Context, actor *UserID, key string) ([]Lockdown, error)
	// MarkRestored closes the open lockdowns of a user and returns how many.
	MarkRestored(ctx context.Context, user UserID, by *User) (int, error)
}

// Runs stores flows under way.
type Runs interface {
	// Find returns the run of a browser and a flow, nil when there is none or
	// it has expired.
	Find(ctx context.Context, browser []byte, flow FlowID) (*Run, error)
	// Present is Find for the flow of that slug, and says which state of the
	// configuration it was read in: what every request to a flow begins with.
	Present(ctx context.Context, browser []byte, slug string) (Revision, *Run, error)
	// Create stores a run, replacing one of the same browser and flow. The
	// lifetime counts from the database's now.
	Create(ctx context.Context, r *Run, lifetime time.Duration) error
	// Save stores State if Version is still the stored one, and raises it;
	// else CodeConflict.
	Save(ctx context.Context, r *Run) error
	Delete(ctx context.Context, id RunID) error
	// DeleteBrowser ends every run of a browser.
	DeleteBrowser(ctx context.Context, browser []byte) error
}

// Holder counts and ends what an account holds.
type Holder interface {
	// Holdings counts what is live.
	Holdings(ctx context.Context, user UserID) (Holdings, error)
	// Ending is Holdings for the act that is about to end them: sessions, and tokens
	// of each intent, are counted to CountLimit + 1.
	Ending(ctx context.Context, user UserID) (Holdings, error)
	// Applications lists the applications that the account is signed in to or has
	// granted something, by name; at most so many.
	Applications(ctx context.Context, user UserID, most int) ([]HeldApplication, error)
	// Sessions counts the sessions that live in a generation, if it is the
	// present one, or did when it ended a moment ago, to CountLimit + 1.
	Sessions(ctx context.Context, user UserID, generation int64) (int, error)
	// SweepSessions and SweepTokens end up to limit rows of an old generation
	// and return how many; 0 means done.
	SweepSessions(ctx context.Context, user UserID, limit int) (int, error)
	SweepTokens(ctx context.Context, user UserID, limit int) (int, error)
}

// Settings stores small values of the installation by name.
type Settings interface {
	// Get returns nil without an error when the name was never set.
	Get(ctx context.Context, name string) (json.RawMessage, error)
	Set(ctx context.Context, name string, value json.RawMessage) error
	Delete(ctx context.Context, name string) error
	// Hold makes everybody else who holds the name wait until this transaction
	// ends. The name needs no value.
	Hold(ctx context.Context, name string) error
}

// Revision names a state of the configuration. The zero value names none.
type Revision = UUID

// Configuration tells whether flows, stages, policies and brands are still as
// they were, so that they can be kept in memory.
type Configuration interface {
	// Revision is another one after every transaction that changed flows, flow
	// bindings, stages, prompts, policies, policy bindings or brands. What is
	// read after it is at least as new as the state it names.
	Revision(ctx context.Context) (Revision, error)
}

// Jobs enqueues background work in the transaction it is called in.
type Jobs interface {
	Enqueue(ctx context.Context, job Job) error
}

// Attempts undoes parts of a transaction.
type Attempts interface {
	// Try runs fn as a part of the transaction it is called in, and undoes that
	// part alone when fn returns an error, which it returns. Only inside a
	// transaction.
	Try(ctx context.Context, fn func(tx Repos) error) error
}

// Repos is every repository, over the pool or over one transaction.
type Repos struct {
	Users          Users
	Groups         Groups
	Sessions       Sessions
	Visits         Visits
	Tokens         Tokens
	Flows          Flows
	FlowBindings   FlowBindings
	Stages         Stages
	Prompts        Prompts
	Policies       Policies
	PolicyBindings PolicyBindings
	Brands         Brands
	Events         Events
	Seals          Seals
	EventBlocks    EventBlocks
	Lockdowns      Lockdowns
	Restores       Restores
	Runs           Runs
	Holder         Holder
	Settings       Settings
	Reputations    Reputations
	Invitations    Invitations
	Consents       Consents
	Blueprints     Blueprints
	Configuration  Configuration
	Links          Links
	KnownDevices   KnownDevices
	Factors        Factors
	AccessRequests AccessRequests
	Locks          Locks
	Lockouts       Lockouts
	Roles          Roles
	Jobs           Jobs

	NotificationRules NotificationRules
	Transports        Transports
	WebhookMappings   WebhookMappings
	Notifications     Notifications
	Deliveries        Deliveries
	Attempts          Attempts

	Applications   Applications
	OAuthProviders OAuthProviders
	ScopeMappings  ScopeMappings

	OAuthGrants   OAuthGrants
	OAuthRequests OAuthRequests
	SigningKeys   SigningKeys
	LogoutNotices LogoutNotices
}

// Store is the way to the database.
type Store interface {
	// Repos is for single calls outside a transaction.
	Repos() Repos
	// InTx runs fn in one transaction: committed when it returns nil, rolled
	// back otherwise. fn may run again after a serialisation failure or a
	// deadlock, so it must have no effect outside the transaction. There is no
	// nesting, but for parts with Attempts. Never hash a password inside.
	InTx(ctx context.Context, fn func(tx Repos) error) error
	// Lockdown is InTx on a connection of its own, kept warm outside the pool,
	// so that a busy pool never delays a containment.
	Lockdown(ctx context.Context, fn func(tx Repos) error) error
	// Arrive does the rides of a context that no transaction has taken (see Rides).
	Arrive(ctx context.Context) error
	// Now is the database's clock, which decides every expiry.
	Now(ctx context.Context) (time.Time, error)
	// Ping reports whether the database answers and is migrated.
	Ping(ctx context.Context) error
}
