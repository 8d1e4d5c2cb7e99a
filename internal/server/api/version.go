package api

import (
	"net/http"
	"reflect"
)

// Version says which version the server is. Nobody is asked whether there is a
// newer one, so the latest known is this one.
type Version struct {
	Current       string `json:"version_current"`
	Latest        string `json:"version_latest"`
	LatestValid   bool   `json:"version_latest_valid" doc:"false: nobody was asked for the latest."`
	BuildHash     string `json:"build_hash"`
	Outdated      bool   `json:"outdated"`
	OutpostsBelow bool   `json:"outpost_outdated"`
}

func (a *API) mountVersion() {
	a.kit.add(operation{method: http.MethodGet, path: "/admin/version/", id: "admin_version_retrieve", tag: "admin",
		summary: "Which version the server is", response: reflect.TypeFor[Version](), run: func(*call) (any, error) {
			return Version{Current: a.Version, Latest: a.Version}, nil
		}})
}
