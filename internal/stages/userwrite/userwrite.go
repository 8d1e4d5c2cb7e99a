package userwrite

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// neverCreate is the one creation mode on offer.
const neverCreate = "never_create"

// Settings configure the stage.
type Settings struct {
	UserCreationMode      string       `json:"user_creation_mode" enum:"never_create,create_when_required,always_create" help:"Whether accounts may be made. Only never_create is offered."`
	CreateUsersAsInactive bool         `json:"create_users_as_inactive" help:"New accounts begin switched off."`
	CreateUsersGroup      *idp.GroupID `json:"create_users_group" ref:"group" help:"Group that new accounts join."`
	UserType              string       `json:"user_type" enum:"internal,external,service_account,internal_service_account" help:"Type of new accounts."`
	UserPathTemplate      string       `json:"user_path_template" help:"Path of new accounts."`
}

// Accounts changes accounts.
type Accounts interface {
	// Settle changes an account that a flow has established to be the one it
	// is about.
	Settle(ctx context.Context, actor idp.Actor, id idp.UserID, c account.Settlement) (*idp.User, error)
}

// Kind describes the stage.
func Kind(accounts Accounts) flow.Kind {
	return flow.Kind{
		Name: "user_write", Model: "authentik_stages_user_write.userwritestage", Form: "ak-stage-user-write-form",
		Verbose: "User Write Stage", VerbosePlural: "User Write Stages",
		Summary: "Writes what prompts collected to the account that the flow is about.",
		Settings: func() any {
			return &Settings{UserCreationMode: neverCreate, CreateUsersAsInactive: true, UserType: string(idp.UserExternal)}
		},
		Build: func(settings any) (flow.Stage, error) {
			if mode := settings.(*Settings).UserCreationMode; mode != neverCreate {
				return nil, idp.Invalid("user_creation_mode", "Flows cannot make accounts yet, so %s is not offered; expected %s.", mode, neverCreate)
			}
			return stage{accounts}, nil
		},
		Headless: true,
	}
}

type stage struct{ accounts Accounts }

// Enter implements flow.Stage. Faults in the answers are CodeInvalid on the
// prompts' fields, so that the engine can show them there.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	u, err := run.Pending(ctx)
	if err != nil {
		return nil, err
	}
	if u == nil && run.Actor.User != nil {
		u = run.Actor.User
		run.SetPending(u)
	}
	if u == nil {
		return flow.Deny{Reason: "No user found and can't create new user."}, nil
	}
	data, _ := flow.KeyPromptData.In(run.Vars)
	change, some := settlement(data)
	if !some {
		return flow.Next{}, nil
	}
	pending, _ := flow.KeyPending.In(run.Vars)
	change.Generation = pending.Generation
	if link, ok := flow.KeyLink.In(run.Vars); ok {
		change.Link = &link
	}
	changed, err := s.accounts.Settle(ctx, run.Actor, u.ID, change)
	if err != nil {
		return nil, err
	}
	flow.KeyLink.Drop(run.Vars)
	forgetSecrets(run, data)
	run.Forget()
	run.SetPending(changed)
	return flow.Next{}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	return s.Enter(ctx, run)
}

// settlement takes out of the answers what an account has; the rest is
// discarded, above all groups and whether the account is active.
func settlement(data map[string]any) (c account.Settlement, some bool) {
	for _, key := range slices.Sorted(maps.Keys(data)) {
		v := data[key]
		text, isText := v.(string)
		name, nested := attribute(key)
		switch {
		case key == "username" && isText:
			c.Username = &text
		case key == "name" && isText:
			c.Name = &text
		case key == "email" && isText:
			c.Email = &text
		case key == "password" && isText && text != "":
			c.Password = &text
		case key == "locale" && isText:
			c.Attributes = put(c.Attributes, []string{"settings", "locale"}, text)
		case nested:
			c.Attributes = put(c.Attributes, name, v)
		default:
			continue
		}
		some = true
	}
	return c, some
}

// attribute reads keys such as attributes.settings.theme and
// attributes_department.
func attribute(key string) (path []string, ok bool) {
	for _, separator := range []string{".", "_"} {
		if rest, found := strings.CutPrefix(key, "attributes"+separator); found && rest != "" {
			return strings.Split(rest, separator), true
		}
	}
	return nil, false
}

func put(into map[string]any, path []string, v any) map[string]any {
	if into == nil {
		into = map[string]any{}
	}
	if len(path) == 1 {
		into[path[0]] = v
		return into
	}
	below, _ := into[path[0]].(map[string]any)
	into[path[0]] = put(below, path[1:], v)
	return into
}

// forgetSecrets drops the passwords that prompts collected: nothing needs them
// any more.
func forgetSecrets(run *flow.Run, data map[string]any) {
	for key := range data {
		if strings.Contains(key, "password") {
			delete(data, key)
		}
	}
	flow.KeyPromptData.Put(run.Vars, data)
}
