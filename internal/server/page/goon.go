package page

import (
	"net/http"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// acts names what forms are about, by what follows the path of the console or of the
// person's own pages; the first that fits counts.
var acts = []struct{ path, what string }{
	{"users/*/lockdown/", "locking the account down"},
	{"lockdowns/*/restore/", "restoring the account"},
	{"users/*/activate/", "activating the account"},
	{"users/*/deactivate/", "deactivating the account"},
	{"users/*/password/", "setting the password"},
	{"users/*/delete/", "deleting the account"},
	{"users/*/edit/", "changing the account"},
	{"users/new/", "making the account"},
	{"users/bulk/", "what you chose for several accounts"},
	{"locks/new/", "making the lock"},
	{"locks/*/lift/", "lifting the lock"},
	{"locks/*/again/", "making the lock again"},
	{"groups/new/", "making the group"},
	{"groups/*/delete/", "deleting the group"},
	{"roles/new/", "making the role"},
	{"roles/*/delete/", "deleting the role"},
	{"roles/", "changing the role"},
	{"groups/", "changing the group"},
	{"locks/", "changing the lock"},
	{"tokens/new/", "making the token"},
	{"tokens/*/edit/", "changing the token"},
	{"service-accounts/new/", "making the service account"},
	{"security-settings/", "saving the security settings"},
	{"blueprints/", "the blueprint"},
	{"users/", "what you chose for the account"},
}

// actOf says what a form is about that was sent to a path.
func actOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	rest, console := strings.CutPrefix(path, AdminPath)
	if !console {
		switch {
		case strings.HasPrefix(path, "/if/flow/default-account-lockdown/"):
			return "the lockdown"
		case strings.HasPrefix(path, "/if/flow/"):
			return "what you were asked for"
		}
		rest = strings.TrimPrefix(path, SettingsPath)
	}
	have := strings.Split(rest, "/")
	for _, a := range acts {
		if want := strings.Split(strings.TrimSuffix(a.path, "/"), "/"); begins(have, want) {
			return a.what
		}
	}
	return "what you sent"
}

func begins(have, want []string) bool {
	if len(have) < len(want) {
		return false
	}
	for i, w := range want {
		if w != "*" && w != have[i] {
			return false
		}
	}
	return true
}

// GoOn implements web.Pages. Nothing that was typed is on the page.
func (Pages) GoOn(w http.ResponseWriter, r *http.Request, kept web.KeptForm) error {
	f := ui.FlowProps{Title: "Go on with " + actOf(kept.Path), Text: "Nothing has happened yet. What you filled in was kept, and is carried out when you go on.",
		Brand: Brand(web.Brand(r)), Theme: Theme(r), Cancel: Back(kept.Back).Or(home(r))}
	return Render(w, r, goOn(f))
}
