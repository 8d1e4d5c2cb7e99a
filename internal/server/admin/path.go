package admin

import (
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The addresses of the lists.
const (
	usersPath     = page.AdminPath + "users/"
	groupsPath    = page.AdminPath + "groups/"
	lockdownsPath = page.AdminPath + "lockdowns/"
	sessionsPath  = page.AdminPath + "sessions/"
	eventsPath    = page.AdminPath + "events/"
	brandsPath    = page.AdminPath + "brands/"
)

func userPath(id idp.UserID) string         { return usersPath + id.String() + "/" }
func groupPath(id idp.GroupID) string       { return groupsPath + id.String() + "/" }
func lockdownPath(id idp.LockdownID) string { return lockdownsPath + id.String() + "/" }
func eventPath(id idp.EventID) string       { return eventsPath + id.String() + "/" }
func brandPath(id idp.BrandID) string       { return brandsPath + id.String() + "/" }

func userCrumbs(u *idp.User, here string) []ui.Crumb {
	return page.Crumbs("Users", usersPath, u.DisplayName(), userPath(u.ID), here)
}

func groupCrumbs(g *idp.Group, here string) []ui.Crumb {
	return page.Crumbs("Groups", groupsPath, g.Name, groupPath(g.ID), here)
}
