package page_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// A badge leads to the lock only for whoever may read it; why, everybody sees.
func TestABadgeLeadsWhoeverMayReadLocks(t *testing.T) {
	t.Parallel()
	l := &idp.Lock{ID: idp.NewID[idp.Lock](), Message: "Call extension 112.", Target: idp.LockTarget{{Kind: idp.LockUser, Value: "mia"}}}
	for _, may := range []bool{true, false} {
		var out strings.Builder
		ctx := ui.WithOffers(t.Context(), func(method, address string) bool {
			require.Equal(t, []string{"GET", page.LockPath(l.ID)}, []string{method, address})
			return may
		})
		require.NoError(t, page.LockBadge(l).Render(ctx, &out))
		require.Equal(t, may, strings.Contains(out.String(), "<a "))
		require.Contains(t, out.String(), `title="Call extension 112."`)
		require.Contains(t, out.String(), "lock-badge")
	}
}
