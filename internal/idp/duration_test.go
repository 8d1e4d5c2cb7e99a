package idp_test

import (
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
		"seconds=1;seconds=2;": 3 * time.Second,
	} {
		got, err := idp.ParseDuration(s)
		require.NoError(t, err, s)
		require.Equal(t, want, got, s)
	}
	for s, part := range map[string]string{
		"": "is expected", ";;": "is expected", "1": "“1”", "5m": "“5m”", "hors=1": "“hors=1”", "hours": "“hours”", "hours=x": "number of hours",
		"hours=": "number of hours", "seconds=-1": "at least zero", "weeks=1e300": "less than", "days=NaN": "number of days", "days=Inf": "number of days",
		"hours=1;minuts=3": "“minuts=3”", "HOURS=1": "“HOURS=1”",
	} {
		_, err := idp.ParseDuration(s)
		require.True(t, idp.Is(err, idp.CodeInvalid), s)
		require.ErrorContains(t, err, part, s)
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
