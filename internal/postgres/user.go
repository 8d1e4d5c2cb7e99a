package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// administratorsLock names the advisory lock of everything that could remove
// the last administrator.
const administratorsLock = 0x61646d696e73

type users struct{ q querier }

// userColumns and userGroups read a user; userTargets lists where the columns
// go, so that other nouns can read their user in the same row.
const (
	userColumns = `u.id, u.uuid, u.username, u.name, u.email, u.path, u.type, u.is_active,
		u.password, u.password_changed_at, u.last_login_at, u.joined_at, u.updated_at, u.attributes,
		u.session_generation, u.token_generation, u.renew_password, u.renew_factor, g.is_superuser, g.direct, g.reached, g.names, r.names AS roles`
	userGroups = `CROSS JOIN LATERAL (
		SELECT coalesce(bool_or(ug.is_superuser), false) AS is_superuser,
		       coalesce(array_agg(ug.id ORDER BY ug.name) FILTER (WHERE ug.direct), '{}') AS direct,
		       coalesce(array_agg(ug.id ORDER BY ug.name), '{}') AS reached,
		       coalesce(array_agg(ug.name ORDER BY ug.name), '{}') AS names
		  FROM user_groups(u.id) ug) g
		CROSS JOIN LATERAL (SELECT ARRAY(SELECT held.name FROM roles held WHERE held.id IN (
			SELECT ru.role_id FROM role_users ru WHERE ru.user_id = u.id
			UNION ALL SELECT rg.role_id FROM role_groups rg WHERE rg.group_id = ANY (g.reached)) ORDER BY held.name) AS names) r`
	userByID = `SELECT ` + userColumns + ` FROM users u ` + userGroups + ` WHERE u.id = $1`
)

func userTargets(u *idp.User) []any {
	return []any{&u.ID, &u.UUID, &u.Username, &u.Name, &u.Email, &u.Path, &u.Type, &u.IsActive,
		&u.Password, &u.PasswordChangedAt, &u.LastLoginAt, &u.JoinedAt, &u.UpdatedAt, &u.Attributes,
		&u.SessionGeneration, &u.TokenGeneration, &u.RenewPassword, &u.RenewFactor, &u.IsSuperuser, &u.Groups, &u.AllGroups, &u.GroupNames, &u.RoleNames}
}

func scanUser(row pgx.CollectableRow) (u idp.User, err error) {
	err = row.Scan(userTargets(&u)...)
	return u, err
}

func (s users) Get(ctx context.Context, id idp.UserID) (*idp.User, error) {
	return one(ctx, s.q, "user", fmt.Sprintf("reading user %d", id), scanUser, userByID, id)
}

func (s users) GetByUUID(ctx context.Context, id idp.UUID) (*idp.User, error) {
	return one(ctx, s.q, "user", fmt.Sprintf("reading user %s", id), scanUser,
		`SELECT `+userColumns+` FROM users u `+userGroups+` WHERE u.uuid = $1`, id)
}

var userListing = listing{
	noun: "user", alias: "u", from: "users u", join: userGroups, columns: userColumns, key: "u.id",
	orders: map[string]string{
		"pk": "u.id", "id": "u.id", "uuid": "u.uuid", "username": "fold(u.username)", "name": "u.name",
		"email": "fold(u.email)", "path": "u.path", "type": "u.type", "is_active": "u.is_active",
		"last_login": "u.last_login_at", "date_joined": "u.joined_at", "last_updated": "u.updated_at",
	},
	usual: []string{"username"},
}

func (s users) Find(ctx context.Context, f idp.UserFilter) (idp.Page[idp.User], error) {
	return page(ctx, s.q, userListing, userConditions(f), f.Paging, scanUser)
}

// uuidSearch is how long a text is, in characters, before it is looked for in
// UUIDs: every hundredth one holds "ada" somewhere by chance.
const uuidSearch = 8

// userConditions turns the filter into conditions over users u.
func userConditions(f idp.UserFilter) where {
	var w where
	if f.IDs != nil {
		w.with("u.id = ANY(@ids)", "ids", f.IDs)
	}
	if f.Usernames != nil {
		w.with("fold(u.username) IN (SELECT fold(n) FROM unnest(@usernames::text[]) n)", "usernames", f.Usernames)
	}
	if f.Email != nil {
		w.with("fold(u.email) = fold(@email)", "email", *f.Email)
	}
	equal(&w, "u.uuid", f.UUID)
	equal(&w, "u.name", f.Name)
	equal(&w, "u.is_active", f.IsActive)
	equal(&w, "u.path", f.Path)
	if f.IsSuperuser != nil {
		w.add(unless(*f.IsSuperuser) + "EXISTS (SELECT FROM superusers su WHERE su.user_id = u.id)")
	}
	if f.Types != nil {
		w.with("u.type = ANY(@types)", "types", f.Types)
	}
	if f.PathStartsWith != nil {
		w.with("u.path LIKE @path_prefix || '%'", "path_prefix", pattern(*f.PathStartsWith))
	}
	if f.GroupIDs != nil {
		w.with("EXISTS (SELECT FROM group_users gu WHERE gu.user_id = u.id AND gu.group_id = ANY(@group_ids))", "group_ids", f.GroupIDs)
	}
	if f.GroupNames != nil {
		w.with(`EXISTS (SELECT FROM group_users gu JOIN groups gn ON gn.id = gu.group_id
			WHERE gu.user_id = u.id AND gn.name = ANY(@group_names))`, "group_names", f.GroupNames)
	}
	if f.RoleIDs != nil {
		w.with("EXISTS (SELECT FROM role_users ru WHERE ru.user_id = u.id AND ru.role_id = ANY(@role_ids))", "role_ids", f.RoleIDs)
	}
	if f.RoleNames != nil {
		w.with(`EXISTS (SELECT FROM role_users ru JOIN roles rn ON rn.id = ru.role_id
			WHERE ru.user_id = u.id AND rn.name = ANY(@role_names))`, "role_names", f.RoleNames)
	}
	if len(f.Attributes) > 0 {
		w.with("u.attributes @> @attributes", "attributes", f.Attributes)
	}
	userTimes(&w, f)
	if f.LockedDown != nil {
		w.add(unless(*f.LockedDown) + "EXISTS (SELECT FROM lockdowns l WHERE l.user_id = u.id AND l.restored_at IS NULL)")
	}
	searched := []string{"u.username", "u.name", "u.email"}
	if len(f.Search) >= uuidSearch {
		searched = append(searched, "u.uuid::text")
	}
	w.search(f.Search, searched...)
	return w
}

// unless negates a condition. Comparing it with an argument instead would keep
// the planner from turning it into a join.
func unless(holds bool) string {
	if holds {
		return ""
	}
	return "NOT "
}

func userTimes(w *where, f idp.UserFilter) {
	for _, bound := range []struct {
		condition, name string
		at              *time.Time
	}{
		{"u.last_login_at > @login_after", "login_after", f.LastLoginAfter},
		{"u.last_login_at < @login_before", "login_before", f.LastLoginBefore},
		{"u.joined_at > @joined_after", "joined_after", f.JoinedAfter},
		{"u.joined_at < @joined_before", "joined_before", f.JoinedBefore},
		{"u.updated_at > @updated_after", "updated_after", f.UpdatedAfter},
		{"u.updated_at < @updated_before", "updated_before", f.UpdatedBefore},
		{"u.last_login_at = @login_at", "login_at", f.LastLoginAt},
		{"u.joined_at = @joined_at", "joined_at", f.JoinedAt},
		{"u.updated_at = @updated_at", "updated_at", f.UpdatedAt},
	} {
		if bound.at != nil {
			w.with(bound.condition, bound.name, *bound.at)
		}
	}
	if f.LastLoginNull != nil {
		w.with("(u.last_login_at IS NULL) = @login_null", "login_null", *f.LastLoginNull)
	}
}

// userArgs are the stored fields, in the order of the two statements below.
func userArgs(u *idp.User) []any {
	return []any{u.Username, u.Name, u.Email, u.Path, u.Type, u.IsActive, u.Password, u.PasswordChangedAt,
		u.LastLoginAt, object(u.Attributes), u.SessionGeneration, u.TokenGeneration}
}

// Create also assigns ID, UpdatedAt and, where they are unset, UUID, Path,
// Type and JoinedAt.
func (s users) Create(ctx context.Context, u *idp.User) error {
	if u.UUID == uuid.Nil {
		u.UUID = uuid.New()
	}
	if u.Path == "" {
		u.Path = idp.DefaultUserPath
	}
	if u.Type == "" {
		u.Type = idp.UserInternal
	}
	err := s.q.QueryRow(ctx, `
		INSERT INTO users (username, name, email, path, type, is_active, password, password_changed_at,
			last_login_at, attributes, session_generation, token_generation, uuid, joined_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, coalesce($14, clock_timestamp()))
		RETURNING id, joined_at, updated_at`, append(userArgs(u), u.UUID, unset(u.JoinedAt))...).
		Scan(&u.ID, &u.JoinedAt, &u.UpdatedAt)
	return wrap(err, "user", "creating user “%.150s”", u.Username)
}

// Update writes every stored field: hold the row first. A generation is never
// lowered, whatever the caller says.
func (s users) Update(ctx context.Context, u *idp.User) error {
	err := s.q.QueryRow(ctx, `
		WITH noted AS (
			INSERT INTO session_ends (user_id, generation, reason)
			SELECT id, session_generation, $14 FROM users WHERE id = $13 AND session_generation < $11 AND $14 <> ''
			ON CONFLICT DO NOTHING
		)
		UPDATE users SET username = $1, name = $2, email = $3, path = $4, type = $5, is_active = $6, password = $7,
			password_changed_at = $8, last_login_at = $9, attributes = $10,
			session_generation = greatest(session_generation, $11), token_generation = greatest(token_generation, $12),
			renew_password = $15, renew_factor = $16, updated_at = clock_timestamp()
		WHERE id = $13
		RETURNING session_generation, token_generation, updated_at`, append(userArgs(u), u.ID, u.SessionsEnded, u.RenewPassword, u.RenewFactor)...).
		Scan(&u.SessionGeneration, &u.TokenGeneration, &u.UpdatedAt)
	return wrap(err, "user", "changing user %d", u.ID)
}

func (s users) Delete(ctx context.Context, id idp.UserID) error {
	return mustChange(ctx, s.q, "user", fmt.Sprintf("deleting user %d", id), `DELETE FROM users WHERE id = $1`, id)
}

func (s users) Hold(ctx context.Context, id idp.UserID) (*idp.User, error) {
	return s.lock(ctx, id, `SELECT FROM users WHERE id = $1 FOR UPDATE`)
}

// Share takes FOR NO KEY UPDATE rather than FOR SHARE: both wait for a
// lockdown's FOR UPDATE and make it wait, but two sign-ins of one account that
// share the row and then both note the time of the login would deadlock.
func (s users) Share(ctx context.Context, id idp.UserID) (*idp.User, error) {
	return s.lock(ctx, id, `SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE`)
}

// lock takes the row lock and reads the user with a second statement of the
// same round trip: its snapshot is newer than the wait, for memberships too.
func (s users) lock(ctx context.Context, id idp.UserID, statement string) (*idp.User, error) {
	batch := &pgx.Batch{}
	batch.Queue(statement, id)
	batch.Queue(userByID, id)
	results := s.q.SendBatch(ctx, batch)
	u, err := readHeld(results)
	if closing := results.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, wrap(err, "user", "holding user %d", id)
	}
	return &u, nil
}

func readHeld(results pgx.BatchResults) (idp.User, error) {
	if _, err := results.Exec(); err != nil {
		return idp.User{}, err
	}
	rows, err := results.Query()
	if err != nil {
		return idp.User{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanUser)
}

func (s users) TouchLogin(ctx context.Context, id idp.UserID) error {
	return mustChange(ctx, s.q, "user", fmt.Sprintf("noting the login of user %d", id),
		`UPDATE users SET last_login_at = clock_timestamp() WHERE id = $1`, id)
}

func (s users) UpgradePassword(ctx context.Context, id idp.UserID, old, encoded string) error {
	_, err := exec(ctx, s.q, "user", fmt.Sprintf("upgrading the password hash of user %d", id),
		`UPDATE users SET password = $3 WHERE id = $1 AND password = $2`, id, old, encoded)
	return err
}

func (s users) HoldAdministrators(ctx context.Context, without ...idp.UserID) (int, error) {
	if _, err := s.q.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, administratorsLock); err != nil {
		return 0, wrap(err, "user", "holding the administrators")
	}
	return s.countAdministrators(ctx, without)
}

// administers says whether user u, a superuser, can sign in; $1 is the account of
// nobody.
const administers = `u.is_active AND u.type <> 'internal_service_account' AND u.username <> $1
	AND (left(u.password, 1) NOT IN ('', '!') OR EXISTS (
		SELECT FROM tokens t WHERE t.user_id = u.id AND t.intent IN ('api', 'recovery') AND ` + tokenLive + `))`

// countAdministrators counts the people and programs that can sign in and
// administer: active superusers with a password, an API token or a link to set
// a password with, except the product's own service accounts and the account of
// nobody.
func (s users) countAdministrators(ctx context.Context, without []idp.UserID) (n int, err error) {
	err = s.q.QueryRow(ctx, `
		SELECT count(*) FROM users u JOIN superusers su ON su.user_id = u.id
		 WHERE `+administers+` AND u.id <> ALL(coalesce($2, '{}'::integer[]))`, idp.AnonymousUsername, without).Scan(&n)
	return n, wrap(err, "user", "counting administrators")
}

func (s users) Paths(ctx context.Context) ([]string, error) {
	rows, err := s.q.Query(ctx, `SELECT DISTINCT path FROM users ORDER BY path`)
	if err != nil {
		return nil, wrap(err, "path", "listing user paths")
	}
	paths, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return paths, wrap(err, "path", "listing user paths")
}

// loginFields are the expressions FindByLogin may look at. The conditions
// beside the comparison let the partial indexes be used.
var loginFields = map[string]string{
	"username": `fold(u.username) = fold($1)`,
	"email":    `u.email <> '' AND fold(u.email) = fold($1)`,
	"upn":      `u.attributes ? 'upn' AND fold(u.attributes ->> 'upn') = fold($1)`,
}

// FindByLogin asks the fields one after another and the first that knows the
// value decides. Otherwise whoever writes another's username into their own
// e-mail address would keep the other from signing in.
func (s users) FindByLogin(ctx context.Context, value string, fields []string) (*idp.User, error) {
	if value == "" {
		return nil, nil
	}
	for _, field := range slices.Compact(slices.Clone(fields)) {
		condition, ok := loginFields[field]
		if !ok {
			return nil, idp.Invalid("user_fields", "“%.64s” is not one of: username, email, upn.", field)
		}
		rows, err := s.q.Query(ctx, `SELECT `+userColumns+` FROM (SELECT * FROM users u WHERE `+condition+` LIMIT 2) u `+userGroups, value)
		if err != nil {
			return nil, wrap(err, "user", "looking for a user by %s", field)
		}
		found, err := pgx.CollectRows(rows, scanUser)
		switch {
		case err != nil:
			return nil, wrap(err, "user", "looking for a user by %s", field)
		case len(found) == 1:
			return &found[0], nil
		case len(found) > 1:
			return nil, nil
		}
	}
	return nil, nil
}

// unset makes NULL of the zero time.
func unset(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// object makes {} of a nil map.
func object[M ~map[string]any](m M) M {
	if m == nil {
		return M{}
	}
	return m
}
