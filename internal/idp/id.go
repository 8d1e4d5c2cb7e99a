package idp

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/google/uuid"
)

// UserID is the integer primary key of a user, as the API shows it (`pk`).
type UserID int32

// String returns the decimal form.
func (id UserID) String() string { return strconv.Itoa(int(id)) }

// ParseUserID reads the decimal form. The error is an *Error with CodeInvalid.
func ParseUserID(s string) (UserID, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, Invalid("pk", "“%s” is not a whole number.", clip(s, 64))
	}
	return UserID(n), nil
}

// ID is the UUID of a T. IDs of different nouns are different types, so a
// group's cannot be passed where a flow's is wanted.
type ID[T any] [16]byte

// The identifiers of the nouns.
type (
	GroupID         = ID[Group]
	SessionID       = ID[Session]
	TokenID         = ID[Token]
	FlowID          = ID[Flow]
	FlowBindingID   = ID[FlowBinding]
	StageID         = ID[Stage]
	PromptID        = ID[Prompt]
	PolicyID        = ID[Policy]
	PolicyBindingID = ID[PolicyBinding]
	BrandID         = ID[Brand]
	EventID         = ID[Event]
	LockdownID      = ID[Lockdown]
	RunID           = ID[Run]
	InvitationID    = ID[Invitation]
	ReputationID    = ID[Reputation]
	KnownDeviceID   = ID[KnownDevice]
	LockID          = ID[Lock]
	RoleID          = ID[Role]
	LockoutID       = ID[Lockout]
	FactorID        = ID[Factor]
	AccessRequestID = ID[AccessRequest]

	NotificationRuleID = ID[NotificationRule]
	TransportID        = ID[Transport]
	WebhookMappingID   = ID[WebhookMapping]
	NotificationID     = ID[Notification]

	ApplicationID   = ID[Application]
	OAuthProviderID = ID[OAuthProvider]
	ScopeMappingID  = ID[ScopeMapping]
	OAuthGrantID    = ID[OAuthGrant]
	OAuthTokenID    = ID[OAuthToken]
	LogoutNoticeID  = ID[LogoutNotice]
)

// NewID returns a fresh time-ordered identifier (RFC 9562, version 7).
func NewID[T any]() ID[T] { return ID[T](uuid.Must(uuid.NewV7())) }

// ParseID reads the canonical form of a UUID. The error is an *Error with
// CodeInvalid.
func ParseID[T any](s string) (ID[T], error) {
	if len(s) != 36 && len(s) != 32 {
		return ID[T]{}, Invalid("id", "“%s” is not a valid UUID.", clip(s, 64))
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return ID[T]{}, Invalid("id", "“%s” is not a valid UUID.", clip(s, 64))
	}
	return ID[T](u), nil
}

// UUID returns the identifier without its noun.
func (id ID[T]) UUID() uuid.UUID { return uuid.UUID(id) }

// String returns the canonical form with hyphens.
func (id ID[T]) String() string { return uuid.UUID(id).String() }

// Hex returns the form without hyphens.
func (id ID[T]) Hex() string { return fmt.Sprintf("%x", id[:]) }

// IsZero reports whether the identifier was never set.
func (id ID[T]) IsZero() bool { return id == ID[T]{} }

// MarshalText implements encoding.TextMarshaler.
func (id ID[T]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID[T]) UnmarshalText(text []byte) error {
	parsed, err := ParseID[T](string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Value implements driver.Valuer.
func (id ID[T]) Value() (driver.Value, error) { return id.String(), nil }

// Scan implements sql.Scanner.
func (id *ID[T]) Scan(src any) error {
	var u uuid.UUID
	if err := u.Scan(src); err != nil {
		return err
	}
	*id = ID[T](u)
	return nil
}

// UUID re-exports the plain identifier for fields that may point at several
// nouns (the target of a policy binding).
type UUID = uuid.UUID

// Attributes are free-form JSON attached to users, groups and brands.
type Attributes map[string]any

// MarshalJSON writes {} for a nil map: the contract never shows null here.
func (a Attributes) MarshalJSON() ([]byte, error) {
	if a == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]any(a))
}

func clip(s string, max int) string {
	r := []rune(s)
	if len(r) <= max {
		return s
	}
	return string(r[:max]) + "…"
}
