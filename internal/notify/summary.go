package notify

import (
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Summary is an event in the few words that messages for people begin with.
type Summary struct {
	Action  string // such as login_failed
	Actor   string // username of who acted; "" = nobody that is known
	Account string // username of whom it is about, when that is not the actor
	Address string // of the client
	Place   string // where that is, such as "Berlin, DE"; "" = the event does not say
	Client  string // the program, as it names itself
	When    string // in UTC
}

// Summarize reads an event.
func Summarize(e *idp.Event) Summary {
	s := Summary{Action: string(e.Action), Address: idp.AddressText(e.ClientIP), When: e.CreatedAt.UTC().Format("2006-01-02 15:04:05 UTC")}
	s.Actor, _ = e.User["username"].(string)
	if by, ok := e.User["authenticated_as"].(map[string]any); ok {
		s.Account = s.Actor
		s.Actor, _ = by["username"].(string)
	}
	if name, ok := e.Context["affected_user"].(string); ok && s.Account == "" && name != s.Actor {
		s.Account = name
	}
	if request, ok := e.Context["http_request"].(map[string]any); ok {
		s.Client, _ = request["user_agent"].(string)
	}
	if geo, ok := e.Context["geo"].(map[string]any); ok {
		var parts []string
		for _, key := range []string{"city", "country"} {
			if part, ok := geo[key].(string); ok && part != "" {
				parts = append(parts, part)
			}
		}
		s.Place = strings.Join(parts, ", ")
	}
	return s
}

// EventPath is where the console shows an event; "" for one that is kept nowhere.
func (m *Message) EventPath() string {
	if m.Test {
		return ""
	}
	return "/if/admin/events/" + m.Event.ID.String() + "/"
}
