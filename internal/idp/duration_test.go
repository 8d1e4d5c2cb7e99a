package idp_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]time.Duration{
		"0": 0, "seconds=0": 0, " 0 ": 0, "hours=1": time.Hour, "hours=1;minutes=2;seconds=3": time.Hour + 2*time.Minute + 3*time.Second,
		"hours=1,minutes=2": time.Hour + 2*time.Minute, "days=1.5": 36 * time.Hour, "weeks=2": 14 * 24 * time.Hour,
		" minutes = 1 ; seconds = -30 ": 30 * time.Second, "milliseconds=5;microseconds=7": 5*time.Millisecond + 7*time.Microsecond,
		"seconds=1;seconds=2;": 3 * time.Second, "days=99999": 99999 * 24 * time.Hour, "weeks=15000;weeks=-14999": 7 * 24 * time.Hour,
	} {
		got, err := idp.ParseDuration(s)
		require.NoError(t, err, s)
		require.Equal(t, want, got, s)
	}
	for s, part := range map[string]string{
		"": "is expected", ";;": "is expected", "1": "“1”", "5m": "“5m”", "hors=1": "“hors=1”", "hours": "“hours”", "hours=x": "number of hours",
		"hours=": "number of hours", "seconds=-1": "at least zero", "weeks=1e300": "at most", "weeks=-1e300;weeks=1": "at most", "hours=-1;weeks=1e300": "at most", "weeks=9000;weeks=9000": "at most", "weeks=-9000;weeks=-9000": "at least", "seconds=0x10": "number of seconds", "days=1_0": "number of days", "days=NaN": "number of days", "days=Inf": "number of days",
		"hours=1;minuts=3": "“minuts=3”", "HOURS=1": "“HOURS=1”",
	} {
		_, err := idp.ParseDuration(s)
		require.True(t, idp.Is(err, idp.CodeInvalid), s)
		require.ErrorContains(t, err, part, s)
	}
}

// Whatever is written by the rules is read as what was meant, to the nanosecond
// for whole numbers; and one bad key anywhere is named.
func TestDurationsMeanTheirSum(t *testing.T) {
	t.Parallel()
	units := []struct {
		key  string
		unit time.Duration
	}{{"microseconds", time.Microsecond}, {"milliseconds", time.Millisecond}, {"seconds", time.Second}, {"minutes", time.Minute},
		{"hours", time.Hour}, {"days", 24 * time.Hour}, {"weeks", 7 * 24 * time.Hour}}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	space := func() string { return strings.Repeat(" ", r.IntN(2)) }
	for range 20_000 {
		var text strings.Builder
		var want time.Duration
		parts := 1 + r.IntN(8)
		bad := r.IntN(4 * parts) // mostly none is
		for i := range parts {
			u := units[r.IntN(len(units))]
			number := strconv.Itoa(r.IntN(500))
			if r.IntN(3) == 0 {
				number = strconv.FormatFloat(r.Float64()*500, 'f', r.IntN(7), 64)
			}
			n, err := strconv.ParseFloat(number, 64)
			require.NoError(t, err)
			want += time.Duration(math.Round(n * float64(u.unit)))
			key := u.key
			if i == bad {
				key = u.key[:len(u.key)-1] + "z"
			}
			fmt.Fprintf(&text, "%s%s%s=%s%s%s", space(), key, space(), space(), number, space())
			if i < parts-1 || r.IntN(5) == 0 {
				text.WriteByte(",;"[r.IntN(2)])
			}
		}
		got, err := idp.ParseDuration(text.String())
		if bad < parts {
			require.True(t, idp.Is(err, idp.CodeInvalid), text.String())
			require.Regexp(t, `“[a-z]+z\s*=`, err.Error(), text.String())
			continue
		}
		require.NoError(t, err, text.String())
		require.Equal(t, want, got, text.String())
	}
}

// The order of the parts and what separates them mean nothing.
func TestDurationsHaveNoOrder(t *testing.T) {
	t.Parallel()
	parts := []string{"weeks=2", "days=1.25", "minutes=90", "seconds=-30", "microseconds=1"}
	want, err := idp.ParseDuration(strings.Join(parts, ";"))
	require.NoError(t, err)
	for range 100 {
		rand.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		got, err := idp.ParseDuration(strings.Join(parts, ","))
		require.NoError(t, err)
		require.Equal(t, want, got, parts)
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"hours=1;minutes=2", "0", "weeks=9e18", "seconds=-0", "=,;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := idp.ParseDuration(s)
		if err == nil && d < 0 {
			t.Fatalf("%q is %s", s, d)
		}
		if err != nil && !idp.Is(err, idp.CodeInvalid) {
			t.Fatal(err)
		}
	})
}
