package blueprint_test

import (
	"io/fs"
	"strings"
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
			if c.Name == "default-authentication-identification" && c.Effect == "changed" {
				require.Equal(t, "recovery_flow", c.Fields[0].Field, "the way to the recovery flow, which comes later")
				continue
			}
			if c.Effect == "unchanged" && (c.Name == "default-link-write" || c.Name == "default-link-login") {
				continue // two flows share them
			}
			if c.Name == "" && c.Effect == "unchanged" {
				require.Equal(t, "authentik_policies.policybinding", c.Model, "what an earlier version had, and is gone")
				continue
			}
			require.Equal(t, "created", c.Effect, "%+v", c)
			require.NotEmpty(t, c.Name, "%+v", c)
		}
	}
}

// What a flow asks of groups and users is looked up by name elsewhere, and its
// links to other flows are left out where those do not exist.
func TestExportsNameWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	f := real(t)
	apply := func(text string) {
		t.Helper()
		_, err := f.apply(t, text)
		require.NoError(t, err)
	}
	const people = "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: Staff}\n  - model: authentik_core.user\n    identifiers: {username: ada}\n"
	apply(people)
	apply(`version: 1
entries:
  - {model: authentik_flows.flow, id: other, identifiers: {slug: other}, attrs: {name: Other, title: Other, designation: recovery}}
  - {model: authentik_flows.flow, id: flow, identifiers: {slug: "on"}, attrs: {name: "no", title: "012", designation: authentication}}
  - {model: authentik_stages_password.passwordstage, id: password, identifiers: {name: password}, attrs: {backends: [authentik.core.auth.InbuiltBackend]}}
  - model: authentik_stages_identification.identificationstage
    id: who
    identifiers: {name: who}
    attrs: {user_fields: [email], password_stage: !KeyOf password, recovery_flow: !KeyOf other}
  - {model: authentik_flows.flowstagebinding, id: b, identifiers: {target: !KeyOf flow, stage: !KeyOf who, order: 1}}
  - model: authentik_policies.policybinding
    identifiers: {target: !KeyOf b, group: !Find [authentik_core.group, [name, Staff]], order: 0}
  - model: authentik_policies.policybinding
    identifiers: {target: !KeyOf flow, user: !Find [authentik_core.user, [username, ada]], order: 0}
    attrs: {negate: true}
`)
	text, err := f.Export(t.Context(), "on")
	require.NoError(t, err)
	for _, want := range []string{
		"# Leads to other flows, which are not part of this file: other.\n",
		"slug: \"on\"\n", "name: \"no\"\n", "title: \"012\"\n", "password_stage: !KeyOf stage-password\n",
		"recovery_flow: !Find [authentik_flows.flow, [slug, other], {default: null}]\n",
		"group: !Find [authentik_core.group, [name, Staff]]\n", "user: !Find [authentik_core.user, [username, ada]]\n",
	} {
		require.Contains(t, string(text), want, "%s", text)
	}
	again, err := f.apply(t, string(text))
	require.NoError(t, err)
	require.NotContains(t, effects(again), "created")
	require.NotContains(t, strings.ReplaceAll(effects(again), "unchanged", ""), "changed")

	to := real(t)
	_, err = to.apply(t, string(text))
	require.ErrorContains(t, err, "no authentik_core.group has name Staff")
	_, err = to.apply(t, people)
	require.NoError(t, err)
	_, err = to.apply(t, string(text))
	require.NoError(t, err)
	page, err := to.db.Repos().Stages.Find(t.Context(), idp.StageFilter{Paging: idp.Paging{Search: "who"}})
	require.NoError(t, err)
	require.Contains(t, string(page.Items[0].Settings), `"recovery_flow": null`)

	_, err = f.Export(t.Context(), "none")
	require.True(t, idp.Is(err, idp.CodeNotFound), "%v", err)
}

// Secrets in the settings of stages are as little shown as those of accounts.
func TestSecretsOfStagesAreNotShown(t *testing.T) {
	t.Parallel()
	f := real(t)
	text := func(secret string) string {
		return "version: 1\nentries:\n" +
			"  - {model: authentik_flows.flow, id: f, identifiers: {slug: f}, attrs: {name: F, title: F, designation: recovery}}\n" +
			"  - {model: authentik_stages_email.emailstage, id: s, identifiers: {name: mail}, attrs: {use_global_settings: false, host: mail.example.org, username: u, password: " + secret + ", from_address: a@example.org}}\n" +
			"  - {model: authentik_flows.flowstagebinding, identifiers: {target: !KeyOf f, stage: !KeyOf s, order: 0}}\n"
	}
	_, err := f.apply(t, text("first-secret"))
	require.NoError(t, err)
	changes, err := f.apply(t, text("second-secret"))
	require.NoError(t, err)
	require.Equal(t, []blueprint.FieldChange{{Field: "password", From: "***", To: "***"}}, changes[1].Fields)
	exported, err := f.Export(t.Context(), "f")
	require.NoError(t, err)
	require.NotContains(t, string(exported), "secret")
	_, err = f.apply(t, string(exported))
	require.NoError(t, err)
	page, err := f.db.Repos().Stages.Find(t.Context(), idp.StageFilter{})
	require.NoError(t, err)
	require.Contains(t, string(page.Items[0].Settings), "second-secret", "what a file leaves out stays")
	_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: G}\n    attrs: {attributes: {o: !FindObject [authentik_stages_email.emailstage, [name, mail]]}}\n")
	require.NoError(t, err)
	groups, err := f.db.Repos().Groups.Find(t.Context(), idp.GroupFilter{})
	require.NoError(t, err)
	object := groups.Items[0].Attributes["o"].(map[string]any)
	require.Equal(t, "mail.example.org", object["host"])
	require.NotContains(t, object, "password")
}
