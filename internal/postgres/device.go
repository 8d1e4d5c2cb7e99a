package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type knownDevices struct{ q querier }

// deviceKnown is the one definition of a device that still counts, over
// known_devices d and users u.
const (
	deviceKnown   = `(d.revoked_at IS NULL AND d.expires_at > clock_timestamp() AND d.generation = u.session_generation)`
	deviceColumns = `d.id, d.user_id, u.username, d.digest, d.generation, d.created_at, d.last_seen_at, d.expires_at,
		d.ip, d.user_agent, d.revoked_at, ` + deviceKnown
	deviceUser = `JOIN users u ON u.id = d.user_id`
)

func scanDevice(row pgx.CollectableRow) (d idp.KnownDevice, err error) {
	err = row.Scan(&d.ID, &d.UserID, &d.Username, &d.Digest, &d.Generation, &d.CreatedAt, &d.LastSeenAt, &d.ExpiresAt,
		&d.IP, &d.UserAgent, &d.RevokedAt, &d.Known)
	return d, err
}

var deviceListing = listing{
	noun: "known device", alias: "d", from: "known_devices d " + deviceUser, join: deviceUser, columns: deviceColumns, key: "d.id",
	orders: map[string]string{"created": "d.created_at", "last_used": "d.last_seen_at", "expires": "d.expires_at",
		"user__username": "fold(u.username)"},
	usual: []string{"-last_used"},
}

func (r knownDevices) Get(ctx context.Context, digest []byte, user idp.UserID) (*idp.KnownDevice, error) {
	return one(ctx, r.q, "known device", fmt.Sprintf("reading a known device of user %d", user), scanDevice,
		`SELECT `+deviceColumns+` FROM known_devices d `+deviceUser+` WHERE d.digest = $1 AND d.user_id = $2`, digest, user)
}

func (r knownDevices) GetByID(ctx context.Context, id idp.KnownDeviceID) (*idp.KnownDevice, error) {
	return one(ctx, r.q, "known device", "reading known device "+id.String(), scanDevice,
		`SELECT `+deviceColumns+` FROM known_devices d `+deviceUser+` WHERE d.id = $1`, id)
}

func (r knownDevices) Sessions(ctx context.Context, id idp.KnownDeviceID) ([]idp.SessionID, error) {
	rows, err := r.q.Query(ctx, `SELECT s.id FROM sessions s `+sessionUser+` WHERE s.device_id = $1 AND `+sessionLive+
		` ORDER BY s.created_at, s.id LIMIT $2`, id, idp.CountLimit)
	if err != nil {
		return nil, wrap(err, "session", "reading the sessions in known device %s", id)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[idp.SessionID])
	return found, wrap(err, "session", "reading the sessions in known device %s", id)
}

func (r knownDevices) Find(ctx context.Context, f idp.KnownDeviceFilter) (idp.Page[idp.KnownDevice], error) {
	var w where
	equal(&w, "d.user_id", f.UserID)
	if f.Known != nil {
		w.with(deviceKnown+" = @known", "known", *f.Known)
	}
	w.search(f.Search, "u.username", "d.user_agent", "host(d.ip)")
	return page(ctx, r.q, deviceListing, w, f.Paging, scanDevice)
}

func (r knownDevices) Until(ctx context.Context, digest []byte, besides idp.UserID) (time.Time, error) {
	var until *time.Time
	err := r.q.QueryRow(ctx, `SELECT max(d.expires_at) FROM known_devices d `+deviceUser+
		` WHERE d.digest = $1 AND d.user_id <> $2 AND `+deviceKnown, digest, besides).Scan(&until)
	if err != nil || until == nil {
		return time.Time{}, wrap(err, "known device", "asking how long a device is known")
	}
	return *until, nil
}

func (r knownDevices) Remember(ctx context.Context, d *idp.KnownDevice, lifetime time.Duration) error {
	err := r.q.QueryRow(ctx, `
		INSERT INTO known_devices AS d (id, user_id, digest, generation, created_at, last_seen_at, expires_at, ip, user_agent)
		SELECT $1, $2, $3, $4, now, now, now + make_interval(secs => $5), $6, $7 FROM clock_timestamp() AS now
		ON CONFLICT ON CONSTRAINT known_devices_digest_key DO UPDATE SET
			generation = excluded.generation, last_seen_at = excluded.last_seen_at, expires_at = excluded.expires_at,
			ip = coalesce(excluded.ip, d.ip), user_agent = excluded.user_agent
		 WHERE d.revoked_at IS NULL AND d.generation = excluded.generation
		RETURNING id, created_at, last_seen_at, expires_at`,
		idp.NewID[idp.KnownDevice](), d.UserID, d.Digest, d.Generation, lifetime.Seconds(), d.IP.Unmap().WithZone(""), d.UserAgent).
		Scan(&d.ID, &d.CreatedAt, &d.LastSeenAt, &d.ExpiresAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return &idp.Error{Code: idp.CodeConflict, Message: "The device was forgotten."}
	}
	return wrap(err, "known device", "remembering a device of user %d", d.UserID)
}

func (r knownDevices) Seen(ctx context.Context, id idp.KnownDeviceID, ip netip.Addr, userAgent string) error {
	_, err := exec(ctx, r.q, "known device", "noting the use of known device "+id.String(), `
		UPDATE known_devices SET last_seen_at = clock_timestamp(), ip = coalesce($2, ip), user_agent = $3
		 WHERE id = $1 AND revoked_at IS NULL AND last_seen_at < clock_timestamp() - interval '1 minute'`,
		id, ip.Unmap().WithZone(""), userAgent)
	return err
}

func (r knownDevices) Forget(ctx context.Context, id idp.KnownDeviceID) (bool, error) {
	var existed, forgotten bool
	err := r.q.QueryRow(ctx, `
		WITH done AS (UPDATE known_devices SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL RETURNING id)
		SELECT EXISTS (SELECT FROM known_devices WHERE id = $1), EXISTS (SELECT FROM done)`, id).Scan(&existed, &forgotten)
	if err == nil && !existed {
		err = pgx.ErrNoRows
	}
	return forgotten, wrap(err, "known device", "forgetting known device %s", id)
}

func (r knownDevices) ForgetAll(ctx context.Context, user idp.UserID, except ...idp.KnownDeviceID) (int, error) {
	return exec(ctx, r.q, "known device", fmt.Sprintf("forgetting the known devices of user %d", user),
		`UPDATE known_devices SET revoked_at = clock_timestamp() WHERE user_id = $1 AND revoked_at IS NULL AND id <> ALL ($2)`,
		user, append([]idp.KnownDeviceID{}, except...))
}

func (r knownDevices) Carry(ctx context.Context, user idp.UserID, from int64) error {
	_, err := exec(ctx, r.q, "known device", fmt.Sprintf("carrying over the known devices of user %d", user), `
		UPDATE known_devices d SET generation = u.session_generation FROM users u
		 WHERE d.user_id = $1 AND u.id = d.user_id AND d.generation = $2 AND d.revoked_at IS NULL`, user, from)
	return err
}
