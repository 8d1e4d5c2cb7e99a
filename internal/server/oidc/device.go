package oidc

import (
	"net/http"
	"net/url"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// device is the page where people type the code that a device shows (RFC 8628, section
// 3.3). A code in the address fills the field in, and nothing else: somebody has to
// look and say so.
func (f *Front) device(w http.ResponseWriter, r *http.Request) error {
	if web.User(r) == nil {
		return web.Redirect(w, r, web.SignInURL(r))
	}
	if raw := r.URL.Query().Get(decidedParam); raw != "" {
		return f.decided(w, r, raw)
	}
	return f.askCode(w, r, r.URL.Query().Get("code"), "", http.StatusOK)
}

// decidedParam names the device that a flow was about.
const decidedParam = "done"

// decided says what became of a device, at the end of the flow or where somebody left it.
func (f *Front) decided(w http.ResponseWriter, r *http.Request, raw string) error {
	id, ok := core.ParseRequestID(raw)
	if !ok {
		return idp.Invalid(decidedParam, "“%.64s” is not a valid UUID.", raw)
	}
	if !r.URL.Query().Has(core.CancelParam) {
		return page.Render(w, r, deviceDone(page.Account(r, ui.PageProps{Title: "Device signed in"})))
	}
	err := f.Service.LetIn(r.Context(), web.Actor(r), id, false)
	if err != nil && !idp.Is(err, idp.CodeNotFound) { // one that waits no more needs no answer
		return err
	}
	return page.Render(w, r, deviceRefused(page.Account(r, ui.PageProps{Title: "Device not signed in"})))
}

func (f *Front) askCode(w http.ResponseWriter, r *http.Request, code, fault string, status int) error {
	return page.RenderStatus(w, r, status, deviceForm(page.Account(r, ui.PageProps{Title: "Sign in a device"}), ui.FieldProps{
		Name: "code", Label: "Code", Value: code, Error: fault, Required: true, Autofocus: true, Mono: true, Autocomplete: "off", MaxLength: 20, Placeholder: "BCDF-GHJK",
		Hint: "The device shows it. Only go on if the device is yours and you began this."}))
}

// deviceCode takes a code to the application's authorization flow.
func (f *Front) deviceCode(w http.ResponseWriter, r *http.Request) error {
	if web.User(r) == nil || web.Actor(r).Session == nil {
		return web.Redirect(w, r, web.SignInURL(r))
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	code := form.Trimmed("code")
	d, err := f.Service.DeviceByCode(r.Context(), web.Actor(r), code)
	switch {
	case idp.Is(err, idp.CodeInvalid):
		return f.askCode(w, r, code, said(err), http.StatusBadRequest)
	case idp.Is(err, idp.CodeRateLimited):
		web.SetRetryAfter(w, err)
		_, message := web.Status(err)
		return f.askCode(w, r, code, message, http.StatusTooManyRequests)
	case err != nil:
		return err
	}
	if err := f.Service.AdmitDevice(r.Context(), web.Actor(r), d); err != nil {
		return err
	}
	answer, err := f.pass(w, r, d.Client, d.Wanted, core.PurposeDevice(d.Row.ID), DevicePath+"?"+url.Values{decidedParam: {d.Row.ID.String()}}.Encode(), true, false)
	switch {
	case err != nil:
		return err
	case answer.Challenge != nil:
		return f.stopped(answer)
	}
	http.Redirect(w, r, answer.Redirect, http.StatusSeeOther)
	return nil
}

// said is what is wrong with a code.
func said(err error) string {
	faults, _ := page.FaultsOf(err)
	return faults.Of("code")
}
