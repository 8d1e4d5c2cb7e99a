package api

import (
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// SessionUser is who makes the request.
type SessionUser struct {
	User UserSelf `json:"user"`
}

// UserSelf is an account as its owner's programs see it.
type UserSelf struct {
	PK                idp.UserID      `json:"pk"`
	Username          string          `json:"username"`
	Name              string          `json:"name"`
	IsActive          bool            `json:"is_active"`
	IsSuperuser       bool            `json:"is_superuser"`
	Groups            []UserSelfGroup `json:"groups"`
	Roles             []UserSelfGroup `json:"roles"`
	Email             string          `json:"email"`
	Avatar            string          `json:"avatar"`
	UID               string          `json:"uid"`
	Settings          map[string]any  `json:"settings"`
	Type              idp.UserType    `json:"type"`
	SystemPermissions []string        `json:"system_permissions"`
}

// UserSelfGroup is a group or role one belongs to.
type UserSelfGroup struct {
	Name string `json:"name"`
	PK   string `json:"pk"`
}

// Link is an address.
type Link struct {
	Link string `json:"link"`
}

// UserPath lists the paths in use.
type UserPath struct {
	Paths []string `json:"paths"`
}

type passwordBody struct {
	Password Optional[string] `json:"password" api:"required" max:"4096"`
}

type recoveryBody struct {
	TokenDuration Optional[string] `json:"token_duration" api:"blank" max:"200" help:"Such as hours=1;minutes=30."`
	SingleUse     Optional[bool]   `json:"single_use" help:"Default true: the first use ends the link. false: it works until it expires or is ended."`
}

func (a *API) mountUserActions() {
	const base = "/core/users/"
	a.kit.add(operation{method: http.MethodGet, path: base + "me/", id: "core_users_me_retrieve", tag: "core",
		summary: "Who makes the request", response: reflect.TypeFor[SessionUser](), run: a.me})
	a.kit.add(operation{method: http.MethodGet, path: base + "paths/", id: "core_users_paths_retrieve", tag: "core",
		summary: "List the paths of users", params: []param{{name: "search", kind: text}},
		response: reflect.TypeFor[UserPath](), run: a.paths})
	a.kit.add(operation{method: http.MethodPost, path: base + "{id}/set_password/", id: "core_users_set_password_create", tag: "core",
		summary: "Set the password of a user", body: reflect.TypeFor[passwordBody](), bodyName: "UserPasswordSetRequest", run: a.setPassword})
	a.kit.add(operation{method: http.MethodPost, path: base + "{id}/recovery/", id: "core_users_recovery_create", tag: "core",
		summary: "Create a link with which a user sets a new password", body: reflect.TypeFor[recoveryBody](),
		bodyName: "UserRecoveryLinkRequest", partial: true, response: reflect.TypeFor[Link](), run: a.recovery})
	a.mountServiceAccount()
	a.mountLockdownFlow()
}

func (a *API) me(c *call) (any, error) {
	u := c.actor.User
	self := UserSelf{PK: u.ID, Username: u.Username, Name: u.Name, IsActive: u.IsActive, IsSuperuser: u.IsSuperuser,
		Groups: []UserSelfGroup{}, Roles: []UserSelfGroup{}, Email: u.Email, Avatar: flow.Avatar(u.DisplayName()),
		UID: uid(u), Settings: map[string]any{}, Type: u.Type, SystemPermissions: []string{}}
	groups, err := a.groupsByID(c, u.AllGroups)
	if err != nil {
		return nil, err
	}
	for _, id := range u.AllGroups {
		if g, ok := groups[id]; ok {
			self.Groups = append(self.Groups, UserSelfGroup{Name: g.Name, PK: g.ID.String()})
		}
	}
	if len(u.RoleNames) > 0 {
		roles, err := a.Store.Repos().Roles.Find(c, idp.RoleFilter{Names: u.RoleNames, Paging: idp.Paging{Limit: maxPageSize}})
		if err != nil {
			return nil, err
		}
		for _, role := range roles.Items {
			self.Roles = append(self.Roles, UserSelfGroup{Name: role.Name, PK: role.ID.String()})
		}
	}
	if web.MayConsole(c.r) {
		self.SystemPermissions = append(self.SystemPermissions, "access_admin_interface")
	}
	if a.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: idp.ResourceSystem}) == nil {
		self.SystemPermissions = append(self.SystemPermissions, "view_system_info")
	}
	return SessionUser{User: self}, nil
}

func (a *API) paths(c *call) (any, error) {
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceUser}); err != nil {
		return nil, err
	}
	paths, err := a.Store.Repos().Users.Paths(c)
	if err != nil {
		return nil, err
	}
	out := UserPath{Paths: []string{}}
	for _, p := range paths {
		if s := c.query.text("search"); s == nil || strings.Contains(strings.ToLower(p), strings.ToLower(*s)) {
			out.Paths = append(out.Paths, p)
		}
	}
	return out, nil
}

func (a *API) setPassword(c *call) (any, error) {
	id, err := userKey(c, "id")
	if err != nil {
		return nil, err
	}
	var b passwordBody
	if err := decodeBody(c.r, &b, whole); err != nil {
		return nil, err
	}
	return nil, a.Accounts.SetPassword(c, c.actor, id, b.Password.Value)
}

func (a *API) recovery(c *call) (any, error) {
	id, err := userKey(c, "id")
	if err != nil {
		return nil, err
	}
	var b recoveryBody
	if err := decodeBody(c.r, &b, partial); err != nil {
		return nil, err
	}
	var lifetime time.Duration
	if b.TokenDuration.Value != "" {
		if lifetime, err = idp.ParseDuration(b.TokenDuration.Value); err != nil {
			return nil, idp.Invalid("token_duration", "%s", err.Error())
		}
	}
	link, err := a.Tokens.RecoveryLink(c, c.actor, id, web.Brand(c.r), token.LinkTerms{Lifetime: lifetime, Reusable: !b.SingleUse.Or(true)})
	if err != nil {
		return nil, err
	}
	return Link{Link: a.absolute(c.r, link)}, nil
}

// absolute puts the installation's address in front of a path.
func (a *API) absolute(r *http.Request, path string) string {
	if a.PublicURL != "" {
		return a.PublicURL + path
	}
	info := web.RequestInfo(r)
	scheme := "http"
	if info.Secure {
		scheme = "https"
	}
	if info.Host == "" {
		return path
	}
	return scheme + "://" + info.Host + path
}
