package idp

import (
	"encoding/json"
	"time"
)

// ChangeKind says what a Change is about.
type ChangeKind string

// The kinds of changes that servers hear of.
const (
	ChangeSession      ChangeKind = "session"      // subject: SessionID; ended, or lasts or is bound otherwise
	ChangeUser         ChangeKind = "user"         // subject: UserID; the row or its memberships
	ChangeGroup        ChangeKind = "group"        // no subject: what groups are and belong to
	ChangeLock         ChangeKind = "lock"         // subject: LockID; with the lock, or without once it is lifted
	ChangeRole         ChangeKind = "role"         // subject: RoleID; with the role, or without once it is deleted
	ChangeLockout      ChangeKind = "lockout"      // subject: Lockout.Subject; with its end, or without once it is unlocked
	ChangeSetting      ChangeKind = "setting"      // subject: the name; with the value, or without once it is deleted
	ChangeNotification ChangeKind = "notification" // subject: UserID, who was told something
)

// Change is one entry of the ordered feed of what servers may not go on knowing
// by heart. The storage writes it in the transaction of the act.
type Change struct {
	Seq     int64 // rising in the order of the commits
	Kind    ChangeKind
	Subject string // the primary key of what changed; "" = any of the kind
	Digest  []byte // of a session: Session.Digest
	Lock    *Lock
	Role    *Role
	Until   *time.Time      // of a lockout
	Value   json.RawMessage // of a setting
}
