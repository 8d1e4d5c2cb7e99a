package blueprint

import (
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The wire structs carry the API's names and defaults.

type flowWire struct {
	Name              string             `json:"name" help:"What the console calls the flow."`
	Slug              string             `json:"slug" help:"How addresses name the flow; unique."`
	Title             string             `json:"title" help:"What the page is headed with. %(app)s and %(user)s are filled in."`
	Designation       idp.Designation    `json:"designation" enum:"authentication,authorization,invalidation,enrollment,unenrollment,recovery,stage_configuration" help:"What the flow is for."`
	Background        string             `json:"background" help:"Address of a picture behind the page."`
	PolicyEngineMode  idp.PolicyMode     `json:"policy_engine_mode" enum:"any,all" help:"Whether one of the bound policies must pass, or all."`
	CompatibilityMode bool               `json:"compatibility_mode" help:"Kept for clients of the API; pages look the same."`
	Layout            idp.Layout         `json:"layout" enum:"stacked,content_left,content_right,sidebar_left,sidebar_right,sidebar_left_frame_background,sidebar_right_frame_background" help:"How the page is arranged."`
	DeniedAction      idp.DeniedAction   `json:"denied_action" enum:"message_continue,message,continue" help:"What happens to somebody the flow does not apply to."`
	Authentication    idp.Authentication `json:"authentication" enum:"none,require_authenticated,require_unauthenticated,require_superuser,require_redirect,require_outpost" help:"What whoever opens the flow must be."`
}

func (w *flowWire) from(f *idp.Flow) {
	*w = flowWire{f.Name, f.Slug, f.Title, f.Designation, f.Background, f.PolicyMode, f.CompatibilityMode, f.Layout, f.DeniedAction, f.Authentication}
}

func (w *flowWire) into(f *idp.Flow) error {
	f.Name, f.Slug, f.Title, f.Designation = w.Name, w.Slug, w.Title, w.Designation
	f.Background, f.PolicyMode, f.CompatibilityMode = w.Background, w.PolicyEngineMode, w.CompatibilityMode
	f.Layout, f.DeniedAction, f.Authentication = w.Layout, w.DeniedAction, w.Authentication
	return nil
}

type bindingWire struct {
	Target                idp.FlowID        `json:"target" ref:"flow" help:"The flow."`
	Stage                 idp.StageID       `json:"stage" ref:"stage" help:"The stage."`
	Order                 int               `json:"order" help:"Stages run by this number, lowest first."`
	EvaluateOnPlan        bool              `json:"evaluate_on_plan" help:"Ask the bound policies when the flow begins."`
	ReEvaluatePolicies    bool              `json:"re_evaluate_policies" help:"Ask the bound policies when the stage is reached."`
	InvalidResponseAction idp.InvalidAction `json:"invalid_response_action" enum:"retry,restart,restart_with_context" help:"What happens when the stage says no."`
	PolicyEngineMode      idp.PolicyMode    `json:"policy_engine_mode" enum:"any,all" help:"Whether one of the bound policies must pass, or all."`
}

func (w *bindingWire) from(b *idp.FlowBinding) {
	*w = bindingWire{b.FlowID, b.StageID, b.Order, b.EvaluateOnPlan, b.ReEvaluatePolicies, b.InvalidResponseAction, b.PolicyMode}
}

func (w *bindingWire) into(b *idp.FlowBinding) error {
	b.FlowID, b.StageID, b.Order, b.EvaluateOnPlan = w.Target, w.Stage, w.Order, w.EvaluateOnPlan
	b.ReEvaluatePolicies, b.InvalidResponseAction, b.PolicyMode = w.ReEvaluatePolicies, w.InvalidResponseAction, w.PolicyEngineMode
	return nil
}

type promptWire struct {
	Name                   string `json:"name" help:"What the console calls the prompt; unique."`
	FieldKey               string `json:"field_key" help:"Under which name the answer is kept."`
	Label                  string `json:"label" help:"What stands above the field."`
	Type                   string `json:"type" help:"The kind of field."`
	Required               bool   `json:"required" help:"Whether it must be filled in."`
	Placeholder            string `json:"placeholder" help:"Shown in the empty field; the choices of a choice."`
	InitialValue           string `json:"initial_value" help:"What the field holds at first."`
	Order                  int    `json:"order" help:"Prompts of a stage are shown by this number."`
	SubText                string `json:"sub_text" help:"Shown below the field."`
	PlaceholderExpression  bool   `json:"placeholder_expression" help:"Whether the placeholder is an expression."`
	InitialValueExpression bool   `json:"initial_value_expression" help:"Whether the initial value is an expression."`
}

func (w *promptWire) from(p *idp.Prompt) {
	*w = promptWire{p.Name, p.FieldKey, p.Label, p.Type, p.Required, p.Placeholder, p.InitialValue, p.Order, p.SubText, p.PlaceholderExpression, p.InitialValueExpression}
}

func (w *promptWire) into(p *idp.Prompt) error {
	p.Name, p.FieldKey, p.Label, p.Type, p.Required = w.Name, w.FieldKey, w.Label, w.Type, w.Required
	p.Placeholder, p.InitialValue, p.Order, p.SubText = w.Placeholder, w.InitialValue, w.Order, w.SubText
	p.PlaceholderExpression, p.InitialValueExpression = w.PlaceholderExpression, w.InitialValueExpression
	return nil
}

// maxTimeout keeps the seconds of a policy binding a time; the rules say more.
const maxTimeout = 1<<31 - 1

type policyBindingWire struct {
	Target        idp.UUID      `json:"target" ref:"target" help:"The flow, the flow stage binding or the notification rule."`
	Policy        *idp.PolicyID `json:"policy" ref:"policy" help:"The policy; exactly one of policy, group and user."`
	Group         *idp.GroupID  `json:"group" ref:"group" help:"The group that passes."`
	User          *idp.UserID   `json:"user" ref:"user" help:"The user who passes."`
	Negate        bool          `json:"negate" help:"Turn the answer round."`
	Enabled       bool          `json:"enabled" help:"Whether it counts."`
	Order         int           `json:"order" help:"Bindings are asked by this number."`
	Timeout       int           `json:"timeout" help:"Seconds a policy may take."`
	FailureResult bool          `json:"failure_result" help:"The answer when the policy gives none."`
}

func (w *policyBindingWire) from(b *idp.PolicyBinding) {
	*w = policyBindingWire{b.Target, b.PolicyID, b.GroupID, b.UserID, b.Negate, b.Enabled, b.Order, int(b.Timeout / time.Second), b.FailureResult}
}

func (w *policyBindingWire) into(b *idp.PolicyBinding) error {
	if int64(w.Timeout) > maxTimeout || w.Timeout < 0 {
		return idp.Invalid("timeout", "Ensure this value is between 0 and %d.", maxTimeout)
	}
	b.Target, b.PolicyID, b.GroupID, b.UserID = w.Target, w.Policy, w.Group, w.User
	b.Negate, b.Enabled, b.Order, b.FailureResult = w.Negate, w.Enabled, w.Order, w.FailureResult
	b.Timeout = time.Duration(w.Timeout) * time.Second
	return nil
}

type brandWire struct {
	Domain                string         `json:"domain" help:"The host name; hosts that end in it match."`
	Default               bool           `json:"default" help:"Whether it is used where no domain matches."`
	Title                 string         `json:"branding_title" help:"What the product is called there."`
	Logo                  string         `json:"branding_logo" help:"Address of the logo."`
	Favicon               string         `json:"branding_favicon" help:"Address of the icon."`
	CustomCSS             string         `json:"branding_custom_css" help:"Style sheet put after the product's own."`
	DefaultFlowBackground string         `json:"branding_default_flow_background" help:"Address of a picture behind flows without one."`
	FlowAuthentication    *idp.FlowID    `json:"flow_authentication" ref:"flow" help:"The flow for authentication."`
	FlowInvalidation      *idp.FlowID    `json:"flow_invalidation" ref:"flow" help:"The flow for invalidation."`
	FlowRecovery          *idp.FlowID    `json:"flow_recovery" ref:"flow" help:"The flow for recovery."`
	FlowUnenrollment      *idp.FlowID    `json:"flow_unenrollment" ref:"flow" help:"The flow for unenrollment."`
	FlowUserSettings      *idp.FlowID    `json:"flow_user_settings" ref:"flow" help:"The flow for user settings."`
	FlowDeviceCode        *idp.FlowID    `json:"flow_device_code" ref:"flow" help:"The flow for device code."`
	FlowLockdown          *idp.FlowID    `json:"flow_lockdown" ref:"flow" help:"The flow for lockdown."`
	Attributes            idp.Attributes `json:"attributes" help:"Anything, by name."`
	DefaultApplication    *string        `json:"default_application" help:"Not offered; must be empty."`
	WebCertificate        *string        `json:"web_certificate" help:"Not offered; must be empty."`
	ClientCertificates    []string       `json:"client_certificates" help:"Not offered; must be empty."`
	FlowRequest           *idp.FlowID    `json:"flow_request" ref:"flow" help:"Not offered; must be empty."`
}

func (w *brandWire) from(b *idp.Brand) {
	*w = brandWire{Domain: b.Domain, Default: b.Default, Title: b.Title, Logo: b.Logo, Favicon: b.Favicon,
		CustomCSS: b.CustomCSS, DefaultFlowBackground: b.DefaultFlowBackground, FlowAuthentication: b.FlowAuthentication,
		FlowInvalidation: b.FlowInvalidation, FlowRecovery: b.FlowRecovery, FlowUnenrollment: b.FlowUnenrollment,
		FlowUserSettings: b.FlowUserSettings, FlowDeviceCode: b.FlowDeviceCode, FlowLockdown: b.FlowLockdown,
		Attributes: b.Attributes, ClientCertificates: []string{}}
}

// offered refuses what brands of the original have besides.
func (w *brandWire) offered() error {
	for field, set := range map[string]bool{"default_application": w.DefaultApplication != nil && *w.DefaultApplication != "",
		"web_certificate": w.WebCertificate != nil && *w.WebCertificate != "", "client_certificates": len(w.ClientCertificates) > 0,
		"flow_request": w.FlowRequest != nil} {
		if set {
			return &wrong{field: field, message: "brands do not have this here; leave it empty", unsupported: true}
		}
	}
	return nil
}

func (w *brandWire) into(b *idp.Brand) error {
	if err := w.offered(); err != nil {
		return err
	}
	*b = idp.Brand{ID: b.ID, Domain: w.Domain, Default: w.Default, Title: w.Title, Logo: w.Logo, Favicon: w.Favicon,
		CustomCSS: w.CustomCSS, DefaultFlowBackground: w.DefaultFlowBackground, FlowAuthentication: w.FlowAuthentication,
		FlowInvalidation: w.FlowInvalidation, FlowRecovery: w.FlowRecovery, FlowUnenrollment: w.FlowUnenrollment,
		FlowUserSettings: w.FlowUserSettings, FlowDeviceCode: w.FlowDeviceCode, FlowLockdown: w.FlowLockdown, Attributes: w.Attributes}
	return nil
}
