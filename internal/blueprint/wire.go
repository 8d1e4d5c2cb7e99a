package blueprint

import (
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The wire structs carry the API's names and defaults.

type flowWire struct {
	Name              string             `json:"name"`
	Slug              string             `json:"slug"`
	Title             string             `json:"title"`
	Designation       idp.Designation    `json:"designation"`
	Background        string             `json:"background"`
	PolicyEngineMode  idp.PolicyMode     `json:"policy_engine_mode"`
	CompatibilityMode bool               `json:"compatibility_mode"`
	Layout            idp.Layout         `json:"layout"`
	DeniedAction      idp.DeniedAction   `json:"denied_action"`
	Authentication    idp.Authentication `json:"authentication"`
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
	Target                idp.FlowID        `json:"target"`
	Stage                 idp.StageID       `json:"stage"`
	Order                 int               `json:"order"`
	EvaluateOnPlan        bool              `json:"evaluate_on_plan"`
	ReEvaluatePolicies    bool              `json:"re_evaluate_policies"`
	InvalidResponseAction idp.InvalidAction `json:"invalid_response_action"`
	PolicyEngineMode      idp.PolicyMode    `json:"policy_engine_mode"`
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
	Name                   string `json:"name"`
	FieldKey               string `json:"field_key"`
	Label                  string `json:"label"`
	Type                   string `json:"type"`
	Required               bool   `json:"required"`
	Placeholder            string `json:"placeholder"`
	InitialValue           string `json:"initial_value"`
	Order                  int    `json:"order"`
	SubText                string `json:"sub_text"`
	PlaceholderExpression  bool   `json:"placeholder_expression"`
	InitialValueExpression bool   `json:"initial_value_expression"`
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
	Target        idp.UUID      `json:"target"`
	Policy        *idp.PolicyID `json:"policy"`
	Group         *idp.GroupID  `json:"group"`
	User          *idp.UserID   `json:"user"`
	Negate        bool          `json:"negate"`
	Enabled       bool          `json:"enabled"`
	Order         int           `json:"order"`
	Timeout       int           `json:"timeout"` // seconds
	FailureResult bool          `json:"failure_result"`
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
	Domain                string         `json:"domain"`
	Default               bool           `json:"default"`
	Title                 string         `json:"branding_title"`
	Logo                  string         `json:"branding_logo"`
	Favicon               string         `json:"branding_favicon"`
	CustomCSS             string         `json:"branding_custom_css"`
	DefaultFlowBackground string         `json:"branding_default_flow_background"`
	FlowAuthentication    *idp.FlowID    `json:"flow_authentication"`
	FlowInvalidation      *idp.FlowID    `json:"flow_invalidation"`
	FlowRecovery          *idp.FlowID    `json:"flow_recovery"`
	FlowUnenrollment      *idp.FlowID    `json:"flow_unenrollment"`
	FlowUserSettings      *idp.FlowID    `json:"flow_user_settings"`
	FlowDeviceCode        *idp.FlowID    `json:"flow_device_code"`
	FlowLockdown          *idp.FlowID    `json:"flow_lockdown"`
	Attributes            idp.Attributes `json:"attributes"`
}

func (w *brandWire) from(b *idp.Brand) {
	*w = brandWire{b.Domain, b.Default, b.Title, b.Logo, b.Favicon, b.CustomCSS, b.DefaultFlowBackground, b.FlowAuthentication,
		b.FlowInvalidation, b.FlowRecovery, b.FlowUnenrollment, b.FlowUserSettings, b.FlowDeviceCode, b.FlowLockdown, b.Attributes}
}

func (w *brandWire) into(b *idp.Brand) error {
	*b = idp.Brand{ID: b.ID, Domain: w.Domain, Default: w.Default, Title: w.Title, Logo: w.Logo, Favicon: w.Favicon,
		CustomCSS: w.CustomCSS, DefaultFlowBackground: w.DefaultFlowBackground, FlowAuthentication: w.FlowAuthentication,
		FlowInvalidation: w.FlowInvalidation, FlowRecovery: w.FlowRecovery, FlowUnenrollment: w.FlowUnenrollment,
		FlowUserSettings: w.FlowUserSettings, FlowDeviceCode: w.FlowDeviceCode, FlowLockdown: w.FlowLockdown, Attributes: w.Attributes}
	return nil
}

type groupWire struct {
	Name        string         `json:"name"`
	IsSuperuser bool           `json:"is_superuser"`
	Attributes  idp.Attributes `json:"attributes"`
	Parents     []idp.GroupID  `json:"parents"`
}

func (w *groupWire) from(g *idp.Group) {
	*w = groupWire{g.Name, g.IsSuperuser, g.Attributes, g.Parents}
}

func (w *groupWire) into(g *idp.Group) error {
	g.Name, g.IsSuperuser, g.Attributes, g.Parents = w.Name, w.IsSuperuser, w.Attributes, w.Parents
	return nil
}
