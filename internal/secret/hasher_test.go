package secret

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestHashThenVerify(t *testing.T) {
	t.Parallel()
	h := New()
	encoded, err := h.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$"), encoded)
	require.True(t, Usable(encoded))
	require.NoError(t, ValidEncoded(encoded))

	again, err := h.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.NotEqual(t, encoded, again, "each hash has a salt of its own")

	for password, want := range map[string]bool{
		"correct horse": true, "correct horse ": false, "Correct horse": false, "": false,
		"correct horse\x00": false, strings.Repeat("x", MaxPassword+1): false,
	} {
		got, err := h.Verify(t.Context(), encoded, password)
		require.NoError(t, err)
		require.Equal(t, Result{OK: want}, got, "%.20q", password)
	}
}

func TestHashRefuses(t *testing.T) {
	t.Parallel()
	h := New()
	for _, password := range []string{"", strings.Repeat("x", MaxPassword+1)} {
		_, err := h.Hash(t.Context(), password)
		require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
	}
	_, err := h.Hash(t.Context(), strings.Repeat("x", MaxPassword))
	require.NoError(t, err)
}

func TestPasswordsAreNormalised(t *testing.T) {
	t.Parallel()
	h := New()
	const composed, decomposed, ligature = "mañana final", "man\u0303ana final", "mañana ﬁnal"
	encoded, err := h.Hash(t.Context(), decomposed)
	require.NoError(t, err)
	for _, typed := range []string{composed, decomposed, ligature} {
		got, err := h.Verify(t.Context(), encoded, typed)
		require.NoError(t, err)
		require.Equal(t, Result{OK: true}, got, typed)
	}
}

func TestForeignHashes(t *testing.T) {
	t.Parallel()
	h := New()
	for _, c := range []struct{ name, encoded, password string }{
		{"Django pbkdf2", "pbkdf2_sha256$1000$NaCl1234$CWSNiMVTuHI9yCPRXhcWPTEQpddbBAOBo1V3g+mOgu8=", "correct horse"},
		{"Django pbkdf2, made without normalisation", "pbkdf2_sha256$260000$seasalt$hirsQYW/27sfJ6YUFGZa2YEYfoKG+Cn78anV3rJt0ks=", "pässwörd ﬁn"},
		{"bcrypt 2a", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
		{"bcrypt 2b", bcryptOf("correct horse", "$2b$"), "correct horse"},
		{"bcrypt 2y", bcryptOf("correct horse", "$2y$"), "correct horse"},
		{"Django bcrypt", "bcrypt$" + bcryptOf("correct horse", "$2b$"), "correct horse"},
		{"Django bcrypt_sha256", "bcrypt_sha256$" + bcryptOf("4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631", "$2b$"), "correct horse"},
		{"argon2id of the reference implementation", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
		{"Django argon2", "argon2$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, ValidEncoded(c.encoded))
			got, err := h.Verify(t.Context(), c.encoded, c.password)
			require.NoError(t, err)
			require.Equal(t, Result{OK: true, Rehash: true}, got)
			got, err = h.Verify(t.Context(), c.encoded, c.password+"x")
			require.NoError(t, err)
			require.Equal(t, Result{}, got, "a wrong password is never to be hashed anew")
		})
	}
}

func TestNothingMatchesAnUnusableHash(t *testing.T) {
	t.Parallel()
	h := New()
	unusable := Unusable()
	require.NotEqual(t, unusable, Unusable())
	require.NoError(t, ValidEncoded(unusable))
	for _, encoded := range []string{"", "!", unusable} {
		require.False(t, Usable(encoded))
		for _, password := range []string{"", "!", unusable, strings.TrimPrefix(unusable, "!")} {
			got, err := h.Verify(t.Context(), encoded, password)
			require.NoError(t, err)
			require.Equal(t, Result{}, got)
		}
	}
}

func TestABrokenHashIsAnErrorThatDoesNotQuoteIt(t *testing.T) {
	t.Parallel()
	_, err := New().Verify(t.Context(), "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "password")
	require.True(t, idp.Is(err, idp.CodeInternal), "%v", err)
	require.NotContains(t, err.Error(), "5f4dcc3b")
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	h := newHasher(1, 1)
	h.slots <- struct{}{} // a hash that does not end
	patient, cancel := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() {
		_, err := h.Hash(patient, "correct horse")
		waited <- err
	}()
	for h.waiting.Load() == 0 {
		runtime.Gosched() // until the other goroutine is in the queue
	}

	_, err := h.Hash(t.Context(), "correct horse")
	require.True(t, idp.Is(err, idp.CodeBusy), "%v", err)
	var busy *idp.Error
	require.ErrorAs(t, err, &busy)
	require.Positive(t, busy.RetryAfter)

	cancel()
	require.ErrorIs(t, <-waited, context.Canceled)
	<-h.slots
	_, err = h.Hash(t.Context(), "correct horse")
	require.NoError(t, err, "whoever left the queue makes room")
	require.Zero(t, h.waiting.Load())
}

func TestAnEndedContextHashesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := New()
	_, err := h.Hash(ctx, "correct horse")
	require.ErrorIs(t, err, context.Canceled)
	_, err = h.Verify(ctx, Unusable(), "correct horse")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, h.VerifyAbsent(ctx, "correct horse"), context.Canceled)
}

// TestAbsentTakesAsLong compares processor-bound work: the fastest of several
// rounds each, so that a busy machine does not decide.
func TestAbsentTakesAsLong(t *testing.T) { // not parallel: it measures time
	h := New()
	encoded, err := h.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	for _, password := range []string{"wrong", "wrong ﬁne"} {
		wrong, absent, none := time.Hour, time.Hour, time.Hour
		for range 7 {
			wrong = min(wrong, timed(func() { _, _ = h.Verify(t.Context(), encoded, password) }))
			absent = min(absent, timed(func() { _ = h.VerifyAbsent(t.Context(), password) }))
			none = min(none, timed(func() { _, _ = h.Verify(t.Context(), Unusable(), password) }))
		}
		t.Logf("%q: wrong %v, absent %v, unusable %v", password, wrong, absent, none)
		require.InEpsilon(t, wrong.Seconds(), absent.Seconds(), 0.5)
		require.InEpsilon(t, wrong.Seconds(), none.Seconds(), 0.5)
	}
}

func timed(work func()) time.Duration {
	began := time.Now()
	work()
	return time.Since(began)
}
