package policy

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Resolver answers questions to the DNS; net.Resolver is one.
type Resolver interface {
	// LookupNetIP returns the addresses of a host; network is ip, ip4 or ip6.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	// LookupAddr returns the names of an address.
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// Bounds of what is asked of the DNS.
const (
	lookupTime   = time.Second
	lookupKept   = 30 * time.Second
	maxKept      = 1000 // answers
	maxWaiting   = 32   // questions under way in one process
	maxAddresses = 50   // of one host
)

// lookups asks a resolver and keeps the answers for a while, also that there was
// none: neither a slow name server nor a stranger who comes often costs more than
// one question.
type lookups struct {
	resolver Resolver
	kept     *cache[lookupKey, []string]
	slots    chan struct{}
}

// lookupKey names a question. An answer is looked for in the present span of
// time only, so it is kept for at most that long.
type lookupKey struct {
	network string // ip, ip4, ip6; "" = the names of an address
	what    string
	span    int64
}

func newLookups(r Resolver) *lookups {
	return &lookups{resolver: r, kept: newCache[lookupKey, []string](maxKept), slots: make(chan struct{}, maxWaiting)}
}

// ask returns what the DNS says, nothing when it has no answer. pay is called
// before a question that is really asked. The error is that of pay, or of the
// context.
func (l *lookups) ask(ctx context.Context, network, what string, pay func() error) ([]string, error) {
	key := lookupKey{network, what, time.Now().UnixNano() / int64(lookupKept)}
	return l.kept.get(key, func() ([]string, error) {
		if err := pay(); err != nil {
			return nil, err
		}
		short, cancel := context.WithTimeout(ctx, lookupTime)
		defer cancel()
		out := l.question(short, network, what)
		return out, ctx.Err()
	})
}

// question asks and does not wait longer than the context lasts, also for a
// resolver that does not mind it.
func (l *lookups) question(ctx context.Context, network, what string) []string {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	answered := make(chan []string, 1)
	go func() {
		defer func() { <-l.slots }()
		answered <- l.put(ctx, network, what)
	}()
	select {
	case out := <-answered:
		return out
	case <-ctx.Done():
		return nil
	}
}

func (l *lookups) put(ctx context.Context, network, what string) []string {
	var out []string
	if network == "" {
		names, err := l.resolver.LookupAddr(ctx, what)
		if err != nil {
			return nil
		}
		for _, name := range names {
			// Whoever owns the address chooses its name.
			if name = strings.ToLower(strings.TrimSuffix(name, ".")); hostname(name) {
				out = append(out, name)
			}
		}
		return out
	}
	addresses, err := l.resolver.LookupNetIP(ctx, network, what)
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		if a.IsValid() && len(out) < maxAddresses {
			out = append(out, a.Unmap().WithZone("").String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// hostname reports whether the DNS may be asked about a text.
func hostname(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(r rune) bool {
				return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
			}) {
			return false
		}
	}
	return true
}
