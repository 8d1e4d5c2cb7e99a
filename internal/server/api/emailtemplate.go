package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Mail is what the API tells of mail; it may be nil.
type Mail interface {
	// Ready reports whether the installation has a mail server.
	Ready() bool
	// Templates lists the texts that an email stage can name: their names, and
	// what they are.
	Templates() (names, descriptions []string, err error)
}

type recoveryMailBody struct {
	TokenDuration Optional[string]      `json:"token_duration" api:"blank" max:"200" help:"Such as hours=1;minutes=30."`
	EmailStage    Optional[idp.StageID] `json:"email_stage" api:"required" help:"The email stage whose server and text are used."`
	SingleUse     Optional[bool]        `json:"single_use" help:"Default true: the first use ends the link. false: it works until it expires or is ended."`
}

func (a *API) mountEmail() {
	a.kit.add(operation{method: http.MethodGet, path: "/stages/email/templates/", id: "stages_email_templates_list", tag: "stages",
		summary: "List the texts that an email stage can name", response: reflect.TypeFor[[]TypeCreate](), run: a.emailTemplates})
	a.kit.add(operation{method: http.MethodPost, path: "/core/users/{id}/recovery_email/", id: "core_users_recovery_email_create", tag: "core",
		summary: "Send a user a link with which they set a new password", body: reflect.TypeFor[recoveryMailBody](),
		bodyName: "UserRecoveryEmailRequest", run: a.recoveryMail})
}

func (a *API) emailTemplates(c *call) (any, error) {
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceStage}); err != nil {
		return nil, err
	}
	out := []TypeCreate{}
	if a.Mail == nil {
		return out, nil
	}
	names, descriptions, err := a.Mail.Templates()
	for i, name := range names {
		out = append(out, TypeCreate{Name: name, Description: descriptions[i]})
	}
	return out, err
}

func (a *API) recoveryMail(c *call) (any, error) {
	id, err := userKey(c, "id")
	if err != nil {
		return nil, err
	}
	var b recoveryMailBody
	if err := decodeBody(c.r, &b, whole); err != nil {
		return nil, err
	}
	var lifetime time.Duration
	if b.TokenDuration.Value != "" {
		if lifetime, err = idp.ParseDuration(b.TokenDuration.Value); err != nil {
			return nil, idp.Invalid("token_duration", "%s", err.Error())
		}
	}
	if err := a.Access.Check(c.actor, idp.VerbCreate, idp.Object{Resource: idp.ResourceRecovery}); err != nil {
		return nil, err
	}
	if err := a.sends(c, b.EmailStage.Value); err != nil {
		return nil, err
	}
	return nil, a.Tokens.RecoveryMail(c, c.actor, id, web.Brand(c.r), b.EmailStage.Value,
		token.LinkTerms{Lifetime: lifetime, Reusable: !b.SingleUse.Or(true)})
}

// sends refuses a stage that leaves the sending to a mail server there is none
// of: the mail would never leave.
func (a *API) sends(c *call, id idp.StageID) error {
	st, err := a.Store.Repos().Stages.Get(c, id)
	if idp.Is(err, idp.CodeNotFound) {
		return nil // said where everything else is judged
	}
	if err != nil {
		return err
	}
	own := struct {
		Global *bool `json:"use_global_settings"`
	}{}
	if err := json.Unmarshal(st.Settings, &own); err != nil {
		return err
	}
	if (own.Global == nil || *own.Global) && (a.Mail == nil || !a.Mail.Ready()) {
		return idp.Invalid("email_stage", "No mail server is configured for the installation (smtp_host), and this stage has none of its own.")
	}
	return nil
}
