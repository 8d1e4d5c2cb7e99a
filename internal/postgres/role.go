package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var roleTable = newTable(table[idp.Role]{
	listing: listing{
		noun:    "role",
		columns: `t.id, t.name, t.description, t.spec, t.managed, t.created_at, t.updated_at`,
		orders:  map[string]string{"name": "t.name", "created": "t.created_at", "updated": "t.updated_at"},
		usual:   []string{"name"},
	},
	id: func(r *idp.Role) *idp.RoleID { return &r.ID },
	values: func(r *idp.Role) pgx.NamedArgs {
		return pgx.NamedArgs{"name": r.Name, "description": r.Description, "spec": r.Spec, "managed": r.Managed}
	},
}, "roles", true, "name", "description", "spec", "managed")

// roleOfUser and roleOfGroup select the roles of an account or a group: those it
// has directly, or (true) also those that it inherits.
var (
	roleOfUser = map[bool]string{
		false: "EXISTS (SELECT FROM role_users ru WHERE ru.role_id = t.id AND ru.user_id = @user_id)",
		true: `(EXISTS (SELECT FROM role_users ru WHERE ru.role_id = t.id AND ru.user_id = @user_id)
			OR EXISTS (SELECT FROM role_groups rg JOIN user_groups(@user_id) ug ON ug.id = rg.group_id WHERE rg.role_id = t.id))`,
	}
	roleOfGroup = map[bool]string{
		false: "EXISTS (SELECT FROM role_groups rg WHERE rg.role_id = t.id AND rg.group_id = @group_id)",
		true: `t.id IN (WITH RECURSIVE above (id) AS (
				SELECT @group_id::uuid
				UNION
				SELECT gp.parent_id FROM group_parents gp JOIN above a ON a.id = gp.group_id
			) SELECT rg.role_id FROM role_groups rg JOIN above a ON a.id = rg.group_id)`,
	}
)

type roles struct{ rows[idp.Role] }

func newRoles(q querier) roles { return roles{rows[idp.Role]{roleTable, q}} }

func (r roles) GetByName(ctx context.Context, name string) (*idp.Role, error) {
	return one(ctx, r.q, "role", "reading role "+name, r.scan, `SELECT `+r.columns+` FROM roles t WHERE t.name = $1`, name)
}

func (r roles) Find(ctx context.Context, f idp.RoleFilter) (idp.Page[idp.Role], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.name", f.Name)
	if f.Names != nil {
		w.with("t.name = ANY(@names)", "names", f.Names)
	}
	if f.Managed != nil {
		w.add(unless(*f.Managed) + "t.managed <> ''")
	}
	if f.Keepers != nil {
		w.with("t.managed = ANY(@keepers) AND t.managed <> ''", "keepers", f.Keepers)
	}
	if f.UserID != nil {
		w.with(roleOfUser[f.Inherited], "user_id", *f.UserID)
	}
	if f.GroupID != nil {
		w.with(roleOfGroup[f.Inherited], "group_id", *f.GroupID)
	}
	w.search(f.Search, "t.name", "t.description")
	return r.find(ctx, w, f.Paging)
}

func (r roles) SetUserRoles(ctx context.Context, user idp.UserID, ids []idp.RoleID) error {
	return groups{r.q}.replace(ctx, "setting the roles of user "+user.String(),
		`DELETE FROM role_users WHERE user_id = $1 AND role_id <> ALL($2::uuid[])`,
		`INSERT INTO role_users (user_id, role_id) SELECT DISTINCT $1::integer, r FROM unnest($2::uuid[]) r ON CONFLICT DO NOTHING`,
		user, list(ids))
}

func (r roles) SetGroupRoles(ctx context.Context, group idp.GroupID, ids []idp.RoleID) error {
	return groups{r.q}.replace(ctx, "setting the roles of group "+group.String(),
		`DELETE FROM role_groups WHERE group_id = $1 AND role_id <> ALL($2::uuid[])`,
		`INSERT INTO role_groups (group_id, role_id) SELECT DISTINCT $1::uuid, r FROM unnest($2::uuid[]) r ON CONFLICT DO NOTHING`,
		group, list(ids))
}

func (r roles) OfUsers(ctx context.Context, of []idp.UserID) (map[idp.UserID][]idp.Role, error) {
	return rolesOf(ctx, r, of, `SELECT ru.user_id, ru.role_id FROM role_users ru JOIN roles t ON t.id = ru.role_id
		WHERE ru.user_id = ANY($1) ORDER BY t.name`)
}

func (r roles) OfGroups(ctx context.Context, of []idp.GroupID) (map[idp.GroupID][]idp.Role, error) {
	return rolesOf(ctx, r, of, `SELECT rg.group_id, rg.role_id FROM role_groups rg JOIN roles t ON t.id = rg.role_id
		WHERE rg.group_id = ANY($1) ORDER BY t.name`)
}

// rolesOf reads who has which role, and then every role once.
func rolesOf[I comparable](ctx context.Context, r roles, of []I, sql string) (map[I][]idp.Role, error) {
	type held struct {
		By   I
		Role idp.RoleID
	}
	rows, err := r.q.Query(ctx, sql, list(of))
	if err != nil {
		return nil, wrap(err, "role", "%s", "reading who has which role")
	}
	pairs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[held])
	if err != nil || len(pairs) == 0 {
		return nil, wrap(err, "role", "%s", "reading who has which role")
	}
	var wanted []idp.RoleID
	for _, p := range pairs {
		if !slices.Contains(wanted, p.Role) {
			wanted = append(wanted, p.Role)
		}
	}
	found, err := r.Find(ctx, idp.RoleFilter{IDs: wanted, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, err
	}
	byID := map[idp.RoleID]idp.Role{}
	for _, role := range found.Items {
		byID[role.ID] = role
	}
	out := map[I][]idp.Role{}
	for _, p := range pairs {
		if role, ok := byID[p.Role]; ok {
			out[p.By] = append(out[p.By], role)
		}
	}
	return out, nil
}

func (r roles) Holders(ctx context.Context, id idp.RoleID, p idp.Paging) (idp.Page[idp.User], error) {
	var w where
	w.with(`(EXISTS (SELECT FROM role_users ru WHERE ru.user_id = u.id AND ru.role_id = @role)
		OR EXISTS (SELECT FROM user_groups(u.id) ug JOIN role_groups rg ON rg.group_id = ug.id WHERE rg.role_id = @role))`, "role", id)
	w.search(p.Search, "u.username", "u.name", "u.email")
	return page(ctx, r.q, userListing, w, p, scanUser)
}

func (r roles) GroupRights(ctx context.Context, of ...idp.GroupID) (idp.Rights, error) {
	var rights idp.Rights
	err := r.q.QueryRow(ctx, `
		WITH RECURSIVE above (id) AS (
			SELECT unnest($1::uuid[])
			UNION
			SELECT gp.parent_id FROM group_parents gp JOIN above a ON a.id = gp.group_id
		)
		SELECT EXISTS (SELECT FROM groups g JOIN above a ON a.id = g.id WHERE g.is_superuser),
			ARRAY(SELECT DISTINCT ro.name FROM role_groups rg JOIN above a ON a.id = rg.group_id JOIN roles ro ON ro.id = rg.role_id ORDER BY ro.name)`,
		list(of)).Scan(&rights.Superuser, &rights.Roles)
	return rights, wrap(err, "group", "%s", "reading the rights of groups")
}

func (r roles) HolderGroups(ctx context.Context, id idp.RoleID, p idp.Paging) (idp.Page[idp.Group], error) {
	var w where
	w.with("EXISTS (SELECT FROM role_groups rg WHERE rg.group_id = t.id AND rg.role_id = @role)", "role", id)
	w.search(p.Search, "t.name")
	return page(ctx, r.q, groupListing, w, p, pgx.RowToStructByName[idp.Group])
}
