package lockout

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// A million names that nobody has take no more rows than there are subjects for them.
func TestNamesThatNobodyHasTakeBoundedRoom(t *testing.T) {
	t.Parallel()
	keys, err := secret.NewSealer(make([]byte, secret.MinSecret))
	require.NoError(t, err)
	s := New(Deps{Keys: keys})
	seen := map[idp.UUID]string{}
	for i := range 1_000_000 {
		id, name := s.nobody(fmt.Sprint("nobody-", i))
		if was, has := seen[id]; has {
			require.Equal(t, was, name)
		}
		seen[id] = name
	}
	require.LessOrEqual(t, len(seen), 1<<16)
	id, name := s.nobody("somebody")
	require.Equal(t, id, s.called(name), "what a list calls it leads to it")
}
