package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// transaction is a pgx.Tx that saves round trips: it begins with its first
// statement, and writes whose answers nobody waits for (see later) are sent together
// with the statement after them, or with the commit. What is sent is in the order it
// was asked for. One that nothing was asked of sends nothing.
type transaction struct {
	conn    *pgx.Conn
	tx      pgx.Tx // nil = nothing was sent yet
	waiting []write
	ending  bool // the commit was sent, and may have come about
	noted   noted
}

var _ pgx.Tx = (*transaction)(nil)

// write is a statement nobody waits for. What goes wrong with it is told by whatever
// is sent next, as wrapped here.
type write struct {
	query *pgx.QueuedQuery
	wrap  func(error) error
}

// later sends the statements of a batch when something else is sent in the same
// transaction, at its commit at the latest; outside of one at once.
func later(ctx context.Context, q querier, b *pgx.Batch, wrap func(error) error) error {
	t, ok := q.(*transaction)
	if !ok {
		return wrap(q.SendBatch(ctx, b).Close())
	}
	for _, query := range b.QueuedQueries {
		t.waiting = append(t.waiting, write{query, wrap})
	}
	return nil
}

// idle reports whether a statement may go its usual way: nothing has to be sent with it.
func (t *transaction) idle() bool { return t.tx != nil && len(t.waiting) == 0 }

// undone reports whether nothing can have come of it so far, and nothing was answered.
func (t *transaction) undone() bool { return t.tx == nil && !t.ending }

// send sends what waits, and the batch after it. The results are those of the batch;
// they must be closed.
func (t *transaction) send(ctx context.Context, b *pgx.Batch) (pgx.BatchResults, error) {
	whole, beginning := &pgx.Batch{}, t.tx == nil
	if beginning {
		whole.BeginTx(pgx.TxOptions{})
	}
	writes := t.waiting
	t.waiting = nil
	for _, w := range writes {
		whole.QueuedQueries = append(whole.QueuedQueries, w.query)
	}
	whole.QueuedQueries = append(whole.QueuedQueries, b.QueuedQueries...)
	results := t.conn.SendBatch(ctx, whole)
	if beginning {
		if _, err := results.Exec(); err != nil {
			_ = results.Close()
			return nil, wrap(err, "database", "beginning a transaction")
		}
		t.tx = results.Tx()
	}
	for _, w := range writes {
		var err error
		if w.query.Fn != nil {
			err = w.query.Fn(results)
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			_ = results.Close()
			return nil, w.wrap(err)
		}
	}
	return results, nil
}

// settle sends what waits.
func (t *transaction) settle(ctx context.Context) error {
	if t.idle() {
		return nil
	}
	results, err := t.send(ctx, &pgx.Batch{})
	if err != nil {
		return err
	}
	return results.Close()
}

func single(sql string, args []any) *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(sql, args...)
	return b
}

func (t *transaction) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if t.idle() {
		return t.tx.SendBatch(ctx, b)
	}
	results, err := t.send(ctx, b)
	if err != nil {
		return failed{err}
	}
	return results
}

func (t *transaction) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	if t.idle() {
		return t.tx.Exec(ctx, sql, args...)
	}
	results, err := t.send(ctx, single(sql, args))
	if err != nil {
		return tag, err
	}
	tag, err = results.Exec()
	if closing := results.Close(); err == nil {
		err = closing
	}
	return tag, err
}

func (t *transaction) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if t.idle() {
		return t.tx.Query(ctx, sql, args...)
	}
	results, err := t.send(ctx, single(sql, args))
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return &sentRows{Rows: rows, results: results}, nil
}

func (t *transaction) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if t.idle() {
		return t.tx.QueryRow(ctx, sql, args...)
	}
	rows, err := t.Query(ctx, sql, args...)
	return sentRow{rows, err}
}

// Begin begins a savepoint.
func (t *transaction) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := t.settle(ctx); err != nil {
		return nil, err
	}
	return t.tx.Begin(ctx)
}

// Commit sends what waits and commits, in one.
func (t *transaction) Commit(ctx context.Context) error {
	if t.tx == nil && len(t.waiting) == 0 {
		return nil
	}
	t.ending = true
	if t.idle() {
		return t.tx.Commit(ctx)
	}
	results, err := t.send(ctx, single("commit", nil))
	if err != nil {
		return err
	}
	tag, err := results.Exec()
	if closing := results.Close(); err == nil {
		err = closing
	}
	if err == nil && tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return err
}

func (t *transaction) Rollback(ctx context.Context) error {
	t.waiting = nil
	if t.tx == nil {
		return nil
	}
	return t.tx.Rollback(ctx)
}

func (t *transaction) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if err := t.settle(ctx); err != nil {
		return 0, err
	}
	return t.tx.CopyFrom(ctx, table, columns, rows)
}

func (t *transaction) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return t.conn.Prepare(ctx, name, sql)
}

// LargeObjects is of no use here: nothing is stored so.
func (t *transaction) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

func (t *transaction) Conn() *pgx.Conn { return t.conn }

// sentRows are the rows of a statement that something was sent with.
type sentRows struct {
	pgx.Rows
	results pgx.BatchResults
	closed  bool
	err     error
}

func (r *sentRows) Next() bool {
	if r.closed {
		return false
	}
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close leaves the connection free for what comes next.
func (r *sentRows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.Rows.Close()
	r.err = r.Rows.Err()
	if closing := r.results.Close(); r.err == nil {
		r.err = closing
	}
}

func (r *sentRows) Err() error {
	if r.closed {
		return r.err
	}
	return r.Rows.Err()
}

// sentRow is the one row of a statement that something was sent with.
type sentRow struct {
	rows pgx.Rows
	err  error
}

func (r sentRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// failed are the results of a batch that was not reached: something that was sent
// before it went wrong.
type failed struct{ err error }

func (f failed) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, f.err }
func (f failed) Query() (pgx.Rows, error)         { return nil, f.err }
func (f failed) QueryRow() pgx.Row                { return sentRow{nil, f.err} }
func (f failed) Close() error                     { return f.err }
func (f failed) Tx() pgx.Tx                       { return nil }
