package admin

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/userlogin"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// overviewBanner holds what an administrator should put right; nil = nothing.
func (c *Console) overviewBanner(r *http.Request) (templ.Component, error) {
	warnings, err := c.bindingWarnings(r)
	if err != nil {
		return nil, err
	}
	recovery, err := c.recoveryWarning(r)
	if err != nil {
		return nil, err
	}
	if recovery != nil {
		warnings = append(warnings, recovery)
	}
	if secret := c.secretWarning(r); secret != nil {
		warnings = append([]templ.Component{secret}, warnings...)
	}
	if flow := c.flowBanner(r); flow != nil {
		warnings = append([]templ.Component{flow}, warnings...)
	}
	if len(warnings) == 0 {
		return nil, nil
	}
	return templ.Join(warnings...), nil
}

// secretWarning says what is not kept, to whoever looks after the installation.
func (c *Console) secretWarning(r *http.Request) templ.Component {
	if !c.secretLost || !web.May(r, idp.VerbUpdate, idp.ResourceSetting) {
		return nil
	}
	return ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "This installation has no secret that lasts",
		Text: "Secrets of applications and passwords of mail servers are stored in clear, authenticator apps cannot be set up, and what applications are told is signed " +
			"by each process with a key of its own, which ends with it. Set secret_key (PORTCULLIS_SECRET_KEY), the same for all servers, or data_dir."})
}

// bindingWarnings says which sessions are bound to what cannot be checked.
func (c *Console) bindingWarnings(r *http.Request) ([]templ.Component, error) {
	if c.atlas == nil || !web.May(r, idp.VerbList, idp.ResourceStage) {
		return nil, nil
	}
	unchecked, err := userlogin.FindUnchecked(r.Context(), c.store.Repos().Stages, c.atlas)
	if err != nil {
		return nil, err
	}
	var out []templ.Component
	for _, u := range unchecked {
		out = append(out, ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "Sessions are bound, but not checked",
			Text:   fmt.Sprintf("The stage “%s” binds sessions to %s. %s Until then they may be used from anywhere.", u.Stage, u.Database, why(u.Database, u.State)),
			Action: ui.Button(ui.ButtonProps{Label: "Open the stage", Href: page.AdminPath + "stages/" + u.ID.String() + "/", Small: true})}))
	}
	return out, nil
}

func why(d idp.AddressDatabase, s idp.DatabaseState) string {
	if s.Path == "" {
		return fmt.Sprintf("No database of %s is configured: name one with the option %s.", d, d.Option())
	}
	return fmt.Sprintf("The database of %s, %s, is not loaded: %s.", d, s.Path, s.Fault)
}
