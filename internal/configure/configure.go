package configure

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// app names this package in events.
const app = "configure"

// Stages finds kinds of stages by name; flow.Executor is one.
type Stages interface {
	Kind(name string) (flow.Kind, bool)
}

// Policies finds kinds of policies by name and judges their settings;
// policy.Kinds is one.
type Policies interface {
	Get(name string) (policy.Kind, bool)
	Check(name string, settings json.RawMessage) error
}

// Deps are what a Service needs.
type Deps struct {
	Store    idp.Store
	Access   idp.Access
	Stages   Stages
	Policies Policies
	// Prompt judges what only the stage that shows prompts can tell of one.
	// The error is an *idp.Error with CodeInvalid.
	Prompt func(*idp.Prompt) error
	// Sealer seals the secrets in the settings of stages; nil = they are stored
	// as they are, because there is nothing to seal them with that lasts.
	Sealer *secret.Sealer
	// NoticeTemplates lists what transports may name as the text of their mails; nil =
	// anything.
	NoticeTemplates func() ([]string, error)
}

// Service keeps the configuration.
type Service struct{ d Deps }

// New returns a Service.
func New(d Deps) *Service { return &Service{d} }

// Settle completes and judges a row about to be written by somebody else's
// transaction, and makes room for it. row is a pointer to one of the nouns of
// this package, was a pointer to the row as it is stored, nil when it is new
// (then what is unset gets its default). Whoever calls it writes the row.
// Errors: CodeInvalid.
func (s *Service) Settle(ctx context.Context, tx idp.Repos, actor idp.Actor, was, row any) error {
	switch row := row.(type) {
	case *idp.Brand:
		return settle(ctx, tx, s.brands(), actor, was, row)
	case *idp.Flow:
		return settle(ctx, tx, s.flows(), actor, was, row)
	case *idp.FlowBinding:
		return settle(ctx, tx, s.bindings(), actor, was, row)
	case *idp.Stage:
		return settle(ctx, tx, s.stages(), actor, was, row)
	case *idp.Prompt:
		return settle(ctx, tx, s.prompts(), actor, was, row)
	case *idp.Policy:
		return settle(ctx, tx, s.policies(), actor, was, row)
	case *idp.PolicyBinding:
		return settle(ctx, tx, s.policyBindings(), actor, was, row)
	case *idp.NotificationRule:
		return settle(ctx, tx, s.notificationRules(), actor, was, row)
	case *idp.Transport:
		return settle(ctx, tx, s.transports(), actor, was, row)
	case *idp.WebhookMapping:
		return settle(ctx, tx, s.webhookMappings(), actor, was, row)
	case *idp.Application:
		return settle(ctx, tx, s.applications(), actor, was, row)
	case *idp.OAuthProvider:
		return settle(ctx, tx, s.oauthProviders(), actor, was, row)
	case *idp.ScopeMapping:
		return settle(ctx, tx, s.scopeMappings(), actor, was, row)
	}
	return fmt.Errorf("settling a %T: it is no object of the configuration", row)
}

// Release takes a row out of the settings that name it, before somebody else's
// transaction deletes it. row is a pointer to any noun. Errors: CodeInvalid when
// something cannot do without it.
func (s *Service) Release(ctx context.Context, tx idp.Repos, actor idp.Actor, row any) error {
	switch row := row.(type) {
	case *idp.Flow:
		return release(ctx, tx, s.flows(), actor, row)
	case *idp.Stage:
		return release(ctx, tx, s.stages(), actor, row)
	case *idp.Prompt:
		return release(ctx, tx, s.prompts(), actor, row)
	case *idp.Policy:
		return release(ctx, tx, s.policies(), actor, row)
	case *idp.OAuthProvider:
		return release(ctx, tx, s.oauthProviders(), actor, row)
	case *idp.Group:
		return s.forget(ctx, tx, actor, "group", row.ID.String())
	}
	return nil
}
