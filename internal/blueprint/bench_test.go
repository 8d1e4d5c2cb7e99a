package blueprint_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/blueprints"
	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// real is an empty installation with every kind of stage and policy there is.
func real(t testing.TB) fixture {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	checker := access.New()
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{}))
	flows := flow.NewExecutor(flow.Deps{Store: db, Kinds: stages.All(stages.Deps{Store: db})})
	return fixture{blueprint.New(blueprint.Deps{Store: db, Access: checker, Stages: flows, Policies: kinds,
		Rules: configure.New(configure.Deps{Store: db, Access: checker, Stages: flows, Policies: kinds, Prompt: prompt.CheckPrompt}),
		Accounts: account.New(account.Deps{Store: db, Access: checker, Hasher: hasher,
			Closer: lockdown.New(lockdown.Deps{Store: db, Access: checker})}),
		Tokens: token.New(token.Deps{Store: db, Access: checker})}), db}
}

// defaults are the blueprints that every installation starts with.
func defaults(t testing.TB) []*blueprint.Document {
	t.Helper()
	names, err := fs.Glob(blueprints.FS, "default/*.yaml")
	require.NoError(t, err)
	var out []*blueprint.Document
	for _, name := range names {
		content, err := blueprints.FS.ReadFile(name)
		require.NoError(t, err)
		d, err := blueprint.Parse(name, content)
		require.NoError(t, err)
		out = append(out, d)
	}
	return out
}

// BenchmarkDefaults applies the shipped blueprints to an empty database. The bar
// is 2 s.
func BenchmarkDefaults(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		f, documents := real(b), defaults(b)
		b.StartTimer()
		_, err := f.ApplyAll(b.Context(), documents, blueprint.Options{Actor: idp.SystemActor()})
		require.NoError(b, err)
	}
}

// The bar of the benchmark, with room for a machine that is busy.
func TestTheDefaultsAreAppliedInOneGo(t *testing.T) {
	t.Parallel()
	f := real(t)
	reports, err := f.ApplyAll(t.Context(), defaults(t), blueprint.Options{Actor: idp.SystemActor()})
	require.NoError(t, err)
	for _, r := range reports {
		for _, c := range r.Changes {
			require.Equal(t, "created", c.Effect, "%+v", c)
			require.NotEmpty(t, c.Name, "%+v", c)
		}
	}
}
