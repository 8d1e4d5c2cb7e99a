package web

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Dress says in a visit who makes the request, and under which brand.
func Dress(r *http.Request, v *flow.Visit) {
	v.Brand = Brand(r)
	v.Actor, v.Revision, v.Dress = Actor(r), From(r.Context()).Revision, nil // the actor with the brand
}

// DressLater is Dress for whoever asks for the state of the configuration in any case,
// so that it is asked for once.
func DressLater(r *http.Request, v *flow.Visit) {
	scope := From(r.Context())
	v.Revision = scope.Revision
	v.Dress = func(revision idp.Revision) (idp.Actor, *idp.Brand) {
		if scope.Brand == nil {
			scope.Revision = revision
		}
		brand := Brand(r)
		return scope.Actor, brand
	}
}
