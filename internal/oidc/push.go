package oidc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// PushLifetime is how long a pushed request waits for its browser.
const PushLifetime = time.Minute

// pushPrefix begins a request_uri (RFC 9126, section 2.2).
const pushPrefix = "urn:ietf:params:oauth:request_uri:"

// Push keeps an authorization request for the client that sent it, judged like any
// other, and returns the request_uri by which the browser names it, once.
func (s *Service) Push(ctx context.Context, origin Origin, c *Client, params map[string]string) (uri string, err error) {
	if _, nested := params["request_uri"]; nested {
		return "", Fault(ErrInvalidRequest, "A pushed request has no request_uri.")
	}
	if id, named := params["client_id"]; named && id != c.Provider.ClientID {
		return "", Fault(ErrInvalidRequest, "client_id is not the one of the client that authenticated.")
	}
	kept := maps.Clone(params)
	for _, secret := range []string{"client_secret", "client_assertion", "client_assertion_type"} {
		delete(kept, secret)
	}
	kept["client_id"] = c.Provider.ClientID
	if _, err := s.Judge(ctx, origin, kept); err != nil {
		return "", asFault(err)
	}
	key := pushPrefix + secret.Token()
	row := &idp.OAuthRequest{Digest: secret.DigestOf(key).Bytes(), ProviderID: c.Provider.ID, Params: kept}
	if err := s.Store.Repos().OAuthRequests.Create(ctx, row, PushLifetime); err != nil {
		return "", fmt.Errorf("keeping a request of client %s: %w", c.Provider.ClientID, err)
	}
	return key, nil
}

// asFault is what a client is told that authorization requests say to people or in
// redirects. Those sentences may hold characters that errors here do not.
func asFault(err error) error {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return &Error{Code: refusal.Code, Description: plain(refusal.Description), Err: err}
	}
	var e *idp.Error
	if errors.As(err, &e) && e.Code == idp.CodeInvalid {
		for _, messages := range e.Fields {
			return &Error{Code: ErrInvalidRequest, Description: plain(messages[0]), Err: err}
		}
	}
	return err
}

// plain leaves out what a description may not hold (RFC 6749, section 5.2).
func plain(s string) string {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r >= ' ' && r <= '~' && r != '"' && r != '\\' {
			out = append(out, r)
		}
	}
	return string(out)
}
