package token

import (
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
}

// Service issues, honours and revokes tokens.
type Service struct {
	store  idp.Store
	access idp.Access
}

// New returns a Service.
func New(d Deps) *Service { return &Service{store: d.Store, access: d.Access} }

// Draft is a token to be issued.
type Draft struct {
	User        idp.UserID
	Identifier  string // a slug, unique; "" = a random one
	Intent      idp.TokenIntent
	Description string
	Expiring    bool
	ExpiresAt   *time.Time // with Expiring; nil = DefaultLifetime from now
	FlowSlug    string     // for links: which flow opens
	Key         *string    // for the system only; nil = a random one
	Managed     *string    // for the system only
}

// Patch is a change of a token; nil means unchanged.
type Patch struct {
	Identifier  *string
	Intent      *idp.TokenIntent
	Description *string
	Expiring    *bool
	ExpiresAt   *time.Time
}
