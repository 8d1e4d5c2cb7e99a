package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// The types of what is signed, as the header says them, so that none passes for
// another (RFC 8725, section 3.11).
const (
	TypeID     = "JWT"
	TypeAccess = "at+jwt"     // RFC 9068
	TypeLogout = "logout+jwt" // OpenID Connect Back-Channel Logout 1.0
)

// Sign signs claims with the key of now.
func (s *Service) Sign(ctx context.Context, typ string, claims map[string]any) (string, error) {
	key, err := s.ring.signing(ctx)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm),
		Key: jose.JSONWebKey{Key: key.private, KeyID: key.ID, Algorithm: key.Algorithm}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	signed, err := signer.Sign(raw)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return signed.CompactSerialize()
}

// Verify returns the claims of something that was signed here, with a key that is still
// published, as the type says. Whether it has expired is for whoever asks. known is
// false for everything else: another algorithm, another key, another type.
func (s *Service) Verify(ctx context.Context, typ, signed string) (claims map[string]any, known bool, err error) {
	if len(signed) > 16<<10 {
		return nil, false, nil
	}
	parsed, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(Algorithm)})
	if err != nil || len(parsed.Signatures) != 1 {
		return nil, false, nil //nolint:nilerr // it is somebody else's, whatever it is
	}
	head := parsed.Signatures[0].Protected
	if said, _ := head.ExtraHeaders[jose.HeaderType].(string); said != typ {
		return nil, false, nil
	}
	key, err := s.ring.find(ctx, head.KeyID)
	if err != nil || key == nil || head.Algorithm != key.Algorithm {
		return nil, false, err
	}
	raw, err := parsed.Verify(key.public)
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return nil, false, nil //nolint:nilerr // forged
	}
	return claims, true, nil
}

// halfHash is the at_hash of a token (OpenID Connect Core 1.0, section 3.1.3.6).
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
