package api

import (
	"net/http"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// AuthPreference is what counts for the whole installation.
type AuthPreference struct {
	LockingMode string `json:"locking_mode" enum:"strict,best_effort"`
	// Managed says that the configuration has fixed it: changes are refused.
	Managed bool `json:"managed"`
}

// AuthPreferenceRequest changes it.
type AuthPreferenceRequest struct {
	// Judged by the use case, which knows the modes.
	LockingMode Optional[string] `json:"locking_mode" api:"required,blank" max:"64" help:"strict or best_effort"`
	_           struct{}         `ignore:"managed"`
}

func (a *API) mountPreference() {
	const path = "/cluster_auth_preference/"
	view, body := reflect.TypeFor[AuthPreference](), reflect.TypeFor[AuthPreferenceRequest]()
	add := func(op operation) {
		op.path, op.id, op.tag, op.response = path, "cluster_auth_preference_"+op.id, "locks", view
		a.kit.add(op)
	}
	add(operation{method: http.MethodGet, id: "retrieve", summary: "How locks are judged while a server may not know of all of them", run: func(c *call) (any, error) {
		return preferenceView(a.Locks.Preference(c, c.actor))
	}})
	add(operation{method: http.MethodPut, id: "update", summary: "Say how locks are judged", body: body, bodyName: "AuthPreferenceRequest",
		run: func(c *call) (any, error) { return a.setPreference(c, whole) }})
	add(operation{method: http.MethodPatch, id: "partial_update", summary: "Say how locks are judged", body: body,
		bodyName: "PatchedAuthPreferenceRequest", partial: true, run: func(c *call) (any, error) { return a.setPreference(c, partial) }})
}

func (a *API) setPreference(c *call, m mode) (any, error) {
	var b AuthPreferenceRequest
	if err := decodeBody(c.r, &b, m); err != nil {
		return nil, err
	}
	if !b.LockingMode.Set {
		return preferenceView(a.Locks.Preference(c, c.actor))
	}
	return preferenceView(a.Locks.SetPreference(c, c.actor, idp.LockingMode(b.LockingMode.Value)))
}

func preferenceView(p *lock.Preference, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return AuthPreference{LockingMode: string(p.LockingMode), Managed: p.Managed}, nil
}
