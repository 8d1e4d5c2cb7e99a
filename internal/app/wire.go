package app

import (
	"net"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/server/account"
	"github.com/portcullis-idp/portcullis/internal/server/admin"
	"github.com/portcullis-idp/portcullis/internal/server/admin/accesspage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/applicationpage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/blueprintpage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/flowpage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/invitationpage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/lockoutpage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/lockpage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/modepage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/notifypage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/policypage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/restorepage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/rolepage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/stagepage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/tokenpage"
	"github.com/portcullis-idp/portcullis/internal/server/api"
	"github.com/portcullis-idp/portcullis/internal/server/contain"
	"github.com/portcullis-idp/portcullis/internal/server/forwardauth"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/stages"
)

// engine makes the flow engine with every kind of stage and policy.
func (a *App) engine() *flow.Executor {
	a.policyKinds = policy.NewKinds(policies.Kinds(policies.Deps{
		Reputations: a.DB.Repos().Reputations, Clock: a.DB, BreachedPasswords: a.Config.BreachedPasswords}))
	a.policies = policy.NewEngine(a.policyKinds).With(policies.Directory{Store: a.DB}).
		Acting(policies.Effects{Store: a.DB, Post: a.Mail, Log: a.Log}).Resolving(net.DefaultResolver).Locating(a.Geo)
	bound := stages.NewPolicies(a.DB, a.policies)
	a.Applications = &application.Access{Store: a.DB, Policies: bound}
	return flow.NewExecutor(flow.Deps{Store: a.DB, Policies: bound, Gate: a.Access, People: a.view, Heard: a.counters.turn, Fulfil: a.fulfil, Kinds: stages.All(stages.Deps{
		Store: a.DB, Accounts: a.Accounts, Sessions: a.Sessions, Factors: a.Factors, Lockdowns: a.Lockdowns, Invitations: a.Invitations, Consents: a.Consents, Policies: bound,
		Links: a.Tokens, Post: a.Mail,
	})})
}

// web makes the server with the API, the console and the person's own pages.
func (a *App) web() (*server.Server, error) {
	lockdowns := page.LockdownFlow{Flow: contain.Flow{Store: a.DB, Lockdowns: a.Lockdowns, Flows: a.Flows}}
	public := a.Config.PublicURL
	json := api.New(api.Deps{Store: a.DB, Access: a.Access, Roles: a.RoleService, Locks: a.Locks, Lockouts: a.Lockouts, Audit: a.Audit, Notify: a.Notify, Logouts: a.Logouts, Invitations: a.Invitations, Consents: a.Consents, Accounts: a.Accounts, Sessions: a.Sessions, Tokens: a.Tokens,
		Lockdowns: a.Lockdowns, Restores: a.restores(), Configure: a.Configure, Applications: a.Applications, SigningKeys: a.OIDC, Flows: a.Flows, Policies: a.policies, Mail: a.Mail, Blueprints: a.Library, Prints: a.Prints, Live: a.Live, Whereabouts: a.Geo, Version: cli.Version, PublicURL: public, LockModes: a.Roles, Elevations: a.Elevations, Factors: a.Factors})
	notices := notifypage.New(notifypage.Deps{Store: a.DB, Configure: a.Configure, Notify: a.Notify, Policies: a.policyKinds, MailReady: a.Mail.Ready})
	console := admin.New(admin.Deps{Store: a.DB, Roles: a.RoleService, Accounts: a.Accounts, Sessions: a.Sessions, Tokens: a.Tokens,
		Lockdowns: a.Lockdowns, Configure: a.Configure, Flow: lockdowns, Live: a.Live, PublicURL: public, Whereabouts: a.Geo, Locked: a.Locked, Lockouts: a.Lockouts, Audit: a.Audit, Logouts: a.Logouts, Deliveries: notices.OfEvent, MailReady: a.Mail.Ready, SecretLost: !a.sealsLast, Elevations: a.Elevations, Factors: a.Factors})
	flows := flowpage.New(flowpage.Deps{Store: a.DB, Configure: a.Configure, Stages: a.Flows, Policies: a.policyKinds, PublicURL: public})
	steps := stagepage.New(stagepage.Deps{Store: a.DB, Configure: a.Configure, Kinds: a.Flows})
	invitations := invitationpage.New(invitationpage.Deps{Store: a.DB, Invitations: a.Invitations, PublicURL: public})
	locks := lockpage.New(lockpage.Deps{Store: a.DB, Locks: a.Locks, Access: a.Access})
	lockouts := lockoutpage.New(lockoutpage.Deps{Store: a.DB, Lockouts: a.Lockouts, Audit: a.Audit, Live: a.Live, Unsent: func() string {
		if a.Mail.Ready() {
			return ""
		}
		return "No mail server is configured, so owners are not told of lockouts. The events of lockouts say so."
	}})
	modes := modepage.New(a.Locks, a.Access)
	wishes := accesspage.New(accesspage.Deps{Store: a.DB, Elevations: a.Elevations, Locked: a.Locked})
	back := restorepage.New(restorepage.Deps{Restores: a.restores(), PublicURL: public})
	rules := policypage.New(policypage.Deps{Store: a.DB, Configure: a.Configure, Engine: a.policies})
	prints := blueprintpage.New(a.Library)
	roles := rolepage.New(rolepage.Deps{Store: a.DB, Roles: a.RoleService, Locked: a.Locked})
	keys := tokenpage.New(tokenpage.Deps{Store: a.DB, Access: a.Access, Accounts: a.Accounts, Tokens: a.Tokens, Locked: a.Locked})
	apps := applicationpage.New(applicationpage.Deps{Store: a.DB, Configure: a.Configure, PublicURL: public})
	own := account.New(account.Deps{Store: a.DB, Accounts: a.Accounts, Sessions: a.Sessions, Tokens: a.Tokens,
		Lockdowns: a.Lockdowns, Flow: lockdowns, Whereabouts: a.Geo, Bells: a.Bells, Applications: a.Applications, Consents: a.Consents, Locked: a.Locked, Elevations: a.Elevations, Factors: a.Factors})
	outpost := &forwardauth.Outpost{Forward: a.Forward, Sessions: a.Sessions, Public: public}
	return server.New(server.Deps{Log: a.Log, Store: a.DB, Sessions: a.Sessions, Tokens: a.Tokens, Accounts: a.Accounts, Grants: a.OIDC, Flows: a.Flows,
		Pages: page.Pages{}, Access: a.Access, SessionStore: a.DB.NewSessionStore(server.BlankSession),
		PublicURL: public, TrustedProxies: a.Config.TrustedProxies, Notice: a.notice, Meter: a.Requests, Metrics: a.page(), Tracer: a.spans.requests,
		Sealer: a.seals, LeadsTo: a.front().LeadsTo, Whereabouts: a.Geo,
		Mounts: []func(chi.Router){json.Mount, outpost.Mount, console.Routes, flows.Routes, steps.Routes, rules.Routes, invitations.Routes, roles.Routes, keys.Routes, locks.Routes, lockouts.Routes, modes.Routes, wishes.Routes, back.Routes, prints.Routes, notices.Routes, apps.Routes, own.Routes, a.front().Mount},
		Open:   []func(chi.Router){a.back().Mount}})
}
