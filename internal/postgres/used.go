package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// several is an array of digests as a statement takes it that is asked many times a
// second: written like this the planner never knows how many there are, so it finds that
// a plan for these is no better than the one it has, and keeps that. Told their number
// it plans each time anew, which takes longer than the answer.
const several = `ARRAY(SELECT unnest($1::bytea[]))`

// use is how something is read that somebody brings, and how its use is noted.
type use[T, I any] struct {
	noun    string
	read    string // up to what the digest is compared with; the last column says whether to note the use
	targets func(*T) []any
	id      func(*T) I
	note    string // of what has one of the IDs $1
}

// one reads what has a digest; nothing is no error.
func (u use[T, I]) one(ctx context.Context, q querier, digest []byte) ([]T, error) {
	return u.find(ctx, q, u.read+`$1`, digest)
}

func (u use[T, I]) many(ctx context.Context, q querier, digests [][]byte) ([]T, error) {
	return u.find(ctx, q, u.read+`ANY (`+several+`)`, digests)
}

// find notes uses by a statement of its own, once a minute: one that might write takes a
// fifth longer. It waits for nobody: who holds a row just then has a use noted with the
// next question.
func (u use[T, I]) find(ctx context.Context, q querier, statement string, digests any) ([]T, error) {
	rows, err := q.Query(ctx, statement, digests)
	if err != nil {
		return nil, wrap(err, u.noun, "reading what requests bring")
	}
	var unnoted []I
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t T, err error) {
		var note bool
		err = row.Scan(append(u.targets(&t), &note)...)
		if note {
			unnoted = append(unnoted, u.id(&t))
		}
		return t, err
	})
	if err == nil && len(unnoted) > 0 {
		_, err = q.Exec(ctx, u.note, unnoted)
	}
	return found, wrap(err, u.noun, "reading what requests bring")
}
