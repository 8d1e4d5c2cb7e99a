package journey

import (
	"testing"
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
