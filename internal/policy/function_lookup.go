package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

func lookupFunctions() []function {
	return []function{
		{name: "resolve_dns", usage: "resolve_dns(host[, 4 or 6]) → list of texts", run: resolveDNS,
			signs: []any{new(func(any) []any), new(func(any, any) []any)},
			help: "The addresses of a host, of IP version 4, 6 or both; an empty list when there are none, or no answer within a second. " +
				"Answers are kept for up to 30 seconds, and an evaluation asks at most 5 questions. An empty list is not a no: allow what is in it, never what is not."},
		{name: "reverse_dns", usage: "reverse_dns(address) → text", run: reverseDNS, signs: []any{new(func(any) string)},
			help: "The name of an address; the address itself when it has none. Whoever owns an address chooses its name: " +
				"believe it only when resolve_dns of the name has the address. Bounds as in resolve_dns."},
	}
}

// networkNamed reads a version of the protocol.
func networkNamed(v any) (string, error) {
	switch v {
	case nil:
		return "ip", nil
	case 4, 4.0, "4":
		return "ip4", nil
	case 6, 6.0, "6":
		return "ip6", nil
	}
	return "", fmt.Errorf("argument 2: the IP version is 4, 6 or nil")
}

func resolveDNS(m *meter, args []any) (any, error) {
	network := "ip"
	var err error
	if len(args) > 1 {
		if network, err = networkNamed(args[1]); err != nil {
			return nil, err
		}
	}
	if args[0] == nil {
		return []any{}, nil
	}
	host, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap().WithZone("")
		if network == "ip" || a.Is4() == (network == "ip4") {
			return []any{a.String()}, nil
		}
		return []any{}, nil
	}
	found, err := m.lookUp(network, strings.ToLower(host), hostname(host))
	if err != nil {
		return nil, err
	}
	out := make([]any, len(found))
	for i := range found {
		out[i] = found[i]
	}
	return out, m.list(len(out))
}

func reverseDNS(m *meter, args []any) (any, error) {
	text, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	a, err := netip.ParseAddr(text)
	what := ""
	if err == nil {
		what = a.Unmap().WithZone("").String()
	}
	found, err := m.lookUp("", what, what != "")
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return text, nil
	}
	return found[0], nil
}

// lookUp asks the DNS, unless the question makes no sense to it.
func (m *meter) lookUp(network, what string, sensible bool) ([]string, error) {
	a, ok := m.ctx.Value(askingKey{}).(*asking)
	if !ok || a.engine.lookups == nil {
		return nil, fmt.Errorf("only a policy can ask for this, and only where names can be looked up")
	}
	if err := m.spend(1000); err != nil || !sensible {
		return nil, err
	}
	defer m.waited(time.Now())
	return a.engine.lookups.ask(m.ctx, network, what, func() error {
		if a.left.lookups.Add(-1) < 0 {
			return tooMuch("an evaluation asks the DNS at most %d times", maxLookups)
		}
		return nil
	})
}
