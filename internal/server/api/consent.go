package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// UserConsent is what a user agreed that an application may do, as the API shows
// it.
type UserConsent struct {
	PK          idp.ConsentID `json:"pk"`
	Expires     *time.Time    `json:"expires"`
	Expiring    bool          `json:"expiring"`
	User        User          `json:"user"`
	Application Application   `json:"application"`
	Permissions string        `json:"permissions"` // ids, with a space between them
}

func (a *API) consentResource() resource[UserConsent, struct{}] {
	return resource[UserConsent, struct{}]{
		path: "/core/user_consent/", key: "id", name: "UserConsent", id: "core_user_consent", plural: "consents", tag: "core",
		filters:  []param{{name: "user", kind: integer}, {name: "application", kind: text}},
		ordering: []string{"application", "expires", "created", "pk"},
		list:     a.listConsents, get: a.getConsent, destroy: a.deleteConsent, usedBy: a.consentUsedBy,
	}
}

func (a *API) consentViews(c *call, list []idp.Consent) ([]UserConsent, error) {
	owners := []idp.UserID{}
	for _, k := range list {
		owners = append(owners, k.UserID)
	}
	page, err := a.Store.Repos().Users.Find(c, idp.UserFilter{IDs: owners, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil {
		return nil, err
	}
	users := map[idp.UserID]User{}
	for i := range page.Items {
		users[page.Items[i].ID] = userView(&page.Items[i])
	}
	applications, err := a.consentedTo(c, list)
	if err != nil {
		return nil, err
	}
	views := make([]UserConsent, 0, len(list))
	for _, k := range list {
		app, there := applications[k.Application]
		if !there {
			app = Application{PK: k.Application, Name: k.ApplicationName, Slug: k.ApplicationSlug, BackchannelProviders: []int{},
				BackchannelProvidersObj: []Provider{}, PolicyEngineMode: idp.PolicyAny, ForwardHosts: []string{}, CookieLifetime: idp.FormatDuration(0)}
		}
		views = append(views, UserConsent{PK: k.ID, Expires: utc(k.ExpiresAt), Expiring: k.ExpiresAt != nil, User: users[k.UserID],
			Application: app, Permissions: strings.Join(k.Permissions, " ")})
	}
	return views, nil
}

// consentedTo are the applications of consents that there still are, by what consents
// call them.
func (a *API) consentedTo(c *call, list []idp.Consent) (map[string]Application, error) {
	wanted := []idp.ApplicationID{}
	for _, k := range list {
		if id, err := idp.ParseID[idp.Application](k.Application); err == nil {
			wanted = append(wanted, id)
		}
	}
	out := map[string]Application{}
	if len(wanted) == 0 {
		return out, nil
	}
	page, err := a.Store.Repos().Applications.Find(c, idp.ApplicationFilter{IDs: wanted, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil {
		return nil, err
	}
	views, err := a.applicationViews(c, page.Items, c.actor.User)
	for _, v := range views {
		out[v.PK] = v
	}
	return out, err
}

func (a *API) listConsents(c *call, p idp.Paging) ([]UserConsent, int, error) {
	f := idp.ConsentFilter{Paging: p, Application: c.query.text("application")}
	if pks := c.query.ints("user"); len(pks) > 0 {
		id := idp.UserID(pks[0])
		f.UserID = &id
	}
	page, err := a.Consents.Find(c, c.actor, f)
	if err != nil {
		return nil, 0, err
	}
	views, err := a.consentViews(c, page.Items)
	return views, page.Total, err
}

func (a *API) consent(c *call) (*idp.Consent, error) {
	pk, err := strconv.ParseInt(c.param("id"), 10, 32)
	if err != nil {
		return nil, idp.NotFound("consent")
	}
	return a.Consents.Get(c, c.actor, idp.ConsentID(pk))
}

func (a *API) getConsent(c *call, _ string) (*UserConsent, error) {
	found, err := a.consent(c)
	if err != nil {
		return nil, err
	}
	views, err := a.consentViews(c, []idp.Consent{*found})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (a *API) deleteConsent(c *call, _ string) error {
	found, err := a.consent(c)
	if err != nil {
		return err
	}
	return a.Consents.Withdraw(c, c.actor, found.ID)
}

func (a *API) consentUsedBy(c *call, _ string) ([]UsedBy, error) {
	_, err := a.consent(c)
	return nil, err // nothing refers to a consent
}
