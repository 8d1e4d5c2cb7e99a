package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/document"
)

func usersCommand(p Program) *cobra.Command {
	root := &cobra.Command{
		Use: "users", Short: "List users, and say which roles they have",
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var format string
	list := &cobra.Command{
		Use: "ls", Short: "List users with the roles that they have directly", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := oneOf(format, "text", "yaml", "json"); err != nil {
				return err
			}
			return onInstallation(c, p, func(on Installation) error {
				var found selection
				if err := found.add(c.Context(), on, reference{kind: document.KindUser}, false); err != nil {
					return err
				}
				return found.write(c.OutOrStdout(), format)
			})
		},
	}
	formatFlag(list, &format, "text", "yaml", "json")
	remoteFlag(list)
	root.AddCommand(list, updateUserCommand(p))
	return root
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{fmt.Errorf("%q is not expected here", args[0])}
	}
	return nil
}

func updateUserCommand(p Program) *cobra.Command {
	var set string
	var add, take []string
	c := &cobra.Command{
		Use: "update NAME", Short: "Change which roles a user has",
		Long:    "Change which roles a user has directly. Roles that come with a group stay.\n\n--set-roles replaces them all; --add-role and --remove-role change single ones.",
		Example: "  portcullis users update alice --add-role=locksmith\n\n  ROLES=$(portcullis status -f json | jq -r '.active.roles | join(\",\")')\n  portcullis users update $(portcullis status -f json | jq -r '.active.username') --set-roles \"${ROLES?},locksmith\"",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return &usageError{errors.New("expected the name of one user")}
			}
			return nil
		},
		ValidArgsFunction: completeNames(p, document.KindUser),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		sets := c.Flags().Changed("set-roles")
		if !sets && len(add)+len(take) == 0 || sets && len(add)+len(take) > 0 {
			return &usageError{errors.New("expected --set-roles, or --add-role and --remove-role")}
		}
		return onInstallation(c, p, func(on Installation) error {
			roles, err := on.SetUserRoles(c.Context(), args[0], func(has []string) []string {
				if sets {
					return roleList(set)
				}
				return without(distinct(append(has, roleList(add...)...)), roleList(take...))
			})
			if err != nil {
				return absent(err, "user", args[0])
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "User %s has been updated:\n\tNew roles: %s\n", args[0], strings.Join(roles, ","))
			return err
		})
	}
	c.Flags().StringVar(&set, "set-roles", "", "all roles that the user is to have, separated by commas; empty: none")
	c.Flags().StringArrayVar(&add, "add-role", nil, "role to give; may be repeated")
	c.Flags().StringArrayVar(&take, "remove-role", nil, "role to take; may be repeated")
	for _, flag := range []string{"set-roles", "add-role", "remove-role"} {
		_ = c.RegisterFlagCompletionFunc(flag, completeNames(p, document.KindRole))
	}
	remoteFlag(c)
	return c
}

// roleList takes lists of names with commas between them apart. Nothing between
// two commas is no name: "${ROLES},locksmith" begins with one for whoever has none.
func roleList(texts ...string) []string {
	var out []string
	for _, text := range texts {
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); name != "" {
				out = append(out, name)
			}
		}
	}
	return distinct(out)
}

func distinct(names []string) []string {
	out := []string{}
	for _, name := range names {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func without(names, others []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(others, name) })
}
