package postgres

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestUserKeepsEveryField(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, users := t.Context(), db.Repos().Users
	when := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	u := &idp.User{
		UUID: uuid.New(), Username: "mira", Name: "Mira Novak", Email: "mira@example.com", Path: "users/hr",
		Type: idp.UserExternal, IsActive: true, Password: "$argon2id$…", PasswordChangedAt: &when, LastLoginAt: &when,
		JoinedAt: when, Attributes: idp.Attributes{"upn": "m@corp", "n": 1.0, "deep": map[string]any{"a": []any{"b"}}},
		SessionGeneration: 3, TokenGeneration: 4,
	}
	require.NoError(t, users.Create(ctx, u))
	require.Positive(t, int(u.ID))
	got, err := users.Get(ctx, u.ID)
	require.NoError(t, err)
	same := func(want, got *idp.User) {
		t.Helper()
		require.Empty(t, cmp.Diff(want, got, cmpopts.EquateEmpty()))
		require.Equal(t, time.UTC, got.JoinedAt.Location())
	}
	same(u, got)

	got.Username, got.Name, got.Email, got.Path, got.Type = "mira2", "M", "m@example.org", "other", idp.UserServiceAccount
	got.IsActive, got.Password, got.PasswordChangedAt, got.LastLoginAt = false, "!", nil, nil
	got.Attributes = nil
	got.SessionGeneration, got.TokenGeneration = 9, 10
	require.NoError(t, users.Update(ctx, got))
	again, err := users.GetByUUID(ctx, u.UUID)
	require.NoError(t, err)
	got.JoinedAt = when
	same(got, again)
	require.True(t, again.UpdatedAt.After(u.UpdatedAt))

	require.NoError(t, users.Delete(ctx, u.ID))
	_, err = users.Get(ctx, u.ID)
	requireCode(t, idp.CodeNotFound, err)
	requireCode(t, idp.CodeNotFound, users.Delete(ctx, u.ID))
	requireCode(t, idp.CodeNotFound, users.Update(ctx, got))
}

func TestUserDefaults(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "x")
	require.Equal(t, idp.DefaultUserPath, u.Path)
	require.Equal(t, idp.UserInternal, u.Type)
	require.NotEqual(t, uuid.Nil, u.UUID)
	require.WithinDuration(t, time.Now(), u.JoinedAt, time.Minute)
}

func TestGenerationIsNeverLowered(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "x")
	stale := *u
	raise(t, db, u.ID)
	require.NoError(t, db.Repos().Users.Update(t.Context(), &stale))
	require.Equal(t, []int64{1, 1}, []int64{stale.SessionGeneration, stale.TokenGeneration})
}

func TestUserRefusals(t *testing.T) {
	t.Parallel()
	db := open(t)
	addUser(t, db, "Élodie")
	for name, c := range map[string]struct {
		change         func(*idp.User)
		field, message string
	}{
		"taken":         {func(u *idp.User) { u.Username = "éLODIE" }, "username", "This field must be unique."},
		"blank":         {func(u *idp.User) { u.Username = "" }, "username", "may not be blank"},
		"long":          {func(u *idp.User) { u.Username = strings.Repeat("ü", 151) }, "username", "150 characters"},
		"type":          {func(u *idp.User) { u.Type = "robot" }, "type", "not a valid choice"},
		"NUL":           {func(u *idp.User) { u.Name = "a\x00b" }, idp.NonField, "valid UTF-8 without NUL"},
		"broken UTF-8":  {func(u *idp.User) { u.Name = "a\xff" }, idp.NonField, "valid UTF-8 without NUL"},
		"NUL in JSON":   {func(u *idp.User) { u.Attributes = idp.Attributes{"a": "\x00"} }, idp.NonField, "valid UTF-8 without NUL"},
		"email length":  {func(u *idp.User) { u.Email = strings.Repeat("a", 255) }, "email", "254"},
		"year too high": {func(u *idp.User) { u.JoinedAt = time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC) }, idp.NonField, "out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			u := &idp.User{Username: "free"}
			c.change(u)
			requireField(t, db.Repos().Users.Create(t.Context(), u), c.field, c.message)
		})
	}
	require.Equal(t, 1, scalar[int](t, db, `SELECT count(*) FROM users`))
}

// directory is a population for filters: who differs from whom in what.
func directory(t *testing.T, db *DB) map[string]*idp.User {
	t.Helper()
	ctx, r := t.Context(), db.Repos()
	people := map[string]*idp.User{}
	for _, u := range []*idp.User{
		{Username: "ana", Name: "Ana Ruiz", Email: "ana@example.com", IsActive: true, Path: "users/sales/eu",
			LastLoginAt: ptr(time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)), JoinedAt: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Username: "Ben", Name: "Ben_100%", Email: "BEN@example.com", IsActive: false, Path: "users/sales",
			Attributes: idp.Attributes{"team": "red", "level": 3}, JoinedAt: time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)},
		{Username: "cron", Name: "Cron", Type: idp.UserServiceAccount, IsActive: true, Path: "goauthentik.io/service",
			LastLoginAt: ptr(time.Date(2026, 2, 5, 0, 0, 0, 0, time.UTC)), JoinedAt: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)},
		{Username: "dora", Name: "Dora", IsActive: true, Attributes: idp.Attributes{"team": "red"},
			JoinedAt: time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)},
	} {
		require.NoError(t, r.Users.Create(ctx, u))
		people[u.Username] = u
	}
	admins := addGroup(t, db, "admins", true)
	help := addGroup(t, db, "helpdesk", false, admins.ID)
	require.NoError(t, r.Groups.AddUser(ctx, admins.ID, people["ana"].ID))
	require.NoError(t, r.Groups.AddUser(ctx, help.ID, people["Ben"].ID))
	require.NoError(t, r.Lockdowns.Create(ctx, &idp.Lockdown{UserID: &people["Ben"].ID, Username: "Ben", ActorName: "system"}))
	require.NoError(t, r.Lockdowns.Create(ctx, &idp.Lockdown{UserID: &people["dora"].ID, Username: "dora", ActorName: "system"}))
	_, err := r.Lockdowns.MarkRestored(ctx, people["dora"].ID, nil)
	require.NoError(t, err)
	return people
}

func TestUserFilters(t *testing.T) {
	t.Parallel()
	db := open(t)
	people := directory(t, db)
	help, err := db.Repos().Groups.Find(t.Context(), idp.GroupFilter{Name: ptr("helpdesk")})
	require.NoError(t, err)
	feb := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	mid := time.Date(2025, 2, 15, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		f    idp.UserFilter
		want string
	}{
		"all":                {idp.UserFilter{}, "ana Ben cron dora"},
		"ids":                {idp.UserFilter{IDs: []idp.UserID{people["ana"].ID, people["dora"].ID, 99}}, "ana dora"},
		"no ids":             {idp.UserFilter{IDs: []idp.UserID{}}, ""},
		"usernames":          {idp.UserFilter{Usernames: []string{"BEN", "cron"}}, "Ben cron"},
		"email":              {idp.UserFilter{Email: ptr("ben@EXAMPLE.com")}, "Ben"},
		"uuid":               {idp.UserFilter{UUID: &people["dora"].UUID}, "dora"},
		"name":               {idp.UserFilter{Name: ptr("Ana Ruiz")}, "ana"},
		"active":             {idp.UserFilter{IsActive: ptr(true)}, "ana cron dora"},
		"inactive":           {idp.UserFilter{IsActive: ptr(false)}, "Ben"},
		"superuser":          {idp.UserFilter{IsSuperuser: ptr(true)}, "ana Ben"},
		"no superuser":       {idp.UserFilter{IsSuperuser: ptr(false)}, "cron dora"},
		"types":              {idp.UserFilter{Types: []idp.UserType{idp.UserServiceAccount, idp.UserExternal}}, "cron"},
		"path":               {idp.UserFilter{Path: ptr("users/sales")}, "Ben"},
		"path prefix":        {idp.UserFilter{PathStartsWith: ptr("users/sales")}, "ana Ben"},
		"prefix is literal":  {idp.UserFilter{PathStartsWith: ptr("users_")}, ""},
		"group id":           {idp.UserFilter{GroupIDs: []idp.GroupID{help.Items[0].ID}}, "Ben"},
		"group names":        {idp.UserFilter{GroupNames: []string{"admins", "helpdesk"}}, "ana Ben"},
		"attributes":         {idp.UserFilter{Attributes: idp.Attributes{"team": "red"}}, "Ben dora"},
		"attributes, both":   {idp.UserFilter{Attributes: idp.Attributes{"team": "red", "level": 3}}, "Ben"},
		"login after":        {idp.UserFilter{LastLoginAfter: &feb}, "cron"},
		"login before":       {idp.UserFilter{LastLoginBefore: &feb}, "ana"},
		"never logged in":    {idp.UserFilter{LastLoginNull: ptr(true)}, "Ben dora"},
		"logged in":          {idp.UserFilter{LastLoginNull: ptr(false)}, "ana cron"},
		"joined after":       {idp.UserFilter{JoinedAfter: &mid}, "cron dora"},
		"joined before":      {idp.UserFilter{JoinedBefore: &mid}, "ana Ben"},
		"locked down":        {idp.UserFilter{LockedDown: ptr(true)}, "Ben"},
		"not locked down":    {idp.UserFilter{LockedDown: ptr(false)}, "ana cron dora"},
		"search":             {idp.UserFilter{Paging: idp.Paging{Search: "EXAMPLE"}}, "ana Ben"},
		"search by UUID":     {idp.UserFilter{Paging: idp.Paging{Search: people["dora"].UUID.String()[:13]}}, "dora"},
		"no part of a UUID":  {idp.UserFilter{Paging: idp.Paging{Search: people["dora"].UUID.String()[9:13]}}, ""},
		"search is literal":  {idp.UserFilter{Paging: idp.Paging{Search: "_100%"}}, "Ben"},
		"literal percent":    {idp.UserFilter{Paging: idp.Paging{Search: "a%a"}}, ""},
		"several":            {idp.UserFilter{IsActive: ptr(true), PathStartsWith: ptr("users")}, "ana dora"},
		"newest first":       {idp.UserFilter{Paging: idp.Paging{Order: []string{"-date_joined"}}}, "dora cron Ben ana"},
		"last login, latest": {idp.UserFilter{Paging: idp.Paging{Order: []string{"-last_login", "username"}}}, "cron ana Ben dora"},
		"active, then name":  {idp.UserFilter{Paging: idp.Paging{Order: []string{"is_active", "-name"}}}, "Ben dora cron ana"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := db.Repos().Users.Find(t.Context(), c.f)
			require.NoError(t, err)
			require.Equal(t, c.want, strings.Join(usernames(got), " "))
			require.Equal(t, len(got.Items), got.Total)
		})
	}
}

func TestUserPages(t *testing.T) {
	t.Parallel()
	db := open(t)
	directory(t, db)
	users := db.Repos().Users
	var all []string
	for offset := range 5 {
		p, err := users.Find(t.Context(), idp.UserFilter{Paging: idp.Paging{Limit: 1, Offset: offset, Order: []string{"type"}}})
		require.NoError(t, err)
		require.Equal(t, 4, p.Total)
		all = append(all, usernames(p)...)
	}
	slices.Sort(all)
	require.Equal(t, []string{"Ben", "ana", "cron", "dora"}, all, "pages overlap")

	for _, order := range []string{"password", "", "-", "id; DROP TABLE users"} {
		_, err := users.Find(t.Context(), idp.UserFilter{Paging: idp.Paging{Order: []string{order}}})
		requireField(t, err, "ordering", "is not one of")
	}
	p, err := users.Find(t.Context(), idp.UserFilter{Paging: idp.Paging{Limit: 1 << 40, Offset: -5}})
	require.NoError(t, err)
	require.Len(t, p.Items, 4)
}

func TestPaths(t *testing.T) {
	t.Parallel()
	db := open(t)
	directory(t, db)
	got, err := db.Repos().Users.Paths(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"goauthentik.io/service", "users", "users/sales", "users/sales/eu"}, got)
}

func TestFindByLogin(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, users := t.Context(), db.Repos().Users
	for _, u := range []*idp.User{
		{Username: "Zoë", Email: "zoe@example.com", Attributes: idp.Attributes{"upn": "Zoe@Corp"}},
		{Username: "twin1", Email: "twin@example.com"},
		{Username: "twin2", Email: "Twin@example.com"},
		{Username: "thief", Email: "zoë"},
		{Username: "nobody"},
	} {
		require.NoError(t, users.Create(ctx, u))
	}
	all := []string{"username", "email", "upn"}
	for _, c := range []struct {
		value  string
		fields []string
		want   string
	}{
		{"ZOË", all, "Zoë"},
		{"ZOE@example.COM", all, "Zoë"},
		{"zoe@corp", all, "Zoë"},
		{"zoe@corp", []string{"username", "email"}, ""},
		{"twin@example.com", all, ""},
		{"zoë", []string{"email"}, "thief"},
		{"", all, ""},
		{"absent", all, ""},
		{"zoë", nil, ""},
	} {
		got, err := users.FindByLogin(ctx, c.value, c.fields)
		require.NoError(t, err)
		if c.want == "" {
			require.Nil(t, got, "%q in %v", c.value, c.fields)
			continue
		}
		require.NotNil(t, got, "%q in %v", c.value, c.fields)
		require.Equal(t, c.want, got.Username)
	}
	_, err := users.FindByLogin(ctx, "x", []string{"password"})
	requireField(t, err, "user_fields", "is not one of")
	_, err = users.FindByLogin(ctx, "a\x00", all)
	requireCode(t, idp.CodeInvalid, err)
}

func TestUpgradePasswordYieldsToAChange(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, users := t.Context(), db.Repos().Users
	u := &idp.User{Username: "x", Password: "old"}
	require.NoError(t, users.Create(ctx, u))
	require.NoError(t, users.UpgradePassword(ctx, u.ID, "old", "better"))
	require.NoError(t, users.UpgradePassword(ctx, u.ID, "old", "too late"))
	got, err := users.Get(ctx, u.ID)
	require.NoError(t, err)
	require.Equal(t, "better", got.Password)
}

func TestTouchLogin(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "x")
	require.NoError(t, db.Repos().Users.TouchLogin(t.Context(), u.ID))
	got, err := db.Repos().Users.Get(t.Context(), u.ID)
	require.NoError(t, err)
	require.WithinDuration(t, scalar[time.Time](t, db, `SELECT clock_timestamp()`), *got.LastLoginAt, time.Minute)
	requireCode(t, idp.CodeNotFound, db.Repos().Users.TouchLogin(t.Context(), 4711))
}
