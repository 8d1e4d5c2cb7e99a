package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// invitationExpired and invitationLive are the one definition of an invitation
// that still counts, over invitations t.
const (
	invitationExpired = `(t.expires_at IS NOT NULL AND t.expires_at <= clock_timestamp())`
	invitationLive    = `(NOT ` + invitationExpired + ` AND EXISTS (SELECT FROM users u
		WHERE u.id = t.created_by AND u.is_active AND u.token_generation = t.generation))`
)

var invitationTable = newTable(table[idp.Invitation]{
	listing: listing{
		noun: "invitation",
		columns: `t.id, t.name, t.flow_id, t.fixed_data, t.single_use, t.expires_at, t.created_by,
			(SELECT u.username FROM users u WHERE u.id = t.created_by) AS creator_name, t.generation, t.created_at, ` +
			invitationExpired + ` AS expired, ` + invitationLive + ` AS live`,
		orders: map[string]string{"name": "t.name", "expires": "t.expires_at", "created": "t.created_at"},
		usual:  []string{"-created"},
	},
	id: func(i *idp.Invitation) *idp.InvitationID { return &i.ID },
	values: func(i *idp.Invitation) pgx.NamedArgs {
		data := i.FixedData
		if data == nil {
			data = idp.Attributes{}
		}
		return pgx.NamedArgs{"name": i.Name, "flow_id": i.FlowID, "fixed_data": data, "single_use": i.SingleUse,
			"expires_at": i.ExpiresAt, "created_by": i.CreatedBy, "generation": i.Generation}
	},
}, "invitations", false, "name", "flow_id", "fixed_data", "single_use", "expires_at", "created_by", "generation")

type invitations struct{ rows[idp.Invitation] }

func newInvitations(q querier) invitations {
	return invitations{rows[idp.Invitation]{invitationTable, q}}
}

func (r invitations) Find(ctx context.Context, f idp.InvitationFilter) (idp.Page[idp.Invitation], error) {
	var w where
	equal(&w, "t.name", f.Name)
	equal(&w, "t.expires_at", f.ExpiresAt)
	if f.FlowSlug != nil {
		w.with("EXISTS (SELECT FROM flows f WHERE f.id = t.flow_id AND f.slug = @flow_slug)", "flow_slug", *f.FlowSlug)
	}
	if f.CreatorName != nil {
		w.with("EXISTS (SELECT FROM users c WHERE c.id = t.created_by AND fold(c.username) = fold(@creator))", "creator", *f.CreatorName)
	}
	if f.Live != nil {
		w.with(invitationLive+" = @live", "live", *f.Live)
	}
	w.search(f.Search, "t.name")
	return r.find(ctx, w, f.Paging)
}
