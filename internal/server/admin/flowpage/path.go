package flowpage

import (
	"net/url"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
)

// The addresses of the lists, of this package and of others.
const (
	flowsPath    = page.AdminPath + "flows/"
	stagesPath   = page.AdminPath + "stages/"
	policiesPath = page.AdminPath + "policies/"
	groupsPath   = page.AdminPath + "groups/"
	usersPath    = page.AdminPath + "users/"
	brandsPath   = page.AdminPath + "brands/"
	importPath   = page.AdminPath + "blueprints/import/"
)

func flowPath(id idp.FlowID) string     { return flowsPath + id.String() + "/" }
func stagePath(id idp.StageID) string   { return stagesPath + id.String() + "/" }
func policyPath(id idp.PolicyID) string { return policiesPath + id.String() + "/" }
func groupPath(id idp.GroupID) string   { return groupsPath + id.String() + "/" }
func userPath(id idp.UserID) string     { return usersPath + id.String() + "/" }
func brandPath(id idp.BrandID) string   { return brandsPath + id.String() + "/" }

func orderPath(id idp.FlowID) string { return flowPath(id) + "order/" }

func bindingPath(b *idp.FlowBinding) string {
	return flowPath(b.FlowID) + "stages/" + b.ID.String() + "/"
}

func rulesPath(id idp.FlowID) string { return flowPath(id) + "policies/" }

func rulePath(id idp.FlowID, rule idp.PolicyBindingID) string {
	return rulesPath(id) + rule.String() + "/"
}

// openPath is the page of a flow with one of its forms open.
func openPath(id idp.FlowID, form string) string {
	return flowPath(id) + "?" + url.Values{"open": {form}}.Encode() + "#" + anchor(form)
}

// anchor is the element that holds a form.
func anchor(form string) string { return "at-" + form }

// newStagePath is where a stage of the kind is made; the browser comes back to
// the flow to add it.
func newStagePath(kind string, id idp.FlowID) string {
	return page.Back(openPath(id, formAdd)).With(stagesPath + "new/" + url.PathEscape(kind) + "/")
}

// changeStagePath is where a stage is changed, on the way from a flow and back.
func changeStagePath(st idp.StageID, id idp.FlowID) string {
	return page.Back(flowPath(id)).With(stagePath(st))
}

// exportPath is the flow as a blueprint.
func exportPath(f *idp.Flow) string {
	return "/api/v3/flows/instances/" + url.PathEscape(f.Slug) + "/export/"
}

// runPath opens the flow and comes back to its page.
func runPath(f *idp.Flow, more ...string) string {
	q := url.Values{"next": {flowPath(f.ID)}}
	for _, m := range more {
		q.Set(m, "")
	}
	return linkPath(f) + "?" + q.Encode()
}

// linkPath is the page of the flow itself.
func linkPath(f *idp.Flow) string { return "/if/flow/" + url.PathEscape(f.Slug) + "/" }

// newPolicyPath is where a policy is made; the browser comes back to bind it.
func newPolicyPath(s *sheet, g gate) string {
	return page.Back(openPath(s.Flow.ID, formBind(g.Target))).With(policiesPath + "new/")
}
