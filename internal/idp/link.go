package idp

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"
)

// LinkID identifies a Link.
type LinkID = ID[Link]

// Link is a link into a flow that somebody asked to be sent by mail. It holds no
// key: the key is made when the mail is sent and is kept as the digest of a
// Token, so that what is stored opens nothing.
type Link struct {
	ID LinkID
	// UserID is whom the link is for; nil = nobody: a flow that hides who exists
	// asks for such a link, too, and it is never sent.
	UserID  *UserID
	RunID   RunID // the run that asked
	FlowID  FlowID
	StageID StageID // its settings say how it is sent
	BrandID *BrandID
	TokenID *TokenID // the token made last; nil = none yet
	Intent  TokenIntent
	// The user's generations when the link was asked for. Others at present mean
	// that everything was ended meanwhile.
	SessionGeneration, TokenGeneration int64
	Confirms                           bool            // opening it may switch a new account on; see MayConfirm
	Reusable                           bool            // so is the token; see Token
	State                              json.RawMessage // what the flow goes on with; {} = it begins
	Address                            string          // "" = the account's
	Lifetime                           time.Duration   // of the token, from when it is made; whole seconds
	ClientIP                           netip.Addr      // from where it was asked for
	CreatedAt                          time.Time
	ExpiresAt                          time.Time
	SentAt                             *time.Time
	Expired                            bool // by the database's clock, when read
}

// LinkFilter selects links asked for lately. Unset fields select all.
type LinkFilter struct {
	UserID  *UserID
	RunID   *RunID
	StageID *StageID
}

// Links stores links to be sent by mail.
type Links interface {
	Get(ctx context.Context, id LinkID) (*Link, error)
	// Hold is Get that makes everybody else who holds the row wait.
	Hold(ctx context.Context, id LinkID) (*Link, error)
	// Create stores a link whose lifetime counts from the database's now.
	Create(ctx context.Context, l *Link) error
	// Made notes the token made for the link, and that the link lasts as long.
	Made(ctx context.Context, id LinkID, token TokenID, until time.Time) error
	// Follow raises the session generation of the reusable link of a token that
	// was used for what ended the former one; any other link stays as it is.
	Follow(ctx context.Context, token TokenID, former, present int64) error
	// Sent notes that the mail was accepted.
	Sent(ctx context.Context, id LinkID) error
	// Recent counts what was asked for within the window, by the database's
	// clock.
	Recent(ctx context.Context, f LinkFilter, window time.Duration) (int, error)
}

// MayConfirm reports whether a link may switch the account on: it was made
// switched off and waits for its first use. An account that anybody closed, by a
// lockdown or otherwise, never does: the mailbox may be the attacker's. tx holds
// the user.
func MayConfirm(ctx context.Context, tx Repos, u *User) (bool, error) {
	if u == nil || u.IsActive || u.IsAnonymous() || u.TokenGeneration != 0 || u.LastLoginAt != nil {
		return false, nil
	}
	locked, err := tx.Lockdowns.Find(ctx, LockdownFilter{UserID: &u.ID, Paging: Paging{Limit: 1}})
	return err == nil && locked.Total == 0, err
}
