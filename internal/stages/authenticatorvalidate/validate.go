package authenticatorvalidate

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// message is the same whatever was wrong.
const message = "Failed to authenticate."

// noFactor is what somebody reads who may not go on without one.
const noFactor = "You need a second factor to go on, and this account has none that counts here. Ask your administrator."

// keyCeremony is the question that passkeys were asked last, and keySetup the stage in
// which somebody is setting a factor up.
const (
	keyCeremony flow.Key[factor.Ceremony] = "goauthentik.io/validate/ceremony"
	keySetup    flow.Key[idp.StageID]     = "goauthentik.io/validate/setup"
)

// Factors proves second factors.
type Factors interface {
	ProveCode(ctx context.Context, actor idp.Actor, p factor.Proof, code string) (*idp.Factor, error)
	BeginAssertion(ctx context.Context, actor idp.Actor, u *idp.User, has []idp.Factor, v factor.Verification) (map[string]any, factor.Ceremony, error)
	ProveWebAuthn(ctx context.Context, actor idp.Actor, p factor.Proof, c factor.Ceremony, response any) (*idp.Factor, error)
	BeginPasskey(ctx context.Context, actor idp.Actor) (map[string]any, factor.Ceremony, error)
	ProvePasskey(ctx context.Context, actor idp.Actor, device, field string, c factor.Ceremony, response any) (*idp.User, *idp.Factor, error)
	Remembered(ctx context.Context, p factor.Proof, within time.Duration) (*idp.Factor, error)
}

// Repos reads what the stage looks up.
type Repos interface{ Repos() idp.Repos }

// Kind describes the stage. setups are the kinds that set up factors.
func Kind(store Repos, factors Factors, setups ...flow.Kind) flow.Kind {
	shown := examples()
	for _, k := range setups {
		shown = append(shown, k.Examples...)
	}
	return flow.Kind{
		Name: "authenticator_validate", Model: "authentik_stages_authenticator_validate.authenticatorvalidatestage", Form: "ak-stage-authenticator-validate-form",
		Verbose: "Authenticator Validation Stage", VerbosePlural: "Authenticator Validation Stages",
		Summary:  "Asks for a second factor, or for a passkey instead of name and password.",
		Settings: defaults,
		Build: func(settings any) (flow.Stage, error) {
			s := stage{settings: *settings.(*Settings), store: store, factors: factors, kinds: setups}
			var err error
			s.classes, s.within, err = s.settings.read()
			return s, err
		},
		Check:    check,
		Examples: shown,
		View: func(c flow.Challenge, p flow.Page) flow.View {
			if own, ok := c.(Challenge); ok {
				return view(own, p)
			}
			for _, k := range setups {
				if len(k.Examples) > 0 && k.Examples[0].Component() == c.Component() {
					return k.View(c, p)
				}
			}
			return nil
		},
	}
}

type stage struct {
	settings Settings
	store    Repos
	factors  Factors
	kinds    []flow.Kind
	classes  []idp.FactorKind
	within   time.Duration
}

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	if step, err := s.underWay(ctx, run, func(st flow.Stage) (flow.Step, error) { return st.Enter(ctx, run) }); step != nil || err != nil {
		return step, err
	}
	st, err := s.stand(ctx, run)
	switch {
	case err != nil:
		return nil, err
	case st.user == nil && st.who.PendingUser == "":
		return s.askAnyone(ctx, run)
	case st.user == nil:
		return askNobody(st), nil
	}
	settled, err := s.settled(ctx, run, st)
	switch {
	case err != nil:
		return nil, err
	case settled:
		return s.settle(ctx, run, st)
	case len(st.has) == 0:
		return s.without(ctx, run, st)
	}
	step, err := s.ask(ctx, run, st)
	if step == nil && err == nil {
		// Factors that cannot be used here are no reason to do without.
		step = flow.Deny{Reason: "None of your second factors can be used here: recovery codes are used up, or passkeys were made for another address. Ask your administrator."}
	}
	return step, err
}

// settled reports whether nothing is to be asked: a factor that counts was proved in this
// run, or lately in this browser.
func (s stage) settled(ctx context.Context, run *flow.Run, st standing) (bool, error) {
	if id, ok := run.FactorProved(); ok {
		for _, f := range st.has {
			if f.ID == id {
				return true, nil
			}
		}
	}
	f, err := s.factors.Remembered(ctx, s.proof(run, st), s.within)
	if err != nil || f == nil {
		return false, err
	}
	flow.KeyFactor.Put(run.Vars, f.ID)
	return true, nil
}

// settle goes on with somebody who has proved a factor, unless one has to be set up anew.
func (s stage) settle(ctx context.Context, run *flow.Run, st standing) (flow.Step, error) {
	if _, proved := run.FactorProved(); !st.user.RenewFactor || !proved {
		return flow.Next{}, nil
	}
	return s.configure(ctx, run, st, flow.Next{})
}

// without is for whoever has no factor that counts.
func (s stage) without(ctx context.Context, run *flow.Run, st standing) (flow.Step, error) {
	switch {
	case st.user.RenewFactor && s.settings.NotConfiguredAction == "skip":
		return s.configure(ctx, run, st, flow.Next{})
	case s.settings.NotConfiguredAction == "skip":
		return flow.Next{}, nil
	case s.settings.NotConfiguredAction == "configure":
		return s.configure(ctx, run, st, flow.Deny{Reason: noFactor})
	}
	return flow.Deny{Reason: noFactor}, nil
}

// configure leads through the set-up of a factor; otherwise is for where none can be.
func (s stage) configure(ctx context.Context, run *flow.Run, st standing, otherwise flow.Step) (flow.Step, error) {
	choice, err := s.setups(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(choice) == 0:
		return otherwise, nil
	case len(choice) == 1:
		keySetup.Put(run.Vars, choice[0].id)
		return choice[0].stage.Enter(ctx, run)
	}
	c := Challenge{UserInfo: st.who, DeviceChallenges: []Device{}}
	for _, one := range choice {
		c.ConfigurationStages = append(c.ConfigurationStages, one.Selectable)
	}
	return flow.Ask{Challenge: c}, nil
}

// underWay goes on with the set-up that was chosen; both results are nil when there is
// none.
func (s stage) underWay(ctx context.Context, run *flow.Run, do func(flow.Stage) (flow.Step, error)) (flow.Step, error) {
	id, ok := keySetup.In(run.Vars)
	if !ok {
		return nil, nil
	}
	choice, err := s.setups(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range choice {
		if one.id == id {
			return do(one.stage)
		}
	}
	keySetup.Drop(run.Vars) // the stage was changed meanwhile
	return nil, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	step, err := s.underWay(ctx, run, func(st flow.Stage) (flow.Step, error) { return st.Submit(ctx, run, in) })
	if _, done := step.(flow.Next); done {
		keySetup.Drop(run.Vars)
	}
	if step != nil || err != nil {
		return step, err
	}
	chosen, err := in.Text("selected_stage")
	if err != nil {
		return nil, err
	}
	if chosen != "" {
		return s.choose(ctx, run, chosen)
	}
	st, err := s.stand(ctx, run)
	if err != nil {
		return nil, err
	}
	if st.user != nil && len(st.has) == 0 {
		return s.without(ctx, run, st) // nothing was asked
	}
	if answer := in["webauthn"]; given(answer) {
		return s.passkey(ctx, run, st, answer)
	}
	if _, picked := in["selected_challenge"]; picked && in["code"] == nil {
		return s.Enter(ctx, run) // every way is open at once
	}
	if in["duo"] != nil && in["code"] == nil {
		return nil, idp.Invalid("duo", "Duo is not offered.")
	}
	return s.code(ctx, run, st, in)
}

// given reports whether an answer says anything: programs send all fields of a body.
func given(answer any) bool {
	object, ok := answer.(map[string]any)
	return answer != nil && answer != "" && (!ok || len(object) > 0)
}

// choose begins to set a factor up, where Enter would.
func (s stage) choose(ctx context.Context, run *flow.Run, chosen string) (flow.Step, error) {
	step, err := s.Enter(ctx, run)
	if err != nil {
		return nil, err
	}
	if ask, ok := step.(flow.Ask); ok {
		if c, ok := ask.Challenge.(Challenge); ok && len(c.ConfigurationStages) > 0 {
			for _, one := range c.ConfigurationStages {
				if id, err := idp.ParseID[idp.Stage](chosen); err == nil && id.String() == one.PK {
					keySetup.Put(run.Vars, id)
					return s.underWay(ctx, run, func(st flow.Stage) (flow.Step, error) { return st.Enter(ctx, run) })
				}
			}
		}
	}
	return nil, idp.Invalid("selected_stage", "Invalid stage selected")
}

func (s stage) code(ctx context.Context, run *flow.Run, st standing, in flow.Input) (flow.Step, error) {
	code, err := in.Required("code")
	if err != nil {
		return nil, err
	}
	if st.user == nil && st.who.PendingUser == "" {
		return nil, idp.Invalid("code", message) // only a passkey says whose it is
	}
	f, err := s.factors.ProveCode(ctx, run.Actor, s.proof(run, st), code)
	return s.proved(ctx, run, st, "code", f, err)
}

func (s stage) passkey(ctx context.Context, run *flow.Run, st standing, answer any) (flow.Step, error) {
	c, _ := keyCeremony.In(run.Vars)
	keyCeremony.Drop(run.Vars) // whatever comes of it, it was answered
	if st.user != nil || st.who.PendingUser != "" {
		f, err := s.factors.ProveWebAuthn(ctx, run.Actor, s.proof(run, st), c, answer)
		return s.proved(ctx, run, st, "webauthn", f, err)
	}
	u, f, err := s.factors.ProvePasskey(ctx, run.Actor, run.Device.Value, "webauthn", c, answer)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, idp.Invalid("webauthn", message)
	}
	run.Passkeyed(u, f.ID, factor.Device(f))
	run.Forget()
	return flow.Next{}, nil
}

// proved goes on with somebody who has proved a factor.
func (s stage) proved(ctx context.Context, run *flow.Run, st standing, field string, f *idp.Factor, err error) (flow.Step, error) {
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, idp.Invalid(field, message)
	}
	run.Factored(st.user.ID, f.ID, factor.Device(f))
	return s.settle(ctx, run, st)
}
