package userlogin

import (
	"math"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Settings configure the stage.
type Settings struct {
	SessionDuration         string             `json:"session_duration" format:"duration" help:"How long the session lasts. seconds=0 ends it when the browser closes."`
	TerminateOtherSessions  bool               `json:"terminate_other_sessions" help:"End the user's other sessions. Tokens and grants, OAuth refresh tokens among them, stay."`
	RememberMeOffset        string             `json:"remember_me_offset" format:"duration" help:"Above zero, people are asked whether to stay signed in; if so, the session lasts that much longer."`
	NetworkBinding          idp.NetworkBinding `json:"network_binding" enum:"no_binding,bind_asn,bind_asn_network,bind_asn_network_ip" labels:"Not bound,Bound to the operator (ASN),Bound to the operator and network,Bound to the operator and network and address" help:"Bind the session to the network it began in: used from another one, it ends."`
	GeoipBinding            idp.GeoIPBinding   `json:"geoip_binding" enum:"no_binding,bind_continent,bind_continent_country,bind_continent_country_city" labels:"Not bound,Bound to the continent,Bound to the country,Bound to the city" help:"Bind the session to the place it began in: used from another one, it ends."`
	RememberDevice          string             `json:"remember_device" format:"duration" help:"How long this device counts as known after a sign-in; seconds=0 never."`
	IdleTimeout             string             `json:"idle_timeout" format:"duration" help:"End the session when it was not used for that long; at least a minute. seconds=0 never."`
	BindingLogOnly          bool               `json:"binding_log_only" label:"Only write down broken bindings" help:"A session that breaks its binding goes on, and an event tells of it: to try a binding out."`
	BindingPrivateAddresses bool               `json:"binding_private_addresses" label:"Bind within private networks too" help:"Moving from one private address to another breaks the binding as well. Otherwise it does not, for such addresses have no operator and no place."`
}

func defaults() *Settings {
	return &Settings{SessionDuration: "seconds=0", RememberMeOffset: "seconds=0", NetworkBinding: idp.NetworkUnbound,
		GeoipBinding: idp.GeoUnbound, RememberDevice: "days=30", IdleTimeout: "seconds=0"}
}

// The least that a duration may be, unless it is 0.
const (
	leastDuration = time.Second
	leastIdle     = time.Minute // uses are noted every few seconds at best
)

// durations are the settings' durations, read.
type durations struct{ lasts, offset, idle, device time.Duration }

func (s *Settings) durations() (durations, error) {
	var faults idp.Faults
	var d durations
	for _, f := range []struct {
		field, value string
		least        time.Duration
		to           *time.Duration
	}{
		{"session_duration", s.SessionDuration, leastDuration, &d.lasts},
		{"remember_me_offset", s.RememberMeOffset, leastDuration, &d.offset},
		{"idle_timeout", s.IdleTimeout, leastIdle, &d.idle},
		{"remember_device", s.RememberDevice, leastDuration, &d.device},
	} {
		got, err := idp.ParseDuration(f.value)
		switch {
		case err != nil:
			faults.Add(f.field, "%s", err.Error())
		case got > 0 && got < f.least:
			faults.Add(f.field, "The duration must be zero or at least seconds=%d.", int(f.least.Seconds()))
		}
		*f.to = got
	}
	if d.offset > math.MaxInt64-d.lasts {
		faults.Add("remember_me_offset", "Together with session_duration it must be at most 290 years.")
	}
	d.idle = d.idle.Truncate(time.Second)
	return d, faults.Err()
}

// binding is what a session of the stage is bound to.
func (s *Settings) binding() idp.SessionBinding {
	return idp.SessionBinding{Network: s.NetworkBinding, GeoIP: s.GeoipBinding,
		LogOnly: s.BindingLogOnly, Private: s.BindingPrivateAddresses}
}
