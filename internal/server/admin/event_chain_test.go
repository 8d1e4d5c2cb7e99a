package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

const verify = "/if/admin/events/verify/"

func seal(t *testing.T, s *pagetest.Site) {
	t.Helper()
	chain := audit.New(audit.Deps{Store: s.Store, Access: s.Access})
	for {
		round, err := chain.Seal(t.Context())
		require.NoError(t, err)
		if !round.More {
			return
		}
	}
}

// The log says up to where it is sealed and verified, and what is wrong with it.
func TestChain(t *testing.T) {
	t.Parallel()
	s := open(t)
	boss := s.As(s.Boss)
	seal(t, s)
	require.Contains(t, boss.Get("/if/admin/events/").Main(), "Not verified since this server started.")
	write(t, s, 3, func(int, *idp.Event) {})
	seal(t, s)
	first := boss.Get(verify)
	require.Empty(t, first.Faults())
	require.NotContains(t, first.Main(), "Last verification")
	done := boss.Post(verify, first.Fields()...)
	require.Equal(t, http.StatusOK, done.Status, done.Text())
	require.Empty(t, done.Faults())
	require.Regexp(t, `Chain verified up to entry \d+ Nothing is out of place\. \d+ entries sealed without a secret`, done.Main())
	require.Regexp(t, `Head, to be noted elsewhere \d+:[0-9a-f]{64}`, done.Main())
	require.Regexp(t, `Chain verified up to entry \d+, just now\. Sealed up to entry \d+`, boss.Get("/if/admin/events/").Main())

	for head, says := range map[string]string{"x": "“x” is not a head", "99:" + "00": "is not a head"} {
		wrong := boss.Post(verify, "head", head)
		require.Equal(t, http.StatusBadRequest, wrong.Status)
		require.Empty(t, wrong.Faults())
		require.Contains(t, wrong.Main(), says)
	}
	require.Equal(t, http.StatusBadRequest, boss.Post(verify, "from", "soon").Status)
	require.Equal(t, http.StatusBadRequest, boss.Post(verify, "from", "99999").Status)
	require.Equal(t, http.StatusForbidden, s.As(s.User("plain")).Post(verify).Status)

	head := done.Hidden()
	require.Empty(t, head, "nothing to go on with")
	cut := boss.Post(verify, "head", "99999:"+"00000000000000000000000000000000"+"00000000000000000000000000000000")
	require.Equal(t, http.StatusOK, cut.Status)
	require.Contains(t, cut.Main(), "The log is not as it was sealed")
	require.Contains(t, cut.Main(), "the newest entries were removed or replaced")
	require.Contains(t, boss.Get("/if/admin/events/").Main(), "The chain is broken: 1 fault found just now")
	require.Contains(t, boss.Post(verify).Main(), "Chain verified up to entry", "the next look begins anew")
}
