package idp

// Door is a place where a credential is honoured or a new one issued. Every
// door asks MayAct; the table test in internal/app runs all doors against all
// refusals and fails when a door of Doors is missing from it.
type Door string

// The doors.
const (
	DoorPassword     Door = "password"      // a password is offered in a flow
	DoorSignIn       Door = "sign_in"       // a flow is about to start a session
	DoorSession      Door = "session"       // a request carries a session cookie
	DoorAPIToken     Door = "api_token"     // a request carries a bearer token
	DoorAppPassword  Door = "app_password"  // an app password is offered where a password is, or with a request
	DoorTokenIssue   Door = "token_issue"   // a token is about to be created
	DoorFlowLink     Door = "flow_link"     // a recovery or set-up link is opened
	DoorRecoveryLink Door = "recovery_link" // a recovery link is about to be created
	DoorPasswordSet  Door = "password_set"  // an account changes its own password
	DoorInvitation   Door = "invitation"    // an invitation is opened or taken; the account is its creator
	DoorConsent      Door = "consent"       // an account agrees to what an application may do
	DoorAuthorize    Door = "authorize"     // somebody signed in is let into an application
	DoorForwardAuth  Door = "forward_auth"  // a reverse proxy asks about a request to an application

	DoorSecondFactor  Door = "second_factor"  // a code or a passkey is offered after another proof
	DoorPasskey       Door = "passkey"        // a passkey is offered instead of name and password
	DoorAccessRequest Door = "access_request" // a session is about to have a group for a while

	DoorCodeExchange      Door = "oauth_code"       // a client exchanges an authorization code
	DoorTokenRefresh      Door = "oauth_refresh"    // a client brings a refresh token
	DoorClientCredentials Door = "oauth_client"     // a client wants a token for itself; the account is its own
	DoorDevicePoll        Door = "oauth_device"     // a device asks whether it was let in
	DoorUserinfo          Door = "oauth_userinfo"   // an access token asks about its account
	DoorIntrospect        Door = "oauth_introspect" // a client asks about a token
	DoorOAuthAPI          Door = "oauth_api"        // a request to the API carries an OAuth access token
)

// Doors lists every door.
func Doors() []Door {
	return []Door{DoorPassword, DoorSignIn, DoorSession, DoorAPIToken, DoorAppPassword, DoorTokenIssue,
		DoorFlowLink, DoorRecoveryLink, DoorPasswordSet, DoorInvitation, DoorConsent,
		DoorCodeExchange, DoorTokenRefresh, DoorClientCredentials, DoorDevicePoll, DoorUserinfo, DoorIntrospect, DoorOAuthAPI,
		DoorAuthorize, DoorForwardAuth, DoorSecondFactor, DoorPasskey, DoorAccessRequest}
}

// Refusal says why a door stays shut. It goes to logs and events; strangers
// see one generic message.
type Refusal string

// The refusals.
const (
	RefusedUnknown    Refusal = "unknown"    // no such account or credential
	RefusedAnonymous  Refusal = "anonymous"  // the account of nobody never acts
	RefusedInactive   Refusal = "inactive"   // the account is switched off
	RefusedGeneration Refusal = "generation" // made before everything was ended
	RefusedExpired    Refusal = "expired"    // past its time
	RefusedEnded      Refusal = "ended"      // ended or revoked by somebody
	RefusedIntent     Refusal = "intent"     // a token of another purpose
	RefusedBinding    Refusal = "binding"    // a session came from where its binding does not allow it
	RefusedLocked     Refusal = "locked"     // a lock is in force; Error.Lock says which
	RefusedStale      Refusal = "stale"      // it is not known for certain whether a lock is
	RefusedPassword   Refusal = "password"   // it was another one, or there is none
	RefusedLockout    Refusal = "lockout"    // too many attempts failed; of passwords alone, and of nothing that was proved before
)

// Refusals lists every refusal that the state of an account or a credential
// can cause.
func Refusals() []Refusal {
	return []Refusal{RefusedUnknown, RefusedAnonymous, RefusedInactive, RefusedGeneration,
		RefusedExpired, RefusedEnded, RefusedIntent, RefusedBinding, RefusedLocked, RefusedStale,
		RefusedPassword, RefusedLockout}
}

// Family says which of a user's two generations a credential belongs to.
type Family int

// The families.
const (
	FamilyNone    Family = iota // nothing minted yet: a password, a new sign-in
	FamilySession               // compares with User.SessionGeneration
	FamilyToken                 // compares with User.TokenGeneration
)

// Credential is what a door looks at beside the account. Expired and Ended are
// facts the database established with its own clock.
type Credential struct {
	Family      Family
	Generation  int64
	Expired     bool
	Ended       bool
	WrongIntent bool

	// What locks may name of it; zero values name nothing.
	Session SessionID
	Device  *KnownDeviceID // the browser, where it is known
	Token   string         // the identifier
	Factor  *FactorID      // the second factor that was used, or is being used
	// Application is the slug of the application that asks, and Client its client ID.
	Application, Client string
	// AccessRequests are those by which a session has groups for a while.
	AccessRequests []AccessRequestID
}

// MayAct is the one rule of every door, but for the locks, which a Gate adds: may
// this account act with this credential? nil means yes; otherwise the error is an *Error with CodeRefused
// whose message tells a stranger nothing. It fails closed on a nil user.
func MayAct(door Door, u *User, c Credential) error {
	if reason := refusal(u, c); reason != "" {
		return Refuse(door, reason)
	}
	return nil
}

// Refuse makes the error of a shut door.
func Refuse(door Door, reason Refusal) *Error {
	message := "Failed to authenticate."
	switch door {
	case DoorAPIToken, DoorOAuthAPI:
		message = "Token invalid/expired"
	case DoorSession:
		message = "Your session has ended. Sign in again."
	case DoorFlowLink:
		message = "This link is not valid any more."
	case DoorInvitation:
		message = "This invitation is not valid."
	case DoorTokenIssue, DoorRecoveryLink, DoorPasswordSet, DoorConsent:
		message = "This account may not act."
	case DoorAccessRequest:
		message = "The account may not have what was asked for, or not any more."
	}
	return &Error{Code: CodeRefused, Message: message, Reason: reason}
}

func refusal(u *User, c Credential) Refusal {
	switch {
	case u == nil:
		return RefusedUnknown
	case u.IsAnonymous():
		return RefusedAnonymous
	case !u.IsActive:
		return RefusedInactive
	case c.WrongIntent:
		return RefusedIntent
	case c.Ended:
		return RefusedEnded
	case c.Expired:
		return RefusedExpired
	case c.Family == FamilySession && c.Generation != u.SessionGeneration,
		c.Family == FamilyToken && c.Generation != u.TokenGeneration:
		return RefusedGeneration
	}
	return ""
}

// Credential returns what a door needs to know of the session.
func (s *Session) Credential() Credential {
	return Credential{Family: FamilySession, Generation: s.Generation, Expired: s.Expired, Ended: s.EndedAt != nil,
		Session: s.ID, Device: s.DeviceID, Factor: s.FactorID}
}

// Credential returns what a door needs to know of the token when it is used
// for the intent.
func (t *Token) Credential(intent TokenIntent) Credential {
	return Credential{Family: FamilyToken, Generation: t.Generation, Expired: t.Expired,
		Ended: t.RevokedAt != nil, WrongIntent: t.Intent != intent, Token: t.Identifier}
}

// Door is where a request comes in that carries the token, and the intent that
// the token must still have there.
func (t *Token) Door() (Door, TokenIntent) {
	if t.Intent == IntentAppPassword {
		return DoorAppPassword, IntentAppPassword
	}
	return DoorAPIToken, IntentAPI
}
