package policy

import (
	"fmt"
	"net/netip"
)

// network is what ip_network gives: “in” looks into it, nothing else does.
type network struct{ prefix netip.Prefix }

func addressFunctions() []function {
	return []function{
		{name: "cidr_contains", usage: "cidr_contains(network or list, address) → true or false", run: cidrContains,
			signs: []any{new(func(any, any) bool)},
			help:  "Whether the address lies in the network (192.0.2.0/24) or in one of them. An address that cannot be read is an error, so that its negation lets nobody in."},
		{name: "ip_network", usage: "ip_network(text) → network", run: ipNetwork, signs: []any{new(func(any) any)},
			help: "The network, for: client_ip in ip_network(\"192.0.2.0/24\"). An address that cannot be read is an error, as in cidr_contains."},
		{name: "ip_address", usage: "ip_address(text) → text", run: ipAddress, signs: []any{new(func(any) string)},
			help: "The address in its usual form, so that two can be compared."},
		{name: "ip_is_private", usage: "ip_is_private(text) → true or false", run: ipIsPrivate, signs: []any{new(func(any) bool)},
			help: "Whether the address belongs to a private network (RFC 1918, RFC 4193) or to this machine."},
	}
}

func cidrContains(m *meter, args []any) (any, error) {
	text, err := textArgument(args, 1)
	if err != nil {
		return nil, err
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address", clip(text))
	}
	address = address.Unmap().WithZone("")
	networks := []any{args[0]}
	if _, single := args[0].(string); !single {
		if networks, err = listArgument(m, args, 0); err != nil {
			return nil, err
		}
	}
	contained := false
	for _, n := range networks {
		network, err := parseNetwork(n)
		if err != nil {
			return nil, err // even after a match: a broken list is a fault
		}
		contained = contained || network.Contains(address)
	}
	return contained, nil
}

func parseNetwork(v any) (netip.Prefix, error) {
	text, ok := v.(string)
	if !ok {
		return netip.Prefix{}, wrongType(1, "a network", v)
	}
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address.Unmap().WithZone(""), address.Unmap().BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a network", clip(text))
	}
	return network, nil
}

func ipNetwork(_ *meter, args []any) (any, error) {
	prefix, err := parseNetwork(args[0])
	if err != nil {
		return nil, err
	}
	return network{prefix}, nil
}

func parseAddress(v any) (netip.Addr, error) {
	text, ok := v.(string)
	if !ok {
		return netip.Addr{}, wrongType(1, "an address", v)
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an address", clip(text))
	}
	return address.Unmap().WithZone(""), nil
}

func ipAddress(_ *meter, args []any) (any, error) {
	address, err := parseAddress(args[0])
	if err != nil {
		return nil, err
	}
	return address.String(), nil
}

func ipIsPrivate(_ *meter, args []any) (any, error) {
	address, err := parseAddress(args[0])
	if err != nil {
		return nil, err
	}
	return address.IsPrivate() || address.IsLoopback(), nil
}
