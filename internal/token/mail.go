package token

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Ask is a link that is to be sent by mail.
type Ask struct {
	User              idp.UserID // 0 = nobody
	SessionGeneration int64      // the user's when it was established who the link is for
	Run               idp.RunID
	Flow              idp.FlowID
	Stage             idp.StageID
	Brand             *idp.Brand // may be nil
	Intent            idp.TokenIntent
	Confirms          bool   // opening it may switch a new account on
	State             []byte // what the flow goes on with, without secrets; nil = it begins
	Address           string // "" = the account's
	Lifetime          time.Duration
	Reusable          bool // what the link is used for does not use it up
	// Limit is how many of a stage's links a run, and an account, may ask for
	// within Window.
	Limit  int
	Window time.Duration
}

// tooMany is what a run hears that asks too often.
const tooMany = "Too many emails were asked for. Wait a few minutes, then try again."

// AskMail orders a link by mail, in one transaction with its job. It asks no
// permission: flows do it for whoever asks. It does the same work, takes the
// same time and says the same whether or not there is anybody to write to: for
// nobody, an account that may not act or has no address, and one that has been
// written to too often, the order is kept and nothing is ever sent. The error is
// CodeInvalid when the run itself asks too often.
func (s *Service) AskMail(ctx context.Context, actor idp.Actor, a Ask) error {
	l := &idp.Link{RunID: a.Run, FlowID: a.Flow, StageID: a.Stage, Intent: a.Intent, Confirms: a.Confirms, State: a.State,
		SessionGeneration: a.SessionGeneration, Address: a.Address, Lifetime: a.Lifetime, Reusable: a.Reusable, ClientIP: actor.ClientIP()}
	if a.Brand != nil {
		l.BrandID = &a.Brand.ID
	}
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		row := *l
		asked, err := tx.Links.Recent(ctx, idp.LinkFilter{RunID: &a.Run, StageID: &a.Stage}, a.Window)
		if err != nil {
			return err
		}
		if asked >= a.Limit {
			return idp.Invalid("", "%s", tooMany)
		}
		u, err := tx.Users.Share(ctx, a.User)
		if err != nil && !idp.Is(err, idp.CodeNotFound) {
			return err
		}
		had, err := tx.Links.Recent(ctx, idp.LinkFilter{UserID: &a.User, StageID: &a.Stage}, a.Window)
		if err != nil {
			return err
		}
		if u != nil && had < a.Limit && (u.Email != "" || a.Address != "") {
			row.TokenGeneration = u.TokenGeneration
			refused := s.mayBeSent(ctx, tx, u, &row)
			if refused != nil && !idp.Is(refused, idp.CodeRefused) {
				return refused
			}
			if refused == nil {
				row.UserID = &u.ID
			}
		}
		return order(ctx, tx, &row)
	})
	if err != nil {
		return fmt.Errorf("ordering a link by mail: %w", err)
	}
	return nil
}

// order stores a link and its job.
func order(ctx context.Context, tx idp.Repos, l *idp.Link) error {
	if err := tx.Links.Create(ctx, l); err != nil {
		return err
	}
	return tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobMail, Link: l.ID})
}

// mayBeSent judges whether the user may have the link, as both are now; tx holds
// or shares the user. Everything that was ended since the link was asked for
// refuses it: either generation.
func (s *Service) mayBeSent(ctx context.Context, tx idp.Repos, u *idp.User, l *idp.Link) error {
	if l.Intent == idp.IntentRecovery {
		if err := recoverable(u); err != nil {
			return err
		}
	}
	subject, err := confirmable(ctx, tx, u, l)
	if err != nil {
		return err
	}
	for _, c := range generations(l) {
		if err := s.access.Admit(ctx, idp.DoorRecoveryLink, subject, c); err != nil {
			return err
		}
	}
	return nil
}

// recoverable refuses accounts of programs: they sign in nowhere with a password, so
// there is none to recover.
func recoverable(u *idp.User) error {
	if u.Type != idp.UserServiceAccount && u.Type != idp.UserInternalServiceAccount {
		return nil
	}
	return &idp.Error{Code: idp.CodeRefused, Reason: idp.RefusedUnknown, Message: "A service account has no password to recover. Make a token for it instead."}
}

// generations are what a link keeps of its user.
func generations(l *idp.Link) []idp.Credential {
	return []idp.Credential{{Family: idp.FamilySession, Generation: l.SessionGeneration}, {Family: idp.FamilyToken, Generation: l.TokenGeneration}}
}

// confirmable is the user as the rule is to judge them: an account that waits
// for its first use counts as active for a link that may switch it on.
func confirmable(ctx context.Context, tx idp.Repos, u *idp.User, l *idp.Link) (*idp.User, error) {
	if l == nil || !l.Confirms {
		return u, nil
	}
	waits, err := idp.MayConfirm(ctx, tx, u)
	if err != nil || !waits {
		return u, err
	}
	active := *u
	active.IsActive = true
	return &active, nil
}

// RecoveryMail sends the user a link with which they set a new password, by way
// of an email stage. Errors:
// CodeForbidden; CodeNotFound; CodeInvalid when the brand has no recovery flow,
// the user no address, the stage is none or the lifetime is out of bounds;
// CodeRefused for an account that is switched off; CodeStepUp (idp.Access.Fresh).
func (s *Service) RecoveryMail(ctx context.Context, actor idp.Actor, user idp.UserID, brand *idp.Brand, stage idp.StageID, terms LinkTerms) error {
	recovery := idp.Object{Resource: idp.ResourceRecovery}
	if err := s.access.Check(actor, idp.VerbCreate, recovery); err != nil {
		return err
	}
	if err := s.access.Fresh(actor); err != nil {
		return err
	}
	if brand == nil || brand.FlowRecovery == nil {
		return idp.Invalid("", "No recovery flow set.")
	}
	terms, err := terms.judged()
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		return s.RecoveryMailIn(ctx, tx, actor, user, brand, stage, terms)
	})
	if err != nil {
		return fmt.Errorf("ordering a recovery mail for user %d: %w", user, err)
	}
	return nil
}

// RecoveryMailIn is RecoveryMail in a transaction of the caller's.
func (s *Service) RecoveryMailIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, stage idp.StageID, terms LinkTerms) error {
	if brand == nil || brand.FlowRecovery == nil {
		return idp.Invalid("", "No recovery flow set.")
	}
	terms, err := terms.judged()
	if err != nil {
		return err
	}
	u, err := tx.Users.Hold(ctx, user)
	if err != nil {
		return err
	}
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return err
	}
	if err := s.access.Check(now, idp.VerbCreate, idp.Object{Resource: idp.ResourceRecovery}); err != nil {
		return err
	}
	if err := s.access.Fresh(now); err != nil {
		return err
	}
	if err := s.mayActAs(now, u); err != nil {
		return err
	}
	st, err := tx.Stages.Get(ctx, stage)
	if idp.Is(err, idp.CodeNotFound) || err == nil && st.Kind != emailStage {
		return idp.Invalid("email_stage", "Invalid pk \"%s\" - object does not exist.", stage)
	}
	if err != nil {
		return err
	}
	if u.Email == "" {
		return idp.Invalid("", "User does not have an email address set.")
	}
	l := &idp.Link{UserID: &u.ID, RunID: idp.NewID[idp.Run](), FlowID: *brand.FlowRecovery, StageID: stage, BrandID: &brand.ID,
		Intent: idp.IntentRecovery, SessionGeneration: u.SessionGeneration, TokenGeneration: u.TokenGeneration,
		Lifetime: max(terms.Lifetime, time.Second), Reusable: terms.Reusable, ClientIP: actor.ClientIP()}
	if err := s.mayBeSent(ctx, tx, u, l); err != nil {
		return err
	}
	return order(ctx, tx, l)
}

// emailStage is the kind of stage that sends links.
const emailStage = "email"
