package postgres

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// lockoutActive is the one definition of a lockout in force, over lockouts t.
const (
	lockoutActive  = `(t.ended_at IS NULL AND t.locked_until > clock_timestamp())`
	lockoutColumns = `t.id, t.subject, t.identifier, t.user_id, u.uuid, t.device_id, t.locked_at, t.locked_until, t.reason, t.trigger_ip,
		t.attempts, t.refused, t.ended_at, t.end_reason, t.ended_by, ` + lockoutActive
	lockoutUser = ` LEFT JOIN users u ON u.id = t.user_id`
)

type lockouts struct{ q querier }

var lockoutListing = listing{
	noun: "lockout", alias: "t", from: "lockouts t", join: lockoutUser, columns: lockoutColumns, key: "t.id",
	orders: map[string]string{"locked_at": "t.locked_at", "locked_until": "t.locked_until", "identifier": "t.identifier",
		"attempts": "t.attempts", "refused": "t.refused", "trigger_ip": "t.trigger_ip"},
	usual: []string{"-locked_at"}, filled: []string{"locked_at", "locked_until", "identifier", "attempts", "refused"},
}

func scanLockout(row pgx.CollectableRow) (l idp.Lockout, err error) {
	var ip *netip.Addr
	err = row.Scan(&l.ID, &l.Subject, &l.Identifier, &l.UserID, &l.UserUUID, &l.DeviceID, &l.LockedAt, &l.LockedUntil, &l.Reason,
		&ip, &l.Attempts, &l.Refused, &l.EndedAt, &l.EndReason, &l.EndedBy, &l.Active)
	if ip != nil {
		l.TriggerIP = *ip
	}
	return l, err
}

func (r lockouts) Get(ctx context.Context, id idp.LockoutID) (*idp.Lockout, error) {
	return one(ctx, r.q, "lockout", "reading lockout "+id.String(), scanLockout,
		`SELECT `+lockoutColumns+` FROM lockouts t`+lockoutUser+` WHERE t.id = $1`, id)
}

// conditions of a filter.
func lockoutWhere(f idp.LockoutFilter) (w where) {
	if f.Active != nil {
		w.add(unless(*f.Active) + lockoutActive)
	}
	equal(&w, "t.user_id", f.UserID)
	if f.Subjects != nil {
		w.with("t.subject = ANY(@subjects)", "subjects", f.Subjects)
	}
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	if f.EndedWith != nil {
		w.with("(t.ended_at, t.end_reason, t.ended_by) = (SELECT o.ended_at, o.end_reason, o.ended_by FROM lockouts o WHERE o.id = @ended_with)", "ended_with", *f.EndedWith)
	}
	if f.Accounts != nil {
		w.add(unless(*f.Accounts) + "t.user_id IS NOT NULL")
	}
	if f.TriggerIP != nil {
		w.with("t.trigger_ip = @trigger_ip", "trigger_ip", *f.TriggerIP)
	}
	if f.Before != nil {
		w.with("(t.locked_at, t.id) < (@before_at, @before_id)", "before_at", f.Before.LockedAt)
		w.args["before_id"] = f.Before.ID
	}
	if f.Search != "" {
		terms := []string{"t.identifier LIKE @prefix || '%'"}
		if f.SearchUser != nil {
			terms = append(terms, "t.user_id = @search_user")
			w.with("true", "search_user", *f.SearchUser)
		}
		if ip, err := netip.ParseAddr(f.Search); err == nil {
			terms = append(terms, "t.trigger_ip = @search_ip")
			w.with("true", "search_ip", ip.Unmap().WithZone(""))
		}
		w.with("("+strings.Join(terms, " OR ")+")", "prefix", pattern(f.Search))
	}
	return w
}

func (r lockouts) Find(ctx context.Context, f idp.LockoutFilter) (idp.Page[idp.Lockout], error) {
	if f.Uncounted {
		return uncounted(ctx, r.q, lockoutListing, lockoutWhere(f), f.Paging, scanLockout)
	}
	return page(ctx, r.q, lockoutListing, lockoutWhere(f), f.Paging, scanLockout)
}

func (r lockouts) Count(ctx context.Context, f idp.LockoutFilter, most int) (n int, err error) {
	active := true
	f.Active = &active
	w := lockoutWhere(f)
	args := pgx.NamedArgs{"most": most}
	for k, v := range w.args {
		args[k] = v
	}
	err = r.q.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM lockouts t`+w.String()+` LIMIT @most) t`, args).Scan(&n)
	return n, wrap(err, "lockout", "counting lockouts")
}

func (r lockouts) Begin(ctx context.Context, begun []idp.Lockout) error {
	b := &pgx.Batch{}
	for i := range begun {
		l := &begun[i]
		l.ID = idp.NewID[idp.Lockout]()
		b.Queue(`UPDATE lockouts SET ended_at = locked_until, end_reason = 'expired' WHERE subject = $1 AND ended_at IS NULL AND locked_until <= $2`,
			l.Subject, l.LockedAt)
		b.Queue(`INSERT INTO lockouts (id, subject, identifier, user_id, device_id, locked_at, locked_until, reason, trigger_ip, attempts)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			l.ID, l.Subject, l.Identifier, l.UserID, l.DeviceID, l.LockedAt, l.LockedUntil, l.Reason, l.TriggerIP.Unmap().WithZone(""), l.Attempts)
	}
	return wrap(r.q.SendBatch(ctx, b).Close(), "lockout", "beginning %d lockouts", len(begun))
}

// Unlock implements idp.Lockouts. The standings are held first, as whoever counts
// does, so that no attempt passes between. All of them end at one moment, which is
// what they are known by as ended together.
func (r lockouts) Unlock(ctx context.Context, u idp.Unlocking) ([]idp.Lockout, error) {
	rows, err := r.q.Query(ctx, `SELECT subject FROM standings WHERE (user_id = $1 OR user_id = ANY($3) OR subject = ANY($2)) AND `+unlocked("subject", "$4")+`
		ORDER BY subject FOR UPDATE`, u.UserID, u.Subjects, u.UserIDs, u.Passwords)
	if err != nil {
		return nil, wrap(err, "standing", "holding standings")
	}
	subjects, err := pgx.CollectRows(rows, pgx.RowTo[idp.UUID])
	if err != nil {
		return nil, wrap(err, "standing", "holding standings")
	}
	rows, err = r.q.Query(ctx, `
		WITH was AS (SELECT * FROM lockouts t WHERE (t.subject = ANY($1) OR t.user_id = $4 OR t.user_id = ANY($6) OR t.subject = ANY($5)) AND `+unlocked("t.subject", "$7")+` AND `+lockoutActive+` FOR UPDATE),
		ended AS (UPDATE lockouts l SET ended_at = (SELECT clock_timestamp()), end_reason = $2, ended_by = $3 FROM was WHERE l.id = was.id)
		SELECT `+lockoutColumns+` FROM was t`+lockoutUser+` ORDER BY t.locked_at, t.id`, subjects, u.Reason, u.By, u.UserID, u.Subjects, u.UserIDs, u.Passwords)
	if err != nil {
		return nil, wrap(err, "lockout", "ending lockouts")
	}
	ended, err := pgx.CollectRows(rows, scanLockout)
	if err != nil {
		return nil, wrap(err, "lockout", "ending lockouts")
	}
	if len(ended) == 0 && u.Reason != idp.LockoutPassword {
		return nil, nil
	}
	_, err = exec(ctx, r.q, "standing", "giving attempts back",
		`UPDATE standings SET guesses = '[]', locked_until = NULL, lockouts = 0 WHERE subject = ANY($1)`, subjects)
	return ended, err
}

// unlocked leaves subjects of second factors out where only those of passwords are
// meant: version 8 of their UUID tells them (idp.SecondFactorSubject).
func unlocked(subject, only string) string {
	return `(NOT ` + only + ` OR substr(` + subject + `::text, 15, 1) <> '8')`
}

func (r lockouts) Load(ctx context.Context, most int, each func(subject idp.UUID, until time.Time)) error {
	rows, err := r.q.Query(ctx, `SELECT t.subject, t.locked_until FROM lockouts t WHERE `+lockoutActive+` ORDER BY t.locked_until DESC LIMIT $1`, most)
	if err != nil {
		return wrap(err, "lockout", "loading the lockouts in force")
	}
	var subject idp.UUID
	var until time.Time
	_, err = pgx.ForEachRow(rows, []any{&subject, &until}, func() error {
		each(subject, until)
		return nil
	})
	return wrap(err, "lockout", "loading the lockouts in force")
}

func (r lockouts) Refused(ctx context.Context, counts map[idp.UUID]int) error {
	subjects, n := make([]idp.UUID, 0, len(counts)), make([]int, 0, len(counts))
	for s, count := range counts {
		subjects, n = append(subjects, s), append(n, count)
	}
	_, err := exec(ctx, r.q, "lockout", "counting refused attempts", `UPDATE lockouts t SET refused = t.refused + v.n
		FROM unnest($1::uuid[], $2::integer[]) v (subject, n) WHERE t.subject = v.subject AND `+lockoutActive, subjects, n)
	return err
}

func (r lockouts) Close(ctx context.Context, limit int) (int, error) {
	n, err := exec(ctx, r.q, "lockout", "closing lockouts that are over", `UPDATE lockouts SET ended_at = locked_until, end_reason = 'expired'
		WHERE id IN (SELECT id FROM lockouts WHERE ended_at IS NULL AND locked_until <= clock_timestamp() ORDER BY locked_until LIMIT $1 FOR UPDATE SKIP LOCKED)`, limit)
	return n, err
}

func (r lockouts) Purge(ctx context.Context, ended time.Duration, limit int) (int, error) {
	n, err := exec(ctx, r.q, "lockout", "deleting old lockouts", `DELETE FROM lockouts WHERE id IN
		(SELECT id FROM lockouts WHERE ended_at < clock_timestamp() - $1::interval ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, ended, limit)
	return n, err
}
