package account_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestCreateAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.create(account.NewUser{Username: " mia ", Name: "Mia Müller", Email: "mia@example.org", Groups: []idp.GroupID{w.admins, w.admins},
		Attributes: idp.Attributes{"a": []any{1.0, "x"}}})
	require.Equal(t, "mia", u.Username)
	require.Equal(t, idp.DefaultUserPath, u.Path)
	require.Equal(t, idp.UserInternal, u.Type)
	require.True(t, u.IsActive)
	require.True(t, u.IsSuperuser)
	require.False(t, u.HasUsablePassword())
	require.Nil(t, u.PasswordChangedAt)
	require.Equal(t, idp.Attributes{"a": []any{1.0, "x"}}, u.Attributes)
	events := w.events(idp.ActionModelCreated)
	require.Len(t, events, 1)
	require.Equal(t, "mia", events[0].User["username"])
	require.Equal(t, "root", events[0].User["authenticated_as"].(map[string]any)["username"])
}

// The wording is what clients of the API know.
func TestBadUsersNameTheField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("taken")
	long := strings.Repeat("ä", 151)
	deep := idp.Attributes{}
	for inner, i := map[string]any(deep), 0; i < 100; i++ {
		next := map[string]any{}
		inner["x"] = next
		inner = next
	}
	unknown := idp.NewID[idp.Group]()
	for name, c := range map[string]struct {
		user  account.NewUser
		field string
		says  string
	}{
		"blank":              {account.NewUser{Username: "  "}, "username", "This field may not be blank."},
		"long":               {account.NewUser{Username: long}, "username", "Ensure this field has no more than 150 characters."},
		"taken":              {account.NewUser{Username: "TAKEN"}, "username", "This field must be unique."},
		"NUL":                {account.NewUser{Username: "a\x00b"}, "username", "Null characters are not allowed."},
		"not UTF-8":          {account.NewUser{Username: "\xff"}, "username", "Not a valid string."},
		"line break":         {account.NewUser{Username: "a\nb"}, "username", "Control characters are not allowed."},
		"long name":          {account.NewUser{Username: "x", Name: strings.Repeat("n", 256)}, "name", "Ensure this field has no more than 255 characters."},
		"email":              {account.NewUser{Username: "x", Email: "mia"}, "email", "Enter a valid email address."},
		"email with a name":  {account.NewUser{Username: "x", Email: "Mia <mia@example.org>"}, "email", "Enter a valid email address."},
		"email domain":       {account.NewUser{Username: "x", Email: "mia@-x.org"}, "email", "Enter a valid email address."},
		"email one label":    {account.NewUser{Username: "x", Email: "mia@example"}, "email", "Enter a valid email address."},
		"long email":         {account.NewUser{Username: "x", Email: strings.Repeat("m", 250) + "@example.org"}, "email", "Ensure this field has no more than 254 characters."},
		"path ends":          {account.NewUser{Username: "x", Path: "users/"}, "path", "No leading or trailing slashes allowed."},
		"path begins":        {account.NewUser{Username: "x", Path: "/users"}, "path", "No leading or trailing slashes allowed."},
		"path segment":       {account.NewUser{Username: "x", Path: "a//b"}, "path", "No empty segments in user path allowed."},
		"type":               {account.NewUser{Username: "x", Type: "king"}, "type", "\"king\" is not a valid choice. Expected one of: internal, external, service_account, internal_service_account."},
		"attributes":         {account.NewUser{Username: "x", Attributes: idp.Attributes{"a": strings.Repeat("x", 65_536)}}, "attributes", "Ensure this field has no more than 65536 bytes."},
		"attributes NUL":     {account.NewUser{Username: "x", Attributes: idp.Attributes{"a": []any{"\x00"}}}, "attributes", "Null characters are not allowed."},
		"attributes deep":    {account.NewUser{Username: "x", Attributes: deep}, "attributes", "Ensure this field is nested no more than 64 levels deep."},
		"attributes no JSON": {account.NewUser{Username: "x", Attributes: idp.Attributes{"a": func() {}}}, "attributes", "Value must be valid JSON."},
		"group":              {account.NewUser{Username: "x", Groups: []idp.GroupID{unknown}}, "groups", "Invalid pk \"" + unknown.String() + "\" - object does not exist."},
		"short password":     {account.NewUser{Username: "x", Password: ptr("seven77")}, "password", "Ensure this field has at least 8 characters."},
		"blank password":     {account.NewUser{Username: "x", Password: ptr("")}, "password", "This field may not be blank."},
		"long password":      {account.NewUser{Username: "x", Password: ptr(strings.Repeat("ä", 513))}, "password", "Ensure this field has no more than 1024 bytes."},
		"two passwords":      {account.NewUser{Username: "x", Password: ptr("long enough"), PasswordHash: ptr("!")}, "password_hash", "Give either a password or a hash of one."},
	} {
		_, err := w.accounts.Create(w.ctx, w.admin, c.user)
		require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), "%s: %v", name, err)
		require.Equal(t, []string{c.says}, fault(t, err).Fields[c.field], name)
	}
	_, err := w.accounts.Create(w.ctx, w.admin, account.NewUser{Username: "x", PasswordHash: ptr("md5$x$y")})
	require.Contains(t, fault(t, err).Fields, "password_hash")
	require.Empty(t, w.events(idp.ActionModelCreated), "nothing half-done")

	for _, email := range []string{"", "mia@example.org", "mia+tag@sub.example.org", "mia@bücher.example", "root@localhost"} {
		_, err := w.accounts.Update(w.ctx, w.admin, w.admin.User.ID, account.Patch{Email: &email})
		require.NoError(t, err, email)
	}
}

func TestUpdateChangesOnlyWhatIsSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.create(account.NewUser{Username: "mia", Name: "Mia", Email: "mia@example.org", Path: "a/b", Attributes: idp.Attributes{"k": "v"}})
	changed, err := w.accounts.Update(w.ctx, w.admin, u.ID, account.Patch{Name: ptr("Mia M."), Groups: &[]idp.GroupID{w.admins}})
	require.NoError(t, err)
	require.Equal(t, "Mia M.", changed.Name)
	require.Equal(t, "mia@example.org", changed.Email)
	require.Equal(t, "a/b", changed.Path)
	require.Equal(t, idp.Attributes{"k": "v"}, changed.Attributes)
	require.True(t, changed.IsSuperuser)
	events := w.events(idp.ActionModelUpdated)
	require.Len(t, events, 1)
	require.Equal(t, []any{"name", "groups"}, events[0].Context["changed"])

	_, err = w.accounts.Update(w.ctx, w.admin, u.ID, account.Patch{Username: ptr("ROOT")})
	require.Equal(t, []string{"This field must be unique."}, fault(t, err).Fields["username"])
	_, err = w.accounts.Update(w.ctx, w.admin, u.ID, account.Patch{Email: ptr("x"), Path: ptr("/")})
	require.Len(t, fault(t, err).Fields, 2, "every faulty field is named")
	_, err = w.accounts.Update(w.ctx, w.admin, 4711, account.Patch{Name: ptr("x")})
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
}

func TestPeopleChangeOnlyTheirNameAndEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := idp.Actor{User: w.user("mia")}, w.user("tom")
	changed, err := w.accounts.Update(w.ctx, mia, mia.User.ID, account.Patch{Name: ptr("Mia"), Email: ptr("m@example.org")})
	require.NoError(t, err)
	require.Equal(t, "Mia", changed.Name)
	for name, p := range map[string]account.Patch{
		"username": {Username: ptr("boss")}, "path": {Path: ptr("x")}, "type": {Type: ptr(idp.UserInternalServiceAccount)},
		"active": {IsActive: ptr(true)}, "attributes": {Attributes: &idp.Attributes{}}, "groups": {Groups: &[]idp.GroupID{w.admins}},
		"hash": {PasswordHash: ptr("!")},
	} {
		_, err := w.accounts.Update(w.ctx, mia, mia.User.ID, p)
		require.Equal(t, idp.CodeForbidden, idp.CodeOf(err), name)
	}
	_, err = w.accounts.Update(w.ctx, mia, tom.ID, account.Patch{Name: ptr("x")})
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	_, err = w.accounts.Create(w.ctx, mia, account.NewUser{Username: "x"})
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(w.accounts.Delete(w.ctx, mia, tom.ID)))
	_, err = w.accounts.Find(w.ctx, mia, idp.UserFilter{})
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	_, err = w.accounts.Get(w.ctx, mia, tom.ID)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	got, err := w.accounts.Get(w.ctx, mia, mia.User.ID)
	require.NoError(t, err)
	require.Equal(t, "mia", got.Username)
	_, err = w.accounts.Get(w.ctx, idp.Actor{}, tom.ID)
	require.Equal(t, idp.CodeUnsigned, idp.CodeOf(err))
	page, err := w.accounts.Find(w.ctx, w.admin, idp.UserFilter{})
	require.NoError(t, err)
	require.Equal(t, 3, page.Total)
}

func TestTheAnonymousUserStaysAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := w.user(idp.AnonymousUsername, func(u *idp.User) { u.IsActive = false })
	for name, p := range map[string]account.Patch{
		"username": {Username: ptr("somebody")}, "active": {IsActive: ptr(true)}, "groups": {Groups: &[]idp.GroupID{w.admins}},
		"type": {Type: ptr(idp.UserExternal)}, "hash": {PasswordHash: ptr("!")},
	} {
		_, err := w.accounts.Update(w.ctx, w.admin, nobody.ID, p)
		require.Equal(t, "The anonymous user cannot be changed.", fault(t, err).Message, name)
	}
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(w.accounts.Delete(w.ctx, w.admin, nobody.ID)))
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(w.accounts.SetPassword(w.ctx, w.admin, nobody.ID, "long enough")))
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(w.accounts.AddMember(w.ctx, w.admin, w.admins, nobody.ID)))
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(w.accounts.SetMembers(w.ctx, w.admin, w.admins, []idp.UserID{w.admin.User.ID, nobody.ID})))
	require.Equal(t, nobody, w.now(nobody))
}

func TestDeletingWritesAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	_, cookie := w.signIn(mia)
	require.NoError(t, w.accounts.Delete(w.ctx, w.admin, mia.ID))
	require.False(t, w.works(cookie))
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(w.accounts.Delete(w.ctx, w.admin, mia.ID)))
	events := w.events(idp.ActionModelDeleted)
	require.Len(t, events, 1)
	require.Equal(t, "mia", events[0].User["username"])
	require.Equal(t, 1.0, events[0].Context["ended"].(map[string]any)["sessions"])
}
