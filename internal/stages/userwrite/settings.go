package userwrite

import (
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The creation modes.
const (
	NeverCreate        = "never_create"
	CreateWhenRequired = "create_when_required"
	AlwaysCreate       = "always_create"
)

// Settings configure the stage.
type Settings struct {
	UserCreationMode      string       `json:"user_creation_mode" enum:"never_create,create_when_required,always_create" labels:"Never,Where there is none yet,Always" help:"Whether accounts are made: never, only where the flow is about nobody yet, or always."`
	CreateUsersAsInactive bool         `json:"create_users_as_inactive" help:"New accounts begin switched off: nobody can sign in until somebody activates them."`
	CreateUsersGroup      *idp.GroupID `json:"create_users_group" ref:"group" help:"Group that new accounts join."`
	UserType              string       `json:"user_type" enum:"internal,external,service_account,internal_service_account" help:"Type of new accounts."`
	UserPathTemplate      string       `json:"user_path_template" help:"Path of new accounts, such as customers/%(company)s, which fills in an answer or a value of the flow's context. Empty: users."`
}

// The keys of the context that say more about an account. Code sets them, never
// an answer of a visitor's.
const (
	// KeyGroups are groups that the account joins beside those it is in.
	KeyGroups flow.Key[[]idp.GroupID] = "groups"
	// KeyPath is the path of a new account, in place of the template.
	KeyPath flow.Key[string] = "user_path"
	// KeyType is the type of a new account, in place of the setting.
	KeyType flow.Key[idp.UserType] = "user_type"
)

func defaults() any {
	return &Settings{UserCreationMode: CreateWhenRequired, CreateUsersAsInactive: true, UserType: string(idp.UserExternal)}
}

func build(settings any, accounts Accounts) (flow.Stage, error) {
	s := *settings.(*Settings)
	path, err := parsePath(s.UserPathTemplate)
	if err != nil {
		return nil, err
	}
	return stage{s, path, accounts}, nil
}
