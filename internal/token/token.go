package token

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/gather"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	// Sealer keeps the keys of new tokens until they are asked for; nil = none
	// can be.
	Sealer *secret.Sealer
	// Revealable keeps keys for as long as their tokens live.
	Revealable bool
}

// Service issues, honours and revokes tokens.
type Service struct {
	store      idp.Store
	access     idp.Access
	sealer     *secret.Sealer
	revealable bool
	uses       gather.Reader[secret.Digest, idp.TokenUse]
}

// New returns a Service.
func New(d Deps) *Service {
	s := &Service{store: d.Store, access: d.Access, sealer: d.Sealer, revealable: d.Revealable}
	s.uses.Noun, s.uses.One, s.uses.Many = "token", s.use, s.useMany
	return s
}

const app = "token"

// DefaultLifetime is how long a token lasts whose draft says that it expires but
// not when (facts of the API: default_token_duration).
const DefaultLifetime = 30 * time.Minute

// Draft is a token to be issued.
type Draft struct {
	User        idp.UserID
	Identifier  string          // a slug, unique, at most 255 characters
	Intent      idp.TokenIntent // "" = idp.IntentAPI
	Description string
	Expiring    bool
	ExpiresAt   *time.Time // with Expiring; nil = DefaultLifetime from now
	FlowSlug    string     // for links: which flow opens; administrators only
	Key         *string    // nil = a random one; for the system only
	Managed     *string    // for the system only
	// StepUpExempt marks it: it may do what asks people to prove once more who they
	// are. nil = as whoever makes it may.
	StepUpExempt *bool
}

// Patch is a change of a token; nil means unchanged.
type Patch struct {
	Identifier  *string
	Intent      *idp.TokenIntent
	Description *string
	Expiring    *bool
	ExpiresAt   *time.Time // with Expiring
	// StepUpExempt marks the token, or takes the mark away.
	StepUpExempt *bool
}

// Get returns a token. One that the actor may not see is CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.TokenID) (*idp.Token, error) {
	found, err := s.store.Repos().Tokens.Get(ctx, id)
	return s.visible(actor, idp.VerbRead, found, err)
}

// GetByIdentifier returns a token by its identifier; see Get.
func (s *Service) GetByIdentifier(ctx context.Context, actor idp.Actor, identifier string) (*idp.Token, error) {
	found, err := s.store.Repos().Tokens.GetByIdentifier(ctx, identifier)
	return s.visible(actor, idp.VerbRead, found, err)
}

// visible turns what was found into what the actor may know.
func (s *Service) visible(actor idp.Actor, verb idp.Verb, found *idp.Token, err error) (*idp.Token, error) {
	on := idp.Object{Resource: idp.ResourceToken}
	if err == nil {
		on.Owner = &found.UserID
	}
	denied := s.access.Check(actor, verb, on)
	switch {
	case idp.Is(denied, idp.CodeUnsigned):
		return nil, denied
	case err != nil:
		return nil, err
	case idp.Is(denied, idp.CodeForbidden):
		return nil, idp.NotFound("token")
	case denied != nil:
		return nil, denied
	}
	return found, nil
}

// Find lists tokens. Who may not see everybody's sees their own: asking for
// another user's is CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.TokenFilter) (idp.Page[idp.Token], error) {
	err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceToken})
	if idp.Is(err, idp.CodeForbidden) {
		if filter.UserID == nil {
			own := actor.User.ID
			filter.UserID = &own
		}
		err = s.access.Check(actor, idp.VerbList, idp.Of(idp.ResourceToken, *filter.UserID))
	}
	if err != nil {
		return idp.Page[idp.Token]{}, err
	}
	return s.store.Repos().Tokens.Find(ctx, filter)
}

// modelFacts shows a token inside an event.
func modelFacts(t *idp.Token) map[string]any {
	facts := map[string]any{
		"model":  map[string]any{"app": app, "model_name": "token", "pk": t.ID.String(), "name": t.Identifier},
		"intent": string(t.Intent),
	}
	if opensFlow(t.Intent) {
		facts["single_use"] = !t.Reusable
	} else {
		facts["step_up_exempt"] = t.StepUpExempt
	}
	return facts
}
