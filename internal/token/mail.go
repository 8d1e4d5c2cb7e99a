package token

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
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
		SessionGeneration: a.SessionGeneration, Address: a.Address, Lifetime: a.Lifetime, ClientIP: actor.ClientIP()}
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
			refused := mayBeSent(ctx, tx, u, &row)
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
func mayBeSent(ctx context.Context, tx idp.Repos, u *idp.User, l *idp.Link) error {
	subject, err := confirmable(ctx, tx, u, l)
	if err != nil {
		return err
	}
	for _, c := range generations(l) {
		if err := idp.MayAct(idp.DoorRecoveryLink, subject, c); err != nil {
			return err
		}
	}
	return nil
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

// Letter is a link about to be sent.
type Letter struct {
	Link      *idp.Link
	User      *idp.User
	Stage     *idp.Stage
	Brand     *idp.Brand // nil = none
	To        string
	Path      string // of the link, with its key; it is kept nowhere
	ExpiresAt time.Time
}

// MailLink makes the key of a link that was ordered. A key made by an earlier
// try stops working. It returns nil when there is nothing to send: the order is
// for nobody, was carried out or has expired, or the account may not act any
// more. The user is held and everything judged again: no key passes a lockdown.
func (s *Service) MailLink(ctx context.Context, id idp.LinkID) (*Letter, error) {
	ordered, err := s.store.Repos().Links.Get(ctx, id)
	if idp.Is(err, idp.CodeNotFound) || err == nil && ordered.UserID == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	clock, err := s.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	var letter *Letter
	err = s.store.InTx(ctx, func(tx idp.Repos) (err error) {
		letter, err = s.mint(ctx, tx, id, *ordered.UserID, clock)
		return err
	})
	if idp.Is(err, idp.CodeNotFound) || idp.Is(err, idp.CodeRefused) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("making the key of link %s: %w", id, err)
	}
	return letter, nil
}

func (s *Service) mint(ctx context.Context, tx idp.Repos, id idp.LinkID, user idp.UserID, clock time.Time) (*Letter, error) {
	u, err := tx.Users.Hold(ctx, user)
	if err != nil {
		return nil, err
	}
	l, err := tx.Links.Hold(ctx, id)
	if err != nil || l.SentAt != nil || l.Expired {
		return nil, err
	}
	if l.TokenID != nil {
		if _, err := tx.Tokens.Revoke(ctx, *l.TokenID); err != nil && !idp.Is(err, idp.CodeNotFound) {
			return nil, err
		}
	}
	if err := mayBeSent(ctx, tx, u, l); err != nil {
		return nil, err
	}
	f, err := tx.Flows.Get(ctx, l.FlowID)
	if err != nil {
		return nil, err
	}
	letter := &Letter{Link: l, User: u, To: l.Address, ExpiresAt: clock.Add(l.Lifetime)}
	if letter.To == "" {
		letter.To = u.Email
	}
	if letter.Stage, err = tx.Stages.Get(ctx, l.StageID); err != nil {
		return nil, err
	}
	if l.BrandID != nil {
		if letter.Brand, err = tx.Brands.Get(ctx, *l.BrandID); err != nil {
			return nil, err
		}
	}
	key, tokenID := secret.Token(), idp.NewID[idp.Token]()
	managed := managedLink(l.ID, tokenID)
	t := &idp.Token{ID: tokenID, Identifier: "mailed-link-" + tokenID.Hex(), Intent: l.Intent, UserID: u.ID,
		Digest: secret.DigestOf(key).Bytes(), Generation: u.TokenGeneration, Description: "Link sent by mail",
		Expiring: true, ExpiresAt: &letter.ExpiresAt, CreatedAt: clock, FlowSlug: f.Slug, Managed: &managed}
	if err := tx.Tokens.Create(ctx, t); err != nil {
		return nil, err
	}
	if err := tx.Links.Made(ctx, l.ID, t.ID, letter.ExpiresAt); err != nil {
		return nil, err
	}
	letter.Path = "/if/flow/" + url.PathEscape(f.Slug) + "/?flow_token=" + url.QueryEscape(key)
	return letter, tx.Events.Append(ctx, idp.NewEvent(idp.ActionModelCreated, app, idp.SystemActor(), u, modelFacts(t)))
}

// managedPrefix marks the tokens of mailed links, which nobody may change.
const managedPrefix = "portcullis/mailed-link/"

func managedLink(link idp.LinkID, token idp.TokenID) string {
	return managedPrefix + link.Hex() + "/" + token.Hex()
}

// linkOf returns the link that a token was made for, nil for a token that was
// not sent by mail. A token whose link is gone, or has another token by now,
// opens nothing.
func linkOf(ctx context.Context, repos idp.Repos, t *idp.Token) (*idp.Link, error) {
	if t.Managed == nil {
		return nil, nil
	}
	rest, mailed := strings.CutPrefix(*t.Managed, managedPrefix)
	if !mailed {
		return nil, nil
	}
	hex, _, _ := strings.Cut(rest, "/")
	id, err := idp.ParseID[idp.Link](hex)
	if err != nil {
		return nil, idp.Refuse(idp.DoorFlowLink, idp.RefusedUnknown)
	}
	l, err := repos.Links.Get(ctx, id)
	if idp.Is(err, idp.CodeNotFound) || err == nil && (l.TokenID == nil || *l.TokenID != t.ID) {
		return nil, idp.Refuse(idp.DoorFlowLink, idp.RefusedEnded)
	}
	return l, err
}

// MailSent notes that the mail of a link was accepted, with its event.
func (s *Service) MailSent(ctx context.Context, letter *Letter, facts map[string]any) error {
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.Links.Sent(ctx, letter.Link.ID); err != nil {
			return err
		}
		return tx.Events.Append(ctx, letter.event(idp.ActionEmailSent, facts))
	})
	if err != nil {
		return fmt.Errorf("noting that link %s was sent: %w", letter.Link.ID, err)
	}
	return nil
}

// MailFailed records that the mail of a link will never be delivered, and ends
// its key.
func (s *Service) MailFailed(ctx context.Context, letter *Letter, action idp.Action, facts map[string]any) error {
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		if _, err := tx.Users.Hold(ctx, letter.User.ID); err != nil {
			return err
		}
		l, err := tx.Links.Hold(ctx, letter.Link.ID)
		if err != nil {
			return err
		}
		if l.TokenID != nil {
			if _, err := tx.Tokens.Revoke(ctx, *l.TokenID); err != nil && !idp.Is(err, idp.CodeNotFound) {
				return err
			}
		}
		return tx.Events.Append(ctx, letter.event(action, facts))
	})
	if err != nil && !idp.Is(err, idp.CodeNotFound) {
		return fmt.Errorf("noting that link %s was not sent: %w", letter.Link.ID, err)
	}
	return nil
}

// event is about the person that the letter is for, with the address it was
// asked for from.
func (l *Letter) event(action idp.Action, facts map[string]any) *idp.Event {
	facts["link"], facts["stage"] = l.Link.ID.String(), l.Stage.Name
	e := idp.NewEvent(action, "mail", idp.SystemActor(), l.User, facts)
	e.ClientIP = l.Link.ClientIP
	if l.Brand != nil {
		e.Brand = map[string]any{"pk": l.Brand.ID.String(), "name": l.Brand.Domain, "domain": l.Brand.Domain}
	}
	return e
}

// RecoveryMail sends the user a link with which they set a new password, by way
// of an email stage. A lifetime of 0 means DefaultLinkLifetime. Errors:
// CodeForbidden; CodeNotFound; CodeInvalid when the brand has no recovery flow,
// the user no address, the stage is none or the lifetime is out of bounds;
// CodeRefused for an account that is switched off.
func (s *Service) RecoveryMail(ctx context.Context, actor idp.Actor, user idp.UserID, brand *idp.Brand, stage idp.StageID, lifetime time.Duration) error {
	administer := idp.Object{Resource: idp.ResourceUser}
	if err := s.access.Check(actor, idp.VerbUpdate, administer); err != nil {
		return err
	}
	switch {
	case brand == nil || brand.FlowRecovery == nil:
		return idp.Invalid("", "No recovery flow set.")
	case lifetime < 0 || lifetime > MaxLinkLifetime:
		return idp.Invalid("token_duration", "Ensure this value is at most 30 days.")
	case lifetime == 0:
		lifetime = DefaultLinkLifetime
	}
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Hold(ctx, user)
		if err != nil {
			return err
		}
		now, err := actor.Renew(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.access.Check(now, idp.VerbUpdate, administer); err != nil {
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
			Lifetime: max(lifetime, time.Second), ClientIP: actor.ClientIP()}
		if err := mayBeSent(ctx, tx, u, l); err != nil {
			return err
		}
		return order(ctx, tx, l)
	})
	if err != nil {
		return fmt.Errorf("ordering a recovery mail for user %d: %w", user, err)
	}
	return nil
}

// emailStage is the kind of stage that sends links.
const emailStage = "email"
