package app_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// cable lies between a server and its database. It can be cut, as a network is:
// nothing comes through and nobody is told. It notes which statements are run.
type cable struct {
	network, address string
	listener         net.Listener
	url              string

	mu         sync.Mutex
	cut        bool
	ends       map[net.Conn]bool
	statements []string
}

// lay returns a cable to the database; its url is the server's.
func lay(t *testing.T, database string) *cable {
	t.Helper()
	config, err := pgx.ParseConfig(database)
	require.NoError(t, err)
	c := &cable{ends: map[net.Conn]bool{}}
	c.network, c.address = "tcp", net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
	if strings.HasPrefix(config.Host, "/") {
		c.network, c.address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port)
	}
	c.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	u := url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: c.listener.Addr().String(),
		Path: "/" + config.Database, RawQuery: "sslmode=disable"}
	c.url = u.String()
	go c.accept()
	t.Cleanup(func() {
		c.listener.Close()
		c.sever(false)
	})
	return c
}

func (c *cable) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.ends[near] = true
		cut := c.cut
		c.mu.Unlock()
		if cut {
			continue // it waits for an answer until the cable is mended
		}
		far, err := net.Dial(c.network, c.address)
		if err != nil {
			near.Close()
			continue
		}
		c.mu.Lock()
		c.ends[far] = true
		c.mu.Unlock()
		go func() { c.forward(far, near, c.noting()); far.Close() }()
		go func() { c.forward(near, far, nil); near.Close() }()
	}
}

// forward copies until either end closes. What comes while the cable is cut is
// swallowed.
func (c *cable) forward(to io.Writer, from io.Reader, note func([]byte)) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		c.mu.Lock()
		cut := c.cut
		c.mu.Unlock()
		if cut {
			continue
		}
		if note != nil {
			note(buffer[:n])
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// sever cuts the cable or mends it. Connections that were cut stay broken.
func (c *cable) sever(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	if !cut {
		for end := range c.ends {
			end.Close()
		}
		c.ends = map[net.Conn]bool{}
	}
}

// noting reads the messages of one client (PostgreSQL, "Message Formats") as they pass. A
// statement is noted before the database has it, so that whoever has the answer finds it
// noted.
func (c *cable) noting() func([]byte) {
	var unread []byte
	typed, prepared := 0, map[string]string{} // the start-up has no byte for its kind
	return func(p []byte) {
		unread = append(unread, p...)
		for len(unread) >= typed+4 {
			end := typed + int(binary.BigEndian.Uint32(unread[typed:]))
			if len(unread) < end {
				return
			}
			if typed == 1 {
				switch texts := strings.Split(string(unread[5:end]), "\x00"); unread[0] {
				case 'P':
					prepared[texts[0]] = texts[1]
				case 'B':
					c.note(prepared[texts[1]])
				case 'Q':
					c.note(texts[0])
				}
			}
			typed, unread = 1, unread[end:]
		}
	}
}

func (c *cable) note(statement string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = append(c.statements, strings.Join(strings.Fields(statement), " "))
}

// take returns the statements of requests since it was last called, without
// those that connections begin with, and those of the feed and the job queue,
// which run beside them.
func (c *cable) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, s := range c.statements {
		if !strings.Contains(s, "river") && !strings.Contains(s, "changes") && !strings.Contains(s, "replicas") && !strings.Contains(s, "set_config") {
			out = append(out, s)
		}
	}
	c.statements = nil
	return out
}

// least returns the fewest statements of any round: beside others who need the processor
// there may be some of what goes on beside in most of them.
func (c *cable) least(rounds int, do func(round int)) (out []string) {
	for i := range rounds {
		c.take()
		do(i)
		if got := c.take(); i == 0 || len(got) < len(out) {
			out = got
		}
		if len(out) == 0 {
			break
		}
	}
	return out
}
