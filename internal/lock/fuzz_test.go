package lock

import (
	"net/netip"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What a target was read as is read as the same again, and matches itself.
func FuzzParseTarget(f *testing.F) {
	f.Add("user", "Alice", "ip", "192.0.2.77/24")
	f.Add("node", "DC7CEE9D-FE5E-4534-A90D-DB770F0234A1", "server_id", uuidText)
	f.Add("source_asn", "AS64496", "device", "DC7CEE9DFE5E4534A90DDB770F0234A1")
	f.Add("", "", "colour", "\x00\xff")
	f.Add("ip", "::ffff:10.0.0.1/100", "ip", "fe80::1%eth0")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		target, err := ParseTarget(map[string]string{k1: v1, k2: v2})
		if err != nil {
			require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
			return
		}
		require.NotEmpty(t, target)
		again, err := ParseTarget(target.Map())
		require.NoError(t, err)
		require.Equal(t, target, again)
		for i, key := range target {
			require.True(t, utf8.ValidString(key.Value))
			require.True(t, i == 0 || target[i-1].Kind < key.Kind)
			require.Equal(t, key.Canonical(), key.Canonical().Canonical())
		}
		d := newDesk(t, Options{})
		l := &idp.Lock{ID: idp.NewID[idp.Lock](), Target: target, CreatedAt: began, InForce: true}
		d.put(l)
		var keys []idp.LockKey
		for _, key := range target {
			key = key.Canonical()
			if p, err := idp.ParseLockPrefix(key.Value); key.Kind == idp.LockIP && err == nil {
				key.Value = p.Addr().String() // an interaction has an address, not a network
			}
			keys = append(keys, key)
		}
		require.Equal(t, l, d.Find(keys))
		for i := range keys {
			require.Nil(t, d.Find(append(keys[:i:i], keys[i+1:]...)), "all keys are needed")
		}
		d.lift(l.ID)
		require.Nil(t, d.Find(keys))
	})
}

// What is read is a network in its shortest form, and IPv4 where it is.
func FuzzParseLockPrefix(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "192.0.2.1/24", "::/0", "::ffff:1.2.3.4", "::ffff:1.2.3.4/90", "::ffff:1.2.3.4/96", "fe80::1%eth0", "1.2.3.4/33", "", "0/0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := idp.ParseLockPrefix(s)
		if err != nil {
			return
		}
		require.True(t, p.IsValid())
		require.Equal(t, p, p.Masked())
		require.Empty(t, p.Addr().Zone())
		require.False(t, p.Addr().Is4In6() && p.Bits() >= 96)
		again, err := idp.ParseLockPrefix(p.String())
		require.NoError(t, err)
		require.Equal(t, p, again)
		if a, err := netip.ParseAddr(s); err == nil {
			require.True(t, p.IsSingleIP())
			require.True(t, p.Contains(a.Unmap().WithZone("")))
		}
	})
}

// What is packed is what is unpacked, whatever is in the texts.
func FuzzPacked(f *testing.F) {
	f.Add("user", "Alice", "ip", "10.1.2.3/8", "admin", "why", int64(0), int64(1))
	f.Add("login", "", "token", "x\x00\x01\x7f\xff", "", "", int64(1<<60), int64(-1))
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2, by, message string, ends, made int64) {
		l := &idp.Lock{ID: idp.NewID[idp.Lock](), CreatedBy: by, Message: message, CreatedAt: time.Unix(0, made).UTC(), InForce: true, Target: idp.LockTarget{}}
		for _, pair := range [][2]string{{k1, v1}, {k2, v2}} {
			if kind, known := idp.ParseLockKind(pair[0]); known {
				l.Target = append(l.Target, idp.LockKey{Kind: kind, Value: pair[1]})
			}
		}
		if ends != 0 {
			at := time.Unix(0, ends).UTC()
			l.ExpiresAt = &at
		}
		require.Equal(t, l, pack(l).lock())
	})
}
