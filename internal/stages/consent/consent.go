package consent

import (
	"context"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Consents remembers consents.
type Consents interface {
	// Current returns the consent that counts, nil when there is none.
	Current(ctx context.Context, user idp.UserID, application string) (*idp.Consent, error)
	Give(ctx context.Context, actor idp.Actor, g consent.Given) error
}

// Kind describes the stage.
func Kind(consents Consents) flow.Kind {
	return flow.Kind{
		Name: "consent", Model: "authentik_stages_consent.consentstage", Form: "ak-stage-consent-form",
		Verbose: "Consent Stage", VerbosePlural: "Consent Stages",
		Summary:  "Asks whether an application may do what it wants to.",
		Settings: func() any { return &Settings{Mode: AlwaysRequire, ConsentExpireIn: "weeks=4"} },
		Build:    func(settings any) (flow.Stage, error) { return build(settings, consents) },
		Facts: func(_ context.Context, _ *flow.Run, out map[string]any) error {
			delete(out, string(keyToken))
			delete(out, string(KeyAgain))
			return nil
		},
		Examples: examples(),
		View:     func(c flow.Challenge, p flow.Page) flow.View { return view(c.(Challenge), p) },
	}
}

type stage struct {
	mode     string
	lasts    time.Duration // 0 = for good
	consents Consents
}

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	given, err := s.given(ctx, run)
	if err != nil {
		return nil, err
	}
	wanted, more := requested(run)
	if given != nil && given.Covers(ids(wanted, more)) {
		keyToken.Drop(run.Vars)
		return flow.Next{}, nil
	}
	who, err := run.Who(ctx)
	if err != nil {
		return nil, err
	}
	token, ok := keyToken.In(run.Vars)
	if !ok {
		token = secret.Token()
		keyToken.Put(run.Vars, token)
	}
	c := Challenge{UserInfo: who, Token: token, Permissions: []Permission{}, AdditionalPermissions: []Permission{}}
	c.HeaderText, _ = KeyHeader.In(run.Vars)
	c.Title, _ = KeyTitle.In(run.Vars)
	for _, p := range wanted {
		if given == nil || slices.Contains(given.Permissions, p.ID) {
			c.Permissions = append(c.Permissions, p)
		} else {
			c.AdditionalPermissions = append(c.AdditionalPermissions, p)
		}
	}
	c.AdditionalPermissions = append(c.AdditionalPermissions, more...)
	return flow.Ask{Challenge: c}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	sent, err := in.Required("token")
	if err != nil {
		return nil, err
	}
	token, ok := keyToken.In(run.Vars)
	if !ok || !secret.Equal(sent, token) {
		return nil, idp.Invalid("token", "Invalid consent token: look at what is asked and answer again.")
	}
	if err := s.remember(ctx, run); err != nil {
		return nil, err
	}
	keyToken.Drop(run.Vars)
	return flow.Next{}, nil
}

// subject is whose answer can be remembered: somebody who has proved who they
// are, towards an application; nil otherwise.
func (s stage) subject(ctx context.Context, run *flow.Run) (*idp.User, consent.Application, error) {
	application, ok := KeyApplication.In(run.Vars)
	if s.mode == AlwaysRequire || !ok || application.ID == "" {
		return nil, application, nil
	}
	u, err := run.Subject(ctx)
	if err != nil || !run.Proven(u) {
		return nil, application, err
	}
	return u, application, nil
}

// given is the consent that counts, nil when there is none.
func (s stage) given(ctx context.Context, run *flow.Run) (*idp.Consent, error) {
	u, application, err := s.subject(ctx, run)
	if again, _ := KeyAgain.In(run.Vars); u == nil || again || err != nil {
		return nil, err
	}
	return s.consents.Current(ctx, u.ID, application.ID)
}

// remember saves what was agreed to.
func (s stage) remember(ctx context.Context, run *flow.Run) error {
	u, application, err := s.subject(ctx, run)
	if u == nil || err != nil {
		return err
	}
	generation := u.SessionGeneration
	if p, ok := flow.KeyPending.In(run.Vars); ok && p.User == u.ID {
		generation = p.Generation
	}
	wanted, more := requested(run)
	return s.consents.Give(ctx, run.Actor, consent.Given{User: u.ID, Application: application, Permissions: ids(wanted, more),
		Lifetime: s.lasts, Generation: generation})
}

// requested are the permissions that the application wants, and those that it
// wants beside them.
func requested(run *flow.Run) (wanted, more []Permission) {
	wanted, _ = KeyPermissions.In(run.Vars)
	more, _ = KeyAdditional.In(run.Vars)
	return wanted, more
}

func ids(lists ...[]Permission) []string {
	out := []string{}
	for _, p := range slices.Concat(lists...) {
		out = append(out, p.ID)
	}
	return out
}
