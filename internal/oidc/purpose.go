package oidc

import (
	"context"
	"fmt"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What authorization flows are begun for.
const (
	purposeRequest = "request:"
	purposeDevice  = "device:"
)

// PurposeRequest is that somebody agrees to a request.
func PurposeRequest(id idp.UUID) string { return purposeRequest + id.String() }

// PurposeDevice is that somebody lets a device in.
func PurposeDevice(id idp.UUID) string { return purposeDevice + id.String() }

// Fulfil carries out what an authorization flow was begun for, when all its stages are
// passed, for whoever is signed in by then.
func (s *Service) Fulfil(ctx context.Context, actor idp.Actor, purpose string) error {
	for prefix, fn := range map[string]func(idp.UUID) error{
		purposeRequest: func(id idp.UUID) error { return s.Approve(ctx, actor, id) },
		purposeDevice:  func(id idp.UUID) error { return s.LetIn(ctx, actor, id, true) },
	} {
		if raw, ok := strings.CutPrefix(purpose, prefix); ok {
			if id, ok := ParseRequestID(raw); ok {
				return fn(id)
			}
		}
	}
	return fmt.Errorf("a flow was begun for %q, which nothing carries out", purpose)
}
