package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// systemName is the actor's name where the product itself acted.
const systemName = "system"

type lockdowns struct{ q querier }

const lockdownColumns = `l.id, l.batch_id, l.user_id, l.username, l.actor_id, l.actor_name, l.reason,
	jsonb_build_object('deactivate_user', l.deactivate_user, 'set_unusable_password', l.set_unusable_password,
		'delete_sessions', l.delete_sessions, 'revoke_tokens', l.revoke_tokens) AS switches,
	l.ended, l.self_service, l.was_active, l.had_password, l.started_at, l.finished_at, l.restored_at, l.restored_by_id,
	l.restored_by_name, l.suspected_at, l.closed_at, l.closed_by_name, coalesce(l.idempotency_key, '') AS idempotency_key, l.request_digest`

var lockdownListing = listing{
	noun: "lockdown", alias: "l", from: "lockdowns l", columns: lockdownColumns, key: "l.id",
	orders: map[string]string{"pk": "l.id", "id": "l.id", "user": "l.username", "username": "l.username", "actor": "l.actor_name",
		"started": "l.started_at", "started_at": "l.started_at", "finished_at": "l.finished_at", "restored_at": "l.restored_at"},
	usual: []string{"-started_at"},
}

func (r lockdowns) Get(ctx context.Context, id idp.LockdownID) (*idp.Lockdown, error) {
	return one(ctx, r.q, "lockdown", "reading lockdown "+id.String(), pgx.RowToStructByName[idp.Lockdown],
		`SELECT `+lockdownColumns+` FROM lockdowns l WHERE l.id = $1`, id)
}

func (r lockdowns) Find(ctx context.Context, f idp.LockdownFilter) (idp.Page[idp.Lockdown], error) {
	var w where
	equal(&w, "l.user_id", f.UserID)
	equal(&w, "l.actor_id", f.ActorID)
	equal(&w, "l.batch_id", f.BatchID)
	if f.Open != nil {
		w.with("(l.restored_at IS NULL) = @open", "open", *f.Open)
	}
	w.search(f.Search, "l.username", "l.actor_name", "l.reason")
	return page(ctx, r.q, lockdownListing, w, f.Paging, pgx.RowToStructByName[idp.Lockdown])
}

// Create also assigns, where they are unset, ID, BatchID and both times. Where counts
// are lower bounds, it notes which generations the caller has just ended, for the
// sweep to count.
func (r lockdowns) Create(ctx context.Context, l *idp.Lockdown) error {
	if l.ID.IsZero() {
		l.ID = idp.NewID[idp.Lockdown]()
	}
	if l.BatchID == uuid.Nil {
		l.BatchID = l.ID.UUID()
	}
	err := r.q.QueryRow(ctx, `
		INSERT INTO lockdowns (id, batch_id, user_id, username, actor_id, actor_name, reason,
			deactivate_user, set_unusable_password, delete_sessions, revoke_tokens, ended,
			self_service, was_active, had_password, started_at, finished_at, idempotency_key, request_digest, sessions_of, tokens_of)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
			coalesce($16, clock_timestamp()), coalesce($17, clock_timestamp()), nullif($18, ''), $19,
			CASE WHEN $20 AND $10 THEN (SELECT session_generation - 1 FROM users WHERE id = $3) END,
			CASE WHEN $20 AND $11 THEN (SELECT token_generation - 1 FROM users WHERE id = $3) END)
		RETURNING started_at, finished_at`,
		l.ID, l.BatchID, l.UserID, l.Username, l.ActorID, l.ActorName, l.Reason,
		l.Switches.DeactivateUser, l.Switches.SetUnusablePassword, l.Switches.DeleteSessions, l.Switches.RevokeTokens, l.Ended,
		l.SelfService, l.WasActive, l.HadPassword, unset(l.StartedAt), unset(l.FinishedAt), l.IdempotencyKey, l.RequestDigest,
		l.Ended.AtLeast).
		Scan(&l.StartedAt, &l.FinishedAt)
	return wrap(err, "lockdown", "recording the lockdown of “%.150s”", l.Username)
}

func (r lockdowns) FindByKey(ctx context.Context, actor *idp.UserID, key string) ([]idp.Lockdown, error) {
	if key == "" {
		return nil, nil
	}
	rows, err := r.q.Query(ctx, `
		SELECT `+lockdownColumns+` FROM lockdowns l
		 WHERE l.idempotency_key = $1 AND (l.actor_id = $2 OR ($2::integer IS NULL AND l.actor_id IS NULL AND l.actor_name = $3))
		 ORDER BY l.started_at, l.id`, key, actor, systemName)
	if err != nil {
		return nil, wrap(err, "lockdown", "looking for the lockdowns of an idempotency key")
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[idp.Lockdown])
	return found, wrap(err, "lockdown", "looking for the lockdowns of an idempotency key")
}

func (r lockdowns) MarkRestored(ctx context.Context, user idp.UserID, by *idp.User) (int, error) {
	var id *idp.UserID
	name := systemName
	if by != nil {
		id, name = &by.ID, by.Username
	}
	return exec(ctx, r.q, "lockdown", fmt.Sprintf("closing the lockdowns of user %d", user), `
		UPDATE lockdowns SET restored_at = clock_timestamp(), restored_by_id = $2, restored_by_name = $3
		 WHERE user_id = $1 AND restored_at IS NULL`, user, id, name)
}
