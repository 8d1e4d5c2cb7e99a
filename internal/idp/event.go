package idp

import (
	"net/netip"
	"time"
)

// Action is what an event tells of. The list is closed: published clients
// refuse a page with an action they do not know.
type Action string

// The actions in use.
const (
	ActionLogin           Action = "login"
	ActionLoginFailed     Action = "login_failed"
	ActionLogout          Action = "logout"
	ActionUserWrite       Action = "user_write"
	ActionPasswordSet     Action = "password_set"
	ActionSecretView      Action = "secret_view"
	ActionSecretRotate    Action = "secret_rotate"
	ActionFlowExecution   Action = "flow_execution"
	ActionPolicyExecution Action = "policy_execution"
	ActionPolicyException Action = "policy_exception"
	ActionSystemException Action = "system_exception"
	ActionConfigError     Action = "configuration_error"
	ActionConfigWarning   Action = "configuration_warning"
	ActionModelCreated    Action = "model_created"
	ActionModelUpdated    Action = "model_updated"
	ActionModelDeleted    Action = "model_deleted"
	ActionSuspicious      Action = "suspicious_request"
	ActionInvitationUsed  Action = "invitation_used"
	ActionEmailSent       Action = "email_sent"

	ActionAuthorizeApplication Action = "authorize_application"
)

// ActionIDLockdown is context.action_id of a lockdown's event.
const ActionIDLockdown = "account_lockdown"

// ActionIDRestore is context.action_id of a restore's event.
const ActionIDRestore = "account_restore"

// Event is one line of the audit log. It is written in the transaction of the
// act it tells of and never changed or deleted by the server.
type Event struct {
	ID        EventID
	Action    Action
	App       string         // the package that speaks
	User      map[string]any // {pk, username, email, authenticated_as?: {pk, username, email}}; {} = nobody
	Context   map[string]any
	ClientIP  netip.Addr
	Brand     map[string]any
	CreatedAt time.Time  // by the database's clock
	Imported  bool       // CreatedAt is kept as it is: the event comes from elsewhere
	ExpiresAt *time.Time // when retention may remove it; nil = when the installation says
}

// EventUser describes a user inside an event.
func EventUser(u *User) map[string]any {
	if u == nil {
		return map[string]any{}
	}
	return map[string]any{"pk": int(u.ID), "username": u.Username, "email": u.Email}
}

// SystemName stands for the product itself where an actor's name is shown.
const SystemName = "system"

// Facts returns the event as the plain data that policies and expressions see,
// by the names of the API.
func (e *Event) Facts() map[string]any {
	ip := ""
	if e.ClientIP.IsValid() {
		ip = e.ClientIP.Unmap().String()
	}
	return map[string]any{"pk": e.ID.String(), "action": string(e.Action), "app": e.App, "user": e.User,
		"context": e.Context, "client_ip": ip, "brand": e.Brand, "created": e.CreatedAt.UTC().Format(time.RFC3339Nano)}
}
