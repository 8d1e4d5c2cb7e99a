package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

func lockoutsCommand(p Program) *cobra.Command {
	root := &cobra.Command{
		Use: "lockouts", Short: "List and lift lockouts: who is kept out after failed attempts, for a while",
		Long: "List and lift lockouts. A lockout keeps an account out for a while after too many failed\nattempts (portcullis settings); a lock is a standing rule (portcullis lock).",
		Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(listLockouts(p), unlockCommand(p), lockoutHistory(p))
	return root
}

func listLockouts(p Program) *cobra.Command {
	var format string
	var q LockoutQuery
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the lockouts in force, newest first",
		Long:    "List the lockouts in force, newest first; --all lists those of the past too.",
		Example: "  portcullis lockouts list\n  portcullis lockouts list --search alice\n  portcullis lockouts list --search 192.0.2.7 --format json",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return showLockouts(c, p, q, format) },
	}
	formatFlag(c, &format, "text", "yaml", "json")
	c.Flags().StringVar(&q.Search, "search", "", "the beginning of an identifier, an e-mail address, or an address that attempts came from")
	c.Flags().BoolVar(&q.All, "all", false, "those of the past too")
	_ = c.RegisterFlagCompletionFunc("search", completeLockouts(p))
	remoteFlag(c)
	return c
}

func lockoutHistory(p Program) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "history [IDENTIFIER]", Short: "List lockouts of the past too, of one account or of all, newest first",
		Example: "  portcullis lockouts history alice",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && lockout.Canonical(args[0]) == "" {
				return &usageError{errors.New("expected at most one identifier: a username, an e-mail address, or what a list calls one")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return showLockouts(c, p, LockoutQuery{All: true, Of: strings.Join(args, "")}, format)
		},
		ValidArgsFunction: completeLockouts(p),
	}
	formatFlag(c, &format, "text", "yaml", "json")
	remoteFlag(c)
	return c
}

func showLockouts(c *cobra.Command, p Program, q LockoutQuery, format string) error {
	if err := oneOf(format, "text", "yaml", "json"); err != nil {
		return err
	}
	return onInstallation(c, p, func(on Installation) error {
		found := []idp.Lockout{}
		if err := on.EachLockout(c.Context(), q, func(l *idp.Lockout) { found = append(found, *l) }); err != nil {
			return err
		}
		return writeLockouts(c.OutOrStdout(), found, q.All, format)
	})
}

// shownLockout is a lockout in YAML and JSON, by the names of the API.
type shownLockout struct {
	Identifier string     `json:"identifier" yaml:"identifier"`
	Device     *string    `json:"device" yaml:"device"`
	Active     bool       `json:"active" yaml:"active"`
	LockedAt   time.Time  `json:"locked_at" yaml:"locked_at"`
	Until      time.Time  `json:"locked_until" yaml:"locked_until"`
	Reason     string     `json:"lock_reason" yaml:"lock_reason"`
	Address    *string    `json:"trigger_ip" yaml:"trigger_ip"`
	Attempts   int        `json:"auto_threshold_at" yaml:"auto_threshold_at"`
	Refused    int        `json:"refused" yaml:"refused"`
	EndedAt    *time.Time `json:"ended_at" yaml:"ended_at"`
	EndReason  string     `json:"end_reason" yaml:"end_reason"`
	EndedBy    string     `json:"ended_by" yaml:"ended_by"`
}

func lockoutLine(l *idp.Lockout) shownLockout {
	out := shownLockout{Identifier: l.Identifier, Active: l.Active, LockedAt: l.LockedAt.UTC().Truncate(time.Millisecond),
		Until: l.LockedUntil.UTC().Truncate(time.Millisecond), Reason: l.Reason, Attempts: l.Attempts, Refused: l.Refused,
		EndReason: string(l.EndReason), EndedBy: l.EndedBy}
	if l.TriggerIP.IsValid() {
		ip := l.TriggerIP.Unmap().String()
		out.Address = &ip
	}
	if l.DeviceID != nil {
		id := l.DeviceID.String()
		out.Device = &id
	}
	if l.EndedAt != nil {
		at := l.EndedAt.UTC().Truncate(time.Millisecond)
		out.EndedAt = &at
	}
	return out
}

func writeLockouts(out io.Writer, found []idp.Lockout, past bool, format string) error {
	lines := make([]shownLockout, len(found))
	for i := range found {
		lines[i] = lockoutLine(&found[i])
	}
	switch format {
	case "yaml":
		encoder := yaml.NewEncoder(out)
		encoder.SetIndent(2)
		return errors.Join(encoder.Encode(lines), encoder.Close())
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "    ")
		return encoder.Encode(lines)
	}
	head := []string{"Identifier", "Reason", "Source IP", "Failed attempts", "Locked at", "Expires"}
	if past {
		head = append(head, "State")
	}
	rows := make([][]string, len(found))
	for i := range found {
		rows[i] = lockoutRow(&found[i], past)
	}
	return table(out, head, rows)
}

func lockoutRow(l *idp.Lockout, past bool) []string {
	who, ip := l.Identifier, "—"
	if l.DeviceID != nil {
		who += " (known browser)"
	}
	if l.TriggerIP.IsValid() {
		ip = l.TriggerIP.Unmap().String()
	}
	row := []string{who, l.Reason, ip, strconv.Itoa(l.Attempts), l.LockedAt.UTC().Format(time.RFC3339), l.LockedUntil.UTC().Format(time.RFC3339)}
	if past {
		row = append(row, lockoutState(l))
	}
	return row
}

func lockoutState(l *idp.Lockout) string {
	switch {
	case l.Active:
		return "in force"
	case l.EndReason == idp.LockoutUnlocked:
		return "unlocked by " + l.EndedBy
	case l.EndReason == idp.LockoutPassword:
		return "new password"
	case l.EndReason == idp.LockoutDeleted:
		return "account deleted"
	}
	return "expired"
}

func unlockCommand(p Program) *cobra.Command {
	c := &cobra.Command{
		Use: "unlock IDENTIFIER…", Short: "End the lockouts of accounts; all their attempts are back",
		Long:    "End every lockout of accounts: by username, e-mail address, or what a list calls them.\nAll are tried; the exit code is 1 when one of them has no lockout.",
		Example: "  portcullis lockouts unlock alice\n  portcullis lockouts unlock alice bob@example.org unknown-1f2e",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{errors.New("expected whom to unlock: a username, an e-mail address, or what a list calls one")}
			}
			for _, name := range args {
				if lockout.Canonical(name) == "" {
					return &usageError{fmt.Errorf("%q: expected a username, an e-mail address, or what a list calls one", name)}
				}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return onInstallation(c, p, func(on Installation) error { return unlock(c, on, distinct(args)) })
		},
		ValidArgsFunction: completeLockouts(p),
	}
	remoteFlag(c)
	return c
}

// unlock goes on where somebody is not locked out, and ends with anything else.
func unlock(c *cobra.Command, on Installation, who []string) error {
	var free []string
	for _, name := range who {
		err := on.Unlock(c.Context(), name)
		switch {
		case idp.Is(err, idp.CodeNotFound):
			free = append(free, fmt.Sprintf("%s: %s", printableText(name), lockout.NoLockout))
		case err != nil:
			return err
		default:
			if _, err := fmt.Fprintf(c.OutOrStdout(), "%s has been unlocked\n", printableText(name)); err != nil {
				return err
			}
		}
	}
	if len(free) > 0 {
		return &plainError{text: strings.Join(free, "\n")}
	}
	return nil
}

// completeLockouts offers whom a lockout is in force for.
func completeLockouts(p Program) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return offer(c, p, typed, func(on Installation) (out []string, err error) {
			err = on.EachLockout(c.Context(), LockoutQuery{Search: typed, Most: maxOffered}, func(l *idp.Lockout) {
				out = append(out, printableText(l.Identifier)+"\tuntil "+l.LockedUntil.UTC().Format(time.RFC3339))
			})
			return distinct(out), err
		}), cobra.ShellCompDirectiveNoFileComp
	}
}
