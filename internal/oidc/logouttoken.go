package oidc

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// logoutEvent is the member of `events` that makes a token a logout token (OpenID
// Connect Back-Channel Logout 1.0, section 2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutLifetime is how long a logout token is good: it is made for one request.
const logoutLifetime = 2 * time.Minute

// LogoutToken signs what a notice tells its application: that one session of the
// subject is over, or all of them. It is another one at each call: whoever refuses what
// it has seen before must not refuse the next try.
func (s *Service) LogoutToken(ctx context.Context, n *idp.LogoutNotice) (string, error) {
	now, err := s.Store.Now(ctx)
	if err != nil {
		return "", fmt.Errorf("asking for the time: %w", err)
	}
	claims := map[string]any{
		"iss": n.Issuer, "sub": n.Subject, "aud": n.ClientID, "jti": idp.NewID[idp.LogoutNotice]().String(),
		"iat": now.Unix(), "exp": now.Add(logoutLifetime).Unix(),
		"events": map[string]any{logoutEvent: map[string]any{}},
	}
	if n.SessionID != nil {
		claims["sid"] = n.SessionID.String()
	}
	return s.Sign(ctx, TypeLogout, claims)
}
