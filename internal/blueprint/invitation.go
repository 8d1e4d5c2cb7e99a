package blueprint

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Invitations keeps invitations in a transaction of ours, with the rules and
// events of everybody's changes; invitation.Service is one.
type Invitations interface {
	SaveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, row idp.Invitation, isNew bool) (*idp.Invitation, error)
	WithdrawIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.InvitationID) error
}

type invitationWire struct {
	Name      string         `json:"name" help:"A slug."`
	Flow      *idp.FlowID    `json:"flow" ref:"flow" help:"The one flow it opens; every flow that takes invitations when it is left out."`
	FixedData idp.Attributes `json:"fixed_data" help:"Put into what the flow knows, as if it had been typed."`
	SingleUse bool           `json:"single_use" help:"Whether it is used up by the first account made with it."`
	Expires   *time.Time     `json:"expires" help:"When it ends."`
	CreatedBy *idp.UserID    `json:"created_by" ref:"user" help:"Whose it is: what ends their tokens ends it. Whoever applies the file when it is left out."`
}

func invitationForm(i *idp.Invitation) invitationWire {
	w := invitationWire{Name: i.Name, Flow: i.FlowID, FixedData: i.FixedData, SingleUse: i.SingleUse, Expires: i.ExpiresAt}
	if i.CreatedBy != 0 {
		w.CreatedBy = &i.CreatedBy
	}
	return w
}

// invitations is the model of invitations. Their primary key is the secret of
// the link, so no report shows it.
type invitations struct{}

func (invitations) about() about {
	w := invitationForm(&idp.Invitation{})
	return about{model: invitationModel, title: "Invitation", help: "A link that lets whoever has it sign up.", columns: columns(&w),
		key: []string{"name"}, secretKey: true}
}

func (invitations) right() idp.Resource { return idp.ResourceInvitation }

func (m invitations) show(i *idp.Invitation) (*thing, error) {
	data, err := plain(invitationForm(i))
	return &thing{pk: i.ID.String(), name: i.Name, data: data, refs: m.about().refs()}, err
}

func (m invitations) find(ctx context.Context, r *run, q query) (*thing, error) {
	blank, err := m.show(&idp.Invitation{})
	if err != nil {
		return nil, err
	}
	return first(ctx, r, m.about(), q, blank, func(fields map[string]any, p idp.Paging) (idp.Page[idp.Invitation], error) {
		p.Order = []string{"created"} // its key is a secret that lists are not ordered by
		return r.tx.Invitations.Find(ctx, idp.InvitationFilter{Paging: p, Name: word(fields, "name")})
	}, m.show)
}

func (m invitations) get(ctx context.Context, r *run, pk string) (*thing, error) {
	id, err := idp.ParseID[idp.Invitation](pk)
	if err != nil {
		return nil, err
	}
	i, err := r.tx.Invitations.Get(ctx, id)
	if err != nil {
		return nil, absent(err)
	}
	return m.show(i)
}

func (m invitations) put(ctx context.Context, r *run, was *thing, pk string, attrs map[string]any) (*put, error) {
	row, out := &idp.Invitation{}, &put{}
	if was != nil {
		id, err := idp.ParseID[idp.Invitation](was.pk)
		if err != nil {
			return nil, err
		}
		if row, err = r.tx.Invitations.Hold(ctx, id); err != nil {
			return nil, err
		}
		out.before = was.data
	} else if pk != "" {
		return nil, idp.Invalid("pk", "the primary key of an invitation is its secret; leave it out")
	} else if r.actor.User != nil {
		row.CreatedBy = r.actor.User.ID
	}
	w := invitationForm(row)
	if err := merge(&w, attrs); err != nil {
		return nil, err
	}
	if w.CreatedBy == nil {
		return nil, idp.Invalid("created_by", "An invitation is somebody's: expected the primary key of a user, such as !Find [authentik_core.user, [username, …]].")
	}
	if was != nil && unchanged(was.data, w, false, "") {
		out.after = was
		return out, nil
	}
	row.Name, row.FlowID, row.FixedData, row.SingleUse, row.ExpiresAt, row.CreatedBy = w.Name, w.Flow, w.FixedData, w.SingleUse, w.Expires, *w.CreatedBy
	saved, err := r.s.Invitations.SaveIn(ctx, r.tx, r.actor, *row, was == nil)
	if err != nil {
		return nil, err
	}
	out.after, err = m.show(saved)
	return out, err
}

func (invitations) remove(ctx context.Context, r *run, was *thing) error {
	id, err := idp.ParseID[idp.Invitation](was.pk)
	if err != nil {
		return err
	}
	return r.s.Invitations.WithdrawIn(ctx, r.tx, r.actor, id)
}
