package identification

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// keyApplication is what the run signs in to, as far as its page names it.
const keyApplication flow.Key[struct {
	Name string `json:"name"`
}] = "application"

// message is the same whatever was wrong.
const message = "Failed to authenticate."

const (
	maxIdentifier = 254 // characters: the longest e-mail address
	maxPassword   = 4096
)

// Accounts verifies passwords.
type Accounts interface {
	// Prove reports whether by.Secret is the password of by.User or, where by says
	// so, one of their app passwords, which it returns. It takes the same time for a
	// nil user.
	Prove(ctx context.Context, actor idp.Actor, by idp.Attempt) (passed bool, with *idp.Token, err error)
}

// Repos reads what the stage looks up.
type Repos interface{ Repos() idp.Repos }

// Kind describes the stage.
//
// post tells whether recovery by mail can be offered; nil = it is offered.
func Kind(store Repos, accounts Accounts, post Post, passkeys Passkeys) flow.Kind {
	return flow.Kind{
		Name: "identification", Model: "authentik_stages_identification.identificationstage", Form: "ak-stage-identification-form",
		Verbose: "Identification Stage", VerbosePlural: "Identification Stages",
		Summary:  "Asks who somebody is; with an embedded password stage also for the password.",
		Settings: defaults,
		Build: func(settings any) (flow.Stage, error) {
			s := *settings.(*Settings)
			return stage{s, store, accounts, post, new(atomic.Pointer[bool]), passkeys}, s.judge()
		},
		Check:    check,
		Examples: examples(),
		View:     func(c flow.Challenge, p flow.Page) flow.View { return view(c.(Challenge), p) },
	}
}

// examples show the page alone and with everything on it.
func examples() []flow.Challenge {
	return []flow.Challenge{
		Challenge{UserFields: []string{"username", "email"}, FlowDesignation: idp.DesignationAuthentication, PrimaryAction: "Continue", Sources: []any{}},
		Challenge{UserFields: []string{"email"}, PasswordFields: true, AllowShowPassword: true, FlowDesignation: idp.DesignationAuthentication,
			PrimaryAction: "Log in", Sources: []any{}, EnrollURL: "/if/flow/enroll/", RecoveryURL: "/if/flow/recover/",
			PasswordlessURL: "/if/flow/passwordless/", EnableRememberMe: true},
		Challenge{UserFields: []string{"username"}, Identifier: "ada", ApplicationPre: "Wiki", FlowDesignation: idp.DesignationAuthentication,
			PrimaryAction: "Continue", Sources: []any{}},
		Challenge{FlowDesignation: idp.DesignationAuthentication, PrimaryAction: "Continue", Sources: []any{}, PasswordlessURL: "/if/flow/passwordless/"},
		Challenge{UserFields: []string{"username", "email"}, FlowDesignation: idp.DesignationAuthentication, PrimaryAction: "Continue", Sources: []any{},
			Passkey: map[string]any{"challenge": "c2FtcGxl", "rpId": "idp.example.org", "timeout": 300000, "userVerification": "required"}},
	}
}

// check refuses an embedded stage of another kind, and flows that do not exist.
func check(ctx context.Context, repos idp.Repos, settings any) error {
	s := settings.(*Settings)
	var faults idp.Faults
	if s.PasswordStage != nil {
		found, err := repos.Stages.Get(ctx, *s.PasswordStage)
		switch {
		case idp.Is(err, idp.CodeNotFound) || err == nil && found.Kind != "password":
			faults.Add("password_stage", "Expected a password stage.")
		case err != nil:
			return err
		}
	}
	if s.WebauthnStage != nil {
		found, err := repos.Stages.Get(ctx, *s.WebauthnStage)
		switch {
		case idp.Is(err, idp.CodeNotFound) || err == nil && (found.Kind != "authenticator_validate" || !countsPasskeys(found.Settings)):
			faults.Add("webauthn_stage", "Expected an authenticator validation stage that counts passkeys.")
		case err != nil:
			return err
		}
	}
	for field, id := range map[string]*idp.FlowID{"enrollment_flow": s.EnrollmentFlow, "recovery_flow": s.RecoveryFlow, "passwordless_flow": s.PasswordlessFlow} {
		if id == nil {
			continue
		}
		_, err := repos.Flows.Get(ctx, *id)
		if idp.Is(err, idp.CodeNotFound) {
			faults.Add(field, "Invalid pk \"%s\" - object does not exist.", id)
		} else if err != nil {
			return err
		}
	}
	return faults.Err()
}

type stage struct {
	settings Settings
	store    Repos
	accounts Accounts
	post     Post
	needs    known
	passkeys Passkeys
}

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	c := Challenge{UserFields: s.settings.UserFields, PasswordFields: s.settings.PasswordStage != nil, FlowDesignation: run.Flow.Designation,
		PrimaryAction: "Continue", Sources: []any{}, ShowSourceLabels: s.settings.ShowSourceLabels, EnableRememberMe: s.settings.EnableRememberMe}
	if len(c.UserFields) == 0 {
		c.UserFields = nil
	}
	c.Identifier, _ = flow.KeyPendingIdentifier.In(run.Vars)
	application, _ := keyApplication.In(run.Vars)
	c.ApplicationPre = application.Name
	if c.PasswordFields {
		asks, err := s.embedded(ctx)
		if err != nil {
			return nil, err
		}
		c.AllowShowPassword = asks.AllowShowPassword
		if run.Flow.Designation == idp.DesignationAuthentication {
			c.PrimaryAction = "Log in"
		}
	}
	for _, link := range []struct {
		to   *string
		flow *idp.FlowID
	}{{&c.EnrollURL, s.settings.EnrollmentFlow}, {&c.PasswordlessURL, s.settings.PasswordlessFlow}} {
		to, err := s.link(ctx, run, link.flow)
		if err != nil {
			return nil, err
		}
		*link.to = to
	}
	var err error
	if c.RecoveryURL, err = s.recovery(ctx, run); err != nil {
		return nil, err
	}
	if c.Passkey, err = s.offer(ctx, run); err != nil {
		return nil, err
	}
	return flow.Ask{Challenge: c}, nil
}

// embedded is what counts here of the embedded password stage.
type embedded struct {
	AllowShowPassword bool     `json:"allow_show_password"`
	Backends          []string `json:"backends"`
}

// embedded reads the embedded stage.
func (s stage) embedded(ctx context.Context) (embedded, error) {
	own := embedded{Backends: []string{flow.BackendPassword, flow.BackendAppPassword}}
	found, err := s.store.Repos().Stages.Get(ctx, *s.settings.PasswordStage)
	if idp.Is(err, idp.CodeNotFound) {
		return own, errors.New("the embedded password stage does not exist")
	}
	if err != nil {
		return own, err
	}
	return own, json.Unmarshal(found.Settings, &own)
}

// link is the page of a flow, which ends where this one would; a flow that is
// gone has none.
func (s stage) link(ctx context.Context, run *flow.Run, id *idp.FlowID) (string, error) {
	if id == nil {
		return "", nil
	}
	f, err := s.store.Repos().Flows.Get(ctx, *id)
	if idp.Is(err, idp.CodeNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if next := run.Query["next"]; flow.Relative(next) {
		return flow.Path(f.Slug) + "?" + url.Values{"next": {next}}.Encode(), nil
	}
	return flow.Path(f.Slug), nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	if answer := in["passkey"]; answer != nil && answer != "" {
		return s.passkey(ctx, run, answer)
	}
	typed, password, err := s.read(in)
	if err != nil {
		return nil, err
	}
	u, err := s.find(ctx, typed)
	if err != nil {
		return nil, err
	}
	if s.settings.PasswordStage == nil {
		if u == nil && !s.settings.PretendUserExists {
			return nil, s.unknown(ctx, run)
		}
		flow.KeyAuthMethod.Drop(run.Vars) // it was said of somebody else
		flow.KeyAuthMethodArgs.Drop(run.Vars)
		flow.KeyFactor.Drop(run.Vars)
		return s.pass(ctx, run, u, typed)
	}
	asks, err := s.embedded(ctx)
	if err != nil {
		return nil, err
	}
	by := idp.Attempt{User: u, Name: typed, Device: run.Device.Value, Secret: password}
	flow.Compare(&by, asks.Backends)
	passed, with, err := s.accounts.Prove(ctx, run.Actor, by)
	if err != nil && (!idp.Is(err, idp.CodeRefused) || idp.Locked(err)) {
		return nil, err
	}
	if err != nil || !passed || u == nil {
		return nil, idp.Invalid("", message)
	}
	run.Proved(with)
	return s.pass(ctx, run, u, typed)
}

// unknown lets the reputation of the address have it that somebody named nobody.
// Where the flow goes on regardless, the password stage counts the attempt. What
// was typed is not kept: people type passwords into the wrong field.
func (s stage) unknown(ctx context.Context, run *flow.Run) error {
	if err := s.store.Repos().Reputations.Adjust(ctx, "", run.Actor.ClientIP(), idp.ReputationFailed); err != nil {
		return err
	}
	return idp.Invalid("", message)
}

// read takes the fields out of the input; the password only where the page
// asks for it.
func (s stage) read(in flow.Input) (typed, password string, err error) {
	if len(s.settings.UserFields) == 0 {
		return "", "", idp.Invalid("", "This page takes no names: choose one of its links.")
	}
	var faults idp.Faults
	typed, err = in.Required("uid_field")
	note(&faults, err)
	if typed = strings.TrimSpace(typed); typed == "" && err == nil {
		faults.Add("uid_field", "This field may not be blank.")
	}
	if utf8.RuneCountInString(typed) > maxIdentifier {
		faults.Add("uid_field", "Ensure this field has no more than %d characters.", maxIdentifier)
	}
	if s.settings.PasswordStage != nil {
		password, err = in.Required("password")
		note(&faults, err)
		if len(password) > maxPassword {
			faults.Add("password", "Ensure this field has no more than %d characters.", maxPassword)
		}
	}
	return typed, password, faults.Err()
}

func note(faults *idp.Faults, err error) {
	var e *idp.Error
	if errors.As(err, &e) {
		for field, messages := range e.Fields {
			for _, m := range messages {
				faults.Add(field, "%s", m)
			}
		}
	}
}

// find looks the name up, nil for nobody.
func (s stage) find(ctx context.Context, typed string) (*idp.User, error) {
	u, err := s.store.Repos().Users.FindByLogin(ctx, typed, s.settings.UserFields)
	if err != nil || u == nil || u.IsAnonymous() {
		return nil, err
	}
	if !s.settings.CaseInsensitiveMatching && !s.exactly(u, typed) {
		return nil, nil
	}
	return u, nil
}

func (s stage) exactly(u *idp.User, typed string) bool {
	upn, _ := u.Attributes["upn"].(string)
	return slices.ContainsFunc(s.settings.UserFields, func(field string) bool {
		return typed == map[string]string{"username": u.Username, "email": u.Email, "upn": upn}[field]
	})
}

// pass makes u, or nobody, the pending user.
func (s stage) pass(ctx context.Context, run *flow.Run, u *idp.User, typed string) (flow.Step, error) {
	flow.KeyPending.Drop(run.Vars)
	flow.KeyPendingIdentifier.Drop(run.Vars)
	if u != nil {
		run.SetPending(u)
	}
	if u == nil || s.settings.hides() {
		flow.KeyPendingIdentifier.Put(run.Vars, typed)
	}
	to, err := s.recovery(ctx, run)
	if err != nil {
		return nil, err
	}
	flow.KeyRecoveryURL.Drop(run.Vars)
	if to != "" {
		flow.KeyRecoveryURL.Put(run.Vars, to)
	}
	return flow.Next{}, nil
}
