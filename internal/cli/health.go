package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout bounds one probe.
const healthTimeout = 3 * time.Second

// health asks a running server whether it is ready: for container health
// checks, where there is no other HTTP client.
func health() *cobra.Command {
	c := &cobra.Command{
		Use: "health", Short: "Ask a running server whether it is ready", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			server, _ := c.Flags().GetString("server")
			if server == "" {
				cfg, err := load(c)
				if err != nil {
					return err
				}
				server = "http://" + local(cfg.Listen)
			}
			return probe(c.Context(), server, c.OutOrStdout())
		},
	}
	c.Flags().String("server", "", "URL of the server; empty: the address it listens on")
	return c
}

// local is the listening address as a client on the same machine reaches it.
func local(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func probe(ctx context.Context, server string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/-/health/ready/", nil)
	if err != nil {
		return &usageError{err}
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking %s: %w", server, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s is not ready: %s", server, answer.Status)
	}
	_, err = fmt.Fprintln(out, "ready")
	return err
}
