package blueprint

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Tokens issues and changes tokens in a transaction of ours, with the rules and
// events of everybody's changes; token.Service is one.
type Tokens interface {
	// IssueIn makes a token of t.UserID; nil key = a random one. exempt is its mark,
	// nil = as the actor may.
	IssueIn(ctx context.Context, tx idp.Repos, actor idp.Actor, t idp.Token, key *string, exempt *bool, now time.Time) (*idp.Token, error)
	// ChangeIn changes a token (t.ID) to what t says; a key that is not nil
	// replaces the present one, and so does exempt the mark.
	ChangeIn(ctx context.Context, tx idp.Repos, actor idp.Actor, t idp.Token, key *string, exempt *bool, now time.Time) (*idp.Token, error)
	RevokeIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.TokenID) error
}

type tokenWire struct {
	Identifier  string          `json:"identifier" help:"How addresses name the token; unique."`
	Intent      idp.TokenIntent `json:"intent" enum:"api,app_password,recovery,verification" help:"What the token is good for."`
	User        *idp.UserID     `json:"user" ref:"user" help:"Whose it is."`
	Description string          `json:"description" help:"What it is for."`
	Expiring    bool            `json:"expiring" help:"Whether it ends by itself."`
	Expires     *time.Time      `json:"expires" help:"When it ends."`
	Key         *string         `json:"key,omitempty" secret:"true" help:"The secret; a random one when it is left out."`

	StepUpExempt *bool `json:"step_up_exempt,omitempty" help:"Whether it may do what asks people to prove once more who they are; true when it is left out, as far as whoever applies this may say so."`
}

func tokenForm(t *idp.Token) tokenWire {
	w := tokenWire{Identifier: t.Identifier, Intent: t.Intent, Description: t.Description, Expiring: t.Expiring, Expires: t.ExpiresAt}
	if t.UserID != 0 {
		w.User, w.StepUpExempt = &t.UserID, &t.StepUpExempt
	}
	return w
}

// tokens is the model of tokens.
type tokens struct{}

func (tokens) about() about {
	w := tokenForm(freshToken())
	return about{model: tokenModel, title: "Token", help: "A bearer secret of a user.", columns: columns(&w), key: []string{"identifier"}}
}

func freshToken() *idp.Token { return &idp.Token{Intent: idp.IntentAPI, Expiring: true} }

func (tokens) right() idp.Resource { return idp.ResourceToken }

func (m tokens) show(t *idp.Token) (*thing, error) {
	data, err := plain(tokenForm(t))
	return &thing{pk: t.ID.String(), name: t.Identifier, data: data, refs: m.about().refs()}, err
}

func (m tokens) find(ctx context.Context, r *run, q query) (*thing, error) {
	blank, err := m.show(freshToken())
	if err != nil {
		return nil, err
	}
	return first(ctx, r, m.about(), q, blank, func(fields map[string]any, p idp.Paging) (idp.Page[idp.Token], error) {
		return r.tx.Tokens.Find(ctx, idp.TokenFilter{Paging: p, Identifier: word(fields, "identifier")})
	}, m.show)
}

func (m tokens) get(ctx context.Context, r *run, pk string) (*thing, error) {
	id, err := idp.ParseID[idp.Token](pk)
	if err != nil {
		return nil, err
	}
	t, err := r.tx.Tokens.Get(ctx, id)
	if err != nil {
		return nil, absent(err)
	}
	return m.show(t)
}

func (m tokens) put(ctx context.Context, r *run, was *thing, pk string, attrs map[string]any) (*put, error) {
	t, out := freshToken(), &put{}
	if was != nil {
		id, err := idp.ParseID[idp.Token](was.pk)
		if err != nil {
			return nil, err
		}
		if t, err = r.tx.Tokens.Get(ctx, id); err != nil {
			return nil, err
		}
		out.before = was.data
	} else if err := choose(&t.ID, pk); err != nil {
		return nil, err
	}
	w := tokenForm(t)
	if err := merge(&w, attrs); err != nil {
		return nil, err
	}
	if w.User == nil {
		return nil, idp.Invalid("user", "This field is required.")
	}
	if w.Key != nil && was != nil && secret.DigestOf(*w.Key).Equal(t.Digest) {
		w.Key = nil // it has it already
	}
	key := w.Key
	if w.Key = nil; was != nil && key == nil && unchanged(was.data, w, false, "") {
		out.after = was
		return out, nil
	}
	if key != nil {
		out.secrets = []string{"key"}
	}
	if err := r.secrets.ready(); err != nil {
		return nil, err
	}
	t.Identifier, t.Intent, t.UserID, t.Description, t.Expiring, t.ExpiresAt = w.Identifier, w.Intent, *w.User, w.Description, w.Expiring, w.Expires
	save := r.s.Tokens.ChangeIn
	if was == nil {
		save = r.s.Tokens.IssueIn
	}
	saved, err := save(ctx, r.tx, r.actor, *t, key, w.StepUpExempt, r.secrets.now)
	if err != nil {
		return nil, err
	}
	out.after, err = m.show(saved)
	return out, err
}

func (tokens) remove(ctx context.Context, r *run, was *thing) error {
	id, err := idp.ParseID[idp.Token](was.pk)
	if err != nil {
		return err
	}
	return r.s.Tokens.RevokeIn(ctx, r.tx, r.actor, id)
}
