package application

import "github.com/portcullis-idp/portcullis/internal/idp"

// Endpoints are where the clients of an application turn to.
type Endpoints struct {
	Issuer       string
	Authorize    string
	Token        string
	UserInfo     string
	ProviderInfo string // the discovery document
	Logout       string
	JWKS         string
	Device       string // device authorization
}

// EndpointsOf are the addresses of an application at this installation; origin is its
// own address, without a trailing slash.
func EndpointsOf(origin string, app *idp.Application, mode idp.IssuerMode) Endpoints {
	shared, own := origin+"/application/o/", origin+"/application/o/"+app.Slug+"/"
	e := Endpoints{Issuer: own, Authorize: shared + "authorize/", Token: shared + "token/", UserInfo: shared + "userinfo/",
		ProviderInfo: own + ".well-known/openid-configuration", Logout: own + "end-session/", JWKS: own + "jwks/", Device: shared + "device/"}
	if mode == idp.IssuerGlobal {
		e.Issuer = origin + "/"
	}
	return e
}
