package factor_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// static sets recovery codes up.
func (w *world) static(u *idp.User) (*idp.Factor, []string) {
	w.Helper()
	d, err := w.factors.NewCodes(6, 12)
	require.NoError(w, err)
	codes, err := w.factors.Codes(d)
	require.NoError(w, err)
	f, err := w.factors.AddStatic(w.ctx, stranger(), proved(u), d)
	require.NoError(w, err)
	return f, codes
}

func TestRecoveryCodesCountOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	f, codes := w.static(u)
	require.Len(t, codes, 6)
	require.Len(t, codes[0], 12)
	require.Equal(t, 6, f.CodesLeft)
	for i, c := range codes {
		typed := c
		if i == 0 {
			typed = strings.ToUpper(c[:4]) + "-" + c[4:8] + " " + c[8:]
		}
		for _, good := range []bool{true, false} {
			got, err := w.factors.ProveCode(w.ctx, stranger(), of(u), typed)
			require.NoError(t, err)
			require.Equal(t, good, got != nil, "code %d", i)
			w.unlock(u)
		}
	}
	left, err := w.db.Repos().Factors.Get(w.ctx, f.ID)
	require.NoError(t, err)
	require.Zero(t, left.CodesLeft)
	require.NotNil(t, left.LastUsedAt)
}

func TestBoundsOfRecoveryCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, bad := range [][2]int{{0, 12}, {51, 12}, {6, 9}, {6, 65}} {
		_, err := w.factors.NewCodes(bad[0], bad[1])
		require.True(t, idp.Is(err, idp.CodeInvalid), "%v", bad)
	}
}

// What is kept of secrets is of no use to whoever reads the database or the log.
func TestNoSecretInClear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	a := w.totp(u, 6)
	_, codes := w.static(u)
	tables := []string{"factors", "factor_codes", "events"}
	for _, secret := range append([]string{a.secret}, codes...) {
		for _, table := range tables {
			require.Zero(t, w.count("SELECT count(*) FROM "+table+" t WHERE strpos(t::text, $1) > 0", secret), table)
		}
	}
	require.Positive(t, w.count("SELECT count(*) FROM factors t WHERE strpos(t::text, $1) > 0", "sealed:"))
}
