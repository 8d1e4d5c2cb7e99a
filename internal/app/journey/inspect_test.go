package journey

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

// An administrator watches the sign-in flow from its first page to its end: the
// panel stays when somebody else signs in in it.
func inspectAFlow(t *testing.T, s *site) {
	ada := s.person(t, "inspected.ada", "Ada Inspected")
	b := newBrowser(t, s.URL).asAdmin()
	b.open("/if/flow/default-authentication-flow/?inspector")
	b.sees("Inspector", "default-authentication-identification", "current")
	b.checked("inspector")
	b.fill("uid_field", ada.Username)
	b.follow("Continue")
	b.sees("passed", "Context", ada.Username)
	b.fill("password", ada.Password)
	b.follow("Continue")
	b.sees("The flow ends here", "The browser goes to")
	b.seesNot(ada.Password)
	b.checked("inspector-end")
	b.follow("Continue")
	b.seesNot("Inspector")
}

// The pages on which flows and what they are made of are configured.
func configurationPages(t *testing.T, s *site) {
	newBrowser(t, s.URL).asAdmin().look(
		shown{"flows", "/if/admin/flows/", "default-authentication-flow"},
		shown{"flow-new", "/if/admin/flows/new/", "Designation"},
		shown{"stages", "/if/admin/stages/", "default-authentication-password"},
		shown{"prompts", "/if/admin/prompts/", "New prompt"},
		shown{"policies", "/if/admin/policies/", "New policy"},
		shown{"invitations", "/if/admin/invitations/", "Invitations"},
		shown{"blueprints", "/if/admin/blueprints/", "Blueprints"},
		shown{"schema", "/api/v3/schema/browser/", "flows"},
	)
}

// Somebody brings in a blueprint with a fault, sees the line, mends it, sees what
// it would change, and applies it.
func importABlueprint(t *testing.T, s *site) {
	b := newBrowser(t, s.URL).asAdmin()
	b.open("/if/admin/")
	b.follow("Blueprints")
	b.follow("Import once")
	paste := func(designation string) { // typing would be indented by the editor
		text := "version: 1\nentries:\n- model: authentik_flows.flow\n  identifiers: {slug: brought-in}\n  attrs:\n    name: Brought in\n" +
			"    title: Brought in\n    designation: " + designation
		b.run(chromedp.SetValue(field("content"), text, chromedp.ByQuery))
		b.follow("Show what it would change")
	}
	paste("nonsense")
	b.sees("line 8", "designation")
	b.checked("blueprint-import-broken")
	paste("enrollment")
	b.sees("brought-in")
	b.checked("blueprint-import-plan")
	s.api(t, http.StatusNotFound, http.MethodGet, "flows/instances/brought-in/", nil)
	b.follow("Apply")
	b.open("/if/admin/flows/")
	b.sees("brought-in")
	s.api(t, http.StatusOK, http.MethodGet, "flows/instances/brought-in/", nil)
}
