package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type restores struct{ q querier }

func (r restores) Hold(ctx context.Context, id idp.LockdownID) (*idp.Lockdown, error) {
	return one(ctx, r.q, "lockdown", "holding lockdown "+id.String(), pgx.RowToStructByName[idp.Lockdown],
		`SELECT `+lockdownColumns+` FROM lockdowns l WHERE l.id = $1 FOR NO KEY UPDATE`, id)
}

func (r restores) Last(ctx context.Context, user idp.UserID) (*idp.Lockdown, error) {
	return one(ctx, r.q, "lockdown", "reading the last lockdown of user "+user.String(), pgx.RowToStructByName[idp.Lockdown],
		`SELECT `+lockdownColumns+` FROM lockdowns l WHERE l.user_id = $1 ORDER BY l.started_at DESC, l.id DESC LIMIT 1`, user)
}

func (r restores) Append(ctx context.Context, a *idp.RestoreAct) error {
	if a.ID.IsZero() {
		a.ID = idp.NewID[idp.RestoreAct]()
	}
	if a.Facts == nil {
		a.Facts = map[string]any{}
	}
	err := r.q.QueryRow(ctx, `
		INSERT INTO restore_acts (id, lockdown_id, step, deed, note, facts, actor_id, actor_name)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING created_at`,
		a.ID, a.LockdownID, a.Step, a.Deed, a.Note, a.Facts, a.ActorID, a.ActorName).Scan(&a.CreatedAt)
	return wrap(err, "lockdown", "recording a step of the restore of lockdown %s", a.LockdownID)
}

func (r restores) Acts(ctx context.Context, id idp.LockdownID) ([]idp.RestoreAct, error) {
	act := "reading the steps of the restore of lockdown " + id.String()
	rows, err := r.q.Query(ctx, `
		SELECT a.id, a.lockdown_id, a.step, a.deed, a.note, a.facts, a.actor_id, a.actor_name, a.created_at
		  FROM restore_acts a WHERE a.lockdown_id = $1 ORDER BY a.created_at, a.id`, id)
	if err != nil {
		return nil, wrap(err, "lockdown", "%s", act)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[idp.RestoreAct])
	return found, wrap(err, "lockdown", "%s", act)
}

func (r restores) Suspect(ctx context.Context, id idp.LockdownID, since time.Time) error {
	return mustChange(ctx, r.q, "lockdown", "dating the suspicion of lockdown "+id.String(),
		`UPDATE lockdowns SET suspected_at = $2 WHERE id = $1`, id, since)
}

func (r restores) Close(ctx context.Context, id idp.LockdownID, by string) (bool, error) {
	n, err := exec(ctx, r.q, "lockdown", "closing the record of lockdown "+id.String(),
		`UPDATE lockdowns SET closed_at = clock_timestamp(), closed_by_name = $2 WHERE id = $1 AND closed_at IS NULL`, id, by)
	return n > 0, err
}
