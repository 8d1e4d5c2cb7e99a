package web

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
)

// DeviceCookie is what accounts know a browser by. Its prefix makes browsers
// refuse it from anybody but this host itself, without a Domain, for the whole
// site and with Secure only; so no neighbour of the site can plant one.
const DeviceCookie = "__Host-portcullis_device"

// maxDevice is more than any value of ours is long.
const maxDevice = 64

// Device returns what the browser is known by, and whether it would keep such a
// cookie at all.
func Device(r *http.Request) flow.Device {
	d := flow.Device{Keeps: keepsDevice(r)}
	if c, err := r.Cookie(DeviceCookie); err == nil && d.Keeps && deviceValue(c.Value) {
		d.Value = c.Value
	}
	return d
}

// keepsDevice reports whether the browser takes a Secure cookie from us: over
// https it does, and over http where it trusts the way, which is its own
// machine. Anywhere else nobody is remembered.
func keepsDevice(r *http.Request) bool {
	return From(r.Context()).Cookies.Secure || loopback(r.Host)
}

func loopback(host string) bool {
	if u := strings.LastIndexByte(host, ':'); u >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:u]
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// deviceValue reports whether a value could be of secret.Token.
func deviceValue(v string) bool {
	if v == "" || len(v) > maxDevice {
		return false
	}
	for _, c := range v {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// rememberDevice gives the browser the value that it is known by.
func rememberDevice(w http.ResponseWriter, r *http.Request, d *flow.Remembered) {
	if keepsDevice(r) {
		Cookies{Secure: true}.Set(w, DeviceCookie, d.Cookie, d.Expires)
	}
}
