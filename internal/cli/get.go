package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/document"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func getCommand(p Program) *cobra.Command {
	var format string
	var all bool
	c := &cobra.Command{
		Use: "get RESOURCE…", Short: "Show locks, roles, users or the cluster's preference",
		Long: "Show resources: " + referenceHelp + ".\n\n" +
			"Locks are those in force, newest first; --all shows those of the past too. As YAML or\nJSON (a list), locks, roles and the preference are documents as `portcullis create` takes them.",
		Example: "  portcullis get locks\n  portcullis get locks --all --format=json\n  portcullis get role/locksmith --format=yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{errors.New("expected what to show: " + referenceHelp)}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			references, err := parseReferences(args)
			if err != nil {
				return err
			}
			if err := oneOf(format, "text", "yaml", "json"); err != nil {
				return err
			}
			return onInstallation(c, p, func(on Installation) error {
				var found selection
				for _, r := range references {
					if err := found.add(c.Context(), on, r, all); err != nil {
						return err
					}
				}
				return found.write(c.OutOrStdout(), format)
			})
		},
		ValidArgsFunction: completeReferences(p, document.KindLock, document.KindRole, document.KindUser, document.KindPreference),
	}
	formatFlag(c, &format, "text", "yaml", "json")
	c.Flags().BoolVar(&all, "all", false, "of locks also those that are lifted or expired")
	remoteFlag(c)
	return c
}

// formatFlag adds --format; the first is what it is without.
func formatFlag(c *cobra.Command, to *string, formats ...string) {
	text := formats[0]
	for i, f := range formats[1:] {
		if i == len(formats)-2 {
			text += " or " + f
		} else {
			text += ", " + f
		}
	}
	c.Flags().StringVarP(to, "format", "f", formats[0], text)
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

func oneOf(format string, formats ...string) error {
	for _, f := range formats {
		if f == format {
			return nil
		}
	}
	return &usageError{fmt.Errorf("--format %s: expected one of %v", format, formats)}
}

// selection is what is shown.
type selection struct {
	kinds      []document.Kind // in the order in which they were asked for
	past       bool
	locks      []*idp.Lock
	roles      []idp.Role
	users      []User
	preference *shownPreference
}

// shownPreference is the preference, and whether the configuration has fixed it.
type shownPreference struct {
	mode    idp.LockingMode
	managed bool
}

// add looks for what is asked for.
func (s *selection) add(ctx context.Context, on Installation, r reference, all bool) error {
	s.kinds = append(s.kinds, r.kind)
	switch r.kind {
	case document.KindLock:
		s.past = s.past || all || r.name != ""
		if r.name == "" {
			return on.EachLock(ctx, LockQuery{All: all}, func(l *idp.Lock) { s.locks = append(s.locks, l) })
		}
		l, err := on.GetLock(ctx, r.lockID())
		s.locks = append(s.locks, l)
		return absent(err, "lock", r.name)
	case document.KindRole:
		if r.name == "" {
			found, err := on.FindRoles(ctx)
			s.roles = append(s.roles, found...)
			return err
		}
		role, err := on.GetRole(ctx, r.name)
		if err == nil {
			s.roles = append(s.roles, *role)
		}
		return absent(err, "role", r.name)
	case document.KindUser:
		if r.name == "" {
			found, err := on.FindUsers(ctx)
			s.users = append(s.users, found...)
			return err
		}
		u, err := on.GetUser(ctx, r.name)
		if err == nil {
			s.users = append(s.users, *u)
		}
		return absent(err, "user", r.name)
	}
	preference, err := on.Preference(ctx)
	if err == nil {
		s.preference = &shownPreference{preference.LockingMode, preference.Managed}
	}
	return err
}
