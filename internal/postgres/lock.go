package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// lockInForce is the one definition of a lock that counts, over locks t.
const (
	lockInForce = `(t.lifted_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp()))`
	lockColumns = `t.id, t.target, t.message, t.expires_at, t.created_at, t.created_by, t.lifted_at, t.lifted_by, ` + lockInForce
)

type locks struct{ q querier }

var lockListing = listing{
	noun: "lock", alias: "t", from: "locks t", columns: lockColumns, key: "t.id",
	orders: map[string]string{"name": "t.id", "created": "t.created_at", "expires": "t.expires_at", "created_by": "t.created_by",
		"message": "t.message", "lifted": "t.lifted_at"},
	usual: []string{"-created"}, filled: []string{"created"},
}

// lockTarget reads a target as it is stored. Keys that a later version wrote and
// this one does not know cannot be judged; see unknownKind.
func lockTarget(stored map[string]string) (idp.LockTarget, error) {
	target := make(idp.LockTarget, 0, len(stored))
	for _, kind := range idp.LockKinds() {
		if v, ok := stored[kind.String()]; ok {
			target = append(target, idp.LockKey{Kind: kind, Value: v})
		}
	}
	if len(target) != len(stored) {
		return nil, errUnknownKind
	}
	return target, nil
}

// errUnknownKind is of a lock whose target this version cannot judge.
var errUnknownKind = errors.New("the target has a key that this version does not know")

func scanLock(row pgx.CollectableRow) (l idp.Lock, err error) {
	var target map[string]string
	err = row.Scan(&l.ID, &target, &l.Message, &l.ExpiresAt, &l.CreatedAt, &l.CreatedBy, &l.LiftedAt, &l.LiftedBy, &l.InForce)
	if err != nil {
		return l, err
	}
	if l.Target, err = lockTarget(target); err != nil {
		return l, fmt.Errorf("lock %s: %w", l.ID, err)
	}
	return l, nil
}

func (r locks) Get(ctx context.Context, id idp.LockID) (*idp.Lock, error) {
	return one(ctx, r.q, "lock", "reading lock "+id.String(), scanLock, `SELECT `+lockColumns+` FROM locks t WHERE t.id = $1`, id)
}

func (r locks) Find(ctx context.Context, f idp.LockFilter) (idp.Page[idp.Lock], error) {
	var w where
	if f.InForce != nil {
		w.add(unless(*f.InForce) + lockInForce)
	}
	l := lockListing
	if len(f.Target) > 0 {
		l.from = ofTarget(&w, f)
	}
	if f.Kind != 0 {
		w.with("t.target ? @kind", "kind", f.Kind.String())
	}
	if f.Before != nil {
		w.with("(t.created_at, t.id) < (@before_at, @before_id)", "before_at", f.Before.CreatedAt)
		w.args["before_id"] = f.Before.ID
	}
	if strings.TrimSpace(f.Search) != "" {
		few, err := r.few(ctx, f.Search)
		if err != nil {
			return idp.Page[idp.Lock]{}, err
		}
		if few && len(f.Target) == 0 {
			w.with("true", "words", f.Search)
			l.from = "(SELECT * FROM locks t WHERE " + lockWords + " @@ lock_query(@words) OFFSET 0) t"
		}
		w.search(f.Search, "t.message", "t.created_by", "t.target::text", "t.id::text")
	}
	if !f.Uncounted {
		return page(ctx, r.q, l, w, f.Paging, scanLock)
	}
	return uncounted(ctx, r.q, l, w, f.Paging, scanLock)
}

// lockWords are the words of a lock, as locks_words_idx has them.
const lockWords = "lock_words(t.target, t.message, t.created_by, t.id)"

// fewFound is up to how many locks with the words searched for are all read and put
// in order. Words that more locks have are soon come by in any order.
const fewFound = 5000

// few reports whether few locks have words that begin as those of a search do.
func (r locks) few(ctx context.Context, text string) (bool, error) {
	var n int
	err := r.q.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM locks t WHERE `+lockWords+` @@ lock_query($1) LIMIT $2) found`, text, fewFound+1).Scan(&n)
	return n <= fewFound, wrap(err, "lock", "searching locks")
}

// ofTarget is where to list locks from that have these keys, behind a fence: few
// locks share a key, and the planner would rather walk all by their age.
func ofTarget(w *where, f idp.LockFilter) (from string) {
	target, conditions := idp.LockTarget(f.Target).Map(), []string{}
	if f.InForce != nil && *f.InForce {
		conditions = append(conditions, "lifted_at IS NULL")
	}
	if name, named := target[idp.LockUser.String()]; named { // regardless of case, as it is judged
		w.with("true", "user", name)
		conditions = append(conditions, "target ? 'user' AND fold(target ->> 'user') = fold(@user)")
		delete(target, idp.LockUser.String())
	}
	if len(target) > 0 {
		w.with("true", "target", target)
		conditions = append(conditions, "target @> @target")
	}
	return "(SELECT * FROM locks WHERE " + strings.Join(conditions, " AND ") + " OFFSET 0) t"
}

func (r locks) Create(ctx context.Context, l *idp.Lock) error {
	if l.ID.IsZero() {
		l.ID = idp.NewID[idp.Lock]()
	}
	stored, err := one(ctx, r.q, "lock", "creating lock "+l.ID.String(), scanLock, `
		INSERT INTO locks AS t (id, target, message, expires_at, created_by) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT ON CONSTRAINT locks_pkey DO UPDATE SET target = excluded.target, message = excluded.message, expires_at = excluded.expires_at,
			created_at = clock_timestamp(), created_by = excluded.created_by, lifted_at = NULL, lifted_by = ''
			WHERE NOT `+lockInForce+`
		RETURNING `+lockColumns, l.ID, l.Target.Map(), l.Message, l.ExpiresAt, l.CreatedBy)
	if idp.Is(err, idp.CodeNotFound) {
		return idp.Conflict("lock %q already exists", l.ID)
	}
	if err != nil {
		return err
	}
	*l = *stored
	return nil
}

func (r locks) Update(ctx context.Context, l *idp.Lock) error {
	stored, err := one(ctx, r.q, "lock", "changing lock "+l.ID.String(), scanLock, `
		UPDATE locks t SET target = $2, message = $3, expires_at = $4 WHERE t.id = $1 AND `+lockInForce+` RETURNING `+lockColumns,
		l.ID, l.Target.Map(), l.Message, l.ExpiresAt)
	if err != nil {
		return err
	}
	*l = *stored
	return nil
}

func (r locks) Lift(ctx context.Context, id idp.LockID, by string) (bool, error) {
	n, err := exec(ctx, r.q, "lock", "lifting lock "+id.String(),
		`UPDATE locks t SET lifted_at = clock_timestamp(), lifted_by = $2 WHERE t.id = $1 AND `+lockInForce, id, by)
	return n > 0, err
}

func (r locks) Load(ctx context.Context, each func(*idp.Lock)) error {
	rows, err := r.q.Query(ctx, `SELECT `+lockColumns+` FROM locks t WHERE `+lockInForce)
	if err != nil {
		return wrap(err, "lock", "loading the locks in force")
	}
	defer rows.Close()
	for rows.Next() {
		l, err := scanLock(rows)
		if err != nil {
			return wrap(err, "lock", "loading the locks in force")
		}
		each(&l)
	}
	return wrap(rows.Err(), "lock", "loading the locks in force")
}

func (r locks) Purge(ctx context.Context, age time.Duration, limit int) (int, error) {
	n, err := exec(ctx, r.q, "lock", "purging locks of the past", `
		DELETE FROM locks WHERE id IN (SELECT id FROM locks
			WHERE (lifted_at IS NOT NULL OR expires_at IS NOT NULL) AND coalesce(lifted_at, expires_at) <= clock_timestamp() - $1::interval
			LIMIT $2 FOR UPDATE SKIP LOCKED)`, age, limit)
	return int(n), err
}

// said decodes what a change carries beside its subject.
func said(c *idp.Change, payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	switch c.Kind {
	case idp.ChangeLock:
		var row struct {
			ID        idp.LockID        `json:"id"`
			Target    map[string]string `json:"target"`
			Message   string            `json:"message"`
			ExpiresAt *time.Time        `json:"expires_at"`
			CreatedAt time.Time         `json:"created_at"`
			CreatedBy string            `json:"created_by"`
		}
		if err := json.Unmarshal(payload, &row); err != nil {
			return err
		}
		target, err := lockTarget(row.Target)
		if err != nil {
			return fmt.Errorf("lock %s: %w", row.ID, err)
		}
		c.Lock = &idp.Lock{ID: row.ID, Target: target, Message: row.Message, ExpiresAt: utc(row.ExpiresAt), CreatedAt: row.CreatedAt.UTC(),
			CreatedBy: row.CreatedBy, InForce: true}
	case idp.ChangeRole:
		var row struct {
			ID          idp.RoleID   `json:"id"`
			Name        string       `json:"name"`
			Description string       `json:"description"`
			Spec        idp.RoleSpec `json:"spec"`
			Managed     string       `json:"managed"`
		}
		if err := json.Unmarshal(payload, &row); err != nil {
			return err
		}
		c.Role = &idp.Role{ID: row.ID, Name: row.Name, Description: row.Description, Spec: row.Spec, Managed: row.Managed}
	case idp.ChangeLockout:
		var row struct {
			Until time.Time `json:"until"`
		}
		if err := json.Unmarshal(payload, &row); err != nil {
			return err
		}
		c.Until = utc(&row.Until)
	case idp.ChangeSetting:
		c.Value = payload
	}
	return nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
