package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// groupGraphLock names the advisory lock under which parents change: two
// changes that are harmless alone can make a cycle together.
const groupGraphLock = 0x67726f757073

const ownAncestor = "A group cannot be its own ancestor."

type groups struct{ q querier }

const (
	groupColumns = `t.id, t.num_pk, t.name, t.is_superuser, t.attributes, d.parents, d.member_count`
	groupDerived = `CROSS JOIN LATERAL (
		SELECT ARRAY(SELECT gp.parent_id FROM group_parents gp WHERE gp.group_id = t.id ORDER BY gp.parent_id) AS parents,
		       (SELECT count(*) FROM group_users gu WHERE gu.group_id = t.id) AS member_count) d`
)

var groupListing = listing{
	noun: "group", alias: "t", from: "groups t", join: groupDerived, columns: groupColumns, key: "t.id",
	orders: map[string]string{"pk": "t.id", "num_pk": "t.num_pk", "name": "t.name", "is_superuser": "t.is_superuser"},
	usual:  []string{"name"},
}

func (s groups) Get(ctx context.Context, id idp.GroupID) (*idp.Group, error) {
	return one(ctx, s.q, "group", "reading group "+id.String(), pgx.RowToStructByName[idp.Group],
		`SELECT `+groupColumns+` FROM groups t `+groupDerived+` WHERE t.id = $1`, id)
}

func (s groups) Hold(ctx context.Context, id idp.GroupID) (*idp.Group, error) {
	return one(ctx, s.q, "group", "holding group "+id.String(), pgx.RowToStructByName[idp.Group],
		`SELECT `+groupColumns+` FROM groups t `+groupDerived+` WHERE t.id = $1 FOR NO KEY UPDATE OF t`, id)
}

func (s groups) Find(ctx context.Context, f idp.GroupFilter) (idp.Page[idp.Group], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.name", f.Name)
	equal(&w, "t.is_superuser", f.IsSuperuser)
	if f.MemberID != nil {
		w.with("EXISTS (SELECT FROM group_users gu WHERE gu.group_id = t.id AND gu.user_id = @member)", "member", *f.MemberID)
	}
	if f.ParentID != nil {
		w.with("EXISTS (SELECT FROM group_parents gp WHERE gp.group_id = t.id AND gp.parent_id = @parent)", "parent", *f.ParentID)
	}
	if f.MemberIDs != nil {
		w.with("EXISTS (SELECT FROM group_users gu WHERE gu.group_id = t.id AND gu.user_id = ANY(@members))", "members", f.MemberIDs)
	}
	if f.MemberNames != nil {
		w.with(`EXISTS (SELECT FROM group_users gu JOIN users u ON u.id = gu.user_id WHERE gu.group_id = t.id
			AND fold(u.username) IN (SELECT fold(n) FROM unnest(@member_names::text[]) n))`, "member_names", f.MemberNames)
	}
	if f.Names != nil {
		w.with("t.name = ANY(@names)", "names", f.Names)
	}
	if len(f.Attributes) > 0 {
		w.with("t.attributes @> @attributes", "attributes", f.Attributes)
	}
	w.search(f.Search, "t.name")
	return page(ctx, s.q, groupListing, w, f.Paging, pgx.RowToStructByName[idp.Group])
}

func (s groups) Create(ctx context.Context, g *idp.Group) error {
	if g.ID.IsZero() {
		g.ID = idp.NewID[idp.Group]()
	}
	return s.write(ctx, g, "creating group “"+g.Name+"”", `
		INSERT INTO groups (id, name, is_superuser, attributes) VALUES ($1, $2, $3, $4) RETURNING num_pk`)
}

func (s groups) Update(ctx context.Context, g *idp.Group) error {
	return s.write(ctx, g, "changing group "+g.ID.String(), `
		UPDATE groups SET name = $2, is_superuser = $3, attributes = $4 WHERE id = $1 RETURNING num_pk`)
}

// write stores the row and its parents, both or neither.
func (s groups) write(ctx context.Context, g *idp.Group, act, sql string) error {
	err := pgx.BeginFunc(ctx, s.q, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sql, g.ID, g.Name, g.IsSuperuser, object(g.Attributes)).Scan(&g.NumPK); err != nil {
			return err
		}
		return setParents(ctx, tx, g)
	})
	return wrap(err, "group", "%s", act)
}

// setParents replaces the parents and refuses a cycle.
func setParents(ctx context.Context, tx pgx.Tx, g *idp.Group) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, groupGraphLock); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM group_parents WHERE group_id = $1 AND parent_id <> ALL($2)`,
		g.ID, list(g.Parents)); err != nil {
		return err
	}
	if len(g.Parents) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `INSERT INTO group_parents (group_id, parent_id)
		SELECT DISTINCT $1::uuid, p FROM unnest($2::uuid[]) p ON CONFLICT DO NOTHING`, g.ID, g.Parents); err != nil {
		return err
	}
	var cycle bool
	err := tx.QueryRow(ctx, `
		WITH RECURSIVE above (id) AS (
			SELECT parent_id FROM group_parents WHERE group_id = $1
			UNION
			SELECT gp.parent_id FROM group_parents gp JOIN above a ON a.id = gp.group_id
		)
		SELECT EXISTS (SELECT FROM above WHERE id = $1)`, g.ID).Scan(&cycle)
	if err == nil && cycle {
		return idp.Invalid("parents", ownAncestor)
	}
	return err
}

func (s groups) Delete(ctx context.Context, id idp.GroupID) error {
	return mustChange(ctx, s.q, "group", "deleting group "+id.String(), `DELETE FROM groups WHERE id = $1`, id)
}

func (s groups) AddUser(ctx context.Context, group idp.GroupID, user idp.UserID) error {
	_, err := exec(ctx, s.q, "group", "adding a user to group "+group.String(),
		`INSERT INTO group_users (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, group, user)
	return err
}

func (s groups) RemoveUser(ctx context.Context, group idp.GroupID, user idp.UserID) error {
	_, err := exec(ctx, s.q, "group", "removing a user from group "+group.String(),
		`DELETE FROM group_users WHERE group_id = $1 AND user_id = $2`, group, user)
	return err
}

func (s groups) SetUsers(ctx context.Context, group idp.GroupID, users []idp.UserID) error {
	return s.replace(ctx, "setting the users of group "+group.String(),
		`DELETE FROM group_users WHERE group_id = $1 AND user_id <> ALL($2::integer[])`,
		`INSERT INTO group_users (group_id, user_id) SELECT DISTINCT $1::uuid, u FROM unnest($2::integer[]) u ON CONFLICT DO NOTHING`,
		group, list(users))
}

func (s groups) SetGroups(ctx context.Context, user idp.UserID, groups []idp.GroupID) error {
	return s.replace(ctx, "setting the groups of user "+user.String(),
		`DELETE FROM group_users WHERE user_id = $1 AND group_id <> ALL($2::uuid[])`,
		`INSERT INTO group_users (user_id, group_id) SELECT DISTINCT $1::integer, g FROM unnest($2::uuid[]) g ON CONFLICT DO NOTHING`,
		user, list(groups))
}

func (s groups) replace(ctx context.Context, act, remove, add string, args ...any) error {
	err := pgx.BeginFunc(ctx, s.q, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, remove, args...); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, add, args...)
		return err
	})
	return wrap(err, "group", "%s", act)
}

func (s groups) MemberIDs(ctx context.Context, group idp.GroupID) ([]idp.UserID, error) {
	act := "listing the users of group " + group.String()
	rows, err := s.q.Query(ctx, `SELECT user_id FROM group_users WHERE group_id = $1 ORDER BY user_id`, group)
	if err != nil {
		return nil, wrap(err, "group", "%s", act)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[idp.UserID])
	return ids, wrap(err, "group", "%s", act)
}

func (s groups) Members(ctx context.Context, group idp.GroupID, p idp.Paging) (idp.Page[idp.User], error) {
	return users(s).Find(ctx, idp.UserFilter{Paging: p, GroupIDs: []idp.GroupID{group}})
}

// list makes an empty array of nil: NULL compares with nothing.
func list[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}
