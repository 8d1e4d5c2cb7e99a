package oidc

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// WaitingDevice is one that waits for somebody to let it in.
type WaitingDevice struct {
	Row    *idp.OAuthDevice
	Client *Client
	Wanted []idp.ScopeMapping
}

// DeviceByCode returns the device that shows a user code, to whoever is signed in and
// has attempts left. The error is CodeInvalid on the field code, for a wrong one and for
// one that is of no use any more alike, or CodeRateLimited.
func (s *Service) DeviceByCode(ctx context.Context, actor idp.Actor, code string) (*WaitingDevice, error) {
	wrong := idp.Invalid("code", "This code is wrong, or not valid any more. Look at the device again.")
	if len(plainCode(code)) != userCodeLength {
		return nil, wrong // no code is like that: nothing is guessed
	}
	var row *idp.OAuthDevice
	right, err := s.Guessing.TryCode(ctx, actor, func(ctx context.Context) (right bool, err error) {
		row, err = s.Store.Repos().OAuthRequests.GetDevice(ctx, s.UserCodeDigest(code))
		if idp.Is(err, idp.CodeNotFound) {
			return false, nil
		}
		return err == nil && !row.Expired && row.State == idp.DevicePending, err
	})
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, wrong
	}
	d := &WaitingDevice{Row: row}
	if d.Client, err = s.clientOfProvider(ctx, s.Store.Repos(), row.ProviderID); err != nil {
		return nil, err
	}
	d.Wanted, _, err = s.offered(ctx, d.Client.Provider, row.Scopes)
	return d, err
}

func (s *Service) clientOfProvider(ctx context.Context, repos idp.Repos, id idp.OAuthProviderID) (*Client, error) {
	provider, err := repos.OAuthProviders.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	p, a, err := repos.OAuthProviders.GetClient(ctx, provider.ClientID)
	if err != nil {
		return nil, err
	}
	return &Client{Provider: p, Application: a}, nil
}

// AdmitDevice is Admit for a device: somebody lets it in with their own account.
func (s *Service) AdmitDevice(ctx context.Context, actor idp.Actor, d *WaitingDevice) error {
	return s.Admit(ctx, actor, &Authorization{Client: d.Client, Scopes: d.Row.Scopes})
}

// LetIn approves a device, or denies it, for whoever is signed in. It is called when
// the authorization flow is over. The error is CodeNotFound where the device waits no
// more.
func (s *Service) LetIn(ctx context.Context, actor idp.Actor, id idp.UUID, approve bool) error {
	err := s.Store.InTx(ctx, func(tx idp.Repos) error {
		row, err := tx.OAuthRequests.HoldDevice(ctx, id)
		if err != nil {
			return err
		}
		client, err := s.clientOfProvider(ctx, tx, row.ProviderID)
		if err != nil {
			return err
		}
		return s.minted(ctx, tx, actor, client, func(u *idp.User, session *idp.Session) error {
			methods, err := methodsOf(ctx, tx, session)
			if err != nil {
				return err
			}
			row.State, row.UserID, row.AuthTime, row.Methods = idp.DeviceApproved, &u.ID, &session.ProvedAt, methods
			row.Generation, row.TokenGeneration = u.SessionGeneration, u.TokenGeneration
			if !approve {
				row.State = idp.DeviceDenied
			}
			decided, err := tx.OAuthRequests.Decide(ctx, row)
			if err != nil {
				return err
			}
			if !decided {
				return idp.NotFound("device")
			}
			if !approve {
				return nil
			}
			return tx.Events.Append(ctx, idp.AuthorizeApplicationEvent(app, actor, u, map[string]any{
				"authorized_application": client.facts(), "scopes": row.Scopes, "session": session.ID.String(), "device": true}))
		})
	})
	if err != nil {
		return fmt.Errorf("letting a device in: %w", err)
	}
	return nil
}
