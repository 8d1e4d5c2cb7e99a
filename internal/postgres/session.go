package postgres

import (
	"cmp"
	"context"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type sessions struct{ q querier }

// sessionLive is the one definition of a session that still counts, over
// sessions s and users u. sessionIdle is part of it: a session that may be idle
// for so long only, and was.
const (
	sessionIdle    = `(s.idle_timeout > 0 AND s.last_seen_at <= clock_timestamp() - make_interval(secs => s.idle_timeout))`
	sessionExpired = `(s.expires_at <= clock_timestamp() OR ` + sessionIdle + `)`
	sessionLive    = `(s.ended_at IS NULL AND NOT ` + sessionExpired + ` AND s.generation = u.session_generation)`
	// sessionEnd is why a session ended: what its row says, or why its generation
	// did.
	sessionEnd = `CASE WHEN s.generation = u.session_generation OR s.ended_at IS NOT NULL AND s.end_reason <> '` + endedByGeneration + `' THEN s.end_reason
		ELSE coalesce((SELECT e.reason FROM session_ends e WHERE e.user_id = s.user_id AND e.generation = s.generation), s.end_reason) END`
	sessionBefore = `s.id, s.user_id, u.username, s.digest, s.generation, s.auth_method, s.created_at, s.last_seen_at,
		s.expires_at, s.ip, s.user_agent, s.data, s.ended_at, `
	sessionAfter = `, make_interval(secs => s.idle_timeout), s.network_binding, s.geoip_binding, s.binding_log_only, s.binding_private,
		s.device_id, s.until_closed, s.factor_id, s.proved_at, clock_timestamp() - s.proved_at, ` + sessionElevations + ` AS elevations, ` + sessionExpired + ` AS expired, ` + sessionLive + ` AS live`
	sessionColumns = sessionBefore + sessionEnd + sessionAfter
	// visitColumns are those for requests, which do not ask why a session ended.
	visitColumns = sessionBefore + `s.end_reason` + sessionAfter
	sessionUser  = `JOIN users u ON u.id = s.user_id`
)

func sessionTargets(s *idp.Session) []any {
	return []any{&s.ID, &s.UserID, &s.Username, &s.Digest, &s.Generation, &s.AuthMethod, &s.CreatedAt, &s.LastSeenAt,
		&s.ExpiresAt, &s.IP, &s.UserAgent, &s.Data, &s.EndedAt, &s.EndReason,
		&s.IdleTimeout, &s.Binding.Network, &s.Binding.GeoIP, &s.Binding.LogOnly, &s.Binding.Private,
		&s.DeviceID, &s.UntilClosed, &s.FactorID, &s.ProvedAt, &s.ProvedAgo, &s.Elevations, &s.Expired, &s.Live}
}

func scanSession(row pgx.CollectableRow) (s idp.Session, err error) {
	err = row.Scan(sessionTargets(&s)...)
	return s, err
}

var sessionListing = listing{
	noun: "session", alias: "s", from: "sessions s " + sessionUser, join: sessionUser, columns: sessionColumns, key: "s.id",
	orders: map[string]string{
		"uuid": "s.id", "user": "s.user_id", "user__username": "fold(u.username)", "created": "s.created_at",
		"last_used": "s.last_seen_at", "last_ip": "s.ip", "last_user_agent": "s.user_agent", "expires": "s.expires_at",
	},
	usual: []string{"-created"},
}

func (r sessions) Get(ctx context.Context, id idp.SessionID) (*idp.Session, error) {
	return one(ctx, r.q, "session", "reading session "+id.String(), scanSession,
		`SELECT `+sessionColumns+` FROM sessions s `+sessionUser+` WHERE s.id = $1`, id)
}

func (r sessions) Find(ctx context.Context, f idp.SessionFilter) (idp.Page[idp.Session], error) {
	var w where
	equal(&w, "s.user_id", f.UserID)
	equal(&w, "s.user_agent", f.UserAgent)
	if f.Live != nil {
		w.with(sessionLive+" = @live", "live", *f.Live)
	}
	if f.IP != nil {
		ip, err := netip.ParseAddr(*f.IP)
		if err != nil {
			return idp.Page[idp.Session]{}, idp.Invalid("last_ip", "“%.64s” is not an IP address.", *f.IP)
		}
		w.with("s.ip = @ip", "ip", ip.Unmap().WithZone(""))
	}
	w.search(f.Search, "u.username", "s.user_agent", "host(s.ip)")
	return page(ctx, r.q, sessionListing, w, f.Paging, scanSession)
}

func (r sessions) Create(ctx context.Context, s *idp.Session) error {
	if s.ID.IsZero() {
		s.ID = idp.NewID[idp.Session]()
	}
	s.Binding.Network, s.Binding.GeoIP = cmp.Or(s.Binding.Network, idp.NetworkUnbound), cmp.Or(s.Binding.GeoIP, idp.GeoUnbound)
	err := r.q.QueryRow(ctx, `
		INSERT INTO sessions (id, user_id, digest, generation, auth_method, created_at, last_seen_at, expires_at, ip, user_agent, data,
			idle_timeout, network_binding, geoip_binding, binding_log_only, binding_private, device_id, until_closed, factor_id, proved_at)
		VALUES ($1, $2, $3, $4, $5, coalesce($6, clock_timestamp()), coalesce($7, clock_timestamp()), $8, $9, $10, coalesce($11, ''::bytea),
			$12, $13, $14, $15, $16, $17, $18, $19, coalesce($20, $6, clock_timestamp()))
		RETURNING created_at, last_seen_at, proved_at`,
		s.ID, s.UserID, s.Digest, s.Generation, s.AuthMethod, unset(s.CreatedAt), unset(s.LastSeenAt), s.ExpiresAt,
		s.IP.Unmap().WithZone(""), s.UserAgent, s.Data,
		int64(s.IdleTimeout/time.Second), s.Binding.Network, s.Binding.GeoIP, s.Binding.LogOnly, s.Binding.Private, s.DeviceID, s.UntilClosed, s.FactorID, unset(s.ProvedAt)).
		Scan(&s.CreatedAt, &s.LastSeenAt, &s.ProvedAt)
	return wrap(err, "session", "creating a session of user %d", s.UserID)
}

func (r sessions) Visit(ctx context.Context, digest []byte) (*idp.Session, *idp.User, error) {
	var s idp.Session
	var u idp.User
	err := r.q.QueryRow(ctx, `SELECT `+visitColumns+`, `+userColumns+` FROM sessions s `+sessionUser+` `+userGroups+
		` WHERE s.digest = $1`, digest).Scan(append(sessionTargets(&s), userTargets(&u)...)...)
	if err != nil {
		return nil, nil, wrap(err, "session", "reading the session of a request")
	}
	return &s, &u, nil
}

// visits reads sessions with their users.
type visits struct{ q querier }

func (r visits) Find(ctx context.Context, digests [][]byte) ([]idp.Visit, error) {
	rows, err := r.q.Query(ctx, `SELECT `+visitColumns+`, `+userColumns+` FROM sessions s `+sessionUser+` `+userGroups+
		` WHERE s.digest = ANY (`+several+`)`, digests)
	if err != nil {
		return nil, wrap(err, "session", "reading the sessions of requests")
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v idp.Visit, err error) {
		err = row.Scan(append(sessionTargets(&v.Session), userTargets(&v.User)...)...)
		return v, err
	})
	return found, wrap(err, "session", "reading the sessions of requests")
}

func (r visits) Expire(ctx context.Context, limit int) ([]idp.Visit, error) {
	rows, err := r.q.Query(ctx, `
		WITH past AS (
			SELECT s.id, coalesce(s.last_seen_at + make_interval(secs => nullif(s.idle_timeout, 0)), 'infinity') AS idled_at
			  FROM sessions s `+sessionUser+`
			 WHERE s.ended_at IS NULL AND `+sessionExpired+` AND s.generation = u.session_generation
			 LIMIT $1 FOR UPDATE OF s SKIP LOCKED
		)
		UPDATE sessions s SET ended_at = least(s.expires_at, past.idled_at), data = '',
		       end_reason = CASE WHEN past.idled_at < s.expires_at THEN $3 ELSE $2 END
		  FROM past, users u WHERE s.id = past.id AND u.id = s.user_id
		RETURNING s.id, s.user_id, s.ended_at, s.end_reason, u.id, u.username, u.email`, limit, idp.EndedByExpiry, idp.EndedByIdling)
	if err != nil {
		return nil, wrap(err, "session", "ending the sessions whose time is over")
	}
	ended, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v idp.Visit, err error) {
		err = row.Scan(&v.Session.ID, &v.Session.UserID, &v.Session.EndedAt, &v.Session.EndReason, &v.User.ID, &v.User.Username, &v.User.Email)
		return v, err
	})
	return ended, wrap(err, "session", "ending the sessions whose time is over")
}

// Save returns CodeNotFound when the row does not live any more: a request
// that was under way when the session ended has nothing to keep.
func (r sessions) Save(ctx context.Context, digest, data []byte) error {
	return mustChange(ctx, r.q, "session", "keeping the data of a session", `
		UPDATE sessions s SET data = coalesce($2, ''::bytea) FROM users u
		 WHERE s.digest = $1 AND u.id = s.user_id AND s.ended_at IS NULL AND `+sessionLive, digest, data)
}

// Seen writes more often where idleness ends sessions: what is not written down
// may count as idle, so it is a tenth of the timeout at most.
func (r sessions) Used(ctx context.Context, uses []idp.SessionUse) error {
	ids, ips, agents := make([]idp.SessionID, len(uses)), make([]*netip.Addr, len(uses)), make([]string, len(uses))
	for i, u := range uses {
		ids[i], agents[i] = u.ID, u.UserAgent
		if u.IP.IsValid() {
			ip := u.IP.Unmap().WithZone("")
			ips[i] = &ip
		}
	}
	_, err := exec(ctx, r.q, "session", "noting the use of sessions", `
		UPDATE sessions s SET last_seen_at = clock_timestamp(), user_agent = used.agent,
		       ip = CASE WHEN s.network_binding = 'no_binding' AND s.geoip_binding = 'no_binding' THEN coalesce(used.ip, s.ip) ELSE s.ip END
		  FROM unnest($1::uuid[], $2::inet[], $3::text[]) AS used (id, ip, agent)
		 WHERE s.id = used.id AND s.ended_at IS NULL AND NOT `+sessionIdle, ids, ips, agents)
	return err
}

func (r sessions) End(ctx context.Context, id idp.SessionID, reason string) (bool, error) {
	var existed, ended bool
	err := r.q.QueryRow(ctx, `
		WITH done AS (
			UPDATE sessions SET ended_at = clock_timestamp(), end_reason = $2, data = ''
			 WHERE id = $1 AND ended_at IS NULL RETURNING id
		)
		SELECT EXISTS (SELECT FROM sessions WHERE id = $1), EXISTS (SELECT FROM done)`, id, reason).Scan(&existed, &ended)
	if err == nil && !existed {
		err = pgx.ErrNoRows
	}
	return ended, wrap(err, "session", "ending session %s", id)
}

// Carry takes the browser that the session is in along: whoever stays signed in
// in it stays known in it.
func (r sessions) Carry(ctx context.Context, id idp.SessionID, from int64) (bool, error) {
	n, err := exec(ctx, r.q, "session", "carrying over session "+id.String(), `
		UPDATE sessions s SET generation = u.session_generation FROM users u
		 WHERE s.id = $1 AND u.id = s.user_id AND s.generation = $2
		   AND s.ended_at IS NULL AND NOT `+sessionExpired, id, from)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = exec(ctx, r.q, "known device", "carrying over the device of session "+id.String(), `
		UPDATE known_devices d SET generation = s.generation FROM sessions s
		 WHERE s.id = $1 AND d.id = s.device_id AND d.user_id = s.user_id AND d.generation = $2 AND d.revoked_at IS NULL`, id, from)
	return true, err
}
