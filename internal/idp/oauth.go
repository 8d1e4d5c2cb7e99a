package idp

import (
	"context"
	"slices"
	"time"
)

// OAuthGrant is what one sign-in, one device or one client was granted: the family of
// all its tokens. Ending it ends them all.
type OAuthGrant struct {
	ID            OAuthGrantID
	ProviderID    OAuthProviderID
	ApplicationID ApplicationID
	UserID        UserID
	// SessionID is the browser session it was made in; nil = none (a device, a client).
	SessionID *SessionID
	// Offline says that it outlives its session (offline_access). A lockdown ends it
	// all the same.
	Offline bool
	Kind    GrantType // how it began
	Scopes  []string
	Issuer  string // the `iss` that the application knows this installation by
	Subject string // the `sub` that the application was told
	// AuthTime is when the person proved who they are; Nonce what the client sent;
	// Methods how (RFC 8176).
	AuthTime time.Time
	Nonce    string
	Methods  []string
	// Generation is the user's TokenGeneration when it was made: a lockdown that
	// revokes tokens ends it.
	Generation int64
	CreatedAt  time.Time
	LastUsedAt *time.Time // at most once a minute
	EndedAt    *time.Time
	EndReason  string

	// Derived when read together with the session: whether the session it hangs on is
	// over, by whatever way. Never true of an offline one.
	SessionOver bool
	// Elevated says that its session had groups for a while, and may have them still.
	Elevated bool
	// Bound says that policies, groups or users are bound to its application.
	Bound bool
	// AuthAge is how long ago AuthTime was, by the database's clock.
	AuthAge time.Duration
}

// Credential returns what a door needs to know of the grant.
func (g *OAuthGrant) Credential() Credential {
	c := Credential{Family: FamilyToken, Generation: g.Generation, Ended: g.EndedAt != nil || g.SessionOver}
	if g.SessionID != nil {
		c.Session = *g.SessionID
	}
	return c
}

// Why grants end.
const (
	GrantRevoked  = "revoked"  // by the client (RFC 7009), its owner or an administrator
	GrantReplayed = "replayed" // a code or a refresh token was used twice
	GrantReplaced = "replaced"
	GrantLogout   = "logout"
)

// OAuthTokenKind is what an OAuth token is for.
type OAuthTokenKind string

// The kinds.
const (
	OAuthAccess  OAuthTokenKind = "access"
	OAuthRefresh OAuthTokenKind = "refresh"
)

// OAuthToken is one access or refresh token of a grant. Of a signed access token the
// row is there too, by its `jti`.
type OAuthToken struct {
	ID        OAuthTokenID
	Num       int64 // as the API shows it (`pk`); given by the database
	GrantID   OAuthGrantID
	Kind      OAuthTokenKind
	Digest    []byte
	Scopes    []string
	CreatedAt time.Time
	ExpiresAt time.Time
	// ReplacedAt is when a refresh token was exchanged for the next one: who brings it
	// again has copied it.
	ReplacedAt *time.Time
	RevokedAt  *time.Time
	Expired    bool // by the database's clock, when read
	Signed     bool // it is a JWT: nobody has to ask about it until it expires
}

// OAuthHeld is a token with all that a door needs to judge it.
type OAuthHeld struct {
	Token OAuthToken
	Grant OAuthGrant
	User  *User

	// Application (its slug) and Client (its ID) are what it was given to, for locks,
	// where whoever read it found out; "" otherwise.
	Application, Client string
	// ClientVersion is the Version of the OAuthClient that it was granted to, where Use
	// read it; "" otherwise.
	ClientVersion string
}

// Credential returns what a door needs to know of it.
func (h *OAuthHeld) Credential() Credential {
	c := h.Grant.Credential()
	c.Application, c.Client = h.Application, h.Client
	c.Expired = h.Token.Expired
	c.Ended = c.Ended || h.Token.RevokedAt != nil || h.Token.ReplacedAt != nil
	return c
}

// ScopeAPI lets an access token act on the API as its account (the contract's name).
const ScopeAPI = "goauthentik.io/api"

// ForAPI returns Credential for a request to the API: only an access token with the
// scope for it is meant for that.
func (h *OAuthHeld) ForAPI() Credential {
	c := h.Credential()
	c.WrongIntent = h.Token.Kind != OAuthAccess || !slices.Contains(h.Token.Scopes, ScopeAPI)
	return c
}

// OAuthGrantFilter selects grants, newest first. Unset fields select all.
type OAuthGrantFilter struct {
	Paging
	UserID        *UserID
	ProviderID    *OAuthProviderID
	ApplicationID *ApplicationID
	SessionID     *SessionID
	// Live selects those that still give anything: neither ended, nor of an old
	// generation, nor of a session that is over, with a token that has not expired.
	Live *bool
}

// OAuthTokenFilter selects tokens, newest first. Unset fields select all.
type OAuthTokenFilter struct {
	Paging
	UserID     *UserID
	ProviderID *OAuthProviderID
	Kind       *OAuthTokenKind
	GrantID    *OAuthGrantID
	Live       *bool // it, and the grant, its session and its generation
}

// OAuthGrants stores grants and their tokens.
type OAuthGrants interface {
	Get(ctx context.Context, id OAuthGrantID) (*OAuthGrant, error)
	// Hold is Get for whoever is about to mint from it or to end it.
	Hold(ctx context.Context, id OAuthGrantID) (*OAuthGrant, error)
	Find(ctx context.Context, filter OAuthGrantFilter) (Page[OAuthGrant], error)
	Create(ctx context.Context, g *OAuthGrant) error
	// End makes the grant a tombstone; ended is false when it was one already.
	End(ctx context.Context, id OAuthGrantID, reason string) (ended bool, err error)
	// EndOf ends all live grants of an account at an application, and returns how many.
	EndOf(ctx context.Context, user UserID, application ApplicationID, reason string) (int, error)

	// CreateToken stores a token for a lifetime that counts from the database's now.
	CreateToken(ctx context.Context, t *OAuthToken, lifetime time.Duration) error
	// Use returns the token of a digest with its grant and user, in one statement, and
	// with another one notes the use at most once a minute; CodeNotFound when there is
	// none. It does not judge: ask the gate.
	Use(ctx context.Context, digest []byte) (*OAuthHeld, error)
	// UseMany is Use for several, each once and in no order; those there are none of are
	// left out.
	UseMany(ctx context.Context, digests [][]byte) ([]OAuthHeld, error)
	// GetToken is Use by ID, and notes nothing.
	GetToken(ctx context.Context, id OAuthTokenID) (*OAuthHeld, error)
	// GetTokenByNum is GetToken by the number that the API shows.
	GetTokenByNum(ctx context.Context, num int64) (*OAuthHeld, error)
	FindTokens(ctx context.Context, filter OAuthTokenFilter) (Page[OAuthHeld], error)
	// Replace notes that a refresh token was exchanged; replaced is false when it was
	// before, or was revoked.
	Replace(ctx context.Context, id OAuthTokenID) (replaced bool, err error)
	// RevokeToken ends one token; revoked is false when it was ended already.
	RevokeToken(ctx context.Context, id OAuthTokenID) (revoked bool, err error)
	// RevokeKind ends all tokens of a kind of a grant.
	RevokeKind(ctx context.Context, grant OAuthGrantID, kind OAuthTokenKind) (int, error)
	// Purge deletes at most limit tokens that are of no use for longer than kept, and
	// grants without tokens whose session is over, and returns how many.
	Purge(ctx context.Context, kept time.Duration, limit int) (int, error)
}

// OAuthCode is an authorization code (RFC 6749, section 4.1.2).
type OAuthCode struct {
	Digest          []byte
	Num             int64 // as the API shows it (`pk`); given by the database
	ProviderID      OAuthProviderID
	UserID          UserID
	SessionID       SessionID
	Scopes          []string
	Nonce           string
	RedirectURI     string
	SpentAt         *time.Time
	Challenge       string // PKCE, S256 (RFC 7636); "" = the client sent none
	AuthTime        time.Time
	Methods         []string
	Generation      int64         // of the user's sessions
	TokenGeneration int64         // of the user's tokens
	GrantID         *OAuthGrantID // what it was exchanged for; nil = nothing yet
	CreatedAt       time.Time
	ExpiresAt       time.Time
	Expired         bool // by the database's clock, when read
}

// OAuthCodeFilter selects codes. Unset fields select all.
type OAuthCodeFilter struct {
	Paging
	Num        *int64
	UserID     *UserID
	ProviderID *OAuthProviderID
}

// OAuthRequest is an authorization request on its way: pushed by its client (RFC
// 9126), or waiting for a person to sign in and agree.
type OAuthRequest struct {
	ID         UUID
	Digest     []byte // of the request_uri, where it was pushed; nil otherwise
	ProviderID OAuthProviderID
	Browser    []byte // the digest of the browser that waits; nil = pushed, of none yet
	Params     map[string]string
	// Approval: who agreed, in which session, when, to what; unset = nobody yet.
	UserID          *UserID
	SessionID       *SessionID
	Generation      int64
	TokenGeneration int64
	Scopes          []string
	ApprovedAt      *time.Time
	CreatedAt       time.Time
	ExpiresAt       time.Time
	Expired         bool // by the database's clock, when read
}

// DeviceState is how far a device's request has come.
type DeviceState string

// The states.
const (
	DevicePending  DeviceState = "pending"
	DeviceApproved DeviceState = "approved"
	DeviceDenied   DeviceState = "denied"
	DeviceUsed     DeviceState = "used"
)

// OAuthDevice is a device that waits for somebody to let it in (RFC 8628).
type OAuthDevice struct {
	ID              UUID
	Digest          []byte // of the device code
	UserCode        []byte // its digest, with the server's key
	ProviderID      OAuthProviderID
	Scopes          []string
	State           DeviceState
	UserID          *UserID
	AuthTime        *time.Time
	Methods         []string
	Generation      int64
	TokenGeneration int64
	Interval        time.Duration
	PolledAt        *time.Time
	CreatedAt       time.Time
	ExpiresAt       time.Time
	Expired         bool // by the database's clock, when read
	TooSoon         bool // polled before Interval was over, when read by Poll
}

// OAuthRequests stores what is under way: requests, codes and devices.
type OAuthRequests interface {
	// Create stores a request for a lifetime that counts from the database's now.
	Create(ctx context.Context, r *OAuthRequest, lifetime time.Duration) error
	Get(ctx context.Context, id UUID) (*OAuthRequest, error)
	// Hold is Get that makes everybody else who holds it wait.
	Hold(ctx context.Context, id UUID) (*OAuthRequest, error)
	// TakePushed returns a pushed request and deletes it: it works once.
	TakePushed(ctx context.Context, digest []byte) (*OAuthRequest, error)
	Approve(ctx context.Context, r *OAuthRequest) error
	Delete(ctx context.Context, id UUID) error

	CreateCode(ctx context.Context, c *OAuthCode, lifetime time.Duration) error
	// HoldCode returns a code and makes everybody else who holds it wait.
	HoldCode(ctx context.Context, digest []byte) (*OAuthCode, error)
	// SpendCode notes what a code was exchanged for; spent is false when it was before.
	SpendCode(ctx context.Context, digest []byte, grant OAuthGrantID) (spent bool, err error)
	// FindCodes lists codes that were not spent and have not expired, newest first.
	FindCodes(ctx context.Context, filter OAuthCodeFilter) (Page[OAuthCode], error)
	DeleteCode(ctx context.Context, num int64) error

	CreateDevice(ctx context.Context, d *OAuthDevice, lifetime time.Duration) error
	// GetDevice returns a device by the digest of its user code.
	GetDevice(ctx context.Context, userCode []byte) (*OAuthDevice, error)
	// HoldDevice returns a device by its ID and makes everybody else who holds it wait.
	HoldDevice(ctx context.Context, id UUID) (*OAuthDevice, error)
	// Poll returns a device by the digest of its device code, held, and notes when it
	// was asked about. One that polls too soon has its Interval raised by five seconds.
	Poll(ctx context.Context, digest []byte) (*OAuthDevice, error)
	// Decide approves or denies a pending device; decided is false when it is not.
	Decide(ctx context.Context, d *OAuthDevice) (decided bool, err error)
	// UseDevice notes that an approved device got its tokens; used is false otherwise.
	UseDevice(ctx context.Context, id UUID) (used bool, err error)
	// Purge deletes what expired so long ago, at most limit of each, and returns how many.
	Purge(ctx context.Context, kept time.Duration, limit int) (int, error)
}

// SigningKey signs ID tokens, signed access tokens and logout tokens. A key is
// published before it signs, and as long as what it signed may be in use.
type SigningKey struct {
	ID        string // the `kid`
	Algorithm string // ES256, RS256
	Private   string // PKCS #8, sealed with the server's secret
	Public    []byte // PKIX
	CreatedAt time.Time
	SignsFrom time.Time
	RetiredAt *time.Time // no longer signs; still published for a while
}

// SigningKeys stores keys.
type SigningKeys interface {
	// All returns every key, oldest first.
	All(ctx context.Context) ([]SigningKey, error)
	// Hold makes everybody else who changes keys wait until the transaction ends.
	Hold(ctx context.Context) error
	// Create stores a key that signs from a moment that counts from the database's now.
	Create(ctx context.Context, k *SigningKey, signsIn time.Duration) error
	Retire(ctx context.Context, id string) error
	Delete(ctx context.Context, id string) error
}
