package api

import (
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Invitation lets strangers through an invitation stage, as the API shows it.
// PK is the token of its link.
type Invitation struct {
	PK        idp.InvitationID `json:"pk"`
	Name      string           `json:"name"`
	Expires   *time.Time       `json:"expires"`
	FixedData idp.Attributes   `json:"fixed_data"`
	CreatedBy PartialUser      `json:"created_by"`
	SingleUse bool             `json:"single_use"`
	Flow      *idp.FlowID      `json:"flow"`
	FlowObj   Flow             `json:"flow_obj"`
}

type invitationBody struct {
	Name      Optional[string]         `json:"name" api:"required" max:"255" help:"Letters, numbers, underscores and hyphens."`
	Expires   Optional[time.Time]      `json:"expires" api:"null" help:"null: it stays valid until it is used up or deleted."`
	FixedData Optional[idp.Attributes] `json:"fixed_data" help:"Filled in where the flow's prompts ask for it."`
	SingleUse Optional[bool]           `json:"single_use" help:"Used up by the first account made with it."`
	Flow      Optional[idp.FlowID]     `json:"flow" api:"null" help:"The one flow it opens; null: every flow with an invitation stage."`
	_         struct{}                 `ignore:"pk,created_by,flow_obj"`
}

func (a *API) invitationResource() resource[Invitation, invitationBody] {
	return resource[Invitation, invitationBody]{
		path: "/stages/invitation/invitations/", key: "invite_uuid", name: "Invitation", id: "stages_invitation_invitations",
		plural: "invitations", tag: "stages",
		filters: []param{{name: "name", kind: text}, {name: "created_by__username", kind: text}, {name: "expires", kind: instant},
			{name: "flow__slug", kind: text}},
		ordering: []string{"name", "expires", "created"},
		list:     a.listInvitations, get: a.getInvitation, create: a.createInvitation, change: a.changeInvitation,
		destroy: a.deleteInvitation, usedBy: a.invitationUsedBy,
	}
}

// everyFlow stands in flow_obj for no flow in particular: published clients
// refuse an invitation without an object there.
var everyFlow = flowView(&idp.Flow{Name: "Every flow", Designation: idp.DesignationEnrollment, Layout: idp.Layouts()[0],
	DeniedAction: idp.DeniedMessageContinue, Authentication: idp.AuthenticationNone, PolicyMode: idp.PolicyAny})

// invitationViews shows invitations with their makers and flows, each read at
// once.
func (a *API) invitationViews(c *call, list []idp.Invitation) ([]Invitation, error) {
	users, flows := []idp.UserID{}, []idp.FlowID{}
	for _, i := range list {
		users = append(users, i.CreatedBy)
		if i.FlowID != nil {
			flows = append(flows, *i.FlowID)
		}
	}
	makers, err := a.Store.Repos().Users.Find(c, idp.UserFilter{IDs: users, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Repos().Flows.Find(c, idp.FlowFilter{IDs: flows, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil {
		return nil, err
	}
	opened, err := a.flowViews(c, found.Items)
	if err != nil {
		return nil, err
	}
	views := make([]Invitation, 0, len(list))
	for _, i := range list {
		v := Invitation{PK: i.ID, Name: i.Name, Expires: utc(i.ExpiresAt), FixedData: i.FixedData, SingleUse: i.SingleUse,
			Flow: i.FlowID, FlowObj: everyFlow}
		if at := slices.IndexFunc(makers.Items, func(u idp.User) bool { return u.ID == i.CreatedBy }); at >= 0 {
			v.CreatedBy = partialUser(&makers.Items[at])
		}
		if at := slices.IndexFunc(opened, func(f Flow) bool { return i.FlowID != nil && f.PK == *i.FlowID }); at >= 0 {
			v.FlowObj = opened[at]
		}
		views = append(views, v)
	}
	return views, nil
}

func (a *API) showInvitation(c *call, i *idp.Invitation) (*Invitation, error) {
	views, err := a.invitationViews(c, []idp.Invitation{*i})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// listInvitations lists what is live: what has ended counts as deleted.
func (a *API) listInvitations(c *call, p idp.Paging) ([]Invitation, int, error) {
	live := true
	page, err := a.Invitations.Find(c, c.actor, idp.InvitationFilter{Paging: p, Live: &live, Name: c.query.text("name"),
		CreatorName: c.query.text("created_by__username"), ExpiresAt: c.query.time("expires"), FlowSlug: c.query.text("flow__slug")})
	if err != nil {
		return nil, 0, err
	}
	views, err := a.invitationViews(c, page.Items)
	return views, page.Total, err
}

// liveInvitation finds an invitation by its key in the path.
func (a *API) liveInvitation(c *call) (*idp.Invitation, error) {
	id, err := web.IDParam[idp.Invitation](c.r, "invite_uuid", "invitation")
	if err != nil {
		return nil, err
	}
	i, err := a.Invitations.Get(c, c.actor, id)
	if err == nil && !i.Live {
		err = idp.NotFound("invitation")
	}
	return i, err
}

func (a *API) getInvitation(c *call, _ string) (*Invitation, error) {
	i, err := a.liveInvitation(c)
	if err != nil {
		return nil, err
	}
	return a.showInvitation(c, i)
}

func (a *API) createInvitation(c *call, b *invitationBody) (*Invitation, error) {
	i, err := a.Invitations.Create(c, c.actor, invitation.Draft{Name: b.Name.Value, Flow: b.Flow.Ptr(), FixedData: b.FixedData.Value,
		SingleUse: b.SingleUse.Value, ExpiresAt: b.Expires.Ptr()})
	if err != nil {
		return nil, err
	}
	return a.showInvitation(c, i)
}

func (a *API) changeInvitation(c *call, _ string, b *invitationBody, partial bool) (*Invitation, error) {
	i, err := a.liveInvitation(c)
	if err != nil {
		return nil, err
	}
	p := invitation.Patch{Name: b.Name.Ptr(), FixedData: b.FixedData.Patch(partial, idp.Attributes{}), SingleUse: b.SingleUse.Patch(partial, false)}
	if b.Flow.Set || !partial {
		flow := b.Flow.Ptr()
		p.Flow = &flow
	}
	if b.Expires.Set || !partial {
		expires := b.Expires.Ptr()
		p.ExpiresAt = &expires
	}
	changed, err := a.Invitations.Update(c, c.actor, i.ID, p)
	if err != nil {
		return nil, err
	}
	return a.showInvitation(c, changed)
}

func (a *API) deleteInvitation(c *call, _ string) error {
	i, err := a.liveInvitation(c)
	if err != nil {
		return err
	}
	return a.Invitations.Delete(c, c.actor, i.ID)
}

func (a *API) invitationUsedBy(c *call, _ string) ([]UsedBy, error) {
	_, err := a.liveInvitation(c)
	return nil, err // nothing refers to an invitation
}
