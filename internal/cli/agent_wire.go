package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

// What the agents of a machine ask the one that watches.
const (
	opCheck = "check" // may this sign-in go on?
	opHold  = "hold"  // may this session, and tell when it may not any more
)

// agentAsk is one question, a line of JSON.
type agentAsk struct {
	Op      string              `json:"op"`
	Login   string              `json:"login,omitempty"`
	User    string              `json:"user,omitempty"`
	IP      string              `json:"ip,omitempty"`
	Targets map[string][]string `json:"targets,omitempty"`
}

// keys are what the interaction carries.
func (a *agentAsk) keys() []lockwatch.Key {
	keys := []lockwatch.Key{lockwatch.Login(a.Login), lockwatch.User(a.User), lockwatch.IP(a.IP)}
	for kind, values := range a.Targets {
		for _, v := range values {
			keys = append(keys, lockwatch.Key{Kind: lockwatch.Kind(kind), Value: v})
		}
	}
	out := keys[:0]
	for _, k := range keys {
		if k.Value != "" {
			out = append(out, k)
		}
	}
	return out
}

// agentAnswer is one answer, a line of JSON; of hold there come two.
type agentAnswer struct {
	Allowed bool   `json:"allowed"`
	Detail  string `json:"detail,omitempty"` // what whoever is refused is told
	// Lease is how long a session may go on without the agent that watches, in
	// milliseconds; 0 = as long as it likes (best effort).
	Lease int64 `json:"lease_ms,omitempty"`
}

// talkPatience bounds the way between two programs of one machine and what lies
// behind it.
const talkPatience = 10 * time.Second

// talk opens a conversation. Close the connection in any case.
func talk(ctx context.Context, socket string, ask agentAsk) (net.Conn, *json.Decoder, *agentAnswer, error) {
	limit, cancel := context.WithTimeout(ctx, talkPatience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(limit, "unix", socket)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("asking the agent that watches: %w", err)
	}
	_ = conn.SetDeadline(time.Now().Add(talkPatience))
	answer, decoder := &agentAnswer{}, json.NewDecoder(conn)
	err = json.NewEncoder(conn).Encode(ask)
	if err == nil {
		err = decoder.Decode(answer)
	}
	if err != nil {
		conn.Close()
		return nil, nil, nil, fmt.Errorf("asking the agent that watches: %w", err)
	}
	_ = conn.SetDeadline(time.Time{})
	return conn, decoder, answer, nil
}

// askAgent returns nil when the agent that watches allows it.
func askAgent(ctx context.Context, socket string, ask agentAsk) error {
	conn, _, answer, err := talk(ctx, socket, ask)
	if err != nil {
		return err
	}
	conn.Close()
	if !answer.Allowed {
		return errors.New(answer.Detail)
	}
	return nil
}
