package api

import (
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// NotificationRule says who is told of which events, and how. Policies bound to its
// key choose the events.
type NotificationRule struct {
	PK                   idp.NotificationRuleID `json:"pk"`
	Name                 string                 `json:"name"`
	Transports           []idp.TransportID      `json:"transports"`
	Severity             idp.Severity           `json:"severity"`
	DestinationGroup     *idp.GroupID           `json:"destination_group"`
	DestinationGroupObj  Group                  `json:"destination_group_obj" doc:"Without members; where destination_group is null, one that stands for none."`
	DestinationEventUser bool                   `json:"destination_event_user"`

	DestinationAffectedUser bool   `json:"destination_affected_user"`
	Enabled                 bool   `json:"enabled"`
	Fault                   string `json:"fault" doc:"Why its policies could not be evaluated the last time; empty = they could."`
}

type notificationRuleBody struct {
	Name                    Optional[string]            `json:"name" api:"required" max:"255"`
	Transports              Optional[[]idp.TransportID] `json:"transports" help:"Keys of transports; nobody is told without one."`
	Severity                Optional[string]            `json:"severity" enum:"notice,warning,alert" help:"notice unless said otherwise."`
	DestinationGroup        Optional[idp.GroupID]       `json:"destination_group" api:"null" help:"Whose members are told, subgroups' included."`
	DestinationEventUser    Optional[bool]              `json:"destination_event_user" help:"Tell whoever acted."`
	DestinationAffectedUser Optional[bool]              `json:"destination_affected_user" help:"Tell whom the act is about."`
	Enabled                 Optional[bool]              `json:"enabled" help:"true unless said otherwise."`
	_                       struct{}                    `ignore:"pk,destination_group_obj,fault"`
}

// apply puts the body on a rule; in a full replacement what is absent gets its
// default.
func (b *notificationRuleBody) apply(to *idp.NotificationRule, partial bool) {
	assign(&to.Name, b.Name, true, "") // required where it matters
	assign(&to.Transports, b.Transports, partial, []idp.TransportID{})
	severity := string(to.Severity)
	assign(&severity, b.Severity, partial, string(idp.SeverityNotice))
	to.Severity = idp.Severity(severity)
	if b.DestinationGroup.Set || !partial {
		to.DestinationGroup = b.DestinationGroup.Ptr()
	}
	assign(&to.DestinationEventUser, b.DestinationEventUser, partial, false)
	assign(&to.DestinationAffectedUser, b.DestinationAffectedUser, partial, false)
	assign(&to.Enabled, b.Enabled, partial, true)
}

func (a *API) notificationRules() resource[NotificationRule, notificationRuleBody] {
	return resource[NotificationRule, notificationRuleBody]{
		path: "/events/rules/", key: "pbm_uuid", name: "NotificationRule", id: "events_rules", plural: "notification rules", tag: "events",
		filters: []param{{name: "name", kind: text}, {name: "severity", kind: text, enum: severities()},
			{name: "destination_group__name", kind: text}, {name: "destination_group", kind: id}, {name: "enabled", kind: boolean},
			{name: "transport", kind: id, help: "Rules that tell over this transport."}},
		ordering: []string{"name", "severity", "enabled", "pk"},
		list:     a.listNotificationRules, get: a.getNotificationRule, create: a.createNotificationRule, change: a.changeNotificationRule,
		destroy: a.deleteNotificationRule, usedBy: a.notificationRuleUsedBy,
	}
}

// mayNotify asks for a right over rules, transports, mappings and deliveries.
func (a *API) mayNotify(c *call, verb idp.Verb) error {
	return a.Access.Check(c.actor, verb, idp.Object{Resource: idp.ResourceNotification})
}

func (a *API) listNotificationRules(c *call, p idp.Paging) ([]NotificationRule, int, error) {
	if err := a.mayNotify(c, idp.VerbList); err != nil {
		return nil, 0, err
	}
	page, err := a.Store.Repos().NotificationRules.Find(c, idp.NotificationRuleFilter{Paging: p, Name: c.query.text("name"),
		Severity: word[idp.Severity](c.query, "severity"), GroupName: c.query.text("destination_group__name"), Enabled: c.query.bool("enabled"),
		DestinationGroup: oneID[idp.Group](c.query, "destination_group"), Transport: oneID[idp.Transport](c.query, "transport")})
	if err != nil {
		return nil, 0, err
	}
	views, err := a.notificationRuleViews(c, page.Items)
	return views, page.Total, err
}

// noGroup stands in destination_group_obj for no group: published clients refuse a
// rule without an object there.
var noGroup = Group{Name: "No group", Parents: []idp.GroupID{}, Users: []idp.UserID{}, Attributes: idp.Attributes{}, Roles: []string{},
	RolesObj: []Role{}, Children: []idp.GroupID{}}

// notificationRuleViews shows rules with their groups, which are read at once. What a
// group says beside its name is for whoever may read groups.
func (a *API) notificationRuleViews(c *call, list []idp.NotificationRule) ([]NotificationRule, error) {
	var wanted []idp.GroupID
	for _, r := range list {
		if r.DestinationGroup != nil {
			wanted = append(wanted, *r.DestinationGroup)
		}
	}
	groups, err := a.groupsByID(c, wanted)
	if err != nil {
		return nil, err
	}
	views := make([]NotificationRule, 0, len(list))
	for _, r := range list {
		v := NotificationRule{PK: r.ID, Name: r.Name, Transports: slices.Clone(r.Transports), Severity: r.Severity, DestinationGroup: r.DestinationGroup,
			DestinationGroupObj: noGroup, DestinationEventUser: r.DestinationEventUser, DestinationAffectedUser: r.DestinationAffectedUser,
			Enabled: r.Enabled, Fault: r.Fault}
		if v.Transports == nil {
			v.Transports = []idp.TransportID{}
		}
		if r.DestinationGroup != nil && groups[*r.DestinationGroup] != nil {
			v.DestinationGroupObj = a.toldGroup(c, groups[*r.DestinationGroup])
		}
		views = append(views, v)
	}
	return views, nil
}

func (a *API) toldGroup(c *call, g *idp.Group) Group {
	v := noGroup
	v.PK, v.NumPK, v.Name = g.ID, g.NumPK, g.Name
	if a.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: idp.ResourceGroup}) != nil {
		return v
	}
	v.IsSuperuser, v.Attributes = g.IsSuperuser, g.Attributes
	if g.Parents != nil {
		v.Parents = g.Parents
	}
	return v
}

func notificationRuleKey(c *call) (idp.NotificationRuleID, error) {
	return web.IDParam[idp.NotificationRule](c.r, "pbm_uuid", "notification rule")
}

func (a *API) findNotificationRule(c *call) (*idp.NotificationRule, error) {
	if err := a.mayNotify(c, idp.VerbRead); err != nil {
		return nil, err
	}
	id, err := notificationRuleKey(c)
	if err != nil {
		return nil, err
	}
	return a.Store.Repos().NotificationRules.Get(c, id)
}

func (a *API) showNotificationRule(c *call, r *idp.NotificationRule, err error) (*NotificationRule, error) {
	if err != nil {
		return nil, err
	}
	views, err := a.notificationRuleViews(c, []idp.NotificationRule{*r})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (a *API) getNotificationRule(c *call, _ string) (*NotificationRule, error) {
	r, err := a.findNotificationRule(c)
	return a.showNotificationRule(c, r, err)
}

func (a *API) createNotificationRule(c *call, b *notificationRuleBody) (*NotificationRule, error) {
	var r idp.NotificationRule
	b.apply(&r, false)
	made, err := a.Configure.CreateNotificationRule(c, c.actor, r)
	return a.showNotificationRule(c, made, err)
}

func (a *API) changeNotificationRule(c *call, _ string, b *notificationRuleBody, partial bool) (*NotificationRule, error) {
	id, err := notificationRuleKey(c)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdateNotificationRule(c, c.actor, id, func(r *idp.NotificationRule) error {
		b.apply(r, partial)
		return nil
	})
	return a.showNotificationRule(c, changed, err)
}

func (a *API) deleteNotificationRule(c *call, _ string) error {
	id, err := notificationRuleKey(c)
	if err != nil {
		return err
	}
	return a.Configure.DeleteNotificationRule(c, c.actor, id)
}

func (a *API) notificationRuleUsedBy(c *call, _ string) ([]UsedBy, error) {
	r, err := a.findNotificationRule(c)
	if err != nil {
		return nil, err
	}
	return a.policyBindingUsers(c, []idp.UUID{r.ID.UUID()})
}

// rulesOf are the rules that tell a group, or over a transport: the filter says
// which, action what becomes of them.
func (a *API) rulesOf(c *call, f idp.NotificationRuleFilter, action string) ([]UsedBy, error) {
	rules, err := every(func(p idp.Paging) (idp.Page[idp.NotificationRule], error) {
		f.Paging = p
		return a.Store.Repos().NotificationRules.Find(c, f)
	})
	var out []UsedBy
	for _, r := range rules {
		out = append(out, UsedBy{App: "authentik_events", ModelName: "notificationrule", PK: r.ID.String(), Name: r.Name, Action: action})
	}
	return out, err
}
