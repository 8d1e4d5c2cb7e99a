package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// How much of a list one page may hold.
const (
	defaultPage = 20
	maxPage     = 1000
)

// querier is a pool or a transaction. Begin starts a transaction on the one
// and a savepoint in the other.
type querier interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// where collects conditions that must all hold, with their named arguments.
type where struct {
	conditions []string
	args       pgx.NamedArgs
}

// add notes a condition that needs no argument.
func (w *where) add(condition string) { w.conditions = append(w.conditions, condition) }

// with notes a condition and the value of the argument it names.
func (w *where) with(condition, name string, value any) {
	w.add(condition)
	w.name(name, value)
}

// name notes the value of an argument.
func (w *where) name(name string, value any) {
	if w.args == nil {
		w.args = pgx.NamedArgs{}
	}
	w.args[name] = value
}

// search notes that one of the expressions must contain the text, regardless
// of case.
func (w *where) search(text string, expressions ...string) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	terms := make([]string, len(expressions))
	for i, e := range expressions {
		terms[i] = "fold(" + e + ") LIKE '%' || fold(@search) || '%'"
	}
	w.with("("+strings.Join(terms, " OR ")+")", "search", pattern(text))
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// equal notes column = value when the filter sets it. The argument is named
// after the column.
func equal[T any](w *where, column string, value *T) {
	if value != nil {
		name := strings.NewReplacer(".", "_", "(", "_", ")", "_").Replace(column)
		w.with(column+" = @"+name, name, *value)
	}
}

// pattern keeps LIKE from reading the user's % and _ as wildcards.
func pattern(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

// listing is how a noun is listed: rows of from, aliased alias, filtered,
// ordered and cut; then columns, with join adding what is derived per row.
type listing struct {
	noun    string
	alias   string
	from    string
	join    string
	columns string
	key     string            // last in every ordering, so that pages never overlap
	orders  map[string]string // wire name → expression
	usual   []string          // the ordering when none is asked for
	filled  []string          // orderings whose expression is never null, so that an index gives them
}

// order renders the ordering asked for.
func (l listing) order(asked []string) (string, error) {
	if len(asked) == 0 {
		asked = l.usual
	}
	var terms []string
	last := ""
	for _, field := range asked {
		name, descending := strings.CutPrefix(strings.TrimSpace(field), "-")
		expression, ok := l.orders[name]
		if !ok {
			return "", idp.Invalid("ordering", "“%.64s” is not one of: %s.", name, l.names())
		}
		last = ""
		if descending {
			expression, last = expression+" DESC", " DESC"
			if !slices.Contains(l.filled, name) {
				expression += " NULLS LAST"
			}
		}
		terms = append(terms, expression)
	}
	return " ORDER BY " + strings.Join(append(terms, l.key+last), ", "), nil
}

func (l listing) names() string {
	names := make([]string, 0, len(l.orders))
	for name := range l.orders {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// page reads one page and, where the page does not tell already, the total.
func page[T any](ctx context.Context, q querier, l listing, w where, p idp.Paging, scan pgx.RowToFunc[T]) (idp.Page[T], error) {
	page, err := uncounted(ctx, q, l, w, p, scan)
	if err != nil || page.Total >= 0 {
		return page, err
	}
	page.Total, err = count(ctx, q, l, w)
	return page, err
}

// uncounted reads one page. The total is -1 where the page does not tell it.
func uncounted[T any](ctx context.Context, q querier, l listing, w where, p idp.Paging, scan pgx.RowToFunc[T]) (idp.Page[T], error) {
	order, err := l.order(p.Order)
	if err != nil {
		return idp.Page[T]{}, err
	}
	limit := p.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	args := pgx.NamedArgs{"limit": limit, "offset": max(p.Offset, 0)}
	maps.Copy(args, w.args)
	rows, err := q.Query(ctx, fmt.Sprintf("SELECT %s FROM (SELECT %s.* FROM %s%s%s LIMIT @limit OFFSET @offset) %s %s%s",
		l.columns, l.alias, l.from, w.String(), order, l.alias, l.join, order), args)
	if err != nil {
		return idp.Page[T]{}, wrap(err, l.noun, "listing %ss", l.noun)
	}
	var page idp.Page[T]
	if page.Items, err = pgx.CollectRows(rows, scan); err != nil {
		return page, wrap(err, l.noun, "listing %ss", l.noun)
	}
	if page.Total = len(page.Items); p.Offset > 0 || page.Total >= limit {
		page.Total = -1 // not all there is
	}
	return page, nil
}

// count is how long the whole list is.
func count(ctx context.Context, q querier, l listing, w where) (n int, err error) {
	var args []any
	if w.args != nil {
		args = append(args, w.args)
	}
	err = q.QueryRow(ctx, "SELECT count(*) FROM "+l.from+w.String(), args...).Scan(&n)
	return n, wrap(err, l.noun, "counting %ss", l.noun)
}

// one reads exactly one row.
func one[T any](ctx context.Context, q querier, noun, act string, scan pgx.RowToFunc[T], sql string, args ...any) (*T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap(err, noun, "%s", act)
	}
	row, err := pgx.CollectExactlyOneRow(rows, scan)
	if err != nil {
		return nil, wrap(err, noun, "%s", act)
	}
	return &row, nil
}

// exec runs a statement and says how many rows it changed.
func exec(ctx context.Context, q querier, noun, act string, sql string, args ...any) (int, error) {
	tag, err := q.Exec(ctx, sql, args...)
	return int(tag.RowsAffected()), wrap(err, noun, "%s", act)
}

// mustChange is exec for a statement that an absent row makes fail.
func mustChange(ctx context.Context, q querier, noun, act string, sql string, args ...any) error {
	n, err := exec(ctx, q, noun, act, sql, args...)
	if err == nil && n == 0 {
		return wrap(pgx.ErrNoRows, noun, "%s", act)
	}
	return err
}
