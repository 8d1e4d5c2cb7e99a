package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type runs struct{ q querier }

func (r runs) Find(ctx context.Context, browser []byte, flow idp.FlowID) (*idp.Run, error) {
	run, err := one(ctx, r.q, "run", "looking for the run of a browser", pgx.RowToStructByName[idp.Run], `
		SELECT id, browser, flow_id, version, state, created_at, expires_at FROM runs
		 WHERE browser = $1 AND flow_id = $2 AND expires_at > clock_timestamp()`, browser, flow)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil
	}
	return run, err
}

// Present implements idp.Runs.
func (r runs) Present(ctx context.Context, browser []byte, slug string) (rev idp.Revision, run *idp.Run, err error) {
	var found struct {
		id        *idp.RunID
		flow      *idp.FlowID
		version   *int
		state     []byte
		from, end *time.Time
	}
	err = r.q.QueryRow(ctx, `
		SELECT c.revision, r.id, r.flow_id, r.version, r.state, r.created_at, r.expires_at FROM configuration c
		  LEFT JOIN (flows f JOIN runs r ON r.flow_id = f.id AND r.browser = $1 AND r.expires_at > clock_timestamp()) ON f.slug = $2`,
		browser, slug).Scan(&rev, &found.id, &found.flow, &found.version, &found.state, &found.from, &found.end)
	if err != nil {
		return rev, nil, wrap(err, "run", "looking for a browser's run of flow %s", slug)
	}
	if found.id != nil {
		run = &idp.Run{ID: *found.id, Browser: browser, FlowID: *found.flow, Version: *found.version, State: found.state, CreatedAt: *found.from, ExpiresAt: *found.end}
	}
	return rev, run, nil
}

func (r runs) Create(ctx context.Context, run *idp.Run, lifetime time.Duration) error {
	if run.ID.IsZero() {
		run.ID = idp.NewID[idp.Run]()
	}
	err := r.q.QueryRow(ctx, `
		INSERT INTO runs (id, browser, flow_id, version, state, created_at, expires_at)
		VALUES ($1, $2, $3, 1, $4, clock_timestamp(), clock_timestamp() + make_interval(secs => $5))
		ON CONFLICT (browser, flow_id) DO UPDATE SET id = excluded.id, version = 1, state = excluded.state,
			created_at = excluded.created_at, expires_at = excluded.expires_at
		RETURNING version, created_at, expires_at`,
		run.ID, run.Browser, run.FlowID, document(run.State), lifetime.Seconds()).Scan(&run.Version, &run.CreatedAt, &run.ExpiresAt)
	return wrap(err, "run", "starting a run of flow %s", run.FlowID)
}

// Save is a compare-and-swap: of two requests that loaded the same version one
// gets CodeConflict, as does one whose run was replaced, ended or has expired.
func (r runs) Save(ctx context.Context, run *idp.Run) error {
	err := r.q.QueryRow(ctx, `
		UPDATE runs SET state = $3, version = version + 1
		 WHERE id = $1 AND version = $2 AND expires_at > clock_timestamp() RETURNING version`,
		run.ID, run.Version, document(run.State)).Scan(&run.Version)
	if errors.Is(err, pgx.ErrNoRows) {
		return idp.Conflict("This page is out of date. Reload it and try again.")
	}
	return wrap(err, "run", "saving run %s", run.ID)
}

func (r runs) Delete(ctx context.Context, id idp.RunID) error {
	_, err := exec(ctx, r.q, "run", "ending run "+id.String(), `DELETE FROM runs WHERE id = $1`, id)
	return err
}

func (r runs) DeleteBrowser(ctx context.Context, browser []byte) error {
	_, err := exec(ctx, r.q, "run", "ending the runs of a browser", `DELETE FROM runs WHERE browser = $1`, browser)
	return err
}
