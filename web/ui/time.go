package ui

import (
	"fmt"
	"time"
)

// Absolute is the full time in UTC, such as "21 Nov 2025, 18:49:03 UTC".
func Absolute(at time.Time) string { return at.UTC().Format("2 Jan 2006, 15:04:05 UTC") }

// Relative is the distance from now in words: "just now", "2 minutes ago", "in 3 days". Beyond eleven months it is the date.
func Relative(at, now time.Time) string {
	d := now.Sub(at)
	past := d >= 0
	if !past {
		d = -d
	}
	if d < 5*time.Second {
		return "just now"
	}
	if d >= 335*24*time.Hour {
		return at.UTC().Format("2 Jan 2006")
	}
	if !past {
		return "in " + span(d)
	}
	if h := d.Hours(); h >= 24 && h < 48 {
		return "yesterday"
	}
	return span(d) + " ago"
}

// span is a duration in its largest whole unit.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		size time.Duration
		name string
	}{{30 * day, "month"}, {7 * day, "week"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int(d / u.size); n > 0 {
			return Count(n, u.name)
		}
	}
	return "0 seconds"
}

// Count is a number with its noun: "1 session", "2 sessions", "1,204 users".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Number(n) + " " + plural(noun)
}

// plural covers the nouns of this product.
func plural(noun string) string {
	switch n := len(noun); {
	case n > 1 && noun[n-1] == 'y' && noun[n-2] != 'a' && noun[n-2] != 'e' && noun[n-2] != 'o':
		return noun[:n-1] + "ies"
	case n > 1 && (noun[n-1] == 's' || noun[n-1] == 'x' || noun[n-2:] == "ch"):
		return noun + "es"
	default:
		return noun + "s"
	}
}

// Number is an integer with commas between thousands.
func Number(n int) string {
	if n < 0 {
		return "-" + Number(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return Number(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
