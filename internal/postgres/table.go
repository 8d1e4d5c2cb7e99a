package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// table stores a noun whose row is its struct and nothing else. Statements are
// made of the column names once, when the process starts.
type table[T any] struct {
	listing
	insert, update, remove, get, hold string
	values                            func(*T) pgx.NamedArgs // every column but id
	id                                func(*T) *idp.ID[T]
	scan                              pgx.RowToFunc[T]
}

// newTable completes a table. writable are the columns that values fills;
// touched says that updated_at is kept.
func newTable[T any](t table[T], name string, touched bool, writable ...string) *table[T] {
	t.alias, t.from, t.key = "t", name+" t", "t.id"
	sets := make([]string, len(writable))
	for i, c := range writable {
		sets[i] = c + " = @" + c
	}
	if touched {
		sets = append(sets, "updated_at = clock_timestamp()")
	}
	t.insert = "INSERT INTO " + name + " AS t (id, " + strings.Join(writable, ", ") + ") VALUES (@id, @" +
		strings.Join(writable, ", @") + ") RETURNING " + t.columns
	t.update = "UPDATE " + name + " t SET " + strings.Join(sets, ", ") + " WHERE t.id = @id RETURNING " + t.columns
	t.remove = "DELETE FROM " + name + " WHERE id = $1"
	t.get = "SELECT " + t.columns + " FROM " + name + " t WHERE t.id = $1"
	// Rows that refer to this one may still be made: nothing here changes keys.
	t.hold = t.get + " FOR NO KEY UPDATE OF t"
	if t.scan == nil {
		t.scan = pgx.RowToStructByName[T]
	}
	return &t
}

// rows is a table over a pool or a transaction.
type rows[T any] struct {
	*table[T]
	q querier
}

func (r rows[T]) Get(ctx context.Context, id idp.ID[T]) (*T, error) {
	return one(ctx, r.q, r.noun, "reading "+r.noun+" "+id.String(), r.scan, r.get, id)
}

func (r rows[T]) Hold(ctx context.Context, id idp.ID[T]) (*T, error) {
	return one(ctx, r.q, r.noun, "holding "+r.noun+" "+id.String(), r.scan, r.hold, id)
}

func (r rows[T]) Create(ctx context.Context, row *T) error {
	id := r.id(row)
	if id.IsZero() {
		*id = idp.NewID[T]()
	}
	return r.write(ctx, "creating a "+r.noun, r.insert, row)
}

func (r rows[T]) Update(ctx context.Context, row *T) error {
	return r.write(ctx, "changing "+r.noun+" "+r.id(row).String(), r.update, row)
}

func (r rows[T]) Delete(ctx context.Context, id idp.ID[T]) error {
	return mustChange(ctx, r.q, r.noun, "deleting "+r.noun+" "+id.String(), r.remove, id)
}

// write stores the row and reads back what the database made of it.
func (r rows[T]) write(ctx context.Context, act, sql string, row *T) error {
	args := r.values(row)
	args["id"] = *r.id(row)
	stored, err := one(ctx, r.q, r.noun, act, r.scan, sql, args)
	if err != nil {
		return err
	}
	*row = *stored
	return nil
}

func (r rows[T]) find(ctx context.Context, w where, p idp.Paging) (idp.Page[T], error) {
	return page(ctx, r.q, r.listing, w, p, r.scan)
}
