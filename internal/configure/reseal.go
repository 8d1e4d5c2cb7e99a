package configure

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// SealSecrets seals the secrets of stages, clients and transports that are stored in
// clear, as they were once, and anew those that were sealed with a secret of the server
// that was replaced. Those of a secret that the server does not have any more stay.
// Nothing else about them is judged or changed.
func (s *Service) SealSecrets(ctx context.Context) error {
	if s.d.Sealer == nil {
		return nil
	}
	repos := s.d.Store.Repos()
	if err := every(func(p idp.Paging) (idp.Page[idp.Stage], error) {
		return repos.Stages.Find(ctx, idp.StageFilter{Paging: p})
	}, func(st idp.Stage) error { return s.sealStored(ctx, st) }); err != nil {
		return fmt.Errorf("sealing the secrets of stages: %w", err)
	}
	if err := every(func(p idp.Paging) (idp.Page[idp.OAuthProvider], error) {
		return repos.OAuthProviders.Find(ctx, idp.OAuthProviderFilter{Paging: p})
	}, func(p idp.OAuthProvider) error {
		return sealRow(ctx, s, s.oauthProviders(), p, ClientSecretUse(p.ID), func(p *idp.OAuthProvider) *string { return &p.ClientSecret })
	}); err != nil {
		return fmt.Errorf("sealing the secrets of clients: %w", err)
	}
	if err := every(func(p idp.Paging) (idp.Page[idp.Transport], error) {
		return repos.Transports.Find(ctx, idp.TransportFilter{Paging: p})
	}, func(t idp.Transport) error {
		return sealRow(ctx, s, s.transports(), t, TransportSecretUse(t.ID), func(t *idp.Transport) *string { return &t.WebhookSecret })
	}); err != nil {
		return fmt.Errorf("sealing the secrets of transports: %w", err)
	}
	return nil
}

// every calls do with each row of a list, in an order that do does not change.
func every[T any](find func(idp.Paging) (idp.Page[T], error), do func(T) error) error {
	paging := idp.Paging{Limit: 1000, Order: []string{"pk"}}
	for {
		page, err := find(paging)
		if err != nil {
			return err
		}
		for i := range page.Items {
			if err := do(page.Items[i]); err != nil {
				return err
			}
		}
		paging.Offset += len(page.Items)
		if len(page.Items) == 0 || paging.Offset >= page.Total {
			return nil
		}
	}
}

// sealRow seals the one secret of a row, if there is something to seal.
func sealRow[T any](ctx context.Context, s *Service, n noun[T], seen T, purpose string, of func(*T) *string) error {
	stale := func(row *T) bool { return *of(row) != "" && s.renewed(purpose, "", *of(row)) != *of(row) }
	if !stale(&seen) {
		return nil
	}
	return s.d.Store.InTx(ctx, func(tx idp.Repos) error {
		row, err := n.rows(tx).Hold(ctx, *n.id(&seen))
		if idp.Is(err, idp.CodeNotFound) {
			return nil // deleted while this waited for it
		}
		if err != nil || *of(row) == "" {
			return err
		}
		fields := printed(n.fields(row))
		*of(row) = s.renewed(purpose, "", *of(row))
		return keep(ctx, tx, n, idp.SystemActor(), fields, row)
	})
}
