package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Streams that somebody may follow by what was granted end when that does, however it
// ends, and the session goes on.
func TestStreamsEndWithWhatWasGranted(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	c := s.crew("db-admins", idp.Attributes{"requestable": true})
	alice := s.user("alice")
	conn := s.connect()
	_, err := conn.Exec(t.Context(), "SET session_replication_role = replica") // nobody is told of what it writes
	require.NoError(t, err)
	for _, way := range []struct {
		name          string
		before, after func(b *browser, id string)
	}{
		{"an act", nil, func(b *browser, id string) { c.act(b, 200, id, "end") }},
		{"a lock", nil, func(_ *browser, id string) { s.lock(anyMap{"access_request": id}) }},
		{"the clock", func(_ *browser, id string) {
			_, err := conn.Exec(t.Context(), "UPDATE access_requests SET expires_at = clock_timestamp() + interval '1.5 s' WHERE id = $1", id)
			require.NoError(t, err)
		}, nil},
	} {
		b := s.with(alice)
		id := c.ask(b)
		c.act(s.admin(), 200, id, "grant")
		if way.before != nil {
			way.before(b, id)
		}
		l := b.listen("")
		if way.after != nil {
			way.after(b, id)
		}
		require.Equal(t, `forbidden: access denied to perform action "list" on "event"`, l.ended(), way.name)
		require.True(t, b.works(), way.name)
	}
}
