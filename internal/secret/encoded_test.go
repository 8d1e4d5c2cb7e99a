package secret

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// bcryptOf hashes at the lowest cost, under the prefix of another implementation.
func bcryptOf(password, prefix string) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	return prefix + strings.TrimPrefix(string(hash), "$2a$")
}

func TestImportsAreChecked(t *testing.T) {
	t.Parallel()
	const (
		salt = "c29tZXNhbHQ"
		key  = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
		pbk  = "CWSNiMVTuHI9yCPRXhcWPTEQpddbBAOBo1V3g+mOgu8="
	)
	for encoded, says := range map[string]string{
		"":          "scheme",
		"plaintext": "scheme",
		"md5$salt$5f4dcc3b5aa765d61d8327deb882cf99":                      "scheme",
		"$argon2i$v=19$m=65536,t=2,p=1$" + salt + "$" + key:              "scheme",
		"$argon2id$v=16$m=65536,t=2,p=1$" + salt + "$" + key:             "version 19",
		"$argon2id$m=65536,t=2,p=1$" + salt + "$" + key:                  "needs a version",
		"$argon2id$v=19$m=4194304,t=2,p=1$" + salt + "$" + key:           "exceeds 131072",
		"$argon2id$v=19$m=131072,t=16,p=1$" + salt + "$" + key:           "m × t",
		"$argon2id$v=19$m=65536,t=0,p=1$" + salt + "$" + key:             "t=a positive",
		"$argon2id$v=19$m=65536,t=2,p=255$" + salt + "$" + key:           "exceeds 16",
		"$argon2id$v=19$m=8,t=2,p=2$" + salt + "$" + key:                 "8 KiB",
		"$argon2id$v=19$m=+65536,t=2,p=1$" + salt + "$" + key:            "m=a positive",
		"$argon2id$v=19$t=2,m=65536,p=1$" + salt + "$" + key:             "m, t and p",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + key[:8]:         "hash: 16 to 64",
		"$argon2id$v=19$m=65536,t=2,p=1$c2Fs$" + key:                     "salt: 8 to 64",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + key + "=":       "base64",
		"pbkdf2_sha256$99999999$NaCl1234$" + pbk:                         "exceeds 2000000",
		"pbkdf2_sha256$-1$NaCl1234$" + pbk:                               "positive",
		"pbkdf2_sha256$1000$$" + pbk:                                     "salt",
		"pbkdf2_sha256$1000$NaCl1234$" + pbk[:40]:                        "32 to 32",
		"pbkdf2_sha256$1000$NaCl1234":                                    "needs iterations",
		"$2b$31$" + strings.Repeat("a", 53):                              "exceeds 14",
		"$2b$03$" + strings.Repeat("a", 53):                              "cost",
		"$2x$10$" + strings.Repeat("a", 53):                              "only $2a$",
		"$2b$10$" + strings.Repeat("a", 52):                              "53 characters",
		"$2b$10$" + strings.Repeat("?", 53):                              "base64",
		"bcrypt_sha256$$2b$31$" + strings.Repeat("a", 53):                "exceeds 14",
		"$argon2id$v=19$m=65536,t=2,p=1$" + strings.Repeat("A", 600):     "too long",
		"!" + strings.Repeat("A", 600):                                   "too long",
		"argon2$argon2i$v=19$m=65536,t=2,p=1$" + salt + "$" + key:        "scheme",
		"pbkdf2_sha256$1000$NaCl1234$" + strings.Repeat("é", 22):         "base64",
		"$argon2id$v=19$m=65536,t=2,p=1\x00$" + salt + "$" + key:         "positive",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + key + "$junk":   "needs a version",
		"pbkdf2_sha256$1000$NaCl1234$" + pbk[:42] + "9=":                 "base64", // trailing bits set
		"pbkdf2_sha256$9223372036854775808$NaCl1234$" + pbk:              "positive",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt[:10] + "\n$" + key:      "base64",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + key[:42] + "\n": "base64",
	} {
		err := ValidEncoded(encoded)
		require.True(t, idp.Is(err, idp.CodeInvalid), "%.60q: %v", encoded, err)
		require.ErrorContains(t, err, says, "%.60q", encoded)
	}
}

func FuzzValidEncoded(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("pbkdf2_sha256$1000$NaCl1234$CWSNiMVTuHI9yCPRXhcWPTEQpddbBAOBo1V3g+mOgu8=")
	f.Add("bcrypt_sha256$" + bcryptOf("x", "$2b$"))
	f.Add("!unusable")
	f.Fuzz(func(t *testing.T, encoded string) {
		if err := ValidEncoded(encoded); err != nil {
			if !idp.Is(err, idp.CodeInvalid) {
				t.Fatalf("%q: %v", encoded, err)
			}
			return
		}
		if !Usable(encoded) {
			return
		}
		s, err := parse(encoded)
		if err != nil {
			t.Fatalf("%q is valid but cannot be parsed: %v", encoded, err)
		}
		if s.kibibytes() > maxMemory {
			t.Fatalf("%q takes %d KiB", encoded, s.kibibytes())
		}
	})
}
