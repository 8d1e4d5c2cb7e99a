package factor

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The bounds of recovery codes.
const (
	MinCodes, MaxCodes   = 1, 50
	MinLength, MaxLength = 10, 64
)

// codeLetters have no two that look alike. Upper and lower case make no difference.
const codeLetters = "abcdefghjkmnpqrstuvwxyz23456789"

// codeRounds make guessing codes from their digests slow (PBKDF2, RFC 8018); they are
// random, so few rounds do.
const codeRounds = 10_000

// NewCodes draws recovery codes. The error is CodeInvalid on token_count or
// token_length.
func (s *Service) NewCodes(count, length int) (Draft, error) {
	var faults idp.Faults
	if count < MinCodes || count > MaxCodes {
		faults.Add("token_count", "Expected %d to %d.", MinCodes, MaxCodes)
	}
	if length < MinLength || length > MaxLength {
		faults.Add("token_length", "Expected %d to %d.", MinLength, MaxLength)
	}
	if err := faults.Err(); err != nil || s.sealer == nil {
		return Draft{}, err
	}
	codes := make([]string, count)
	for i := range codes {
		codes[i] = drawn(length)
	}
	raw, err := json.Marshal(codes)
	if err != nil {
		return Draft{}, err
	}
	d := Draft{ID: idp.NewID[idp.Factor]()}
	d.Secret = s.sealer.SealText(purpose(d.ID), string(raw))
	return d, nil
}

func drawn(length int) string {
	out := make([]byte, length)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(codeLetters))))
		if err != nil {
			panic(err) // crypto/rand ends the process instead
		}
		out[i] = codeLetters[n.Int64()]
	}
	return string(out)
}

// Codes are those of a draft, for its owner to write down. The error is CodeInvalid for
// a draft that cannot be opened.
func (s *Service) Codes(d Draft) ([]string, error) {
	plain, err := s.open(d.ID, d.Secret)
	if err != nil {
		return nil, err
	}
	var codes []string
	if err := json.Unmarshal([]byte(plain), &codes); err != nil {
		return nil, fmt.Errorf("reading recovery codes of a set-up: %w", err)
	}
	return codes, nil
}

// AddStatic adds the recovery codes of a draft: their digests. Errors: those of MayAdd.
func (s *Service) AddStatic(ctx context.Context, actor idp.Actor, a Adding, d Draft) (*idp.Factor, error) {
	codes, err := s.Codes(d)
	if err != nil {
		return nil, err
	}
	digests := make([][]byte, len(codes))
	for i, c := range codes {
		if digests[i], err = codeDigest(d.ID, c); err != nil {
			return nil, err
		}
	}
	f := &idp.Factor{ID: d.ID, Kind: idp.FactorStatic}
	return f, s.add(ctx, actor, a, f, digests)
}

// codeDigest is what is kept of a recovery code: another one for each factor.
func codeDigest(id idp.FactorID, code string) ([]byte, error) {
	return pbkdf2.Key(sha256.New, strings.ToLower(code), id[:], codeRounds, sha256.Size)
}
