package oidc

import (
	"context"
	"net/url"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Departure is a request to sign out that an application sent the browser with (OpenID
// Connect RP-Initiated Logout 1.0), judged.
type Departure struct {
	Client *Client
	// Back is where the browser goes afterwards; "" = nowhere in particular.
	Back string
	// Subject and Session are whom the application means, by an ID token of ours; ""
	// = it did not say, and whoever is signed in has to be asked.
	Subject, Session string
}

// Leave judges a request to sign out. The error is for the person.
func (s *Service) Leave(ctx context.Context, slug string, params map[string]string) (*Departure, error) {
	c, err := s.ClientOfSlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	d := &Departure{Client: c}
	if id := params["client_id"]; id != "" && id != c.Provider.ClientID {
		return nil, idp.Invalid("client_id", "This is the client ID of another application.")
	}
	if hint := params["id_token_hint"]; hint != "" {
		claims, known, err := s.Verify(ctx, TypeID, hint)
		if err != nil {
			return nil, err
		}
		if !known || claims["aud"] != c.Provider.ClientID {
			return nil, idp.Invalid("id_token_hint", "This is no ID token that this application was given.")
		}
		d.Subject, _ = claims["sub"].(string)
		d.Session, _ = claims["sid"].(string)
	}
	back := params["post_logout_redirect_uri"]
	if back == "" {
		return d, nil
	}
	if !slices.Contains(c.Provider.PostLogoutURIs, back) || !sendable(back) {
		return nil, idp.Invalid("post_logout_redirect_uri", "The application asks to go to an address that is not registered for it.")
	}
	d.Back = back
	if state := params["state"]; state != "" {
		d.Back = answerTo(ModeQuery, back, url.Values{}, state).URL()
	}
	return d, nil
}

// Means reports whether the application proved that it means this session: by the
// session's own ID in its ID token.
func (d *Departure) Means(session *idp.Session) bool {
	return session != nil && d.Session != "" && d.Session == session.ID.String()
}
