package page

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// LockdownsPath is the console's list of lockdowns.
const LockdownsPath = AdminPath + "lockdowns/"

// RestorePath is the page on which the account of a lockdown is brought back.
func RestorePath(id idp.LockdownID) string { return LockdownsPath + id.String() + "/restore/" }

// UserPath is the console's page of a user.
func UserPath(id idp.UserID) string { return AdminPath + "users/" + id.String() + "/" }

// Absolute turns a path of this server into an address that can be sent. public is that
// of the installation; "" = the host of the request.
func Absolute(r *http.Request, public, link string) string {
	if !web.Local(link) {
		return link
	}
	if public != "" {
		return public + link
	}
	info := web.RequestInfo(r)
	scheme, host := "http", info.Host
	if info.Secure {
		scheme = "https"
	}
	if host == "" {
		host = r.Host
	}
	return scheme + "://" + host + link
}

// restoreDeeds say what was done in a step of a restore.
var restoreDeeds = map[idp.RestoreDeed]string{
	idp.DeedActivated: "activated", idp.DeedPasswordSet: "set a new password for", idp.DeedLinkMade: "made a recovery link for",
	idp.DeedLinkMailed: "had a recovery link sent to", idp.DeedFactorRemoved: "removed a second factor of", idp.DeedReverted: "reverted a change of",
	idp.DeedReviewed: "reviewed", idp.DeedRequired: "asked for something new at the next sign-in of", idp.DeedTold: "told", idp.DeedSkipped: "left a step out for",
}

// restoreSentence tells of a step of a restore.
func restoreSentence(e *idp.Event, v EventView) string {
	by := first(v.By, v.name())
	if text(e.Context["step"]) == "close" {
		return "The restore of " + v.name() + " is over: " + by + " took the last step"
	}
	return by + " " + first(restoreDeeds[idp.RestoreDeed(text(e.Context["deed"]))], "took a step for") + " " + v.name() + ", in a restore"
}
