package idp

import (
	"encoding/json"
	"time"
)

// Designation says what a flow is for.
type Designation string

// The designations.
const (
	DesignationAuthentication     Designation = "authentication"
	DesignationAuthorization      Designation = "authorization"
	DesignationInvalidation       Designation = "invalidation"
	DesignationEnrollment         Designation = "enrollment"
	DesignationUnenrollment       Designation = "unenrollment"
	DesignationRecovery           Designation = "recovery"
	DesignationStageConfiguration Designation = "stage_configuration"
)

// Designations lists every designation.
func Designations() []Designation {
	return []Designation{DesignationAuthentication, DesignationAuthorization, DesignationInvalidation,
		DesignationEnrollment, DesignationUnenrollment, DesignationRecovery, DesignationStageConfiguration}
}

// Authentication is what a flow asks of whoever opens it.
type Authentication string

// The requirements.
const (
	AuthenticationNone            Authentication = "none"
	AuthenticationAuthenticated   Authentication = "require_authenticated"
	AuthenticationUnauthenticated Authentication = "require_unauthenticated"
	AuthenticationSuperuser       Authentication = "require_superuser"
	AuthenticationRedirect        Authentication = "require_redirect"
	AuthenticationOutpost         Authentication = "require_outpost"
)

// Authentications lists every requirement.
func Authentications() []Authentication {
	return []Authentication{AuthenticationNone, AuthenticationAuthenticated, AuthenticationUnauthenticated,
		AuthenticationSuperuser, AuthenticationRedirect, AuthenticationOutpost}
}

// DeniedAction is what happens to somebody a flow does not apply to.
type DeniedAction string

// The denied actions.
const (
	DeniedMessageContinue DeniedAction = "message_continue"
	DeniedMessage         DeniedAction = "message"
	DeniedContinue        DeniedAction = "continue"
)

// DeniedActions lists every denied action.
func DeniedActions() []DeniedAction {
	return []DeniedAction{DeniedMessageContinue, DeniedMessage, DeniedContinue}
}

// Layout arranges a flow's page.
type Layout string

// Layouts lists every layout.
func Layouts() []Layout {
	return []Layout{"stacked", "content_left", "content_right", "sidebar_left", "sidebar_right",
		"sidebar_left_frame_background", "sidebar_right_frame_background"}
}

// PolicyMode says how many bindings must pass.
type PolicyMode string

// The policy modes.
const (
	PolicyAny PolicyMode = "any"
	PolicyAll PolicyMode = "all"
)

// PolicyModes lists every policy mode.
func PolicyModes() []PolicyMode { return []PolicyMode{PolicyAny, PolicyAll} }

// Flow is a named sequence of stages. Its ID is also the target of policy
// bindings (pk = policybindingmodel_ptr_id on the wire).
type Flow struct {
	ID                FlowID
	Name              string
	Slug              string // unique, ^[-a-zA-Z0-9_]+$
	Title             string
	Designation       Designation
	Authentication    Authentication
	DeniedAction      DeniedAction
	Layout            Layout
	Background        string
	CompatibilityMode bool
	PolicyMode        PolicyMode
	UpdatedAt         time.Time
}

// InvalidAction says what a binding does when its stage says no.
type InvalidAction string

// The invalid-response actions.
const (
	InvalidRetry              InvalidAction = "retry"
	InvalidRestart            InvalidAction = "restart"
	InvalidRestartWithContext InvalidAction = "restart_with_context"
)

// InvalidActions lists every invalid-response action.
func InvalidActions() []InvalidAction {
	return []InvalidAction{InvalidRetry, InvalidRestart, InvalidRestartWithContext}
}

// FlowBinding puts a stage into a flow. Its ID is also the target of policy
// bindings.
type FlowBinding struct {
	ID                    FlowBindingID
	FlowID                FlowID
	StageID               StageID
	Order                 int
	EvaluateOnPlan        bool
	ReEvaluatePolicies    bool
	InvalidResponseAction InvalidAction
	PolicyMode            PolicyMode
}

// Stage is one configured step. Settings is the JSON of the kind's settings
// struct; a new kind needs no migration.
type Stage struct {
	ID        StageID
	Name      string // unique
	Kind      string // the kind's Name: identification, password, …
	Settings  json.RawMessage
	UpdatedAt time.Time
}

// Prompt is one field that a prompt stage may show.
type Prompt struct {
	ID                     PromptID
	Name                   string // unique
	FieldKey               string
	Label                  string
	Type                   string // see stages/prompt
	Required               bool
	Placeholder            string
	InitialValue           string
	Order                  int
	SubText                string
	PlaceholderExpression  bool
	InitialValueExpression bool
	UpdatedAt              time.Time
}

// Run is a flow under way in one browser. State is the engine's JSON.
type Run struct {
	ID        RunID
	Browser   []byte // SHA-256 of the browser cookie's value
	FlowID    FlowID
	Version   int // raised by every save; a save with an old version is a CodeConflict
	State     json.RawMessage
	CreatedAt time.Time
	ExpiresAt time.Time
}
