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
	if err != nil || l.SentAt != nil {
		return nil, err
	}
	letter, f, err := address(ctx, tx, u, l)
	if err != nil {
		return nil, err
	}
	if l.TokenID != nil {
		if _, err := tx.Tokens.Revoke(ctx, *l.TokenID); err != nil && !idp.Is(err, idp.CodeNotFound) {
			return nil, err
		}
	}
	if l.Expired {
		return nil, tx.Events.Append(ctx, letter.event(idp.ActionSystemException, map[string]any{
			"message": "An email with a link could not be delivered while the link was of use.", "to_email": letter.To}))
	}
	if err := s.mayBeSent(ctx, tx, u, l); err != nil {
		return nil, err
	}
	key, tokenID := secret.Token(), idp.NewID[idp.Token]()
	managed := managedLink(l.ID, tokenID)
	letter.ExpiresAt = clock.Add(l.Lifetime)
	t := &idp.Token{ID: tokenID, Identifier: "mailed-link-" + tokenID.Hex(), Intent: l.Intent, UserID: u.ID,
		Digest: secret.DigestOf(key).Bytes(), Generation: u.TokenGeneration, Description: "Link sent by mail",
		Expiring: true, ExpiresAt: &letter.ExpiresAt, CreatedAt: clock, FlowSlug: f.Slug, Managed: &managed,
		Reusable: l.Reusable}
	if err := endMailed(ctx, tx, l, u.ID); err != nil {
		return nil, err
	}
	if err := tx.Tokens.Create(ctx, t); err != nil {
		return nil, err
	}
	if err := tx.Links.Made(ctx, l.ID, t.ID, letter.ExpiresAt); err != nil {
		return nil, err
	}
	letter.Path = "/if/flow/" + url.PathEscape(f.Slug) + "/?flow_token=" + url.QueryEscape(key)
	return letter, tx.Events.Append(ctx, idp.ModelCreatedEvent(app, idp.SystemActor(), u, modelFacts(t)))
}

// endMailed ends the recovery links that were mailed before this one: the newest
// counts. A link that an administrator made by hand stays: anybody may ask for a mail,
// and would end it.
func endMailed(ctx context.Context, tx idp.Repos, l *idp.Link, user idp.UserID) error {
	if l.Intent != idp.IntentRecovery {
		return nil
	}
	live := true
	for {
		found, err := tx.Tokens.Find(ctx, idp.TokenFilter{UserID: &user, Intent: &l.Intent, Live: &live, Paging: idp.Paging{Limit: 100}})
		if err != nil {
			return err
		}
		ended := 0
		for i := range found.Items {
			t := &found.Items[i]
			if t.Managed == nil || !strings.HasPrefix(*t.Managed, managedPrefix) {
				continue
			}
			if _, err := tx.Tokens.Revoke(ctx, t.ID); err != nil && !idp.Is(err, idp.CodeNotFound) {
				return err
			}
			ended++
		}
		if ended == 0 || len(found.Items) == found.Total {
			return nil
		}
	}
}

// address is a letter without a link, and the flow that the link is to open.
func address(ctx context.Context, tx idp.Repos, u *idp.User, l *idp.Link) (*Letter, *idp.Flow, error) {
	letter := &Letter{Link: l, User: u, To: l.Address}
	if letter.To == "" {
		letter.To = u.Email
	}
	f, err := tx.Flows.Get(ctx, l.FlowID)
	if err != nil {
		return nil, nil, err
	}
	if letter.Stage, err = tx.Stages.Get(ctx, l.StageID); err != nil {
		return nil, nil, err
	}
	if l.BrandID != nil {
		letter.Brand, err = tx.Brands.Get(ctx, *l.BrandID)
	}
	return letter, f, err
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
	e := action.Event("mail", idp.SystemActor(), l.User, facts)
	e.ClientIP = l.Link.ClientIP
	if l.Brand != nil {
		e.Brand = map[string]any{"pk": l.Brand.ID.String(), "name": l.Brand.Domain, "domain": l.Brand.Domain}
	}
	return e
}
