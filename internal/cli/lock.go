package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// once is a flag with a text that is given once: of two users the second would
// silently take the place of the first.
type once struct {
	value string
	given bool
}

func (o *once) String() string { return o.value }
func (o *once) Type() string   { return "string" }
func (o *once) Set(s string) error {
	if o.given {
		return errors.New("given twice: one lock has one value of a kind, make several locks")
	}
	o.value, o.given = s, true
	return nil
}

// targetHelp says what the flags are that name a target.
var targetHelp = map[idp.LockKind]string{
	idp.LockUser: "name of a user", idp.LockRole: "name of a role", idp.LockGroup: "name of a group",
	idp.LockLogin: "login of an operating system, such as root", idp.LockServer: "UUID of an agent",
	idp.LockMFADevice: "UUID of a second factor", idp.LockDevice: "ID of a known device",
	idp.LockWindowsDesktop: "name of a Windows desktop", idp.LockAccessRequest: "UUID of an access request",
	idp.LockSession: "UUID of a session", idp.LockApplication: "slug or client ID of an application",
	idp.LockToken: "identifier of a token", idp.LockIP: "address or network, such as 192.0.2.0/24",
	idp.LockSourceASN: "number of an autonomous system, such as AS64496",
}

// targetFlags adds a flag for each kind of target, and returns what reads them.
func targetFlags(c *cobra.Command) func() map[string]string {
	flags := map[string]*once{}
	for _, kind := range idp.LockKinds() {
		o := &once{}
		flags[kind.String()] = o
		c.Flags().Var(o, strings.ReplaceAll(kind.String(), "_", "-"), targetHelp[kind])
	}
	node := &once{}
	flags["node"] = node
	c.Flags().Var(node, "node", "old name of --server-id")
	_ = c.Flags().MarkHidden("node")
	return func() map[string]string {
		out := map[string]string{}
		for name, o := range flags {
			if o.given {
				out[name] = o.value
			}
		}
		return out
	}
}

const lockHelp = `Create a lock: a standing rule. While it is in force, every interaction that has all
of what it names is refused with its message, on every server and in the programs
that ask them, and established connections are cut. It destroys nothing: when it is
lifted (portcullis rm) or expires, what it refused is allowed again.

Several keys in one lock must all match (AND); several locks each refuse on their
own (OR). So

  portcullis lock --user=alice --login=root     refuses alice as root, and nothing else
  portcullis lock --user=alice                  } refuse alice, and root,
  portcullis lock --login=root                  } whoever it is

Values match exactly, without wildcards; an address also lies in a network that
is locked. Without --ttl and --expires the lock stays until it is lifted. A lock that
would leave no administrator who can sign in is refused without --force-last-admin.`

func lockCommand(p Program) *cobra.Command {
	var message, expires string
	var ttl time.Duration
	var forceLastAdmin bool
	c := &cobra.Command{
		Use: "lock", Short: "Create a lock: refuse a user, a role, a device … until it is lifted", Long: lockHelp,
		Example: `  portcullis lock --user=alice --message="Suspicious activity." --ttl=10h
  portcullis lock --role=contractor --message="Come back on Monday." --expires=2026-12-07T08:00:00+01:00`,
		Args: cobra.NoArgs,
	}
	target := targetFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		d := lock.Draft{Target: target(), Message: message, TTL: ttl, ForceLastAdmin: forceLastAdmin}
		if len(d.Target) == 0 {
			return &usageError{errors.New(lock.EmptyTarget + ", such as --user=alice")}
		}
		var err error
		if d.Expires, err = ending(c, ttl, expires); err != nil {
			return &usageError{err}
		}
		return onInstallation(c, p, func(on Installation) error {
			made, warnings, err := on.CreateLocks(c.Context(), []lock.Draft{d})
			if err != nil {
				return err
			}
			warn(c, warnings)
			_, err = fmt.Fprintf(c.OutOrStdout(), "Created a lock with name %q.\n", made[0].ID)
			return err
		})
	}
	c.Flags().StringVar(&message, "message", "", "shown to whoever is refused")
	c.Flags().DurationVar(&ttl, "ttl", 0, "how long it lasts, such as 10h or 2h45m")
	c.Flags().StringVar(&expires, "expires", "", "until when it lasts, such as 2026-12-01T22:27:00Z (RFC 3339)")
	c.Flags().BoolVar(&forceLastAdmin, "force-last-admin", false, "lock even when no administrator is left who can sign in")
	remoteFlag(c)
	completeTargets(c, p)
	return c
}

// ending reads the two flags that say when a lock ends.
func ending(c *cobra.Command, ttl time.Duration, expires string) (*time.Time, error) {
	hasTTL, hasExpires := c.Flags().Changed("ttl"), c.Flags().Changed("expires")
	switch {
	case hasTTL && hasExpires:
		return nil, errors.New(lock.OneExpiry)
	case hasTTL && ttl <= 0:
		return nil, fmt.Errorf("--ttl %s: expected a duration greater than 0, such as 10h", ttl)
	case !hasExpires:
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, expires)
	if err != nil {
		return nil, fmt.Errorf("--expires %s: expected a time such as 2026-12-01T22:27:00Z (RFC 3339)", expires)
	}
	return &t, nil
}

// warn writes to standard error, for people.
func warn(c *cobra.Command, warnings []string) {
	const shown = 20
	for i, w := range warnings {
		if i == shown {
			fmt.Fprintf(c.ErrOrStderr(), "WARNING: and %d more like these\n", len(warnings)-shown)
			return
		}
		fmt.Fprintf(c.ErrOrStderr(), "WARNING: %s\n", printableText(w))
	}
}
