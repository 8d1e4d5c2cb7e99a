package factor

import (
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What strangers send is read or refused, and breaks nothing.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}`)
	f.Add(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZQ"}}`)
	f.Add(`123 456`)
	f.Add(`[[[[`)
	f.Fuzz(func(t *testing.T, sent string) {
		if _, err := parseAssertion("webauthn", sent); err != nil && !idp.Is(err, idp.CodeInvalid) {
			t.Errorf("an answer: %v", err)
		}
		if raw, err := encoded("response", sent); err == nil {
			_, _ = protocol.ParseCredentialCreationResponseBytes(raw)
		}
		if code, err := digitsOf(sent); err == nil {
			if _, ok := matching("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", code, 8, time.Unix(1, 0)); ok && len(code) != 8 {
				t.Errorf("%q passed", code)
			}
		}
	})
}
