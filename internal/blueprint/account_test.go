package blueprint_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

const accounts = `version: 1
entries:
  - model: authentik_core.group
    id: admins
    identifiers: {name: Keepers}
    attrs: {is_superuser: true}
  - model: authentik_core.user
    id: ada
    identifiers: {username: ada}
    attrs:
      name: Ada
      email: ada@example.org
      password: correct horse battery
      groups: [!KeyOf admins]
      attributes: {team: red}
  - model: authentik_core.user
    id: program
    identifiers: {username: program}
    attrs: {type: service_account, path: services}
  - model: authentik_core.token
    identifiers: {identifier: program-token}
    attrs: {user: !KeyOf program, intent: api, expiring: false, key: a-key-of-twenty-characters-and-more, description: For the build}
  - model: authentik_stages_invitation.invitation
    identifiers: {name: welcome}
    attrs: {created_by: !KeyOf ada, single_use: true, fixed_data: {team: red}}
`

func (f fixture) user(t *testing.T, name string) *idp.User {
	t.Helper()
	u, err := f.db.Repos().Users.FindByLogin(t.Context(), name, []string{"username"})
	require.NoError(t, err)
	require.NotNil(t, u)
	return u
}

func TestAccountsAreKeptWithTheRulesOfEverybody(t *testing.T) {
	t.Parallel()
	f := open(t)
	changes, err := f.apply(t, accounts)
	require.NoError(t, err)
	require.Equal(t, "created created created created created", effects(changes))
	ada := f.user(t, "ada")
	require.True(t, ada.IsSuperuser)
	require.Equal(t, idp.Attributes{"team": "red"}, ada.Attributes)
	require.NotNil(t, ada.PasswordChangedAt)
	result, err := hasher.Verify(t.Context(), ada.Password, "correct horse battery")
	require.NoError(t, err)
	require.True(t, result.OK)
	used, owner, err := f.db.Repos().Tokens.Use(t.Context(), secret.DigestOf("a-key-of-twenty-characters-and-more").Bytes())
	require.NoError(t, err)
	require.Equal(t, []any{"program", false, true}, []any{owner.Username, used.Expiring, used.Live})

	// Nothing that a report or an event holds tells a secret.
	raw, err := json.Marshal(changes)
	require.NoError(t, err)
	page, err := f.db.Repos().Invitations.Find(t.Context(), idp.InvitationFilter{})
	require.NoError(t, err)
	events, err := f.db.Repos().Events.Find(t.Context(), idp.EventFilter{})
	require.NoError(t, err)
	told, err := json.Marshal(events.Items)
	require.NoError(t, err)
	for _, secret := range []string{"correct horse battery", "a-key-of-twenty", page.Items[0].ID.String()} {
		require.NotContains(t, string(raw), secret)
		require.NotContains(t, string(told), secret)
	}
	require.Contains(t, string(raw), `{"field":"password","from":null,"to":"***"}`)

	for find, want := range map[string]string{"[groups__name, Keepers]": "", "[groups__name, Nobodies]": "no authentik_core.user has",
		"[groups, !Find [authentik_core.group, [name, Keepers]]]": "", "[password__startswith, c]": "password__startswith: unknown field"} {
		_, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: Found}\n    attrs: {users: [!Find [authentik_core.user, "+find+"]]}\n")
		if want == "" {
			require.NoError(t, err, find)
		} else {
			require.ErrorContains(t, err, want, find)
		}
	}
	_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    state: absent\n    identifiers: {name: Found}\n")
	require.NoError(t, err)
	ada = f.user(t, "ada")

	changes, err = f.apply(t, accounts)
	require.NoError(t, err)
	require.Equal(t, "unchanged unchanged unchanged unchanged unchanged", effects(changes))
	require.Equal(t, ada, f.user(t, "ada"), "a password that fits is left alone")
}

func TestANewPasswordEndsWhatTheOldOneOpened(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, accounts)
	require.NoError(t, err)
	before := f.user(t, "ada")
	changes, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_core.user\n    identifiers: {username: ada}\n    attrs: {password: another battery staple, name: Lady Ada}\n")
	require.NoError(t, err)
	require.Equal(t, []blueprint.FieldChange{{Field: "name", From: "Ada", To: "Lady Ada"}, {Field: "password", From: "***", To: "***"}}, changes[0].Fields)
	after := f.user(t, "ada")
	require.Greater(t, after.SessionGeneration, before.SessionGeneration)
	require.Equal(t, before.Groups, after.Groups, "what is left out is left alone")
	require.Equal(t, before.Attributes, after.Attributes)

	hash, err := hasher.Hash(t.Context(), "brought along with it")
	require.NoError(t, err)
	text := "version: 1\nentries:\n  - model: authentik_core.user\n    identifiers: {username: ada}\n    attrs: {password_hash: '" + hash + "'}\n"
	for _, want := range []string{"changed", "unchanged"} {
		changes, err = f.apply(t, text)
		require.NoError(t, err)
		require.Equal(t, want, effects(changes))
	}
}

func TestAccountsThatCannotBe(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, accounts)
	require.NoError(t, err)
	user := func(name, attrs string) string {
		return "  - model: authentik_core.user\n    identifiers: {username: " + name + "}\n    attrs: {" + attrs + "}\n"
	}
	for _, c := range []struct{ entry, want string }{
		{user("bob", "password: short"), "password: Ensure this field has at least 8 characters."},
		{user("bob", "password: long enough, password_hash: x"), "password_hash: Give either a password or a hash of one."},
		{user("bob", "password_hash: md5$x$y"), "password_hash: "},
		{user("bob", "email: nowhere"), "email: Enter a valid email address."},
		{user("bob", "type: robot"), "type: "},
		{user("bob", "roles: [0198c0de-0000-7000-8000-000000000000]"), "roles: There is no role"},
		{user("bob", "groups: [0198c0de-0000-7000-8000-000000000000]"), "groups: Invalid pk"},
		{user("AnonymousUser", "is_active: true, username: x"), ""},
		{user("ada", "is_active: false"), "This is the last account that can administer"},
		{user("ada", "groups: []"), "no account that can administer"},
		{"  - model: authentik_core.user\n    state: absent\n    identifiers: {username: ada}\n", "This is the last account that can administer"},
		{"  - model: authentik_core.user\n    identifiers: {pk: 99999}\n    attrs: {username: x}\n", "the number of a new one cannot be chosen"},
		{"  - model: authentik_core.token\n    identifiers: {identifier: t}\n", "user: This field is required."},
		{"  - model: authentik_core.token\n    identifiers: {identifier: t}\n    attrs: {user: !Find [authentik_core.user, [username, ada]], key: short}\n", "key: Ensure this field has at least 20"},
		{"  - model: authentik_stages_invitation.invitation\n    identifiers: {name: w}\n", "created_by: An invitation is somebody's"},
		{"  - model: authentik_stages_invitation.invitation\n    identifiers: {name: w}\n    attrs: {created_by: !Find [authentik_core.user, [username, ada]], fixed_data: {password: x}}\n", "fixed_data: A password does not belong"},
	} {
		_, err := f.apply(t, "version: 1\nentries:\n"+c.entry)
		if c.want == "" {
			continue
		}
		require.ErrorContains(t, err, c.want, c.entry)
		require.NotEmpty(t, blueprint.Problems(err), "%s: %v", c.entry, err)
		require.True(t, f.user(t, "ada").IsActive)
	}
}

// hashing notes whether a transaction was under way while a password was hashed.
type hashing struct {
	blueprint.Accounts
	inside *bool
	hashes *int
}

func (h hashing) HashPassword(ctx context.Context, password string) (string, error) {
	if *h.hashes++; *h.inside {
		panic("hashed inside a transaction")
	}
	return h.Accounts.HashPassword(ctx, password)
}

// marking notes when a transaction is under way.
type marking struct {
	idp.Store
	inside *bool
}

func (m marking) InTx(ctx context.Context, fn func(idp.Repos) error) error {
	return m.Store.InTx(ctx, func(tx idp.Repos) error {
		*m.inside = true
		defer func() { *m.inside = false }()
		return fn(tx)
	})
}

func TestPasswordsAreHashedOutsideTheTransaction(t *testing.T) {
	t.Parallel()
	f := open(t)
	inside, hashes := false, 0
	f.Store, f.Accounts = marking{f.Store, &inside}, hashing{f.Accounts, &inside, &hashes}
	_, err := f.apply(t, accounts)
	require.NoError(t, err)
	require.Equal(t, 1, hashes)

	// Nothing is hashed for nothing, and never in somebody else's transaction.
	_, err = f.apply(t, accounts)
	require.NoError(t, err)
	require.Equal(t, 1, hashes)
	d, err := blueprint.Parse("x.yaml", []byte(accounts))
	require.NoError(t, err)
	err = f.Store.InTx(t.Context(), func(tx idp.Repos) error {
		_, err := f.ApplyIn(t.Context(), tx, d, blueprint.Options{Actor: idp.SystemActor()})
		return err
	})
	require.ErrorContains(t, err, "need a transaction of blueprint.Service.InTx")
}

func TestOnlyWhoMayDoEverythingMayApply(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, accounts)
	require.NoError(t, err)
	d, err := blueprint.Parse("x.yaml", []byte(house))
	require.NoError(t, err)
	for _, c := range []struct {
		actor idp.Actor
		want  idp.Code
	}{
		{idp.Actor{}, idp.CodeUnsigned},
		{idp.Actor{User: f.user(t, "program")}, idp.CodeForbidden},
	} {
		for _, act := range []func(context.Context, *blueprint.Document, blueprint.Options) (*blueprint.Report, error){f.Apply, f.Plan} {
			_, err := act(t.Context(), d, blueprint.Options{Actor: c.actor})
			require.True(t, idp.Is(err, c.want), "%v", err)
		}
	}
	d.Files = beside
	_, err = f.Plan(t.Context(), d, blueprint.Options{Actor: idp.Actor{User: f.user(t, "ada")}})
	require.NoError(t, err)
}
