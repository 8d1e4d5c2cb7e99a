package api

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// User is an account as the API shows it.
type User struct {
	PK                 idp.UserID     `json:"pk"`
	Username           string         `json:"username"`
	Name               string         `json:"name"`
	IsActive           bool           `json:"is_active"`
	LastLogin          *time.Time     `json:"last_login"`
	DateJoined         time.Time      `json:"date_joined"`
	IsSuperuser        bool           `json:"is_superuser"`
	Groups             []idp.GroupID  `json:"groups"`
	GroupsObj          []PartialGroup `json:"groups_obj"`
	Roles              []string       `json:"roles"`
	RolesObj           []Role         `json:"roles_obj"`
	Email              string         `json:"email"`
	Avatar             string         `json:"avatar"`
	Attributes         idp.Attributes `json:"attributes"`
	UID                string         `json:"uid"`
	Path               string         `json:"path"`
	Type               idp.UserType   `json:"type" enum:"internal,external,service_account,internal_service_account"`
	UUID               idp.UUID       `json:"uuid"`
	PasswordChangeDate time.Time      `json:"password_change_date"`
	LastUpdated        time.Time      `json:"last_updated"`
}

// PartialUser is an account inside another object.
type PartialUser struct {
	PK         idp.UserID     `json:"pk"`
	Username   string         `json:"username"`
	Name       string         `json:"name"`
	IsActive   bool           `json:"is_active"`
	LastLogin  *time.Time     `json:"last_login"`
	Email      string         `json:"email"`
	Attributes idp.Attributes `json:"attributes"`
	UID        string         `json:"uid"`
}

// uid is an identifier of a user that says nothing about them.
func uid(u *idp.User) string {
	sum := sha256.Sum256(u.UUID[:])
	return hex.EncodeToString(sum[:])
}

func userView(u *idp.User) User {
	v := User{PK: u.ID, Username: u.Username, Name: u.Name, IsActive: u.IsActive, LastLogin: utc(u.LastLoginAt),
		DateJoined: u.JoinedAt.UTC(), IsSuperuser: u.IsSuperuser, Groups: u.Groups, Roles: []string{}, RolesObj: []Role{},
		Email: u.Email, Avatar: flow.Avatar(u.DisplayName()), Attributes: u.Attributes, UID: uid(u), Path: u.Path,
		Type: u.Type, UUID: u.UUID, PasswordChangeDate: u.JoinedAt.UTC(), LastUpdated: u.UpdatedAt.UTC()}
	if v.Groups == nil {
		v.Groups = []idp.GroupID{}
	}
	if u.PasswordChangedAt != nil {
		v.PasswordChangeDate = u.PasswordChangedAt.UTC()
	}
	return v
}

func partialUser(u *idp.User) PartialUser {
	return PartialUser{PK: u.ID, Username: u.Username, Name: u.Name, IsActive: u.IsActive,
		LastLogin: utc(u.LastLoginAt), Email: u.Email, Attributes: u.Attributes, UID: uid(u)}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// userBody is what creation and change of a user take. last_login is the
// server's own.
type userBody struct {
	Username   Optional[string]         `json:"username" api:"required" max:"150"`
	Name       Optional[string]         `json:"name" api:"required,blank" max:"1000"`
	IsActive   Optional[bool]           `json:"is_active"`
	Groups     Optional[[]idp.GroupID]  `json:"groups"`
	Email      Optional[string]         `json:"email" api:"blank" max:"254"`
	Attributes Optional[idp.Attributes] `json:"attributes"`
	Path       Optional[string]         `json:"path" max:"1000"`
	Type       Optional[string]         `json:"type" enum:"internal,external,service_account,internal_service_account"`
	Roles      Optional[[]string]       `json:"roles"`
	// PasswordHash brings an account over with its password; what the hash is
	// made of is replaced by our own at the next sign-in.
	PasswordHash Optional[string] `json:"password_hash" max:"1024" help:"An encoded password from another system: argon2id, bcrypt, or Django's pbkdf2_sha256 and bcrypt_sha256. Never shown."`
	_            struct{}         `ignore:"pk,date_joined,last_login,is_superuser,groups_obj,roles_obj,avatar,uid,uuid,password_change_date,last_updated"`
}

var userFilters = []param{
	{name: "username", kind: text}, {name: "name", kind: text}, {name: "email", kind: text}, {name: "uuid", kind: id},
	{name: "is_active", kind: boolean}, {name: "is_superuser", kind: boolean},
	{name: "type", kind: text, many: true, enum: []string{"internal", "external", "service_account", "internal_service_account"}},
	{name: "path", kind: text}, {name: "path_startswith", kind: text}, {name: "attributes", kind: object},
	{name: "groups_by_name", kind: text, many: true}, {name: "groups_by_pk", kind: id, many: true},
	{name: "last_login__gt", kind: instant}, {name: "last_login__lt", kind: instant}, {name: "last_login__isnull", kind: boolean},
	{name: "date_joined__gt", kind: instant}, {name: "date_joined__lt", kind: instant},
	{name: "include_groups", kind: boolean, help: "Fill in groups_obj; true unless said otherwise."},
	{name: "include_roles", kind: boolean},
	{name: "pk", kind: integer, many: true, help: "Only these users."},
	{name: "locked_down", kind: boolean, help: "Whether the user has a lockdown that was not restored."},
	{name: "date_joined", kind: instant}, {name: "last_login", kind: instant}, {name: "last_updated", kind: instant},
	{name: "last_updated__gt", kind: instant}, {name: "last_updated__lt", kind: instant},
	{name: "roles_by_name", kind: text, many: true, help: "Users with one of these roles of their own."},
	{name: "roles_by_pk", kind: id, many: true, help: "Users with one of these roles of their own."},
}

func (a *API) users() resource[User, userBody] {
	return resource[User, userBody]{
		path: "/core/users/", key: "id", name: "User", id: "core_users", plural: "users", tag: "core", filters: userFilters,
		ordering: []string{"username", "name", "email", "pk", "uuid", "path", "type", "is_active", "last_login", "date_joined", "last_updated"},
		list:     a.listUsers, get: a.getUser, create: a.createUser, change: a.changeUser, destroy: a.deleteUser, usedBy: a.userUsedBy,
	}
}

func userFilter(q query) idp.UserFilter {
	f := idp.UserFilter{Email: q.text("email"), UUID: q.uuid("uuid"), Name: q.text("name"), IsActive: q.bool("is_active"),
		IsSuperuser: q.bool("is_superuser"), Path: q.text("path"), PathStartsWith: q.text("path_startswith"),
		GroupIDs: ids[idp.Group](q, "groups_by_pk"), GroupNames: q.texts("groups_by_name"), Attributes: q.object("attributes"),
		LastLoginAfter: q.time("last_login__gt"), LastLoginBefore: q.time("last_login__lt"), LastLoginNull: q.bool("last_login__isnull"),
		JoinedAfter: q.time("date_joined__gt"), JoinedBefore: q.time("date_joined__lt"), LockedDown: q.bool("locked_down"),
		UpdatedAfter: q.time("last_updated__gt"), UpdatedBefore: q.time("last_updated__lt"),
		LastLoginAt: q.time("last_login"), JoinedAt: q.time("date_joined"), UpdatedAt: q.time("last_updated"),
		RoleIDs: ids[idp.Role](q, "roles_by_pk"), RoleNames: q.texts("roles_by_name")}
	if name := q.text("username"); name != nil {
		f.Usernames = []string{*name}
	}
	for _, t := range q.texts("type") {
		f.Types = append(f.Types, idp.UserType(t))
	}
	for _, n := range q.ints("pk") {
		f.IDs = append(f.IDs, idp.UserID(n))
	}
	return f
}

// listUsers lists everybody for whoever may see them, and for everybody else
// themselves.
func (a *API) listUsers(c *call, p idp.Paging) ([]User, int, error) {
	f := userFilter(c.query)
	f.Paging = p
	err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceUser})
	var page idp.Page[idp.User]
	switch {
	case idp.Is(err, idp.CodeForbidden):
		f.IDs = only(f.IDs, c.actor.User.ID)
		page, err = a.Store.Repos().Users.Find(c, f)
	case err == nil:
		page, err = a.Accounts.Find(c, c.actor, f)
	}
	if err != nil {
		return nil, 0, err
	}
	views := make([]User, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, userView(&page.Items[i]))
	}
	if err := a.fillUserRoles(c, views); err != nil {
		return nil, 0, err
	}
	if c.query.is("include_groups", true) {
		err = a.fillGroups(c, views)
	}
	return views, page.Total, err
}

// only narrows a filter by key to one user.
func only(asked []idp.UserID, own idp.UserID) []idp.UserID {
	if asked == nil {
		return []idp.UserID{own}
	}
	for _, id := range asked {
		if id == own {
			return []idp.UserID{own}
		}
	}
	return []idp.UserID{}
}

// fillGroups adds what the groups are to users that name them. Attributes of
// groups are for whoever may read groups; others get none of the objects.
func (a *API) fillGroups(c *call, views []User) error {
	if a.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: idp.ResourceGroup}) != nil {
		return nil
	}
	wanted := []idp.GroupID{}
	for _, v := range views {
		wanted = append(wanted, v.Groups...)
	}
	byID, err := a.groupsByID(c, wanted)
	if err != nil {
		return err
	}
	for i := range views {
		views[i].GroupsObj = []PartialGroup{}
		for _, id := range views[i].Groups {
			if g, ok := byID[id]; ok {
				views[i].GroupsObj = append(views[i].GroupsObj, partialGroup(g))
			}
		}
	}
	return nil
}

func (a *API) showUser(c *call, u *idp.User) (*User, error) {
	views := []User{userView(u)}
	if err := a.fillUserRoles(c, views); err != nil {
		return nil, err
	}
	err := a.fillGroups(c, views)
	return &views[0], err
}

// userKey reads the key of a user in the path.
func userKey(c *call, name string) (idp.UserID, error) { return web.UserParam(c.r, name) }

func (a *API) getUser(c *call, _ string) (*User, error) {
	id, err := userKey(c, "id")
	if err != nil {
		return nil, err
	}
	u, err := a.Accounts.Get(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	return a.showUser(c, u)
}

func (a *API) createUser(c *call, b *userBody) (*User, error) {
	u, err := a.Accounts.Create(c, c.actor, account.NewUser{Username: b.Username.Value, Name: b.Name.Value,
		Email: b.Email.Value, Path: b.Path.Value, Type: idp.UserType(b.Type.Value), IsActive: b.IsActive.Ptr(),
		Attributes: b.Attributes.Value, Groups: b.Groups.Value, Roles: b.Roles.Value, PasswordHash: b.PasswordHash.Ptr()})
	if err != nil {
		return nil, err
	}
	return a.showUser(c, u)
}

// changeUser replaces or changes a user. Even a full replacement leaves
// is_active alone when it does not say so: nobody reopens a closed account by
// not mentioning it.
func (a *API) changeUser(c *call, _ string, b *userBody, partial bool) (*User, error) {
	id, err := userKey(c, "id")
	if err != nil {
		return nil, err
	}
	p := account.Patch{Username: b.Username.Ptr(), Name: b.Name.Ptr(), IsActive: b.IsActive.Ptr(),
		Email: b.Email.Patch(partial, ""), Path: b.Path.Patch(partial, idp.DefaultUserPath),
		Attributes: b.Attributes.Patch(partial, idp.Attributes{}), Groups: b.Groups.Patch(partial, []idp.GroupID{}),
		PasswordHash: b.PasswordHash.Ptr(), Roles: b.Roles.Ptr()}
	if t := b.Type.Patch(partial, string(idp.UserInternal)); t != nil {
		typed := idp.UserType(*t)
		p.Type = &typed
	}
	var u *idp.User
	if p.Roles != nil && p == (account.Patch{Roles: p.Roles}) { // giving roles is a right of its own
		if err = a.Roles.SetUserRoles(c, c.actor, id, *p.Roles); err == nil {
			u, err = a.Store.Repos().Users.Get(c, id)
		}
	} else {
		u, err = a.Accounts.Update(c, c.actor, id, p)
	}
	if err != nil {
		return nil, err
	}
	return a.showUser(c, u)
}

func (a *API) deleteUser(c *call, _ string) error {
	id, err := userKey(c, "id")
	if err != nil {
		return err
	}
	return a.Accounts.Delete(c, c.actor, id)
}

// userUsedBy lists what would go with the user, and the groups that would have
// one member less.
func (a *API) userUsedBy(c *call, _ string) ([]UsedBy, error) {
	id, err := userKey(c, "id")
	if err != nil {
		return nil, err
	}
	u, err := a.Accounts.Get(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	asks := []func() ([]UsedBy, error){
		func() ([]UsedBy, error) { return a.tokensOf(c, id) },
		func() ([]UsedBy, error) { return a.sessionsOf(c, id) },
		func() ([]UsedBy, error) { return a.consentsOf(c, id) },
	}
	// People may read of themselves, but not how the installation is set up.
	if a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceGroup}) == nil {
		asks = append(asks,
			func() ([]UsedBy, error) { return a.groupsOf(c, idp.GroupFilter{MemberID: &id}) },
			func() ([]UsedBy, error) { return a.boundAs(c, idp.PolicyBindingFilter{UserID: &id}) },
			func() ([]UsedBy, error) { return a.invitationsOf(c, idp.InvitationFilter{CreatorName: &u.Username}) })
	}
	return join(asks...)
}
