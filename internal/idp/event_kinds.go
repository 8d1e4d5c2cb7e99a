package idp

// One constructor for each kind of event, and no other way to begin one: what all
// kinds say is put together in newEvent, what one kind says is made by its use case,
// in one function of the package that speaks.

// MakeEvent is the constructor of one kind. app is the package that speaks; about is
// whom the event concerns (nil = the actor); facts becomes the event's context.
type MakeEvent func(app string, actor Actor, about *User, facts map[string]any) *Event

// constructors has the constructor of each kind.
var constructors = map[Action]MakeEvent{
	ActionLogin:                LoginEvent,
	ActionLoginFailed:          LoginFailedEvent,
	ActionLogout:               LogoutEvent,
	ActionUserWrite:            UserWriteEvent,
	ActionPasswordSet:          PasswordSetEvent,
	ActionSecretView:           SecretViewEvent,
	ActionSecretRotate:         SecretRotateEvent,
	ActionFlowExecution:        FlowExecutionEvent,
	ActionPolicyExecution:      PolicyExecutionEvent,
	ActionPolicyException:      PolicyExceptionEvent,
	ActionSystemException:      SystemExceptionEvent,
	ActionConfigError:          ConfigErrorEvent,
	ActionConfigWarning:        ConfigWarningEvent,
	ActionModelCreated:         ModelCreatedEvent,
	ActionModelUpdated:         ModelUpdatedEvent,
	ActionModelDeleted:         ModelDeletedEvent,
	ActionSuspicious:           SuspiciousEvent,
	ActionInvitationUsed:       InvitationUsedEvent,
	ActionEmailSent:            EmailSentEvent,
	ActionAuthorizeApplication: AuthorizeApplicationEvent,
}

// Actions lists the kinds of events in the order of the API's contract.
func Actions() []Action {
	return []Action{ActionLogin, ActionLoginFailed, ActionLogout, ActionUserWrite, ActionPasswordSet, ActionSecretView, ActionSecretRotate, ActionFlowExecution, ActionPolicyExecution, ActionPolicyException, ActionSystemException, ActionConfigError, ActionConfigWarning, ActionModelCreated, ActionModelUpdated, ActionModelDeleted, ActionSuspicious, ActionInvitationUsed, ActionEmailSent, ActionAuthorizeApplication}
}

// Event begins an event of this kind. A kind that is not in Actions is a fault of
// the caller's: policies are refused one before.
func (a Action) Event(app string, actor Actor, about *User, facts map[string]any) *Event {
	return constructors[a](app, actor, about, facts)
}

// LoginEvent tells that somebody signed in. Its facts say how: auth_method, auth_method_args, the session.
func LoginEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionLogin, app, actor, about, facts)
}

// LoginFailedEvent tells that a secret was refused, or nobody has the name. Its facts say why: reason.
func LoginFailedEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionLoginFailed, app, actor, about, facts)
}

// LogoutEvent tells that sessions ended. Its facts say why and how many: logout_reason, sessions.
func LogoutEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionLogout, app, actor, about, facts)
}

// UserWriteEvent tells that an account was changed by itself, by a flow or by an act on the account as a whole;
// a lockdown and a restore are told apart by action_id.
func UserWriteEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionUserWrite, app, actor, about, facts)
}

// PasswordSetEvent tells that an account has another password. Its facts say how many sessions that ended.
func PasswordSetEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionPasswordSet, app, actor, about, facts)
}

// SecretViewEvent tells that somebody was shown a secret. Its facts name the model.
func SecretViewEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionSecretView, app, actor, about, facts)
}

// SecretRotateEvent tells that a secret was replaced. Its facts name the model.
func SecretRotateEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionSecretRotate, app, actor, about, facts)
}

// FlowExecutionEvent tells that a flow was run by somebody who watches it.
func FlowExecutionEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionFlowExecution, app, actor, about, facts)
}

// PolicyExecutionEvent tells that a policy that tells of each answer gave one. Its facts name policy and binding.
func PolicyExecutionEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionPolicyExecution, app, actor, about, facts)
}

// PolicyExceptionEvent tells that a policy gave no answer. Its facts name policy and binding, with the error.
func PolicyExceptionEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionPolicyException, app, actor, about, facts)
}

// SystemExceptionEvent tells that something of the product itself failed. Its facts have the message.
func SystemExceptionEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionSystemException, app, actor, about, facts)
}

// ConfigErrorEvent tells that something cannot work as it is configured. Its facts have the message.
func ConfigErrorEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionConfigError, app, actor, about, facts)
}

// ConfigWarningEvent tells that something works otherwise than somebody may expect. Its facts have the message.
func ConfigWarningEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionConfigWarning, app, actor, about, facts)
}

// ModelCreatedEvent tells that something was made. Its facts name it: model.
func ModelCreatedEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionModelCreated, app, actor, about, facts)
}

// ModelUpdatedEvent tells that something was changed. Its facts name it: model.
func ModelUpdatedEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionModelUpdated, app, actor, about, facts)
}

// ModelDeletedEvent tells that something was removed. Its facts name it as it was: model.
func ModelDeletedEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionModelDeleted, app, actor, about, facts)
}

// SuspiciousEvent tells of what looks like an attack, or an act that has to be loud. action_id says which.
func SuspiciousEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionSuspicious, app, actor, about, facts)
}

// InvitationUsedEvent tells that somebody enrolled with an invitation. Its facts name it.
func InvitationUsedEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionInvitationUsed, app, actor, about, facts)
}

// EmailSentEvent tells that a mail was handed over. Its facts have the address and the subject.
func EmailSentEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionEmailSent, app, actor, about, facts)
}

// AuthorizeApplicationEvent tells that somebody let an application in, or it was let in for them. Its facts
// name the application and the scopes.
func AuthorizeApplicationEvent(app string, actor Actor, about *User, facts map[string]any) *Event {
	return newEvent(ActionAuthorizeApplication, app, actor, about, facts)
}

// newEvent says what events of all kinds say. When about is another than the
// actor, the actor goes into authenticated_as, so that "notify the event's user"
// reaches the person affected. What is known of the request goes into the context:
// http_request, geo, asn.
func newEvent(action Action, app string, actor Actor, about *User, context map[string]any) *Event {
	if about == nil {
		about = actor.User
	}
	user := EventUser(about)
	if actor.User != nil && about != nil && actor.User.ID != about.ID {
		user["authenticated_as"] = EventUser(actor.User)
	}
	if actor.System && about != nil {
		user["authenticated_as"] = map[string]any{"pk": 0, "username": SystemName, "email": ""}
	}
	if context == nil {
		context = map[string]any{}
	}
	if actor.Request != nil {
		context["http_request"] = actor.Request.Facts()
		actor.Request.locate(context)
	}
	return &Event{ID: NewID[Event](), Action: action, App: app, User: user, Context: context,
		ClientIP: actor.ClientIP(), Brand: actor.Brand}
}
