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
// with or without fractions, not negative in sum. Whole numbers count exactly,
// others to the nearest nanosecond. A bare 0 is zero. The error names the bad
// part.
func ParseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if s == "0" {
		return 0, nil
	}
	if strings.Trim(s, ",; ") == "" {
		return 0, Invalid("", "A duration is expected, such as hours=1;minutes=30 or seconds=0.")
	}
	var sum time.Duration
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ';' }) {
		key, value, found := strings.Cut(strings.TrimSpace(part), "=")
		unit, known := units[strings.TrimSpace(key)]
		if !found || !known {
			return 0, Invalid("", "“%s” is not part of a duration; expected a form like hours=1;minutes=30, with weeks, days, hours, minutes, seconds, milliseconds or microseconds.", clip(strings.TrimSpace(part), 64))
		}
		n, err := times(strings.TrimSpace(value), unit)
		if err != nil {
			return 0, Invalid("", "“%s” is not a number of %s.", clip(value, 64), strings.TrimSpace(key))
		}
		if n > maxDuration || n < -maxDuration || n > 0 && sum > maxDuration-n || n < 0 && sum < -maxDuration-n {
			return 0, outOfBounds()
		}
		sum += n
	}
	if sum < 0 {
		return 0, outOfBounds()
	}
	return sum, nil
}

// maxDuration is the most that a duration may be: 290 years, about as much as a
// time.Duration can be.
const maxDuration = 290 * 8766 * time.Hour

func outOfBounds() *Error {
	return Invalid("", "The duration must be at least zero and at most 290 years.")
}

// times multiplies a unit by a number in decimal notation. What does not fit is
// more than maxDuration.
func times(number string, unit time.Duration) (time.Duration, error) {
	if strings.ContainsAny(number, "xXpP_") {
		return 0, strconv.ErrSyntax // hexadecimal: nobody means it
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, strconv.ErrSyntax
	}
	product := n * float64(unit)
	if math.Abs(product) >= float64(maxDuration) {
		if product < 0 {
			return -maxDuration - 1, nil
		}
		return maxDuration + 1, nil
	}
	if whole, err := strconv.ParseInt(number, 10, 64); err == nil {
		return time.Duration(whole) * unit, nil
	}
	return time.Duration(math.Round(product)), nil
}

// FormatDuration writes a duration of whole seconds in the syntax of ParseDuration, in
// the largest unit that it is a whole number of.
func FormatDuration(d time.Duration) string {
	for _, unit := range []string{"days", "hours", "minutes"} {
		if d > 0 && d%units[unit] == 0 {
			return unit + "=" + strconv.FormatInt(int64(d/units[unit]), 10)
		}
	}
	return "seconds=" + strconv.FormatInt(int64(d/time.Second), 10)
}
