package lockout

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestOpsOfOneSubjectAreDoneInTheirOrder(t *testing.T) {
	t.Parallel()
	a, b, c, place := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	about := func(subjects ...uuid.UUID) *op {
		o := &op{}
		for _, s := range subjects {
			o.on = append(o.on, idp.Standing{Subject: s})
		}
		return o
	}
	first, second, third, fourth := about(a), about(a, place), about(b, place), about(c)
	at := committer{busy: map[idp.UUID]bool{a: true}}
	at.waiting = []*op{first, second, third, fourth}
	require.Equal(t, []*op{fourth}, at.take(), "a transaction is about a; the third shares its place with one that waits")
	require.Equal(t, []*op{first, second, third}, at.waiting)
	require.Empty(t, at.take())
	delete(at.busy, a)
	require.Equal(t, []*op{first, second, third}, at.take(), "all of one subject in one transaction")
	require.Empty(t, at.waiting)
	for _, s := range []uuid.UUID{a, b, c, place} {
		require.True(t, at.busy[s])
	}
}

func TestABatchIsBounded(t *testing.T) {
	t.Parallel()
	at := committer{}
	for range batchSize + 3 {
		at.waiting = append(at.waiting, &op{on: []idp.Standing{{Subject: uuid.New()}}})
	}
	require.Len(t, at.take(), batchSize)
	require.Len(t, at.take(), 3)
}
