package idp

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// units are the keys of the duration syntax.
var units = map[string]time.Duration{
	"microseconds": time.Microsecond, "milliseconds": time.Millisecond, "seconds": time.Second,
	"minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
}

// ParseDuration reads the duration syntax of settings, such as
// hours=1;minutes=2;seconds=3: keys microseconds, milliseconds, seconds,
// minutes, hours, days and weeks, separated by commas or semicolons, numbers
// with or without fractions, not negative in sum. A bare 0 is zero. The error
// names the bad part.
func ParseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if s == "0" {
		return 0, nil
	}
	if strings.Trim(s, ",; ") == "" {
		return 0, Invalid("", "A duration is expected, such as hours=1;minutes=30 or seconds=0.")
	}
	var sum float64
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ';' }) {
		key, value, found := strings.Cut(strings.TrimSpace(part), "=")
		unit, known := units[strings.TrimSpace(key)]
		if !found || !known {
			return 0, Invalid("", "“%s” is not part of a duration; expected a form like hours=1;minutes=30, with weeks, days, hours, minutes, seconds, milliseconds or microseconds.", clip(part, 64))
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return 0, Invalid("", "“%s” is not a number of %s.", clip(value, 64), strings.TrimSpace(key))
		}
		sum += n * float64(unit)
	}
	if sum < 0 || sum >= math.MaxInt64 {
		return 0, Invalid("", "The duration must be at least zero and less than 290 years.")
	}
	return time.Duration(sum), nil
}
