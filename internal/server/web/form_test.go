package web

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestForm(t *testing.T) {
	t.Parallel()
	f := Form(url.Values{"a": {" x "}, "on": {"true"}, "off": {"false"}, "zero": {"0"}, "n": {" 7 "}, "bad": {"7x"}, "huge": {"99999999999"},
		"users": {"1", " 2"}, "nobody": {"0"}, "word": {"x"}})
	require.Equal(t, " x ", f.Text("a"))
	require.Equal(t, "x", f.Trimmed("a"))
	require.True(t, f.Bool("on"))
	require.False(t, f.Bool("off") || f.Bool("zero") || f.Bool("absent"))
	require.True(t, f.Has("a") && !f.Has("b"))
	n, err := f.Int("n", 3)
	require.NoError(t, err)
	require.Equal(t, 7, n)
	n, err = f.Int("absent", 3)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	for _, name := range []string{"bad", "huge"} {
		_, err = f.Int(name, 0)
		require.True(t, idp.Is(err, idp.CodeInvalid), name)
	}
	users, err := f.Users("users")
	require.NoError(t, err)
	require.Equal(t, []idp.UserID{1, 2}, users)
	for _, name := range []string{"nobody", "word"} {
		_, err = f.Users(name)
		require.True(t, idp.Is(err, idp.CodeInvalid), name)
	}
}
