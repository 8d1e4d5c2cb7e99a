package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// limit bounds a whole run.
const limit = 45 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if len(os.Args) == 3 && slices.Contains([]string{botherAsking, botherAttacking}, os.Args[1]) {
		bothering(ctx, os.Args[1], os.Args[2])
		return
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything in turn. A bar that is missed is printed, and is not
// an error: the figures are read by people.
func run(ctx context.Context) error {
	r := &report{}
	r.machine()
	for _, part := range []struct {
		name string
		fn   func(context.Context, *report) error
	}{
		{"size and start (bar 10)", start},
		{"yardsticks and sign-in (bar 7)", signIn},
		{"flows", flows},
		{"sessions (bars 1 and 2)", sessions},
		{"forward-auth", forwardAuth},
		{"introspection", introspection},
		{"taking effect on three servers (bar 4)", elsewhere},
		{"accounts that hold much (bar 5)", much},
		{"taking effect on saturated servers (bar 6)", saturated},
		{"the view of the locks (bar 3)", locks},
		{"servers with locks (bars 1, 9 and 10)", locked},
		{"an attack on one account", attacked},
		{"lockouts (bars 8 and 9)", lockouts},
		{"events, written", writtenEvents},
		{"events, 5,000,000 in the list", listedEvents},
	} {
		if len(os.Args) > 1 && !slices.ContainsFunc(os.Args[1:], func(word string) bool { return strings.Contains(part.name, word) }) {
			continue // only what was asked for
		}
		r.heading(part.name)
		if err := part.fn(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return r.end()
}
