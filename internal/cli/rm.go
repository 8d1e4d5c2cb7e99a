package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/document"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func rmCommand(p Program) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "rm locks/ID… | rm roles/NAME… | rm locks --user=NAME …", Short: "Lift locks, or delete roles",
		Long: "Lift locks or delete roles: locks/ID, roles/NAME.\n\n" +
			"`rm locks` with what they target lifts every lock in force that has all of these keys,\nand perhaps others; it shows them and asks before it does, unless --yes is given.",
		Example: "  portcullis rm locks/24679348-baff-4987-a2cd-e820ab7f9d2b\n  portcullis rm locks --user=alice\n  portcullis rm roles/locksmith",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{errors.New("expected what to remove: locks/ID or roles/NAME")}
			}
			return nil
		},
		ValidArgsFunction: completeReferences(p, document.KindLock, document.KindRole),
	}
	target := targetFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		references, err := parseReferences(args)
		if err != nil {
			return err
		}
		named := target()
		for _, r := range references {
			if err := removable(r, len(named) > 0); err != nil {
				return &usageError{err}
			}
		}
		return onInstallation(c, p, func(on Installation) error {
			if len(named) > 0 {
				return liftByTarget(c, on, named, yes)
			}
			for _, r := range references {
				if err := remove(c.Context(), c.OutOrStdout(), on, r); err != nil {
					return err
				}
			}
			return nil
		})
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "lift by target without asking")
	remoteFlag(c)
	completeTargets(c, p)
	return c
}

// removable judges what is named before anything is done.
func removable(r reference, byTarget bool) error {
	switch {
	case r.kind != document.KindLock && r.kind != document.KindRole:
		return fmt.Errorf("%s cannot be removed from here; expected locks/ID or roles/NAME", r.kind)
	case byTarget && (r.kind != document.KindLock || r.name != ""):
		return errors.New("flags that name a target go with `rm locks`, without an ID")
	case !byTarget && r.name == "" && r.kind == document.KindLock:
		return errors.New("name the lock (locks/ID), or what locks to lift target, such as --user=alice")
	case !byTarget && r.name == "":
		return errors.New("name the role: roles/NAME")
	}
	return nil
}

func remove(ctx context.Context, out io.Writer, on Installation, r reference) error {
	if r.kind == document.KindRole {
		if err := on.DeleteRole(ctx, r.name); err != nil {
			return absent(err, "role", r.name)
		}
		_, err := fmt.Fprintf(out, "role %q has been deleted\n", r.name)
		return err
	}
	if err := on.LiftLock(ctx, r.lockID()); err != nil {
		return absent(err, "lock", r.lockID().String())
	}
	_, err := fmt.Fprintf(out, "lock %q has been deleted\n", r.lockID())
	return err
}

// liftByTarget shows what would be lifted, asks, and lifts.
func liftByTarget(c *cobra.Command, on Installation, target map[string]string, yes bool) error {
	if !yes {
		var found []*idp.Lock
		err := on.EachLock(c.Context(), LockQuery{Target: target}, func(l *idp.Lock) { found = append(found, l) })
		if err != nil {
			return err
		}
		if len(found) > 0 {
			if err := lockTable(c.OutOrStdout(), found, false); err != nil {
				return err
			}
			sure, err := confirmed(c, fmt.Sprintf("Lift %s? [y/N] ", plural(len(found), "lock", "locks")))
			if err != nil || !sure {
				return errors.Join(err, errors.New("nothing was lifted: answer y, or give --yes"))
			}
		}
	}
	lifted, err := on.LiftLocks(c.Context(), target)
	if err != nil {
		return err
	}
	for i := range lifted {
		if _, err := fmt.Fprintf(c.OutOrStdout(), "lock %q has been deleted\n", lifted[i].ID); err != nil {
			return err
		}
	}
	return nil
}

// confirmed asks a question. The end of the input is a no.
func confirmed(c *cobra.Command, question string) (bool, error) {
	fmt.Fprint(c.ErrOrStderr(), question)
	answer, err := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}
