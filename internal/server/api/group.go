package api

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Group is a set of users as the API shows it.
type Group struct {
	PK                idp.GroupID    `json:"pk"`
	NumPK             int32          `json:"num_pk"`
	Name              string         `json:"name"`
	IsSuperuser       bool           `json:"is_superuser"`
	Parents           []idp.GroupID  `json:"parents"`
	ParentsObj        []RelatedGroup `json:"parents_obj"`
	Users             []idp.UserID   `json:"users"`
	UsersObj          []PartialUser  `json:"users_obj"`
	Attributes        idp.Attributes `json:"attributes"`
	Roles             []string       `json:"roles"`
	RolesObj          []Role         `json:"roles_obj"`
	InheritedRolesObj []Role         `json:"inherited_roles_obj"`
	Children          []idp.GroupID  `json:"children"`
	ChildrenObj       []RelatedGroup `json:"children_obj"`
}

// PartialGroup is a group inside a user.
type PartialGroup struct {
	PK          idp.GroupID    `json:"pk"`
	NumPK       int32          `json:"num_pk"`
	Name        string         `json:"name"`
	IsSuperuser bool           `json:"is_superuser"`
	Attributes  idp.Attributes `json:"attributes"`
}

// RelatedGroup is a group inside a group.
type RelatedGroup struct {
	PK          idp.GroupID    `json:"pk"`
	Name        string         `json:"name"`
	IsSuperuser bool           `json:"is_superuser"`
	Attributes  idp.Attributes `json:"attributes"`
	GroupUUID   idp.GroupID    `json:"group_uuid"`
}

func partialGroup(g *idp.Group) PartialGroup {
	return PartialGroup{PK: g.ID, NumPK: g.NumPK, Name: g.Name, IsSuperuser: g.IsSuperuser, Attributes: g.Attributes}
}

type groupBody struct {
	Name        Optional[string]         `json:"name" api:"required" max:"255"`
	IsSuperuser Optional[bool]           `json:"is_superuser"`
	Parents     Optional[[]idp.GroupID]  `json:"parents"`
	Users       Optional[[]idp.UserID]   `json:"users"`
	Attributes  Optional[idp.Attributes] `json:"attributes"`
	Roles       Optional[[]string]       `json:"roles"`
	_           struct{}                 `ignore:"pk,num_pk,parents_obj,users_obj,roles_obj,inherited_roles_obj,children,children_obj"`
}

var groupIncludes = []param{
	{name: "include_users", kind: boolean, help: "Fill in users_obj; true unless said otherwise."},
	{name: "include_children", kind: boolean, help: "Fill in children_obj; false unless said otherwise."},
	{name: "include_parents", kind: boolean, help: "Fill in parents_obj; false unless said otherwise."},
	{name: "include_inherited_roles", kind: boolean},
}

func (a *API) groups() resource[Group, groupBody] {
	return resource[Group, groupBody]{
		path: "/core/groups/", key: "group_uuid", name: "Group", id: "core_groups", plural: "groups", tag: "core",
		filters: slices.Concat(groupIncludes, []param{{name: "name", kind: text}, {name: "is_superuser", kind: boolean},
			{name: "members_by_pk", kind: integer, many: true}, {name: "members_by_username", kind: text, many: true},
			{name: "attributes", kind: object}}),
		single: groupIncludes, ordering: []string{"name", "pk", "num_pk", "is_superuser"},
		list: a.listGroups, get: a.getGroup, create: a.createGroup, change: a.changeGroup, destroy: a.deleteGroup, usedBy: a.groupUsedBy,
	}
}

func (a *API) groupsByID(c *call, wanted []idp.GroupID) (map[idp.GroupID]*idp.Group, error) {
	out := map[idp.GroupID]*idp.Group{}
	slices.SortFunc(wanted, func(x, y idp.GroupID) int { return slices.Compare(x[:], y[:]) })
	for chunk := range slices.Chunk(slices.Compact(wanted), maxPageSize) {
		page, err := a.Store.Repos().Groups.Find(c, idp.GroupFilter{IDs: chunk, Paging: idp.Paging{Limit: maxPageSize}})
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			out[page.Items[i].ID] = &page.Items[i]
		}
	}
	return out, nil
}

func (a *API) listGroups(c *call, p idp.Paging) ([]Group, int, error) {
	f := idp.GroupFilter{Paging: p, Name: c.query.text("name"), IsSuperuser: c.query.bool("is_superuser"),
		Attributes: c.query.object("attributes"), MemberNames: c.query.texts("members_by_username")}
	for _, n := range c.query.ints("members_by_pk") {
		f.MemberIDs = append(f.MemberIDs, idp.UserID(n))
	}
	page, err := a.Accounts.FindGroups(c, c.actor, f)
	if err != nil {
		return nil, 0, err
	}
	views := make([]Group, 0, len(page.Items))
	for i := range page.Items {
		v, err := a.groupView(c, &page.Items[i], false)
		if err != nil {
			return nil, 0, err
		}
		views = append(views, *v)
	}
	return views, page.Total, nil
}

// groupView shows a group. Members are read only where they are wanted: the
// keys alone come along, too.
func (a *API) groupView(c *call, g *idp.Group, single bool) (*Group, error) {
	v := &Group{PK: g.ID, NumPK: g.NumPK, Name: g.Name, IsSuperuser: g.IsSuperuser, Parents: g.Parents, Users: []idp.UserID{},
		Attributes: g.Attributes, Roles: []string{}, RolesObj: []Role{}, Children: []idp.GroupID{}}
	if v.Parents == nil {
		v.Parents = []idp.GroupID{}
	}
	if err := a.fillGroupRoles(c, g, v); err != nil {
		return nil, err
	}
	if single || c.query.is("include_users", true) {
		if err := a.fillMembers(c, g, v); err != nil {
			return nil, err
		}
	}
	if err := a.fillChildren(c, g, v); err != nil {
		return nil, err
	}
	if c.query.is("include_parents", false) {
		parents, err := a.groupsByID(c, slices.Clone(g.Parents))
		if err != nil {
			return nil, err
		}
		v.ParentsObj = []RelatedGroup{}
		for _, id := range g.Parents {
			if p, ok := parents[id]; ok {
				v.ParentsObj = append(v.ParentsObj, relatedGroup(p))
			}
		}
	}
	return v, nil
}

func relatedGroup(g *idp.Group) RelatedGroup {
	return RelatedGroup{PK: g.ID, Name: g.Name, IsSuperuser: g.IsSuperuser, Attributes: g.Attributes, GroupUUID: g.ID}
}

// fillMembers reads every direct member, page by page.
func (a *API) fillMembers(c *call, g *idp.Group, v *Group) error {
	objects := c.query.is("include_users", true)
	if objects {
		v.UsersObj = []PartialUser{}
	}
	for offset := 0; offset < max(g.MemberCount, 1); offset += maxPageSize {
		page, err := a.Accounts.Members(c, c.actor, g.ID, idp.Paging{Limit: maxPageSize, Offset: offset, Order: []string{"pk"}})
		if err != nil {
			return err
		}
		for i := range page.Items {
			v.Users = append(v.Users, page.Items[i].ID)
			if objects {
				v.UsersObj = append(v.UsersObj, partialUser(&page.Items[i]))
			}
		}
	}
	return nil
}

// fillChildren lists the groups that name this one as a parent.
func (a *API) fillChildren(c *call, g *idp.Group, v *Group) error {
	page, err := a.Store.Repos().Groups.Find(c, idp.GroupFilter{ParentID: &g.ID, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil {
		return err
	}
	objects := c.query.is("include_children", false)
	if objects {
		v.ChildrenObj = []RelatedGroup{}
	}
	for i := range page.Items {
		v.Children = append(v.Children, page.Items[i].ID)
		if objects {
			v.ChildrenObj = append(v.ChildrenObj, relatedGroup(&page.Items[i]))
		}
	}
	return nil
}

func groupKey(c *call) (idp.GroupID, error) {
	return web.IDParam[idp.Group](c.r, "group_uuid", "group")
}

func (a *API) getGroup(c *call, _ string) (*Group, error) {
	id, err := groupKey(c)
	if err != nil {
		return nil, err
	}
	g, err := a.Accounts.GetGroup(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	return a.groupView(c, g, true)
}

func (a *API) createGroup(c *call, b *groupBody) (*Group, error) {
	g, err := a.Accounts.CreateGroup(c, c.actor, account.NewGroup{Name: b.Name.Value, IsSuperuser: b.IsSuperuser.Value,
		Parents: b.Parents.Value, Users: b.Users.Value, Roles: b.Roles.Value, Attributes: b.Attributes.Value})
	if err != nil {
		return nil, err
	}
	return a.groupView(c, g, true)
}

// changeGroup replaces or changes a group. Members are left alone unless the
// body names them: published clients manage them apart.
func (a *API) changeGroup(c *call, _ string, b *groupBody, partial bool) (*Group, error) {
	id, err := groupKey(c)
	if err != nil {
		return nil, err
	}
	p := account.GroupPatch{Name: b.Name.Ptr(),
		IsSuperuser: b.IsSuperuser.Patch(partial, false), Parents: b.Parents.Patch(partial, []idp.GroupID{}),
		Users: b.Users.Ptr(), Attributes: b.Attributes.Patch(partial, idp.Attributes{}), Roles: b.Roles.Ptr()}
	var g *idp.Group
	if p.Roles != nil && p == (account.GroupPatch{Roles: p.Roles}) { // giving roles is a right of its own
		if err = a.Roles.SetGroupRoles(c, c.actor, id, *p.Roles); err == nil {
			g, err = a.Store.Repos().Groups.Get(c, id)
		}
	} else {
		g, err = a.Accounts.UpdateGroup(c, c.actor, id, p)
	}
	if err != nil {
		return nil, err
	}
	return a.groupView(c, g, true)
}

func (a *API) deleteGroup(c *call, _ string) error {
	id, err := groupKey(c)
	if err != nil {
		return err
	}
	return a.Accounts.DeleteGroup(c, c.actor, id)
}

// groupUsedBy lists the groups that would lose this one as a parent, what would
// go with it, and the stages that would name what is no more.
func (a *API) groupUsedBy(c *call, _ string) ([]UsedBy, error) {
	id, err := groupKey(c)
	if err != nil {
		return nil, err
	}
	if _, err := a.Accounts.GetGroup(c, c.actor, id); err != nil {
		return nil, err
	}
	return join(
		func() ([]UsedBy, error) { return a.groupsOf(c, idp.GroupFilter{ParentID: &id}) },
		func() ([]UsedBy, error) { return a.boundAs(c, idp.PolicyBindingFilter{GroupID: &id}) },
		func() ([]UsedBy, error) { return a.stageUsers(c, "group", id.String()) },
		func() ([]UsedBy, error) {
			return a.rulesOf(c, idp.NotificationRuleFilter{DestinationGroup: &id}, unset)
		},
	)
}

type memberBody struct {
	PK Optional[idp.UserID] `json:"pk" api:"required"`
}

func (a *API) mountGroupActions() {
	for _, act := range []struct {
		name, summary string
		run           func(c *call, g idp.GroupID, u idp.UserID) error
	}{
		{"add_user", "Put a user into a group", func(c *call, g idp.GroupID, u idp.UserID) error {
			return a.Accounts.AddMember(c, c.actor, g, u)
		}},
		{"remove_user", "Take a user out of a group", func(c *call, g idp.GroupID, u idp.UserID) error {
			return a.Accounts.RemoveMember(c, c.actor, g, u)
		}},
	} {
		a.kit.add(operation{method: http.MethodPost, path: "/core/groups/{group_uuid}/" + act.name + "/", tag: "core",
			id: "core_groups_" + act.name + "_create", summary: act.summary, body: reflect.TypeFor[memberBody](),
			bodyName: "UserAccountRequest", run: func(c *call) (any, error) {
				id, err := groupKey(c)
				if err != nil {
					return nil, err
				}
				var b memberBody
				if err := decodeBody(c.r, &b, whole); err != nil {
					return nil, err
				}
				return nil, act.run(c, id, b.PK.Value)
			}})
	}
}
