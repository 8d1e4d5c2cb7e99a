package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/api"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// The document as people see it: narrow and wide, light and dark.
func TestTheDocumentInTheBrowser(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	engine := policy.NewEngine(policy.NewKinds(policies.Kinds(policies.Deps{})))
	s := pagetest.New(t, db, pagetest.Parts{Stages: stages.All(stages.Deps{}), Policies: engine.Kinds()})
	rest := api.New(api.Deps{Store: db, Access: s.Access, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens, Lockdowns: s.Lockdowns,
		Configure: s.Configure, Flows: s.Flows, Policies: engine, Version: "1.2.3"})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), rest.Mount)
	tab := s.As(s.Boss).Tab()
	tab.Open("/api/v3/")
	tab.Judge("api-start")
	tab.Open("/api/v3/schema/browser/?search=core+users+list")
	tab.Eval(`document.querySelectorAll("details").forEach((d) => (d.open = true))`, nil)
	tab.Judge("api-operations")
	tab.Open("/api/v3/schema/browser/?tag=core")
	tab.Judge("api-group")
}
