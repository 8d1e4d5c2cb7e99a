package oidc

import (
	"net/http"
	"strings"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// tokens is the answer with tokens (RFC 6749, section 5.1; OpenID Connect Core 1.0,
// section 3.1.3.3).
type tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"`
	Refresh string `json:"refresh_token,omitempty"`
	ID      string `json:"id_token,omitempty"`
	Scope   string `json:"scope"`
}

func (b *Back) token(c *call) error {
	if c.form["username"] != "" || c.form["password"] != "" {
		return core.Fault(core.ErrInvalidRequest, "Names and passwords of people are not taken here.")
	}
	got, err := b.Service.Token(c.r.Context(), c.actor(), c.origin, c.client, core.TokenRequest{Grant: idp.GrantType(c.form["grant_type"]),
		Code: c.form["code"], RedirectURI: c.form["redirect_uri"], Verifier: c.form["code_verifier"], RefreshToken: c.form["refresh_token"],
		DeviceCode: c.form["device_code"], Scope: c.text("scope")})
	if err != nil {
		return err
	}
	write(c.w, http.StatusOK, tokens{Access: got.Access, Type: "Bearer", Expires: seconds(got.Lifetime), Refresh: got.Refresh, ID: got.ID,
		Scope: strings.Join(got.Scopes, " ")})
	return nil
}

// introspect answers RFC 7662.
func (b *Back) introspect(c *call) error {
	token := c.form["token"]
	if token == "" {
		return core.Fault(core.ErrInvalidRequest, "token is missing.")
	}
	found, err := b.Service.Introspect(c.r.Context(), c.actor(), c.client, token)
	if err != nil {
		return err
	}
	note(c.r, found.Refusal)
	write(c.w, http.StatusOK, found)
	return nil
}

// revoke answers RFC 7009: what is unknown is as good as revoked.
func (b *Back) revoke(c *call) error {
	token := c.form["token"]
	if token == "" {
		return core.Fault(core.ErrInvalidRequest, "token is missing.")
	}
	if err := b.Service.Revoke(c.r.Context(), c.actor(), c.client, token); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// pushed is the answer to a pushed request (RFC 9126, section 2.2).
type pushed struct {
	URI     string `json:"request_uri"`
	Expires int64  `json:"expires_in"`
}

func (b *Back) push(c *call) error {
	uri, err := b.Service.Push(c.r.Context(), c.origin, c.client, c.form)
	if err != nil {
		return err
	}
	write(c.w, http.StatusCreated, pushed{uri, seconds(core.PushLifetime)})
	return nil
}

// waiting is the answer to a device that begins (RFC 8628, section 3.2).
type waiting struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	Where      string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	Expires    int64  `json:"expires_in"`
	Interval   int64  `json:"interval"`
}

func (b *Back) device(c *call) error {
	d, err := b.Service.Device(c.r.Context(), c.client, c.text("scope"))
	if err != nil {
		return err
	}
	where := string(c.origin) + core.VerifyPath
	write(c.w, http.StatusOK, waiting{DeviceCode: d.DeviceCode, UserCode: d.UserCode, Where: where, Complete: where + "?code=" + d.UserCode,
		Expires: seconds(d.Lifetime), Interval: seconds(d.Interval)})
	return nil
}
