package postgres

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type configuration struct{ q querier }

// Revision implements idp.Configuration.
func (r configuration) Revision(ctx context.Context) (rev idp.Revision, err error) {
	err = r.q.QueryRow(ctx, `SELECT revision FROM configuration`).Scan(&rev)
	return rev, wrap(err, "configuration", "asking for the configuration's revision")
}
