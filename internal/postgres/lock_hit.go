package postgres

import (
	"context"
	"net/netip"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// userHasRole and userHasGroup say whether user u has a role or a group of that
// name, however they come to it.
const (
	userHasRole = `EXISTS (SELECT FROM roles held WHERE held.name = %s AND (
		EXISTS (SELECT FROM role_users ru WHERE ru.role_id = held.id AND ru.user_id = u.id)
		OR EXISTS (SELECT FROM role_groups rg JOIN user_groups(u.id) ug ON ug.id = rg.group_id WHERE rg.role_id = held.id)))`
	userHasGroup = `EXISTS (SELECT FROM user_groups(u.id) ug WHERE ug.name = %s)`
)

func (r locks) AdministratorsLeft(ctx context.Context, without ...idp.UserID) (n int, err error) {
	err = r.q.QueryRow(ctx, `
		SELECT count(*) FROM users u JOIN superusers su ON su.user_id = u.id
		 WHERE `+administers+` AND u.id <> ALL(coalesce($2, '{}'::integer[])) AND NOT locked_out(u.id, u.username)`, idp.AnonymousUsername, without).Scan(&n)
	return n, wrap(err, "lock", "counting the administrators that no lock refuses")
}

func (r locks) Hits(ctx context.Context, target idp.LockTarget, limit int) (idp.LockHits, error) {
	var h idp.LockHits
	people, seen, keys, known, err := hitConditions(target)
	if err != nil {
		return h, err
	}
	if h.Unknown = !known; h.Unknown {
		return h, nil
	}
	sessions := "SELECT s.* FROM sessions s " + sessionUser + seen.String()
	tokens := "SELECT t.* FROM tokens t JOIN users u ON u.id = t.user_id" + keys.String()
	users := `SELECT u.id FROM users u` + people.String()
	if len(people.conditions) == 0 { // whoever is there from that address, with that session, …
		users = `SELECT user_id AS id FROM (` + sessions + `) hit`
		if target.Get(idp.LockToken) != "" {
			users = `SELECT user_id AS id FROM (` + tokens + `) hit`
		}
	}
	args := pgx.NamedArgs{"limit": limit}
	for _, w := range []where{people, seen, keys} {
		for name, value := range w.args {
			args[name] = value
		}
	}
	err = r.q.QueryRow(ctx, `SELECT (SELECT count(DISTINCT id) FROM (`+users+`) hit), (SELECT count(*) FROM (`+sessions+`) hit), (SELECT count(*) FROM (`+tokens+`) hit)`,
		args).Scan(&h.UserTotal, &h.Sessions, &h.Tokens)
	if err != nil {
		return h, wrap(err, "lock", "counting whom a lock hits")
	}
	rows, err := r.q.Query(ctx, `SELECT `+userColumns+` FROM users u `+userGroups+` WHERE u.id IN (`+users+`) ORDER BY fold(u.username) LIMIT @limit`, args)
	if err != nil {
		return h, wrap(err, "lock", "listing whom a lock hits")
	}
	h.Users, err = pgx.CollectRows(rows, scanUser)
	return h, wrap(err, "lock", "listing whom a lock hits")
}

// hitConditions turns a target into conditions over users u, live sessions s and
// live tokens t. known is false when nothing here has what it names.
func hitConditions(target idp.LockTarget) (people, seen, keys where, known bool, err error) {
	seen.add(sessionLive)
	keys.add(tokenLive)
	known = true
	both := func(condition, name string, value any) {
		people.with(condition, name, value)
		seen.with(condition, name, value)
		keys.with(condition, name, value)
	}
	only := func(w, other *where, condition, name string, value any) {
		w.with(condition, name, value)
		other.add("false")
	}
	for _, key := range target {
		key = key.Canonical()
		switch key.Kind {
		case idp.LockUser:
			both("fold(u.username) = fold(@user)", "user", key.Value)
		case idp.LockRole:
			both(inside(userHasRole, "@role"), "role", key.Value)
		case idp.LockGroup:
			both(inside(userHasGroup, "@group"), "group", key.Value)
		case idp.LockSession:
			only(&seen, &keys, "s.id = @session", "session", uuidOf(key.Value))
		case idp.LockDevice:
			people.with("EXISTS (SELECT FROM known_devices d WHERE d.id = @device AND d.user_id = u.id)", "device", uuidOf(key.Value))
			only(&seen, &keys, "s.device_id = @device", "device", uuidOf(key.Value))
		case idp.LockMFADevice:
			people.with("EXISTS (SELECT FROM factors f WHERE f.id = @factor AND f.user_id = u.id)", "factor", uuidOf(key.Value))
			only(&seen, &keys, "s.factor_id = @factor", "factor", uuidOf(key.Value))
		case idp.LockToken:
			only(&keys, &seen, "t.identifier = @token", "token", key.Value)
		case idp.LockIP:
			var p netip.Prefix
			if p, err = idp.ParseLockPrefix(key.Value); err != nil {
				return people, seen, keys, false, idp.Invalid("ip", "“%.64s” is no address and no network.", key.Value)
			}
			only(&seen, &keys, "s.ip <<= @ip", "ip", p)
		default:
			known = false
		}
	}
	return people, seen, keys, known, nil
}

// inside puts an expression into a condition.
func inside(condition, expression string) string {
	return strings.Replace(condition, "%s", expression, 1)
}

// uuidOf is the identifier that a key names; none is the zero one.
func uuidOf(text string) idp.LockID {
	id, _ := idp.ParseID[idp.Lock](text)
	return id
}
