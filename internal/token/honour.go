package token

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/portcullis-idp/portcullis/internal/gather"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Authenticate returns the API token of a key and its user. The error is
// CodeRefused, whose Reason says why, for every other key.
func (s *Service) Authenticate(ctx context.Context, key string) (*idp.Token, *idp.User, error) {
	return s.honour(ctx, idp.DoorAPIToken, key, func(*idp.Token) idp.TokenIntent { return idp.IntentAPI })
}

// AppPassword returns the app password of a key, if it is the user's and good to
// prove that somebody is them. The error is CodeRefused, whose Reason says why, for
// every other key; another account's is as unknown as one that nobody has. u is nil
// for nobody. Whoever calls it asks the guard of lockouts first.
func (s *Service) AppPassword(ctx context.Context, u *idp.User, key string) (*idp.Token, error) {
	var t *idp.Token
	err := idp.Steady(ctx, s.access, func() (now *idp.User, c idp.Credential, err error) {
		if t, now, err = s.find(ctx, idp.DoorAppPassword, key); err != nil {
			return nil, c, err
		}
		if u == nil || t.UserID != u.ID {
			return nil, c, idp.Refuse(idp.DoorAppPassword, idp.RefusedUnknown)
		}
		c = t.Credential(idp.IntentAppPassword)
		return now, c, s.access.Admit(ctx, idp.DoorAppPassword, now, c)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Again asks the door that a token came through before, for answers that last: it
// is no use of a secret, and nothing is counted. The error is CodeRefused when it
// would not be let in now.
func (s *Service) Again(ctx context.Context, used *idp.Token) (*idp.Token, *idp.User, error) {
	door, intent := used.Door()
	t, u, err := s.store.Repos().Tokens.Use(ctx, used.Digest)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil, idp.Refuse(door, idp.RefusedUnknown)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := s.access.Admit(ctx, door, u, t.Credential(intent)); err != nil {
		return nil, nil, err
	}
	return t, u, nil
}

// OpenLink returns the recovery or verification token behind a link and its
// user; it does not use the link up. The error is CodeRefused for every other
// key.
func (s *Service) OpenLink(ctx context.Context, key string) (*idp.Token, *idp.User, error) {
	o, err := s.Open(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	return o.Token, o.User, nil
}

// Opening is a link that somebody opened.
type Opening struct {
	Token *idp.Token
	User  *idp.User
	Link  *idp.Link // nil = it was not sent by mail
}

// Open is OpenLink with what the link was sent for. The user is switched off
// where the link may switch a new account on.
func (s *Service) Open(ctx context.Context, key string) (*Opening, error) {
	t, u, err := s.find(ctx, idp.DoorFlowLink, key)
	if err != nil {
		return nil, err
	}
	repos := s.store.Repos()
	l, err := linkOf(ctx, repos, t)
	if err != nil {
		return nil, err
	}
	subject, err := confirmable(ctx, repos, u, l)
	if err != nil {
		return nil, err
	}
	if err := s.access.Admit(ctx, idp.DoorFlowLink, subject, t.Credential(linkIntent(t))); err != nil {
		return nil, err
	}
	if l != nil {
		for _, c := range generations(l) {
			if err := s.access.Admit(ctx, idp.DoorFlowLink, subject, c); err != nil {
				return nil, err
			}
		}
	}
	return &Opening{Token: t, User: u, Link: l}, nil
}

// linkIntent is the intent that a token must have to be a link.
func linkIntent(t *idp.Token) idp.TokenIntent {
	if opensFlow(t.Intent) {
		return t.Intent
	}
	return idp.IntentRecovery
}

func (s *Service) honour(ctx context.Context, door idp.Door, key string, intent func(*idp.Token) idp.TokenIntent) (*idp.Token, *idp.User, error) {
	var t *idp.Token
	var u *idp.User
	err := idp.Steady(ctx, s.access, func() (_ *idp.User, c idp.Credential, err error) {
		if t, u, err = s.find(ctx, door, key); err != nil {
			return nil, c, err
		}
		c = t.Credential(intent(t))
		return u, c, s.access.Admit(ctx, door, u, c)
	})
	if err != nil {
		return nil, nil, err
	}
	return t, u, nil
}

// find returns the token of a key and its user. It judges neither.
func (s *Service) find(ctx context.Context, door idp.Door, key string) (*idp.Token, *idp.User, error) {
	if key == "" || len(key) > 4*maxKey {
		return nil, nil, idp.Refuse(door, idp.RefusedUnknown)
	}
	found, err := s.uses.Read(ctx, secret.DigestOf(key))
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil, idp.Refuse(door, idp.RefusedUnknown)
	}
	if err != nil {
		return nil, nil, err
	}
	return &found.Token, &found.User, nil
}

func (s *Service) use(ctx context.Context, d secret.Digest) (idp.TokenUse, error) {
	t, u, err := s.store.Repos().Tokens.Use(ctx, d.Bytes())
	if err != nil {
		return idp.TokenUse{}, err
	}
	return idp.TokenUse{Token: *t, User: *u}, nil
}

func (s *Service) useMany(ctx context.Context, all []secret.Digest) (map[secret.Digest]idp.TokenUse, error) {
	found, err := s.store.Repos().Tokens.UseMany(ctx, secret.AllBytes(all))
	return gather.By(found, func(one *idp.TokenUse) secret.Digest { return secret.Digest(one.Token.Digest) }), err
}

// LinkTerms say how long and how often a recovery link works.
type LinkTerms struct {
	Lifetime time.Duration // 0 = DefaultLinkLifetime
	Reusable bool          // what it is used for does not use it up
}

// judged is the terms with their defaults. The error is CodeInvalid.
func (l LinkTerms) judged() (LinkTerms, error) {
	switch {
	case l.Lifetime < 0 || l.Lifetime > MaxLinkLifetime:
		return l, idp.Invalid("token_duration", "Ensure this value is at most 30 days.")
	case l.Lifetime == 0:
		l.Lifetime = DefaultLinkLifetime
	}
	return l, nil
}

// The lifetimes of recovery links.
const (
	DefaultLinkLifetime = time.Hour
	MaxLinkLifetime     = 30 * 24 * time.Hour
)

// RecoveryLink makes a link with which the user sets a new password, and revokes
// the user's earlier ones. The link is a path with a query; whoever shows it
// puts the address in front.
//
// It takes the right to make recovery links, and every right of the account: who
// has the link can become its user (adr/0009). Ownership is not enough: a link
// made with a stolen session would outlive it. Errors: CodeForbidden; CodeInvalid when the brand
// has no recovery flow or the lifetime is out of bounds; CodeNotFound;
// CodeRefused for an account that is switched off; CodeStepUp (idp.Access.Fresh).
func (s *Service) RecoveryLink(ctx context.Context, actor idp.Actor, user idp.UserID, brand *idp.Brand, terms LinkTerms) (string, error) {
	recovery := idp.Object{Resource: idp.ResourceRecovery}
	if err := s.access.Check(actor, idp.VerbCreate, recovery); err != nil {
		return "", err
	}
	if err := s.access.Fresh(actor); err != nil {
		return "", err
	}
	if brand == nil || brand.FlowRecovery == nil {
		return "", idp.Invalid("", "No recovery flow set.")
	}
	terms, err := terms.judged()
	if err != nil {
		return "", err
	}
	clock, err := s.store.Now(ctx)
	if err != nil {
		return "", fmt.Errorf("asking for the time: %w", err)
	}
	var made *Recovery
	err = s.store.InTx(ctx, func(tx idp.Repos) (err error) {
		made, err = s.RecoveryLinkIn(ctx, tx, actor, user, brand, terms, clock)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("making a recovery link for user %d: %w", user, err)
	}
	return made.Link, nil
}

// Recovery is a recovery link that was made.
type Recovery struct {
	Link  string // a path with a query
	Token idp.TokenID
}

// RecoveryLinkIn is RecoveryLink in a transaction of the caller's; clock is now by the
// database.
func (s *Service) RecoveryLinkIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, terms LinkTerms, clock time.Time) (*Recovery, error) {
	if brand == nil || brand.FlowRecovery == nil {
		return nil, idp.Invalid("", "No recovery flow set.")
	}
	terms, err := terms.judged()
	if err != nil {
		return nil, err
	}
	ends, key := clock.Add(terms.Lifetime), secret.Token()
	u, err := tx.Users.Hold(ctx, user)
	if err != nil {
		return nil, err
	}
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return nil, err
	}
	if err := s.access.Check(now, idp.VerbCreate, idp.Object{Resource: idp.ResourceRecovery}); err != nil {
		return nil, err
	}
	if err := s.access.Fresh(now); err != nil {
		return nil, err
	}
	if err := s.mayActAs(now, u); err != nil {
		return nil, err
	}
	if err := s.access.Admit(ctx, idp.DoorRecoveryLink, u, idp.Credential{}); err != nil {
		return nil, err
	}
	if err := recoverable(u); err != nil {
		return nil, err
	}
	flow, err := tx.Flows.Get(ctx, *brand.FlowRecovery)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.Invalid("", "No recovery flow set.")
	}
	if err != nil {
		return nil, err
	}
	if _, err := tx.Tokens.RevokeIntent(ctx, user, idp.IntentRecovery, nil); err != nil {
		return nil, err
	}
	id := idp.NewID[idp.Token]()
	t := &idp.Token{ID: id, Identifier: "recovery-link-" + id.Hex(), Intent: idp.IntentRecovery, UserID: user,
		Digest: secret.DigestOf(key).Bytes(), Generation: u.TokenGeneration, Description: "Recovery link",
		Expiring: true, ExpiresAt: &ends, CreatedAt: clock, FlowSlug: flow.Slug, Reusable: terms.Reusable}
	if err := tx.Tokens.Create(ctx, t); err != nil {
		return nil, err
	}
	link := "/if/flow/" + url.PathEscape(flow.Slug) + "/?flow_token=" + url.QueryEscape(key)
	return &Recovery{Link: link, Token: id}, tx.Events.Append(ctx, idp.ModelCreatedEvent(app, now, u, modelFacts(t)))
}
