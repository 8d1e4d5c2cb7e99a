package authenticatorvalidate

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Settings configure the stage.
type Settings struct {
	NotConfiguredAction        string        `json:"not_configured_action" enum:"skip,deny,configure" labels:"Go on without,End the flow,Set one up" help:"What happens to people who have no second factor of the classes below."`
	DeviceClasses              []string      `json:"device_classes" unordered:"true" enum:"static,totp,webauthn,duo,sms,email" labels:"Recovery codes,Authenticator apps,Passkeys,Duo (not offered),SMS (not offered),Email (not offered)" help:"Which second factors count."`
	ConfigurationStages        []idp.StageID `json:"configuration_stages" ref:"stage" help:"The stages in which a second factor is set up, where not_configured_action says so or one has to be renewed. With several, people choose."`
	LastAuthThreshold          string        `json:"last_auth_threshold" format:"duration" help:"How long nobody is asked again in the same known device. seconds=0 always asks."`
	WebauthnUserVerification   string        `json:"webauthn_user_verification" enum:"required,preferred,discouraged" help:"Whether a passkey has to verify its person, by a PIN or a finger. Instead of a password it always has to."`
	WebauthnAllowedDeviceTypes []idp.UUID    `json:"webauthn_allowed_device_types" unoffered:"true" help:"Not offered; must be empty."`
}

func defaults() any {
	return &Settings{NotConfiguredAction: "skip", DeviceClasses: []string{"static", "totp", "webauthn"}, ConfigurationStages: []idp.StageID{},
		LastAuthThreshold: "seconds=0", WebauthnUserVerification: "preferred", WebauthnAllowedDeviceTypes: []idp.UUID{}}
}

// read judges the settings.
func (s *Settings) read() (kinds []idp.FactorKind, within time.Duration, err error) {
	var faults idp.Faults
	for _, k := range idp.FactorKinds() {
		if slices.Contains(s.DeviceClasses, string(k)) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		faults.Add("device_classes", "Must contain static, totp or webauthn: no other class is offered here.")
	}
	if s.NotConfiguredAction == "configure" && len(s.ConfigurationStages) == 0 {
		faults.Add("not_configured_action", "When not configured action is set to configure, you must set a configuration stage.")
	}
	if len(s.WebauthnAllowedDeviceTypes) > 0 {
		faults.Add("webauthn_allowed_device_types", "Restrictions to models are not offered; leave this empty.")
	}
	if within, err = idp.ParseDuration(s.LastAuthThreshold); err != nil {
		faults.Add("last_auth_threshold", "%s", err.Error())
	}
	return kinds, within, faults.Err()
}

// check refuses stages that set nothing up.
func check(ctx context.Context, repos idp.Repos, settings any) error {
	var faults idp.Faults
	for _, id := range settings.(*Settings).ConfigurationStages {
		found, err := repos.Stages.Get(ctx, id)
		switch {
		case idp.Is(err, idp.CodeNotFound):
			faults.Add("configuration_stages", "Invalid pk \"%s\" - object does not exist.", id)
		case err != nil:
			return err
		case !setsUp(found.Kind):
			faults.Add("configuration_stages", "Stage %q sets up no second factor.", found.Name)
		}
	}
	return faults.Err()
}

func setsUp(kind string) bool {
	return slices.Contains([]string{"authenticator_totp", "authenticator_static", "authenticator_webauthn"}, kind)
}

// Selectable is a stage that people can choose to set up a factor in.
type Selectable struct {
	PK            string `json:"pk"`
	Name          string `json:"name"`
	VerboseName   string `json:"verbose_name"`
	MetaModelName string `json:"meta_model_name"`

	label string
}

// setup is such a stage, built.
type setup struct {
	Selectable
	id    idp.StageID
	stage flow.Stage
}

// setups builds the stages that can set up a factor.
func (s stage) setups(ctx context.Context) (out []setup, err error) {
	for _, id := range s.settings.ConfigurationStages {
		def, err := s.store.Repos().Stages.Get(ctx, id)
		if idp.Is(err, idp.CodeNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(s.kinds, func(k flow.Kind) bool { return k.Name == def.Kind })
		if i < 0 {
			continue
		}
		k := s.kinds[i]
		settings, err := k.Decode(def.Settings)
		if err != nil {
			return nil, err
		}
		built, err := k.Build(settings)
		if err != nil {
			return nil, err
		}
		var friendly struct {
			Name string `json:"friendly_name"`
		}
		_ = json.Unmarshal(def.Settings, &friendly)
		if friendly.Name == "" {
			friendly.Name = labels[def.Kind]
		}
		out = append(out, setup{Selectable: Selectable{PK: id.String(), Name: def.Name, VerboseName: k.Verbose, MetaModelName: k.Model, label: friendly.Name}, id: id, stage: built})
	}
	return out, nil
}

// labels are what people read of what they can set up.
var labels = map[string]string{"authenticator_totp": "Authenticator app", "authenticator_static": "Recovery codes", "authenticator_webauthn": "Passkey"}
