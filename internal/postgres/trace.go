package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Tracer follows what requests do here.
type Tracer interface {
	// Follows reports whether what happens in this context is followed. Nothing
	// else is called where it is not.
	Follows(ctx context.Context) bool
	// Work begins a span within that of the context and returns what ends it. facts
	// are pairs of a name and a value; failure is a code, "" = none.
	Work(ctx context.Context, name string, facts ...string) (context.Context, func(failure string))
	// Within is ctx, with the span of other as its own.
	Within(ctx, other context.Context) context.Context
}

// spanKey is where a connection keeps the context of the transaction it is in.
const spanKey = "portcullis.span"

// follow begins the span of a transaction; statements of the connection belong to
// it until it ends.
func (db *DB) follow(ctx context.Context, conn *pgx.Conn, name string) (context.Context, func(error)) {
	if db.tracer == nil || !db.tracer.Follows(ctx) {
		return ctx, func(error) {}
	}
	inner, end := db.tracer.Work(ctx, name, "db.system.name", "postgresql")
	conn.PgConn().CustomData()[spanKey] = inner
	return inner, func(err error) {
		delete(conn.PgConn().CustomData(), spanKey)
		end(failureOf(err))
	}
}

// failureOf is the database's code for what went wrong: its texts quote values.
func failureOf(err error) string {
	switch state := sqlState(err); {
	case err == nil:
		return ""
	case state != "":
		return state
	}
	return "error"
}

// statementTracer tells the Tracer of statements: what kind they are and of which
// table, never their text or what they were given.
type statementTracer struct{ tracer Tracer }

var (
	_ pgx.QueryTracer    = statementTracer{}
	_ pgx.BatchTracer    = statementTracer{}
	_ pgx.CopyFromTracer = statementTracer{}
)

type endKey struct{}

func (t statementTracer) begin(ctx context.Context, conn *pgx.Conn, name string, facts ...string) context.Context {
	if whole, ok := conn.PgConn().CustomData()[spanKey].(context.Context); ok {
		ctx = t.tracer.Within(ctx, whole)
	}
	if !t.tracer.Follows(ctx) {
		return ctx
	}
	ctx, end := t.tracer.Work(ctx, name, append(facts, "db.system.name", "postgresql")...)
	return context.WithValue(ctx, endKey{}, end)
}

func (t statementTracer) end(ctx context.Context, err error) {
	if end, ok := ctx.Value(endKey{}).(func(string)); ok {
		end(failureOf(err))
	}
}

func (t statementTracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	verb, table := gist(d.SQL)
	return t.begin(ctx, conn, strings.TrimSpace(verb+" "+table), "db.operation.name", verb, "db.collection.name", table)
}

func (t statementTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	t.end(ctx, d.Err)
}

// TraceBatchStart implements pgx.BatchTracer. Statements that are sent together are
// one span, which names their kinds.
func (t statementTracer) TraceBatchStart(ctx context.Context, conn *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	verbs := make([]string, 0, len(d.Batch.QueuedQueries))
	for _, q := range d.Batch.QueuedQueries[:min(len(d.Batch.QueuedQueries), 20)] {
		verb, table := gist(q.SQL)
		verbs = append(verbs, strings.TrimSpace(verb+" "+table))
	}
	return t.begin(ctx, conn, "BATCH", "db.operation.name", "BATCH", "portcullis.db.statements", strings.Join(verbs, ", "))
}

func (statementTracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (t statementTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchEndData) {
	t.end(ctx, d.Err)
}

func (t statementTracer) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, d pgx.TraceCopyFromStartData) context.Context {
	table := strings.Join(d.TableName, ".")
	return t.begin(ctx, conn, "COPY "+table, "db.operation.name", "COPY", "db.collection.name", table)
}

func (t statementTracer) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceCopyFromEndData) {
	t.end(ctx, d.Err)
}

// gist is what a statement begins with, and the table that it is about where that
// can be seen: the word behind the first FROM, INTO or UPDATE. Nothing that was put
// into the statement by a program gets into it, other than names of tables.
func gist(sql string) (verb, table string) {
	words := strings.Fields(sql[:min(len(sql), 2000)])
	if len(words) == 0 {
		return "", ""
	}
	verb = strings.ToUpper(strings.TrimRight(words[0], ";("))
	for i, w := range words[:len(words)-1] {
		switch strings.ToUpper(w) {
		case "FROM", "INTO", "UPDATE":
			if next := strings.TrimRight(words[i+1], ",;()"); plainName(next) {
				return verb, next
			}
		}
	}
	return verb, ""
}

func plainName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && r != '_' && r != '.' {
			return false
		}
	}
	return s != "" && s != "select" && s != "unnest"
}
