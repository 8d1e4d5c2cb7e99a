package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Activate switches the account on again; an active one stays as it is. What was ended
// does not come back. Errors: those of take.
func (s *Service) Activate(ctx context.Context, actor idp.Actor, terms Terms) error {
	return s.take(ctx, actor, terms, holdUser, func(t *turn) error {
		if t.list.User.IsActive {
			return nil
		}
		if err := s.d.Lockdowns.ActivateIn(ctx, t.tx, t.actor, t.user); err != nil {
			return err
		}
		t.record(idp.RestoreActivate, idp.DeedActivated, "", nil)
		return nil
	})
}

// SetPassword gives the account a new password. It does not count as one that its owner
// has chosen: see Renew. Errors: those of take; CodeInvalid on password.
func (s *Service) SetPassword(ctx context.Context, actor idp.Actor, terms Terms, password string) error {
	if err := s.may(actor); err != nil {
		return err
	}
	if err := s.d.Passwords.CheckPassword(password); err != nil {
		return err
	}
	now, err := s.d.Store.Now(ctx)
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	encoded, err := s.d.Passwords.HashPassword(ctx, password)
	if err != nil {
		return err
	}
	return s.take(ctx, actor, terms, actFirst, func(t *turn) error {
		if err := s.d.Passwords.SetPasswordIn(ctx, t.tx, t.actor, t.user, encoded, now); err != nil {
			return err
		}
		t.record(idp.RestorePassword, idp.DeedPasswordSet, "", nil)
		return nil
	})
}

// RecoveryLink makes a link with which the owner sets a new password, and ends earlier
// ones. It is returned as a path and kept nowhere. brand says which flow it opens; nil =
// the default one's. Errors: those of take; CodeRefused while the account is switched off;
// CodeInvalid when the brand has no recovery flow.
func (s *Service) RecoveryLink(ctx context.Context, actor idp.Actor, terms Terms, brand *idp.Brand) (path string, err error) {
	now, err := s.d.Store.Now(ctx)
	if err != nil {
		return "", fmt.Errorf("asking for the time: %w", err)
	}
	err = s.take(ctx, actor, terms, holdUser, func(t *turn) error {
		if err := t.mustBeActive(); err != nil {
			return err
		}
		brand, err := brandOr(ctx, t.tx, brand)
		if err != nil {
			return err
		}
		var id idp.TokenID
		if path, id, err = s.d.Links.LinkIn(ctx, t.tx, t.actor, t.user, brand, now); err != nil {
			return err
		}
		t.record(idp.RestorePassword, idp.DeedLinkMade, "", map[string]any{"token": id.String()})
		return nil
	})
	return path, err
}

// MailLink has a recovery link sent to the address of the account, by the email stage
// of the recovery flow. Errors: those of RecoveryLink; CodeInvalid without a mail server,
// an address or such a stage.
func (s *Service) MailLink(ctx context.Context, actor idp.Actor, terms Terms, brand *idp.Brand) error {
	return s.take(ctx, actor, terms, holdUser, func(t *turn) error {
		if err := t.mailLink(brand); err != nil {
			return err
		}
		t.record(idp.RestorePassword, idp.DeedLinkMailed, "", nil)
		return nil
	})
}

func (t *turn) mailLink(brand *idp.Brand) error {
	if err := t.mustBeActive(); err != nil {
		return err
	}
	if t.list.Unsent != "" {
		return idp.Invalid("", "%s", t.list.Unsent)
	}
	brand, err := brandOr(t.ctx, t.tx, brand)
	if err != nil {
		return err
	}
	stage, err := emailStage(t.ctx, t.tx, brand)
	if err != nil {
		return err
	}
	return t.s.d.Links.MailIn(t.ctx, t.tx, t.actor, t.user, brand, stage)
}

func (t *turn) mustBeActive() error {
	if !t.list.User.IsActive {
		return idp.Invalid("", "Activate the account first: a link would not work before.")
	}
	return nil
}

func brandOr(ctx context.Context, repos idp.Repos, brand *idp.Brand) (*idp.Brand, error) {
	if brand != nil {
		return brand, nil
	}
	yes := true
	found, err := repos.Brands.Find(ctx, idp.BrandFilter{Default: &yes, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return nil, err
	}
	if len(found.Items) == 0 {
		return nil, idp.Invalid("", "There is no default brand, so no recovery flow.")
	}
	return &found.Items[0], nil
}

// emailStage is the first one of the brand's recovery flow.
func emailStage(ctx context.Context, repos idp.Repos, brand *idp.Brand) (idp.StageID, error) {
	if brand.FlowRecovery == nil {
		return idp.StageID{}, idp.Invalid("", "No recovery flow set.")
	}
	bound, err := repos.FlowBindings.Find(ctx, idp.FlowBindingFilter{FlowID: brand.FlowRecovery, Paging: idp.Paging{Limit: 100}})
	if err != nil {
		return idp.StageID{}, err
	}
	for i := range bound.Items {
		st, err := repos.Stages.Get(ctx, bound.Items[i].StageID)
		if err != nil {
			return idp.StageID{}, err
		}
		if st.Kind == "email" {
			return st.ID, nil
		}
	}
	return idp.StageID{}, idp.Invalid("", "The recovery flow has no email stage, so no link can be sent: make one and hand it over.")
}

// RemoveFactor takes a second factor from the account; one that was taken before stays
// so. Errors: those of take; CodeNotFound for another account's.
func (s *Service) RemoveFactor(ctx context.Context, actor idp.Actor, terms Terms, id idp.FactorID) error {
	return s.take(ctx, actor, terms, holdUser, func(t *turn) error {
		i := slices.IndexFunc(t.list.Factors, func(f Factor) bool { return f.ID == id })
		if i < 0 {
			if slices.ContainsFunc(t.list.Acts, func(a idp.RestoreAct) bool {
				return a.Deed == idp.DeedFactorRemoved && a.Facts["factor"] == id.String()
			}) {
				return nil
			}
			return idp.NotFound("second factor")
		}
		if err := s.d.Factors.RemoveIn(ctx, t.tx, t.actor, id); err != nil {
			return err
		}
		f := t.list.Factors[i]
		t.record(idp.RestoreFactors, idp.DeedFactorRemoved, f.Name, map[string]any{"factor": id.String(), "factor_kind": string(f.Kind)})
		return nil
	})
}

// Review notes that somebody has looked at the second factors, or at the changes, and
// leaves those that are there. Errors: those of take; CodeInvalid on step.
func (s *Service) Review(ctx context.Context, actor idp.Actor, terms Terms, step idp.RestoreStep) error {
	if err := s.may(actor); err != nil {
		return err
	}
	resource := idp.ResourceFactor
	switch step {
	case idp.RestoreChanges:
		resource = idp.ResourceEvent
	case idp.RestoreFactors:
	default:
		return idp.Invalid("step", "“%.40s” cannot be reviewed: expected %s or %s.", step, idp.RestoreFactors, idp.RestoreChanges)
	}
	return s.take(ctx, actor, terms, holdUser, func(t *turn) error {
		// Nobody has looked at what they may not see.
		if err := s.d.Access.Check(t.actor, idp.VerbList, idp.Object{Resource: resource}); err != nil {
			return err
		}
		if t.list.Item(step).State == Done {
			return nil
		}
		t.record(step, idp.DeedReviewed, "", map[string]any{"since": t.list.Since.UTC()})
		return nil
	})
}

// Renew asks for a new password, a new second factor, or both, before somebody is signed
// in to the account again. Errors: those of take; CodeInvalid on require.
func (s *Service) Renew(ctx context.Context, actor idp.Actor, terms Terms, password, factor bool) error {
	if err := s.may(actor); err != nil {
		return err
	}
	if !password && !factor {
		return idp.Invalid("require", "Expected password, factor, or both.")
	}
	return s.take(ctx, actor, terms, holdUser, func(t *turn) error {
		if u := t.list.User; (!password || u.RenewPassword) && (!factor || u.RenewFactor) {
			return nil
		}
		if err := s.d.Accounts.RequireIn(ctx, t.tx, t.actor, t.user, password, factor); err != nil {
			return err
		}
		t.record(idp.RestoreRenew, idp.DeedRequired, "", map[string]any{"password": password, "factor": factor})
		return nil
	})
}

// Tell orders a mail to the person that their account is back, and with link another one
// with a recovery link. Errors: those of take, and MailLink; CodeInvalid when nothing can
// be sent; CodeRateLimited when the address was written to too often.
func (s *Service) Tell(ctx context.Context, actor idp.Actor, terms Terms, link bool, brand *idp.Brand) error {
	return s.take(ctx, actor, terms, holdUser, func(t *turn) error {
		u := t.list.User
		if t.list.Unsent != "" {
			return idp.Invalid("", "%s", t.list.Unsent)
		}
		// Whoever decides what an account is told has it in their hands.
		if err := s.d.Access.Covers(t.actor, idp.RightsOf(u)); err != nil {
			return err
		}
		if link {
			if err := t.mailLink(brand); err != nil {
				return err
			}
			t.record(idp.RestorePassword, idp.DeedLinkMailed, "", nil)
		}
		if err := s.d.Post.Restored(ctx, t.tx, u, link); err != nil {
			return err
		}
		t.record(idp.RestoreTell, idp.DeedTold, u.Email, map[string]any{"link": link})
		return nil
	})
}

// Skip leaves a step out, for a reason. One that is done, or was left out, stays as it
// is. Errors: those of take; CodeInvalid on step and reason.
func (s *Service) Skip(ctx context.Context, actor idp.Actor, terms Terms, step idp.RestoreStep, reason string) error {
	if err := s.may(actor); err != nil {
		return err
	}
	var faults idp.Faults
	idp.Choice(&faults, "step", step, idp.RestoreSteps())
	reason = checkReason(&faults, reason)
	if err := faults.Err(); err != nil {
		return err
	}
	return s.take(ctx, actor, terms, holdUser, func(t *turn) error {
		if t.list.Item(step).State == Open {
			t.record(step, idp.DeedSkipped, reason, nil)
		}
		return nil
	})
}

// Close closes the record; what is left is left out for the reason, which is not needed
// when nothing is. Errors: those of take; CodeInvalid on reason.
func (s *Service) Close(ctx context.Context, actor idp.Actor, terms Terms, reason string) error {
	if err := s.may(actor); err != nil {
		return err
	}
	var faults idp.Faults
	if strings.TrimSpace(reason) != "" {
		reason = checkReason(&faults, reason)
	} else {
		reason = ""
	}
	if err := faults.Err(); err != nil {
		return err
	}
	return s.take(ctx, actor, terms, holdUser, func(t *turn) error {
		left := t.list.Left()
		if len(left) == 0 {
			return t.close()
		}
		if reason == "" {
			return idp.Invalid("reason", "Steps are left: %s. Say why they are left out.", join(left))
		}
		for _, step := range left {
			t.record(step, idp.DeedSkipped, reason, nil)
		}
		return nil
	})
}

func join(steps []idp.RestoreStep) string {
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

func checkReason(faults *idp.Faults, reason string) string {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		faults.Add("reason", "Say why: this field may not be blank.")
	case utf8.RuneCountInString(reason) > MaxReason:
		faults.Add("reason", "Ensure this field has no more than %d characters.", MaxReason)
	case !utf8.ValidString(reason) || strings.ContainsRune(reason, 0):
		faults.Add("reason", "Expected text.")
	}
	return reason
}
