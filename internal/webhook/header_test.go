package webhook

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeadersThatAreRefused(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	many, long := map[string]any{}, map[string]any{}
	for i := range maxHeaders + 1 {
		many[fmt.Sprintf("X-%d", i)] = i
	}
	for i := range 9 {
		long[fmt.Sprintf("X-%d", i)] = strings.Repeat("x", 1000)
	}
	cases := map[string]map[string]any{"gives 51": many, "more than 8 kB": long,
		"in different spellings": {"X-A": 1, "x-a": 2}}
	for _, name := range []string{"", " ", "X A", "X-A ", " X-A", "X:A", "X-A\r\nX-B", "X\x00", "Ü-A", "X-A\n", "(x)", "a/b", "x\"", "x,y", "x\t",
		"Host", "host", "HOST", "Content-Length", "content-length", "Transfer-Encoding", "Connection", "Upgrade", "Trailer", "TE", "te", "Keep-Alive", "Expect",
		"Proxy-Authorization", "proxy-connection", "PROXY-X", "X-Portcullis-Signature", "x-portcullis-delivery", "X-PORTCULLIS-ANY"} {
		cases[fmt.Sprintf("header %q ", oneLine(name, 100))] = map[string]any{name: "x"}
	}
	for i, value := range []any{"a\r\nX-B: c", "a\nb", "a\rb", "a\x00b", "\x01", "a\tb", "a\x7f", "a\u0085b", "a\xff", nil, []any{"a"}, map[string]any{"a": 1}, math.NaN(), math.Inf(1)} {
		cases[fmt.Sprintf("header \"X-Value-%d\"", i)] = map[string]any{fmt.Sprintf("X-Value-%d", i): value}
	}
	for said, headers := range cases {
		m := message(r.URL)
		m.Headers = headers
		_, err := sender().Send(t.Context(), m)
		isFinal(t, true, err, said)
		require.ErrorContains(t, err, strings.TrimRight(said, " "), "%v", headers)
		require.NotContains(t, err.Error(), "\n")
	}
	require.Empty(t, r.taken())

	m := message(r.URL)
	m.Headers = map[string]any{"Authorization": "Bearer x", "X-Ünï": "x"}
	delete(m.Headers, "X-Ünï")
	m.Headers["X-Name"] = "Jürgen"
	m.Headers["X-Big"] = strings.Repeat("x", 7000)
	m.Headers["x.odd_name~1"] = -3.25
	_, err := sender().Send(t.Context(), m)
	require.NoError(t, err)
	got := r.taken()[0].Header
	require.Equal(t, []string{"Bearer x", "Jürgen", "-3.25"}, []string{got.Get("Authorization"), got.Get("X-Name"), got.Get("X.odd_name~1")})
}
