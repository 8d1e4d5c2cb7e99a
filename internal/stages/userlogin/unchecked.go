package userlogin

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// kind is the stage's name among the kinds.
const kind = "user_login"

// Unchecked is a stage whose sessions are bound to what cannot be checked for
// want of a database.
type Unchecked struct {
	Stage    string // name
	ID       idp.StageID
	Database idp.AddressDatabase
	State    idp.DatabaseState
}

// maxUnchecked is how many stages are named for each database.
const maxUnchecked = 20

// FindUnchecked looks for such stages. While both databases are loaded it asks
// nothing.
func FindUnchecked(ctx context.Context, stages idp.Stages, w idp.Whereabouts) ([]Unchecked, error) {
	var out []Unchecked
	state := w.State()
	for _, d := range state.Missing([]idp.AddressDatabase{idp.DatabaseNetworks, idp.DatabasePlaces}) {
		name, bound := "network_binding", values(idp.NetworkBindings())
		if d == idp.DatabasePlaces {
			name, bound = "geoip_binding", values(idp.GeoIPBindings())
		}
		only := kind
		page, err := stages.Find(ctx, idp.StageFilter{Kind: &only, Settings: map[string][]any{name: bound[1:]},
			Paging: idp.Paging{Limit: maxUnchecked, Order: []string{"name"}}})
		if err != nil {
			return nil, fmt.Errorf("looking for stages that bind sessions: %w", err)
		}
		for _, s := range page.Items {
			out = append(out, Unchecked{Stage: s.Name, ID: s.ID, Database: d, State: state.Of(d)})
		}
	}
	return out, nil
}

func values[T any](of []T) []any {
	out := make([]any, len(of))
	for i, v := range of {
		out[i] = v
	}
	return out
}
