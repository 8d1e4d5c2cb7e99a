package flow

import (
	"context"
	"encoding/json"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// sealing has the stored run ended in the transaction in which the last stage acts,
// so that a sign-in needs one less and nothing acts twice. nil = it cannot be known
// yet how the run ends.
func (p *passage) sealing(ctx context.Context) *sealRide {
	rides := idp.RidesOf(ctx)
	to, ok := p.end()
	if rides == nil || p.row == nil || len(p.rest) != 1 || !p.here.kind.Acts || !ok || p.inspect != nil {
		return nil
	}
	raw, err := json.Marshal(state{Done: to, Last: p.first})
	if err != nil {
		return nil
	}
	s := &sealRide{to: to, row: *p.row}
	s.ride = rides.Add(func(ctx context.Context, tx idp.Repos) error {
		s.row = *p.row
		s.row.State = raw
		err := tx.Runs.Save(ctx, &s.row)
		if idp.Is(err, idp.CodeConflict) || idp.Is(err, idp.CodeNotFound) {
			return nil // another request ended it, or began anew
		}
		return err
	})
	return s
}

type sealRide struct {
	ride *idp.Ride
	to   string
	row  idp.Run
}

// sealed takes note of what became of it. A stage that acted and did not pass goes
// on with its run.
func (p *passage) sealed(ctx context.Context, s *sealRide, step Step, err error) {
	if s == nil || !idp.RidesOf(ctx).Cancel(s.ride) {
		return
	}
	p.row = &s.row
	if _, passed := step.(Next); passed && err == nil {
		p.done = s.to
		return
	}
	p.before = "" // what is stored now is not how it stands
}
