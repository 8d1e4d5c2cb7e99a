package migration

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// none is golang-migrate's version of a database without any migration.
const none = database.NilVersion

// atomic is golang-migrate's PostgreSQL driver, except that the record of a
// file's version is written in the file's own transaction. The library marks
// the version dirty, runs the file and marks it clean in three transactions;
// whoever dies in between leaves a mark nobody can interpret.
type atomic struct {
	database.Driver
	table  pgx.Identifier // the version table
	target int            // version the next Run leads to
	name   func(target int) string
}

// SetVersion only remembers a version about to be run; Run writes it.
func (d *atomic) SetVersion(version int, dirty bool) error {
	d.target = version
	if dirty {
		return nil
	}
	return d.Driver.SetVersion(version, false)
}

// Run executes one file. Statements sent together are one transaction to
// PostgreSQL, so the version goes with them.
func (d *atomic) Run(migration io.Reader) error {
	body, err := io.ReadAll(migration)
	if err != nil {
		return fmt.Errorf("reading migration %s: %w", d.name(d.target), err)
	}
	sql := string(body)
	if concurrent(body) {
		if err := d.Driver.SetVersion(d.target, true); err != nil {
			return fmt.Errorf("recording migration %s: %w", d.name(d.target), err)
		}
	} else {
		sql += "\n;\n" + d.record()
	}
	if err := d.Driver.Run(strings.NewReader(sql)); err != nil {
		return fmt.Errorf("migration %s%w", d.name(d.target), explain(err))
	}
	return nil
}

func (d *atomic) record() string {
	table := d.table.Sanitize()
	sql := "DELETE FROM " + table
	if d.target != none {
		sql += fmt.Sprintf("; INSERT INTO %s (version, dirty) VALUES (%d, false)", table, d.target)
	}
	return sql
}

// explain replaces the library's error, which repeats the whole file, by the
// line and PostgreSQL's own words.
func explain(err error) error {
	var failed database.Error
	if !errors.As(err, &failed) || failed.OrigErr == nil {
		return fmt.Errorf(": %w", err)
	}
	var pg *pgconn.PgError
	if errors.As(failed.OrigErr, &pg) && pg.Position > 0 {
		return fmt.Errorf(", line %d: %w", failed.Line, failed.OrigErr)
	}
	return fmt.Errorf(": %w", failed.OrigErr)
}
