package authenticatorvalidate

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Device is one way to prove a second factor.
type Device struct {
	Class     string         `json:"device_class"`
	UID       string         `json:"device_uid"`
	Challenge map[string]any `json:"challenge"` // of passkeys: what navigator.credentials.get takes as publicKey
	LastUsed  *time.Time     `json:"last_used"`
}

// Challenge asks for a second factor, or which one to set up.
type Challenge struct {
	flow.UserInfo
	DeviceChallenges    []Device     `json:"device_challenges"`
	ConfigurationStages []Selectable `json:"configuration_stages"`
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-authenticator-validate" }

// has reports whether a factor of the class is among the ways.
func (c Challenge) has(class idp.FactorKind) bool {
	return slices.ContainsFunc(c.DeviceChallenges, func(d Device) bool { return d.Class == string(class) })
}

// passkey is what to ask passkeys, nil for nothing.
func (c Challenge) passkey() map[string]any {
	for _, d := range c.DeviceChallenges {
		if d.Class == string(idp.FactorWebAuthn) {
			return d.Challenge
		}
	}
	return nil
}

// anyone is the device_uid of a question that any passkey may answer.
const anyone = "-1"

func examples() []flow.Challenge {
	used := time.Date(2026, 3, 9, 14, 30, 0, 0, time.UTC)
	get := map[string]any{"challenge": "c2FtcGxl", "rpId": "idp.example.org", "timeout": 300000, "userVerification": "preferred"}
	none := []Selectable{}
	return []flow.Challenge{
		Challenge{UserInfo: flow.NewUserInfo("ada"), ConfigurationStages: none, DeviceChallenges: []Device{
			{Class: "totp", UID: "3", Challenge: map[string]any{}, LastUsed: &used}, {Class: "static", UID: "4", Challenge: map[string]any{}}}},
		Challenge{UserInfo: flow.NewUserInfo("ada"), ConfigurationStages: none, DeviceChallenges: []Device{
			{Class: "webauthn", UID: "5", Challenge: get}, {Class: "totp", UID: "3", Challenge: map[string]any{}, LastUsed: &used}}},
		Challenge{ConfigurationStages: none, DeviceChallenges: []Device{{Class: "webauthn", UID: anyone, Challenge: get}}},
		Challenge{UserInfo: flow.NewUserInfo("ada"), DeviceChallenges: []Device{}, ConfigurationStages: []Selectable{
			{PK: "7b1f0e5e-0000-4000-8000-000000000001", Name: "default-authenticator-totp-setup", VerboseName: "TOTP Authenticator Setup Stage",
				MetaModelName: "authentik_stages_authenticator_totp.authenticatortotpstage", label: "Authenticator app"},
			{PK: "7b1f0e5e-0000-4000-8000-000000000002", Name: "default-authenticator-webauthn-setup", VerboseName: "WebAuthn Authenticator Setup Stage",
				MetaModelName: "authentik_stages_authenticator_webauthn.authenticatorwebauthnstage", label: "Passkey"}}},
	}
}

// standing is what there is to know of whom the run is about.
type standing struct {
	who  flow.UserInfo
	user *idp.User    // nil = nobody, or nobody that anybody has the name of
	has  []idp.Factor // of the kinds that count
}

// stand looks it up. Whoever is signed in and not pending is asked for their own.
func (s stage) stand(ctx context.Context, run *flow.Run) (st standing, err error) {
	if st.user, err = run.Pending(ctx); err != nil {
		return st, err
	}
	if _, typed := flow.KeyPendingIdentifier.In(run.Vars); st.user == nil && !typed && run.Actor.User != nil {
		st.user = run.Actor.User
		run.SetPending(st.user)
	}
	if st.who, err = run.Who(ctx); err != nil || st.user == nil {
		return st, err
	}
	all, err := s.store.Repos().Factors.Of(ctx, st.user.ID)
	st.has = slices.DeleteFunc(all, func(f idp.Factor) bool { return !slices.Contains(s.classes, f.Kind) })
	return st, err
}

// proof is an attempt of whom the run is about.
func (s stage) proof(run *flow.Run, st standing) factor.Proof {
	pending, _ := flow.KeyPending.In(run.Vars)
	typed, _ := flow.KeyPendingIdentifier.In(run.Vars)
	return factor.Proof{User: st.user, Name: typed, Generation: pending.Generation, Device: run.Device.Value, Kinds: s.classes}
}

// ask makes the question: what there is to prove, passkeys first. It is nil where nothing
// can be proved.
func (s stage) ask(ctx context.Context, run *flow.Run, st standing) (flow.Step, error) {
	c := Challenge{UserInfo: st.who, DeviceChallenges: []Device{}, ConfigurationStages: []Selectable{}}
	asked, ceremony, err := s.factors.BeginAssertion(ctx, run.Actor, st.user, st.has, factor.Verification(s.settings.WebauthnUserVerification))
	if err != nil {
		return nil, err
	}
	keyCeremony.Drop(run.Vars)
	if asked != nil {
		keyCeremony.Put(run.Vars, ceremony)
	}
	for _, kind := range []idp.FactorKind{idp.FactorWebAuthn, idp.FactorTOTP, idp.FactorStatic} {
		for _, f := range st.has {
			d := Device{Class: string(kind), UID: strconv.Itoa(int(f.Num)), Challenge: map[string]any{}, LastUsed: f.LastUsedAt}
			switch {
			case f.Kind != kind, kind == idp.FactorStatic && f.CodesLeft == 0, kind == idp.FactorWebAuthn && asked == nil:
				continue
			case kind == idp.FactorWebAuthn:
				d.Challenge, asked = asked, nil // one question is for all of them
			}
			c.DeviceChallenges = append(c.DeviceChallenges, d)
		}
	}
	if len(c.DeviceChallenges) == 0 {
		return nil, nil
	}
	return flow.Ask{Challenge: c}, nil
}

// askAnyone asks for whichever passkey somebody has.
func (s stage) askAnyone(ctx context.Context, run *flow.Run) (flow.Step, error) {
	if !slices.Contains(s.classes, idp.FactorWebAuthn) {
		return flow.Deny{Reason: message}, nil
	}
	asked, ceremony, err := s.factors.BeginPasskey(ctx, run.Actor)
	if err != nil {
		return nil, err
	}
	if asked == nil {
		return flow.Deny{Reason: "Passkeys cannot be used at this address."}, nil
	}
	keyCeremony.Put(run.Vars, ceremony)
	return flow.Ask{Challenge: Challenge{UserInfo: flow.NewUserInfo(""), ConfigurationStages: []Selectable{},
		DeviceChallenges: []Device{{Class: string(idp.FactorWebAuthn), UID: anyone, Challenge: asked}}}}, nil
}

// askNobody asks somebody whom nobody has the name of as if they had a factor.
func askNobody(st standing) flow.Step {
	return flow.Ask{Challenge: Challenge{UserInfo: st.who, ConfigurationStages: []Selectable{},
		DeviceChallenges: []Device{{Class: string(idp.FactorTOTP), UID: "1", Challenge: map[string]any{}}}}}
}
