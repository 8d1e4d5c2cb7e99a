package app_test

import (
	"encoding/json"
	"net/http"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// byAppPassword is a flow in which app passwords alone are good.
const byAppPassword = "by-app-password"

// tokenFlow makes it, once.
func (s *site) tokenFlow() {
	s.Helper()
	if _, err := s.repos().Flows.GetBySlug(s.Context(), byAppPassword); err == nil {
		return
	}
	s.addFlow(byAppPassword, idp.Stage{Kind: "identification", Settings: json.RawMessage(`{"pretend_user_exists": true}`)},
		idp.Stage{Kind: "password", Settings: json.RawMessage(`{"backends": ["authentik.core.auth.TokenBackend"]}`)},
		idp.Stage{Kind: "user_login", Settings: json.RawMessage(`{}`)})
}

// appPassword comes with an app password to the API, and to the password stage.
func (d *doorway) appPassword(how spoil) error {
	d.Helper()
	d.tokenFlow()
	var err error
	for _, other := range []idp.TokenIntent{idp.IntentAPI, idp.IntentRecovery, idp.IntentVerification} {
		person := d.person(how)
		name, read := person.Username, person
		b := d.browser()
		if how == forged {
			name, read = unique("nobody"), nil
		}
		b.solve(byAppPassword, map[string]any{"uid_field": name})
		_, key := d.tokenOf(person, idp.IntentAppPassword, other, how)
		if how == mistyped {
			key += "x"
		}
		var passed bool
		passed, _, err = d.Accounts.Prove(d.Context(), idp.Actor{}, idp.Attempt{User: read, Name: name, Secret: key, AppPasswords: true, NoPassword: true})
		locked := idp.Locked(err)
		switch {
		case locked:
		case !passed && how == guessed:
			err = idp.Refuse(idp.DoorAppPassword, idp.RefusedLockout) // strangers are not told
		case !passed && err == nil:
			err = idp.Refuse(idp.DoorAppPassword, d.lastRefusal())
		}
		answer := d.basic(name, key).get("/api/v3/core/users/me/")
		if locked {
			require.Equal(d, map[spoil]string{barred: "lock_in_force", doubtful: "lock_view_stale"}[how], answer.json(http.StatusForbidden)["code"])
		} else if err != nil {
			require.Equal(d, "Invalid username/password.", answer.json(http.StatusForbidden)["detail"], "one message for all")
		}
		_ = d.agree(err, answer.status == http.StatusOK, "app password on the API")

		if how != nobodys { // no flow goes so far with it
			got := b.solve(byAppPassword, map[string]any{"component": "ak-stage-password", "password": key})
			if err != nil && !locked {
				require.Equal(d, "Failed to authenticate.", fault(got, "password"), "one message for all")
			}
			_ = d.agree(err, got["component"] == "xak-flow-redirect" && b.works(), "app password in a flow")
		}
		if how != misused {
			break
		}
	}
	return err
}
