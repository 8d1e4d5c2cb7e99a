package policypage

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// checkExpression says what is wrong with the expressions of a form while they are
// typed: the part below each editor. It changes nothing.
func (p *Pages) checkExpression(w http.ResponseWriter, r *http.Request) error {
	kind, err := p.kind(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readPolicyForm(kind, &idp.Policy{}, sent)
	fields := form.Settings.Fields(settingsform.Look{
		Expression: func(field, source string) *ui.Fault { return form.fault(kind, field, source) }})
	return page.Render(w, r, statuses(fields))
}
