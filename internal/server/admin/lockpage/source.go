package lockpage

import (
	"fmt"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/useragent"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// offered is how many things a list shows; a search finds the others.
const offered = 20

// resources are what somebody must be able to list to choose from a list of it.
var resources = map[idp.LockKind]idp.Resource{
	idp.LockUser: idp.ResourceUser, idp.LockGroup: idp.ResourceGroup, idp.LockRole: idp.ResourceRole,
	idp.LockSession: idp.ResourceSession, idp.LockDevice: idp.ResourceDevice, idp.LockToken: idp.ResourceToken,
	idp.LockMFADevice: idp.ResourceFactor,
}

// offer is a list to choose from.
type offer struct {
	Options []ui.Option
	Total   int
	Refused string // why there is no list for whoever asks
}

// offer lists things of a kind that match what was searched for.
func (p *Pages) offer(r *http.Request, k kind, search string) (offer, error) {
	if err := p.d.Access.Check(web.Actor(r), idp.VerbList, idp.Object{Resource: resources[k.Kind]}); err != nil {
		return offer{Refused: "You may not list " + k.Noun + "s, so type which ones."}, nil
	}
	paging := idp.Paging{Limit: offered, Search: search}
	o, err := map[idp.LockKind]func(*http.Request, idp.Paging) (offer, error){
		idp.LockUser: p.users, idp.LockGroup: p.groups, idp.LockRole: p.roles,
		idp.LockSession: p.sessions, idp.LockDevice: p.devices, idp.LockToken: p.tokens,
		idp.LockMFADevice: p.factors,
	}[k.Kind](r, paging)
	if err != nil {
		return o, fmt.Errorf("listing what can be locked: %w", err)
	}
	return o, nil
}

func (p *Pages) users(r *http.Request, paging idp.Paging) (offer, error) {
	paging.Order = []string{"username"}
	found, err := p.d.Store.Repos().Users.Find(r.Context(), idp.UserFilter{Paging: paging})
	o := offer{Total: found.Total}
	for i := range found.Items {
		u := &found.Items[i]
		hint := u.Name
		if u.Email != "" {
			hint = join(hint, u.Email)
		}
		if !u.IsActive {
			hint = join(hint, "inactive")
		}
		o.add(idp.LockUser, u.Username, u.Username, hint)
	}
	return o, err
}

func (p *Pages) groups(r *http.Request, paging idp.Paging) (offer, error) {
	paging.Order = []string{"name"}
	found, err := p.d.Store.Repos().Groups.Find(r.Context(), idp.GroupFilter{Paging: paging})
	o := offer{Total: found.Total}
	for i := range found.Items {
		g := &found.Items[i]
		hint := ui.Count(g.MemberCount, "member")
		if g.IsSuperuser {
			hint = join(hint, "superusers")
		}
		o.add(idp.LockGroup, g.Name, g.Name, hint)
	}
	return o, err
}

func (p *Pages) roles(r *http.Request, paging idp.Paging) (offer, error) {
	paging.Order = []string{"name"}
	found, err := p.d.Store.Repos().Roles.Find(r.Context(), idp.RoleFilter{Paging: paging})
	o := offer{Total: found.Total}
	for i := range found.Items {
		o.add(idp.LockRole, found.Items[i].Name, found.Items[i].Name, found.Items[i].Description)
	}
	return o, err
}

func (p *Pages) sessions(r *http.Request, paging idp.Paging) (offer, error) {
	paging.Order = []string{"-last_used"}
	live := true
	found, err := p.d.Store.Repos().Sessions.Find(r.Context(), idp.SessionFilter{Paging: paging, Live: &live})
	o := offer{Total: found.Total}
	for i := range found.Items {
		s := &found.Items[i]
		hint := join(page.Address(s), "last used "+ui.Relative(s.LastSeenAt, now()))
		if page.Present(r, s) {
			hint = join("this session", hint)
		}
		o.add(idp.LockSession, s.ID.String(), s.Username+" on "+page.Device(s), hint)
	}
	return o, err
}

func (p *Pages) devices(r *http.Request, paging idp.Paging) (offer, error) {
	known := true
	found, err := p.d.Store.Repos().KnownDevices.Find(r.Context(), idp.KnownDeviceFilter{Paging: paging, Known: &known})
	o := offer{Total: found.Total}
	for i := range found.Items {
		d := &found.Items[i]
		hint := "last seen " + ui.Relative(d.LastSeenAt, now())
		if d.IP.IsValid() {
			hint = join(d.IP.Unmap().String(), hint)
		}
		o.add(idp.LockDevice, d.ID.String(), d.Username+" on "+useragent.Parse(d.UserAgent).Label(), hint)
	}
	return o, err
}

func (p *Pages) factors(r *http.Request, paging idp.Paging) (offer, error) {
	paging.Order = []string{"user__username", "name"}
	found, err := p.d.Store.Repos().Factors.Find(r.Context(), idp.FactorFilter{Paging: paging})
	o := offer{Total: found.Total}
	for i := range found.Items {
		f := &found.Items[i]
		hint := "never used"
		if f.LastUsedAt != nil {
			hint = "last used " + ui.Relative(*f.LastUsedAt, now())
		}
		o.add(idp.LockMFADevice, f.ID.String(), f.Name+" of "+f.Username, join(page.FactorKind(f.Kind), hint))
	}
	return o, err
}

func (p *Pages) tokens(r *http.Request, paging idp.Paging) (offer, error) {
	paging.Order = []string{"identifier"}
	live := true
	found, err := p.d.Store.Repos().Tokens.Find(r.Context(), idp.TokenFilter{Paging: paging, Live: &live})
	o := offer{Total: found.Total}
	for i := range found.Items {
		t := &found.Items[i]
		o.add(idp.LockToken, t.Identifier, t.Identifier, join(page.Intent(t.Intent), "of "+t.Username))
	}
	return o, err
}

func (o *offer) add(k idp.LockKind, value, label, hint string) {
	o.Options = append(o.Options, ui.Option{Value: item{k, value}.String(), Label: label, Hint: hint})
}

func join(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + " · " + b
}
