package factor

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	period     = 30 // seconds of a step (RFC 6238, section 4.1)
	skew       = 1  // steps before and after the present one that count (section 5.2)
	secretSize = 20 // bytes (RFC 4226, section 4)
)

// Draft is a factor that is being set up: what a flow keeps until its owner has shown
// that they have it. Its secret is sealed for the factor that it becomes.
type Draft struct {
	ID     idp.FactorID `json:"id"`
	Secret string       `json:"secret"`
	Digits int          `json:"digits,omitempty"`
}

var base32NoPadding = base32.StdEncoding.WithPadding(base32.NoPadding)

// purpose is what the secret of a factor is sealed for: copied to another factor, it
// opens nothing.
func purpose(id idp.FactorID) string { return "second factor " + id.String() }

// NewTOTP draws the secret of an authenticator app whose codes have 6 or 8 digits.
// Errors: CodeInvalid where no secret can be kept.
func (s *Service) NewTOTP(digits int) (Draft, error) {
	if !s.lasts || s.sealer == nil {
		return Draft{}, idp.Invalid("", "Authenticator apps cannot be set up: this server has no secret of its own that lasts. An administrator has to set secret_key.")
	}
	if digits != 6 && digits != 8 {
		return Draft{}, idp.Invalid("digits", "Expected 6 or 8.")
	}
	raw := make([]byte, secretSize)
	rand.Read(raw) // never fails: crypto/rand ends the process instead
	d := Draft{ID: idp.NewID[idp.Factor](), Digits: digits}
	d.Secret = s.sealer.SealText(purpose(d.ID), base32NoPadding.EncodeToString(raw))
	return d, nil
}

// ConfigURL is what authenticator apps read: otpauth://totp/issuer:account?secret=… The
// error is CodeInvalid for a draft that cannot be opened.
func (s *Service) ConfigURL(d Draft, issuer, account string) (string, error) {
	plain, err := s.open(d.ID, d.Secret)
	if err != nil {
		return "", err
	}
	// Apps take a plus for a plus, so blanks are %20 throughout.
	q := "secret=" + plain + "&issuer=" + url.PathEscape(issuer) + "&algorithm=SHA1&digits=" + strconv.Itoa(d.Digits) + "&period=" + strconv.Itoa(period)
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account, RawQuery: q}
	return u.String(), nil
}

func (s *Service) open(id idp.FactorID, sealed string) (string, error) {
	if s.sealer == nil {
		return "", idp.Invalid("", "This set-up is not valid any more. Start again.")
	}
	plain, err := s.sealer.OpenText(purpose(id), sealed)
	if err != nil {
		return "", &idp.Error{Code: idp.CodeInvalid, Message: "This set-up is not valid any more. Start again.", Err: err}
	}
	return plain, nil
}

// AddTOTP adds the authenticator app of a draft whose owner has typed a code of it. That
// code counts as used. Errors: CodeInvalid on code; those of MayAdd.
func (s *Service) AddTOTP(ctx context.Context, actor idp.Actor, a Adding, d Draft, code string) (*idp.Factor, error) {
	code, err := digitsOf(code)
	if err != nil {
		return nil, err
	}
	plain, err := s.open(d.ID, d.Secret)
	if err != nil {
		return nil, err
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	step, ok := matching(plain, code, d.Digits, now)
	if !ok {
		return nil, idp.Invalid("code", "This is not the code that the app shows. Check that the clock of the device is right, and try the next one.")
	}
	f := &idp.Factor{ID: d.ID, Kind: idp.FactorTOTP, Secret: d.Secret, Digits: d.Digits, LastStep: step}
	return f, s.add(ctx, actor, a, f, nil)
}

// maxCode is the longest code that anybody types, in bytes.
const maxCode = 128

// digitsOf is a code without the blanks that people type. The error is CodeInvalid.
func digitsOf(code string) (string, error) {
	if len(code) > maxCode {
		return "", idp.Invalid("code", "Ensure this field has no more than %d characters.", maxCode)
	}
	code = string(slices.DeleteFunc([]byte(code), func(b byte) bool { return b == ' ' || b == '-' || b == '\t' || b == '\n' || b == '\r' }))
	if code == "" {
		return "", idp.Invalid("code", "This field may not be blank.")
	}
	return code, nil
}

// matching finds the step, around now, whose code it is. Every step is compared,
// whichever fits, in the same time.
func matching(secret, code string, digits int, now time.Time) (step int64, ok bool) {
	present := now.Unix() / period
	for at := present - skew; at <= present+skew; at++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(at), hotp.ValidateOpts{Digits: otp.Digits(digits), Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = at, true
		}
	}
	return step, ok
}
