package admin_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/logout"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/account"
	"github.com/portcullis-idp/portcullis/internal/server/admin"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// open is the whole server over a database of its own.
func open(t testing.TB) *pagetest.Site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s := pagetest.New(t, db)
	console := admin.New(admin.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens,
		Lockdowns: s.Lockdowns, Configure: s.Configure, Flow: s.Lockdown, Factors: factor.New(factor.Deps{Store: db, Access: s.Access}), Whereabouts: pagetest.Atlas{}, Audit: audit.New(audit.Deps{Store: db, Access: s.Access}),
		Logouts: logout.New(logout.Deps{Store: db, Access: s.Access}), Elevations: elevate.New(elevate.Deps{Store: db, Access: s.Access})})
	own := account.New(account.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens,
		Lockdowns: s.Lockdowns, Flow: s.Lockdown, Whereabouts: pagetest.Atlas{}, Factors: factor.New(factor.Deps{Store: db, Access: s.Access})})
	s.Open(db.NewSessionStore(blank), console.Routes, own.Routes, neighbours)
	return s
}

// elsewhere are the pages of the navigation that other packages answer.
var elsewhere = []string{"/if/admin/flows/", "/if/admin/lockdowns/{lockdown}/restore/", "/if/admin/stages/", "/if/admin/prompts/", "/if/admin/policies/", "/if/admin/invitations/", "/if/admin/locks/", "/if/admin/blueprints/", "/if/admin/locks/new/", "/if/admin/roles/", "/if/admin/locking-mode/", "/if/admin/lockouts/", "/if/admin/security-settings/",
	"/if/admin/notification-rules/", "/if/admin/notification-transports/", "/if/admin/property-mappings/", "/if/admin/deliveries/", "/if/admin/tokens/*", "/if/admin/service-accounts/new/", "/if/user/notifications/",
	"/if/admin/applications/", "/if/admin/providers/", "/if/admin/scope-mappings/", "/if/admin/access-requests/", "/if/admin/access-requests/{request}/", "/if/admin/access-requests/{request}/end/"}

// neighbours stand in for them, so that links to them lead somewhere.
func neighbours(r chi.Router) {
	for _, path := range elsewhere {
		r.Get(path, http.NotFound)
	}
}

// blank is the data of a session that has none yet, as the server keeps it.
func blank(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(map[string]any{"deadline": deadline, "values": values})
}
