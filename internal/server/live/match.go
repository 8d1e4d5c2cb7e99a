package live

import (
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// matches reports whether a list with the filter would hold the event. Times,
// pages and searches are not looked at.
func matches(f idp.EventFilter, e *idp.Event) bool {
	switch {
	case f.Actions != nil && !slices.Contains(f.Actions, e.Action),
		f.Username != nil && e.User["username"] != *f.Username,
		f.ActionID != nil && e.Context["action_id"] != *f.ActionID,
		f.ActionIDs != nil && !slices.ContainsFunc(f.ActionIDs, func(id string) bool { return e.Context["action_id"] == id }),
		f.ClientIP != nil && idp.AddressText(e.ClientIP) != *f.ClientIP:
		return false
	}
	if f.UserID == nil {
		return true
	}
	by, _ := e.User["authenticated_as"].(map[string]any)
	return is(e.User["pk"], *f.UserID) || is(by["pk"], *f.UserID)
}

// is compares with a number as JSON holds it.
func is(pk any, id idp.UserID) bool {
	n, ok := pk.(float64)
	return ok && n == float64(id)
}
