package configure

import (
	"context"
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of applications.
const (
	maxForwardHosts   = 50
	maxIcon           = 64 << 10 // characters of an icon that is given as data
	maxCookieLifetime = 10 * 365 * 24 * time.Hour
)

// Hidden is the launch URL of an application that people's pages do not show.
const Hidden = "blank://blank"

// endpoints are what stands in the place of a slug in the paths of protocols.
var endpoints = []string{"authorize", "token", "userinfo", "introspect", "revoke", "device", "par"}

// CreateApplication makes an application. Errors: CodeForbidden; CodeInvalid on the
// field concerned.
func (s *Service) CreateApplication(ctx context.Context, actor idp.Actor, a idp.Application) (*idp.Application, error) {
	return create(ctx, s, s.applications(), actor, a)
}

// UpdateApplication changes an application as it is now. mutate may run again. Errors:
// CodeForbidden; CodeNotFound; CodeInvalid on the field concerned; what mutate returns.
func (s *Service) UpdateApplication(ctx context.Context, actor idp.Actor, id idp.ApplicationID, mutate func(*idp.Application) error) (*idp.Application, error) {
	return update(ctx, s, s.applications(), actor, id, mutate)
}

// DeleteApplication deletes an application with what is bound to it, what people have
// agreed to and what it was granted; its provider stays. Errors: CodeForbidden;
// CodeNotFound.
func (s *Service) DeleteApplication(ctx context.Context, actor idp.Actor, id idp.ApplicationID) error {
	return remove(ctx, s, s.applications(), actor, id)
}

func (s *Service) applications() noun[idp.Application] {
	return noun[idp.Application]{
		what: "application", resource: idp.ResourceApplication,
		rows:  func(tx idp.Repos) rows[idp.Application] { return tx.Applications },
		id:    func(a *idp.Application) *idp.ApplicationID { return &a.ID },
		model: func(*idp.Application) string { return "authentik_core.application" },
		name:  func(_ context.Context, _ idp.Repos, a *idp.Application) (string, error) { return a.Name, nil },
		fields: func(a *idp.Application) map[string]any {
			return map[string]any{"name": a.Name, "slug": a.Slug, "group": a.Group, "provider": a.ProviderID, "policy_engine_mode": a.PolicyMode,
				"meta_launch_url": a.LaunchURL, "open_in_new_tab": a.OpenInNew, "meta_icon": a.Icon, "meta_description": a.Description,
				"meta_publisher": a.Publisher, "forward_hosts": a.ForwardHosts, "cookie_lifetime": a.CookieLifetime}
		},
		judge: judgeApplication,
	}
}

func judgeApplication(ctx context.Context, tx idp.Repos, was, a *idp.Application) error {
	if was == nil {
		fallback(&a.PolicyMode, idp.PolicyAny)
	}
	var faults idp.Faults
	a.Name, a.LaunchURL = strings.TrimSpace(a.Name), strings.TrimSpace(a.LaunchURL)
	faults.Line("name", a.Name, maxName, false)
	if faults.Line("slug", a.Slug, maxName, false) {
		switch {
		case !slug.MatchString(a.Slug):
			faults.Add("slug", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.")
		case slices.Contains(endpoints, a.Slug):
			faults.Add("slug", "%q is the name of an endpoint. Choose another slug.", a.Slug)
		}
	}
	faults.Line("group", a.Group, maxName, true)
	faults.Line("meta_publisher", a.Publisher, maxName, true)
	faults.Text("meta_description", a.Description, maxText, true)
	idp.Choice(&faults, "policy_engine_mode", a.PolicyMode, idp.PolicyModes())
	checkLaunchURL(&faults, a.LaunchURL)
	checkIcon(&faults, a.Icon)
	a.ForwardHosts = checkHosts(&faults, a.ForwardHosts)
	checkDuration(&faults, "cookie_lifetime", a.CookieLifetime, 0, maxCookieLifetime)
	if a.ProviderID != nil {
		if _, err := pointing(ctx, &faults, "provider", *a.ProviderID, tx.OAuthProviders.Get); err != nil {
			return err
		}
	}
	return faults.Err()
}

// checkLaunchURL asks for an address of the web; names of the person may stand in it.
func checkLaunchURL(faults *idp.Faults, s string) {
	if !faults.Line("meta_launch_url", s, maxAddress, true) || s == "" || s == Hidden {
		return
	}
	filled := strings.NewReplacer("%(username)s", "u", "%(email)s", "u", "%(name)s", "u", "%(uid)s", "u").Replace(s)
	u, err := url.Parse(filled)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.ContainsFunc(s, blank) {
		faults.Add("meta_launch_url", "Enter a valid URL that starts with https:// or http://, or %s to hide the application.", Hidden)
	}
}

// icons are the kinds of pictures that browsers draw without running them.
var icons = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp|svg\+xml);base64,([A-Za-z0-9+/]+=*)$`)

// checkIcon asks for something a page can load, or for a small picture itself.
func checkIcon(faults *idp.Faults, s string) {
	if !strings.HasPrefix(s, "data:") {
		checkAddress(faults, "meta_icon", s)
		return
	}
	found := icons.FindStringSubmatch(s)
	if len(s) > maxIcon || found == nil {
		faults.Add("meta_icon", "Expected a picture (PNG, JPEG, GIF, WebP or SVG) as data:image/…;base64,… of at most %d characters.", maxIcon)
		return
	}
	if _, err := base64.StdEncoding.DecodeString(found[2]); err != nil {
		faults.Add("meta_icon", "The picture is not valid base64.")
	}
}

// checkHosts asks for names of hosts, and returns them in lower case, each once.
func checkHosts(faults *idp.Faults, hosts []string) []string {
	if len(hosts) > maxForwardHosts {
		faults.Add("forward_hosts", "Ensure this list has no more than %d entries.", maxForwardHosts)
		return hosts
	}
	out := []string{}
	for _, h := range hosts {
		h = strings.ToLower(strings.TrimSpace(h))
		name, port, hasPort := strings.Cut(h, ":")
		n, err := strconv.ParseUint(port, 10, 16)
		switch {
		case len(name) > maxDomain || !domain.MatchString(name), hasPort && (err != nil || n == 0):
			faults.Add("forward_hosts", "%q is not the name of a host. Expected one such as wiki.example.org, with its port where that is not the usual one: wiki.example.org:8443.", shortened(h))
		case !slices.Contains(out, h):
			out = append(out, h)
		}
	}
	return out
}

// shortened is a text of people for a message.
func shortened(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// checkDuration asks for a duration of whole seconds between two others.
func checkDuration(faults *idp.Faults, field string, d, least, most time.Duration) {
	switch {
	case d < least:
		faults.Add(field, "Ensure this duration is at least %s.", words(least))
	case d > most:
		faults.Add(field, "Ensure this duration is at most %s.", words(most))
	case d%time.Second != 0:
		faults.Add(field, "Expected a whole number of seconds.")
	}
}

// words says how long a bound is.
func words(d time.Duration) string {
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / u.of; d%u.of == 0 && n > 0 {
			if n == 1 {
				return "1 " + u.name
			}
			return strconv.FormatInt(int64(n), 10) + " " + u.name + "s"
		}
	}
	return "0 seconds"
}
