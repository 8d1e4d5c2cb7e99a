package email

import (
	"context"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// The keys of a run's context that belong to the stage.
const (
	// KeySent is set once a mail was asked for.
	KeySent flow.Key[bool] = "email_sent"
	// KeyAddress is where the mail goes instead of to the account's address; set
	// by code only.
	KeyAddress flow.Key[string] = "email"
	// keyAsked is the binding that asked for a mail: a flow may have two.
	keyAsked flow.Key[idp.FlowBindingID] = "email_asked"
)

// unavailable is what people hear when no mail can be sent at all. It is the same
// for everybody, so it tells nothing.
const unavailable = "Email cannot be sent at the moment. Ask your administrator for help."

// Store reads what the stage looks up and records what is wrong.
type Store interface{ Repos() idp.Repos }

// Links orders links by mail; token.Service is one.
type Links interface {
	AskMail(ctx context.Context, actor idp.Actor, a token.Ask) error
}

// Accounts confirms accounts; account.Service is one.
type Accounts interface {
	Confirm(ctx context.Context, actor idp.Actor, id idp.UserID, c account.Confirmation) (*idp.User, error)
}

// Post is what the stage asks of the service that sends; mail.Service is one.
type Post interface {
	// Ready reports whether the installation has a mail server.
	Ready() bool
	// Has reports whether there is a template of that name.
	Has(template string) bool
}

// Deps are what the stage needs.
type Deps struct {
	Store    Store
	Links    Links
	Accounts Accounts
	Post     Post
}

// Kind describes the stage.
func Kind(d Deps) flow.Kind {
	return flow.Kind{
		Name: "email", Model: "authentik_stages_email.emailstage", Form: "ak-stage-email-form",
		Verbose: "Email Stage", VerbosePlural: "Email Stages",
		Summary:  "Sends the pending user a link and waits until it is opened.",
		Settings: func() any { return defaults() },
		Build: func(settings any) (flow.Stage, error) {
			s := settings.(*Settings)
			return stage{*s, d}, s.judge()
		},
		Check: func(_ context.Context, _ idp.Repos, settings any) error {
			if name := settings.(*Settings).Template; d.Post != nil && !d.Post.Has(name) {
				return idp.Invalid("template", "There is no mail template %q.", name)
			}
			return nil
		},
		Examples: []flow.Challenge{Challenge{Works: "30 minutes"}, Challenge{Opened: true}, Challenge{Opened: true, Confirms: true}},
		View:     func(c flow.Challenge, p flow.Page) flow.View { return view(c.(Challenge), p) },
		Acts:     true,
	}
}

// Challenge waits for a link to be opened, or for the word to go on once it was.
// Programs see no fields: they answer with nothing but the component.
type Challenge struct {
	Works    string `json:"-"` // for how long the link does
	Opened   bool   `json:"-"` // the link was opened
	Confirms bool   `json:"-"` // going on switches the account on
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-email" }

type stage struct {
	settings Settings
	Deps
}

// Enter implements flow.Stage. The mail is asked for once; loading the page again
// asks for none.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	u, step, err := s.about(ctx, run)
	if step != nil || err != nil {
		return step, err
	}
	if run.OpenedFor(u) {
		confirms := s.confirms(u)
		if !confirms && run.AsksNext(ctx) {
			return flow.Next{}, nil
		}
		// What looks through mail opens links as well, and follows where they
		// lead: nothing happens before somebody says so.
		return flow.Ask{Challenge: Challenge{Opened: true, Confirms: confirms}}, nil
	}
	if asked, _ := keyAsked.In(run.Vars); asked != run.Binding.ID {
		if step, err := s.ask(ctx, run, u); step != nil || err != nil {
			return step, err
		}
	}
	return flow.Ask{Challenge: Challenge{Works: InWords(duration(s.settings.TokenExpiry))}}, nil
}

// Submit implements flow.Stage: it goes on once the link was opened, else it asks
// for another mail.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	u, step, err := s.about(ctx, run)
	if step != nil || err != nil {
		return step, err
	}
	if run.OpenedFor(u) {
		return s.arrive(ctx, run, u)
	}
	if step, err := s.ask(ctx, run, u); step != nil || err != nil {
		return step, err
	}
	run.Effects.Messages = append(run.Effects.Messages, "If there is an account to write to, another email is on its way.")
	return s.Enter(ctx, run)
}

// about is whom the run is about; nil where identification hides that there is
// nobody.
func (s stage) about(ctx context.Context, run *flow.Run) (*idp.User, flow.Step, error) {
	u, err := run.Pending(ctx)
	if err != nil || u != nil {
		return u, nil, err
	}
	if _, typed := flow.KeyPendingIdentifier.In(run.Vars); typed {
		// Somebody would have been read now: nobody takes as long.
		if _, err := run.User(ctx, 0); !idp.Is(err, idp.CodeNotFound) {
			return nil, nil, err
		}
		return nil, nil, nil
	}
	if run.Actor.User == nil {
		return nil, flow.Deny{Reason: "No pending user."}, nil
	}
	run.SetPending(run.Actor.User)
	return run.Actor.User, nil, nil
}

// ask orders the mail. A step is returned where none can be sent.
func (s stage) ask(ctx context.Context, run *flow.Run, u *idp.User) (flow.Step, error) {
	if s.settings.UseGlobalSettings && (s.Post == nil || !s.Post.Ready()) {
		run.Note(s.record(ctx, run))
		return flow.Deny{Reason: unavailable}, nil
	}
	data, err := s.keep(ctx, run)
	if err != nil {
		return nil, err
	}
	// Before the order, so that the run which is saved has asked.
	state, err := run.Save(data)
	if err != nil {
		return nil, err
	}
	a := token.Ask{Run: run.ID, Flow: run.Flow.ID, Stage: run.Binding.StageID, Brand: run.Brand, Intent: idp.IntentVerification,
		Confirms: s.settings.ActivateUserOnSuccess, State: state, Lifetime: duration(s.settings.TokenExpiry), Reusable: !s.settings.SingleUse,
		Limit: s.settings.RecoveryMaxAttempts, Window: duration(s.settings.RecoveryCacheTimeout)}
	if run.Flow.Designation == idp.DesignationRecovery {
		a.Intent = idp.IntentRecovery
	}
	a.Address, _ = KeyAddress.In(run.Vars)
	if u != nil {
		pending, _ := flow.KeyPending.In(run.Vars)
		a.User, a.SessionGeneration = u.ID, pending.Generation
	}
	if err := s.Links.AskMail(ctx, run.Actor, a); err != nil {
		return nil, err
	}
	KeySent.Put(run.Vars, true)
	keyAsked.Put(run.Vars, run.Binding.ID)
	return nil, nil
}

// record tells administrators that mail is wanted and cannot be sent.
func (s stage) record(ctx context.Context, run *flow.Run) error {
	return s.Store.Repos().Events.Append(ctx, idp.ConfigErrorEvent("stages.email", run.Actor, nil, map[string]any{
		"message": "A flow wanted to send an email: " + NoServer + ".", "flow": run.Flow.Slug}))
}

// keep is prompt_data without what may be a password: neither the answers to
// prompts of that type nor what is named like one.
func (s stage) keep(ctx context.Context, run *flow.Run) (map[string]any, error) {
	data, _ := flow.KeyPromptData.In(run.Vars)
	if len(data) == 0 {
		return nil, nil
	}
	kind := "password"
	page, err := s.Store.Repos().Prompts.Find(ctx, idp.PromptFilter{Type: &kind, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, err
	}
	for _, p := range page.Items {
		delete(data, p.FieldKey)
	}
	asked, _ := flow.KeySecrets.In(run.Vars)
	for key := range data {
		if secretive(key) || slices.Contains(asked, key) {
			delete(data, key)
		}
	}
	return data, nil
}

func secretive(key string) bool {
	key = strings.ToLower(key)
	for _, part := range []string{"password", "passwd", "passphrase", "secret", "token", "code", "pin"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

// confirms reports whether going on switches the account on.
func (s stage) confirms(u *idp.User) bool { return s.settings.ActivateUserOnSuccess && !u.IsActive }

// arrive goes on with the link's own user.
func (s stage) arrive(ctx context.Context, run *flow.Run, u *idp.User) (flow.Step, error) {
	if !s.confirms(u) {
		return flow.Next{}, nil
	}
	link, ok := flow.KeyLink.In(run.Vars)
	if !ok {
		return flow.Deny{Reason: "This link is not valid any more."}, nil
	}
	pending, _ := flow.KeyPending.In(run.Vars)
	changed, err := s.Accounts.Confirm(ctx, run.Actor, u.ID, account.Confirmation{Link: link, Generation: pending.Generation})
	if err != nil {
		return nil, err
	}
	flow.KeyLink.Drop(run.Vars)
	run.Forget()
	run.SetPending(changed)
	return flow.Next{}, nil
}
