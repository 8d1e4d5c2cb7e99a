package consent

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const app = "consent"

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
}

// Service keeps consents.
type Service struct {
	store  idp.Store
	access idp.Access
}

// New returns a Service.
func New(d Deps) *Service { return &Service{store: d.Store, access: d.Access} }

// Application names what consent is given to.
type Application struct {
	ID   string `json:"pk"` // its identifier, as text
	Name string `json:"name"`
	Slug string `json:"slug"`
}

// Given is a consent that a flow has just been given.
type Given struct {
	User        idp.UserID
	Application Application
	Permissions []string      // ids
	Lifetime    time.Duration // 0 = for good
	// Generation is the user's session generation when the flow established
	// who they are.
	Generation int64
}

// Current returns the consent that counts, nil when there is none.
func (s *Service) Current(ctx context.Context, user idp.UserID, application string) (*idp.Consent, error) {
	live := true
	page, err := s.store.Repos().Consents.Find(ctx, idp.ConsentFilter{UserID: &user, Application: &application, Live: &live,
		Paging: idp.Paging{Limit: 1}})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	return &page.Items[0], nil
}

// Give saves a consent in place of an earlier one. It asks no permission but the
// door rule, with the user's row shared, so that no consent passes a lockdown.
// Errors: CodeRefused.
func (s *Service) Give(ctx context.Context, actor idp.Actor, g Given) error {
	clock, err := s.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Share(ctx, g.User)
		if idp.Is(err, idp.CodeNotFound) {
			return idp.Refuse(idp.DoorConsent, idp.RefusedUnknown)
		}
		if err != nil {
			return err
		}
		proof := idp.Credential{Family: idp.FamilySession, Generation: g.Generation}
		if err := s.access.Admit(ctx, idp.DoorConsent, u, proof); err != nil {
			return err
		}
		row := idp.Consent{UserID: u.ID, Application: g.Application.ID, ApplicationName: g.Application.Name,
			ApplicationSlug: g.Application.Slug, Permissions: g.Permissions, Generation: u.TokenGeneration}
		if g.Lifetime > 0 {
			ends := clock.Add(g.Lifetime)
			row.ExpiresAt = &ends
		}
		if err := tx.Consents.Save(ctx, &row); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, actor, u, facts(&row)))
	})
	if err != nil {
		return fmt.Errorf("saving a consent of user %d: %w", g.User, err)
	}
	return nil
}

// Get returns a consent that counts. One that the actor may not see, or that has
// ended, is CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.ConsentID) (*idp.Consent, error) {
	return s.visible(ctx, s.store.Repos(), actor, idp.VerbRead, id)
}

func (s *Service) visible(ctx context.Context, repos idp.Repos, actor idp.Actor, verb idp.Verb, id idp.ConsentID) (*idp.Consent, error) {
	found, err := repos.Consents.Get(ctx, id)
	on := idp.Object{Resource: idp.ResourceConsent}
	if err == nil {
		on.Owner = &found.UserID
	}
	denied := s.access.Check(actor, verb, on)
	switch {
	case idp.Is(denied, idp.CodeUnsigned):
		return nil, denied
	case err != nil:
		return nil, err
	case idp.Is(denied, idp.CodeForbidden) || denied == nil && !found.Live:
		return nil, idp.NotFound("consent")
	}
	return found, denied
}

// Find lists consents that count. Who may not see everybody's sees their own:
// asking for another user's is CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.ConsentFilter) (idp.Page[idp.Consent], error) {
	err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceConsent})
	if idp.Is(err, idp.CodeForbidden) {
		if filter.UserID == nil {
			own := actor.User.ID
			filter.UserID = &own
		}
		err = s.access.Check(actor, idp.VerbList, idp.Of(idp.ResourceConsent, *filter.UserID))
	}
	if err != nil {
		return idp.Page[idp.Consent]{}, err
	}
	live := true
	filter.Live = &live
	return s.store.Repos().Consents.Find(ctx, filter)
}

// Withdraw takes a consent back: the application has to ask again, and what it was
// granted ends. Errors:
// CodeNotFound for one that the actor may not see.
func (s *Service) Withdraw(ctx context.Context, actor idp.Actor, id idp.ConsentID) error {
	err := s.store.InTx(ctx, func(tx idp.Repos) error { return s.WithdrawIn(ctx, tx, actor, id) })
	if err != nil {
		return fmt.Errorf("withdrawing consent %d: %w", id, err)
	}
	return nil
}

// WithdrawIn is Withdraw in a transaction of the caller's.
func (s *Service) WithdrawIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.ConsentID) error {
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return err
	}
	found, err := s.visible(ctx, tx, now, idp.VerbDelete, id)
	if err != nil {
		return err
	}
	u, err := tx.Users.Get(ctx, found.UserID)
	if err != nil {
		return err
	}
	if err := tx.Consents.Delete(ctx, id); err != nil {
		return err
	}
	// What it let the application have ends with it.
	if app, err := idp.ParseID[idp.Application](found.Application); err == nil {
		if _, err := tx.OAuthGrants.EndOf(ctx, found.UserID, app, idp.GrantRevoked); err != nil {
			return err
		}
	}
	return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, now, u, facts(found)))
}

// facts shows a consent inside an event.
func facts(c *idp.Consent) map[string]any {
	return map[string]any{
		"model":       map[string]any{"app": "authentik_core", "model_name": "userconsent", "pk": int(c.ID), "name": c.ApplicationName},
		"application": c.Application, "permissions": c.Permissions,
	}
}
