package idp

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// ConsentID is the integer primary key of a consent, as the API shows it.
type ConsentID int32

// String returns the decimal form.
func (id ConsentID) String() string { return strconv.Itoa(int(id)) }

// Consent is what a user agreed that an application may do. There is at most
// one for a user and an application.
type Consent struct {
	ID              ConsentID
	UserID          UserID
	Username        string // derived
	Application     string // its identifier
	ApplicationName string
	ApplicationSlug string
	Permissions     []string   // ids, sorted, none twice
	ExpiresAt       *time.Time // nil = never
	// Generation is the user's TokenGeneration when they agreed: a lockdown
	// that revokes grants ends consents.
	Generation int64
	CreatedAt  time.Time
	Live       bool // neither expired nor of an old generation, when read
}

// Covers reports whether the consent is for exactly these permissions.
func (c *Consent) Covers(permissions []string) bool {
	return slices.Equal(c.Permissions, PermissionSet(permissions))
}

// PermissionSet sorts ids of permissions and drops what occurs twice.
func PermissionSet(ids []string) []string {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}

// ConsentFilter selects consents.
type ConsentFilter struct {
	Paging
	UserID      *UserID
	Application *string
	Live        *bool
}

// Consents stores consents.
type Consents interface {
	// Get returns a consent; CodeNotFound when there is none.
	Get(ctx context.Context, id ConsentID) (*Consent, error)
	Find(ctx context.Context, filter ConsentFilter) (Page[Consent], error)
	// Save stores the consent in place of the one that the user gave the
	// application before, and fills in ID and CreatedAt.
	Save(ctx context.Context, c *Consent) error
	Delete(ctx context.Context, id ConsentID) error
}
