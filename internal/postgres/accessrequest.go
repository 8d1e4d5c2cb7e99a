package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type accessRequests struct{ q querier }

const (
	// accessAlive is what a request needs to go on, over requests a and users u; accessInForce
	// is the one definition of a granted request that counts (migrations/0063).
	accessAlive   = `access_alive(a.group_id, a.generation, u.is_active, u.session_generation)`
	accessInForce = `access_in_force(a.state, a.expires_at, a.group_id, a.generation, u.is_active, u.session_generation)`
	// accessState is the state as it is now, whatever has been written down.
	accessState = `CASE WHEN a.state NOT IN ('pending', 'granted') THEN a.state
		WHEN NOT ` + accessAlive + ` THEN 'ended' WHEN a.expires_at <= clock_timestamp() THEN 'expired' ELSE a.state END`
	accessColumns = `a.id, a.user_id, u.username, coalesce(a.group_id, '00000000-0000-0000-0000-000000000000'), coalesce(g.name, a.group_name), a.reason,
		make_interval(secs => a.duration), ` + accessState + ` AS state, a.session_id, a.generation, a.created_at, a.decided_at, a.decided_by, a.decided_id, a.note, a.expires_at,
		ARRAY(SELECT e.session_id FROM session_elevations e WHERE e.request_id = a.id ORDER BY e.created_at, e.session_id) AS carried`
	accessJoins = `JOIN users u ON u.id = a.user_id LEFT JOIN groups g ON g.id = a.group_id`

	// sessionElevations are the groups that session s has for a while, as idp.Elevation;
	// NULL for none.
	// Nearly all sessions never had one, and their rows say so.
	sessionElevations = `CASE WHEN s.elevated THEN elevations_of(s.id) END`
)

func scanAccessRequest(row pgx.CollectableRow) (r idp.AccessRequest, err error) {
	err = row.Scan(&r.ID, &r.UserID, &r.Username, &r.GroupID, &r.GroupName, &r.Reason, &r.Duration, &r.State, &r.SessionID, &r.Generation,
		&r.CreatedAt, &r.DecidedAt, &r.DecidedBy, &r.DecidedID, &r.Note, &r.ExpiresAt, &r.Carried)
	return r, err
}

var accessListing = listing{
	noun: "access request", alias: "a", from: "access_requests a " + accessJoins, join: accessJoins, columns: accessColumns, key: "a.id",
	orders: map[string]string{
		"created": "a.created_at", "expires": "a.expires_at", "user__username": "fold(u.username)", "group__name": "coalesce(g.name, a.group_name)",
		"state": `array_position(ARRAY['pending', 'granted'], ` + accessState + `)`, "decided": "a.decided_at",
	},
	usual: []string{"-created"},
}

func (r accessRequests) Get(ctx context.Context, id idp.AccessRequestID) (*idp.AccessRequest, error) {
	return one(ctx, r.q, "access request", "reading access request "+id.String(), scanAccessRequest,
		`SELECT `+accessColumns+` FROM access_requests a `+accessJoins+` WHERE a.id = $1`, id)
}

// Hold reads with a second statement, whose snapshot is newer than the wait.
func (r accessRequests) Hold(ctx context.Context, id idp.AccessRequestID) (*idp.AccessRequest, error) {
	if _, err := exec(ctx, r.q, "access request", "holding access request "+id.String(),
		`SELECT FROM access_requests WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return nil, err
	}
	return r.Get(ctx, id)
}

func (r accessRequests) Find(ctx context.Context, f idp.AccessRequestFilter) (idp.Page[idp.AccessRequest], error) {
	var w where
	equal(&w, "a.user_id", f.UserID)
	equal(&w, "a.group_id", f.GroupID)
	if f.State != nil {
		w.with(accessState+" = @state", "state", string(*f.State))
	}
	w.search(f.Search, "u.username", "a.group_name", "a.reason", "a.id::text")
	return page(ctx, r.q, accessListing, w, f.Paging, scanAccessRequest)
}

func (r accessRequests) Create(ctx context.Context, a *idp.AccessRequest, lapse time.Duration) error {
	if a.ID.IsZero() {
		a.ID = idp.NewID[idp.AccessRequest]()
	}
	a.State = idp.AccessPending
	err := r.q.QueryRow(ctx, `
		INSERT INTO access_requests (id, user_id, group_id, group_name, reason, duration, session_id, generation, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + $9::interval) RETURNING created_at, expires_at`,
		a.ID, a.UserID, a.GroupID, a.GroupName, a.Reason, int64(a.Duration/time.Second), a.SessionID, a.Generation, lapse).
		Scan(&a.CreatedAt, &a.ExpiresAt)
	return wrap(err, "access request", "creating an access request of user %d", a.UserID)
}

func (r accessRequests) Decide(ctx context.Context, a *idp.AccessRequest) error {
	err := r.q.QueryRow(ctx, `
		UPDATE access_requests SET state = $2, note = $3, decided_by = $4, decided_id = $5,
		       decided_at = CASE WHEN $2 = 'ended' THEN decided_at ELSE clock_timestamp() END,
		       expires_at = clock_timestamp() + CASE WHEN $2 = 'granted' THEN make_interval(secs => duration) ELSE interval '0' END
		 WHERE id = $1 RETURNING decided_at, expires_at`, a.ID, string(a.State), a.Note, a.DecidedBy, a.DecidedID).Scan(&a.DecidedAt, &a.ExpiresAt)
	return wrap(err, "access request", "deciding access request %s", a.ID)
}

func (r accessRequests) Carry(ctx context.Context, id idp.AccessRequestID, session idp.SessionID) error {
	var may bool
	err := r.q.QueryRow(ctx, `
		WITH fit AS (
			SELECT a.id AS request, s.id AS session FROM access_requests a JOIN users u ON u.id = a.user_id JOIN sessions s ON s.user_id = a.user_id
			 WHERE a.id = $1 AND s.id = $2 AND `+accessInForce+` AND `+sessionLive+`
		), carried AS (
			INSERT INTO session_elevations (session_id, request_id) SELECT session, request FROM fit ON CONFLICT DO NOTHING
		), marked AS (
			UPDATE sessions SET elevated = true FROM fit WHERE id = fit.session
		)
		SELECT EXISTS (SELECT FROM fit)`, id, session).Scan(&may)
	if err == nil && !may {
		return idp.Conflict("What was asked for is not granted any more, or the session has ended.")
	}
	return wrap(err, "access request", "carrying access request %s", id)
}

func (r accessRequests) Drop(ctx context.Context, id idp.AccessRequestID, session idp.SessionID) error {
	_, err := exec(ctx, r.q, "access request", "dropping access request "+id.String(),
		`DELETE FROM session_elevations WHERE request_id = $1 AND session_id = $2`, id, session)
	return err
}

func (r accessRequests) Expire(ctx context.Context, limit int) ([]idp.AccessRequest, error) {
	rows, err := r.q.Query(ctx, `
		WITH over AS (
			SELECT a.id, `+accessState+` AS state FROM access_requests a JOIN users u ON u.id = a.user_id
			 WHERE a.state IN ('pending', 'granted') AND (a.expires_at <= clock_timestamp() OR NOT `+accessAlive+`)
			 LIMIT $1 FOR UPDATE OF a SKIP LOCKED
		), done AS (
			UPDATE access_requests a SET state = over.state, expires_at = least(a.expires_at, clock_timestamp()) FROM over WHERE a.id = over.id RETURNING a.*
		)
		SELECT `+accessColumns+` FROM done a `+accessJoins, limit)
	if err != nil {
		return nil, wrap(err, "access request", "ending the access requests whose time is over")
	}
	over, err := pgx.CollectRows(rows, scanAccessRequest)
	return over, wrap(err, "access request", "ending the access requests whose time is over")
}
