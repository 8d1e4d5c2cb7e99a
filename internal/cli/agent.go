package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

// agentSocket is where the watching agent of a machine answers the others.
const agentSocket = "/run/portcullis-agent.sock"

// exitError ends the program with a code, without a word.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// noWords refuses words behind the command as a fault of the command line.
func noWords(c *cobra.Command, args []string) error {
	if err := cobra.NoArgs(c, args); err != nil {
		return &usageError{err}
	}
	return nil
}

// agentCommand is what runs on machines that people sign in to.
func agentCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "agent", Short: "Refuse and cut SSH sign-ins that a lock targets, on the machine they lead to", Args: noWords,
		Long: "The agent of a machine: `watch` runs as a service, follows the locks of a Portcullis server and cuts\n" +
			"SSH connections that a lock targets; `check` judges a sign-in, for sshd's AuthorizedKeysCommand and\n" +
			"AuthorizedPrincipalsCommand; `run` holds a session, as sshd's ForceCommand. See docs/ssh.md.",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(agentCheck(), agentWatch(), agentRun())
	return c
}

// agentServer are the flags that say which server to ask.
type agentServer struct{ url, tokenFile, id, mode string }

func (s *agentServer) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.url, "server", os.Getenv(serverVariable), "URL of the Portcullis server ("+serverVariable+")")
	f.StringVar(&s.tokenFile, "token-file", "", "file with an API token of an account that may list locks; empty: "+tokenVariable)
	f.StringVar(&s.id, "server-id", "", "UUID of this machine, as locks name it in server_id")
	f.StringVar(&s.mode, "mode", string(lockwatch.BestEffort), "what counts while the locks may be out of date: best_effort (the last view) or strict (nothing is allowed)")
}

// watcher follows the server; staleness 0 = the usual.
func (s *agentServer) watcher(staleness time.Duration, report func(error)) (*lockwatch.Watcher, error) {
	if s.url == "" {
		return nil, &usageError{errors.New("--server: expected an address such as https://id.example.org")}
	}
	if m := lockwatch.Mode(s.mode); m != lockwatch.BestEffort && m != lockwatch.Strict {
		return nil, &usageError{fmt.Errorf("--mode: locking mode %q not supported", s.mode)}
	}
	token := os.Getenv(tokenVariable)
	if s.tokenFile != "" {
		content, err := os.ReadFile(s.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("reading the token: %w", err)
		}
		token = strings.TrimSpace(string(content))
	}
	if token == "" {
		return nil, &usageError{errors.New("--token-file: there is no token; " + tokenVariable + " is empty, too")}
	}
	w, err := lockwatch.New(lockwatch.Config{URL: s.url, Token: token, MaxStaleness: staleness, Report: report})
	if err != nil {
		return nil, &usageError{err}
	}
	return w, nil
}

// keys are what every interaction with this machine carries.
func (s *agentServer) keys() []lockwatch.Key {
	if s.id == "" {
		return nil
	}
	return []lockwatch.Key{lockwatch.Server(s.id)}
}

// askPatience bounds a question to the server while somebody waits at the door.
const askPatience = 3 * time.Second

// judgeSignIn asks the server, and where it does not answer the view. It returns the
// mode and the keys to go on with: those of the user's roles and groups as well,
// as far as the server said them.
func judgeSignIn(ctx context.Context, w *lockwatch.Watcher, mode lockwatch.Mode, keys []lockwatch.Key) (lockwatch.Mode, []lockwatch.Key, error) {
	limit, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	verdict, err := w.Ask(limit, mode, keys...)
	if err != nil {
		return mode, keys, w.Check(mode, keys...)
	}
	return verdict.Mode, verdict.Keys(), verdict.Err()
}
