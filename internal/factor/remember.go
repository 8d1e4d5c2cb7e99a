package factor

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Remembered returns the factor of an account that was proved within so long in the
// browser, which the account is known in; nil when there is none of the kinds that
// counts, or a lock is in force on it. A raised session generation forgets all of an
// account's, and so does forgetting the browser.
func (s *Service) Remembered(ctx context.Context, p Proof, within time.Duration) (*idp.Factor, error) {
	device, err := s.device(ctx, p)
	if err != nil || device == nil || within <= 0 {
		return nil, err
	}
	f, err := s.store.Repos().Factors.ProvedWithin(ctx, p.User.ID, digestOf(p.Device), within)
	switch {
	case idp.Is(err, idp.CodeNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !has(p.Kinds, f.Kind):
		return nil, nil
	}
	with := idp.Credential{Family: idp.FamilySession, Generation: p.Generation, Device: device, Factor: &f.ID}
	err = s.access.Admit(ctx, idp.DoorSecondFactor, p.User, with)
	switch {
	case idp.Is(err, idp.CodeRefused):
		return nil, nil // it is asked for again, and told why it does not count
	case err != nil:
		return nil, err
	}
	return f, nil
}

func has(kinds []idp.FactorKind, kind idp.FactorKind) bool {
	for _, k := range kinds {
		if k == kind {
			return true
		}
	}
	return false
}
