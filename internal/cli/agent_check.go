package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

// checkOptions are what `agent check` was called with.
type checkOptions struct {
	agentServer
	socket, login, user, ip string
	targets                 []string
	keysFile, key           string
	principals              []string
	pam                     bool
}

func agentCheck() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use: "check", Short: "Say whether a sign-in is allowed, and by which keys or principals", Args: noWords,
		Long: "Exits with 0 when no lock in force targets the sign-in and the user's account may act, and then prints the keys or principals that were\n" +
			"asked for. Otherwise it prints the lock's text to standard error and exits with 1, also when nobody can say.",
		Example: "  portcullis agent check --login root --server-id 6d2da7b2-0b9c-4f0e-a1c8-9a8b3a2f3e11 --user alice",
		RunE: func(c *cobra.Command, _ []string) error {
			lines, err := o.run(c)
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.OutOrStdout(), lines)
			return err
		},
	}
	o.flags(c)
	f := c.Flags()
	f.StringVar(&o.socket, "socket", "", "ask the agent that watches on this machine, at this socket (such as "+agentSocket+"), in place of --server")
	f.StringVar(&o.login, "login", "", "the login of the operating system (sshd: %u)")
	f.StringVar(&o.user, "user", "", "the username in Portcullis (sshd, with certificates: %i)")
	f.StringVar(&o.ip, "ip", "", "the client's address")
	f.StringArrayVar(&o.targets, "target", nil, "something else that locks may name, such as windows_desktop=front-desk; may be repeated")
	f.StringVar(&o.keysFile, "authorized-keys", "", "print the lines of this file with --key; environment=\"PORTCULLIS_USER=alice\" in front of a key says whose it is")
	f.StringVar(&o.key, "key", "", "the key offered, in base64 (sshd: %k)")
	f.StringSliceVar(&o.principals, "principals", nil, "print these principals, separated by commas")
	f.BoolVar(&o.pam, "pam", false, "read login and address from PAM_USER and PAM_RHOST, for pam_exec")
	return c
}

// run returns what to print when the sign-in is allowed.
func (o *checkOptions) run(c *cobra.Command) (string, error) {
	if o.pam {
		o.login, o.ip = os.Getenv("PAM_USER"), addressOnly(os.Getenv("PAM_RHOST"))
	}
	lines := ""
	for _, p := range o.principals {
		lines += p + "\n"
	}
	if o.keysFile != "" {
		user, found, err := authorizedKeys(o.keysFile, o.key)
		if err != nil {
			return "", err
		}
		if found == "" {
			return "", nil // the key is not one of the login's: nothing is to be judged
		}
		if lines += found; user != "" {
			o.user = user
		}
	}
	ask := agentAsk{Op: opCheck, Login: o.login, User: o.user, IP: o.ip, Targets: map[string][]string{}}
	for _, t := range o.targets {
		kind, value, ok := strings.Cut(t, "=")
		if !ok || kind == "" || value == "" {
			return "", &usageError{fmt.Errorf("--target %s: expected kind=value, such as windows_desktop=front-desk", t)}
		}
		ask.Targets[kind] = append(ask.Targets[kind], value)
	}
	if o.id != "" {
		ask.Targets[string(lockwatch.KindServer)] = append(ask.Targets[string(lockwatch.KindServer)], o.id)
	}
	if o.socket != "" {
		return lines, askAgent(c.Context(), o.socket, ask)
	}
	w, err := o.watcher(0, nil)
	if err != nil {
		return "", err
	}
	// Nobody follows the locks here: only the server can say what is locked.
	verdict, err := w.Ask(c.Context(), lockwatch.Mode(o.mode), ask.keys()...)
	if err != nil {
		return "", err
	}
	return lines, verdict.Err()
}
