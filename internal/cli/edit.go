package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/document"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

func editCommand(p Program) *cobra.Command {
	c := &cobra.Command{
		Use: "edit cap | role/NAME | lock/ID", Short: "Change a resource in your editor",
		Long: "Change the cluster's preference (cap), a role or a lock in your editor: $VISUAL, else\n$EDITOR, else vi. Nothing is changed when the text is left as it was. When the text has\na problem it is kept, and the message says where.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{errors.New("expected one resource: cap, role/NAME or lock/ID")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			r, err := parseReference(args[0])
			if err != nil {
				return err
			}
			if r.kind == document.KindUser || r.kind != document.KindPreference && r.name == "" {
				return &usageError{fmt.Errorf("%q: expected cap, role/NAME or lock/ID", args[0])}
			}
			return onInstallation(c, p, func(on Installation) error { return (&editing{c: c, on: on}).run(c.Context(), r) })
		},
		ValidArgsFunction: completeReferences(p, document.KindPreference, document.KindRole, document.KindLock),
	}
	remoteFlag(c)
	return c
}

// editing is one resource in an editor.
type editing struct {
	c    *cobra.Command
	on   Installation
	role *idp.Role // as it was before
	lock *idp.Lock
}

func (e *editing) run(ctx context.Context, r reference) error {
	before, err := e.read(ctx, r)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := document.EncodeYAML(&text, before); err != nil {
		return err
	}
	name, changed, err := e.edit(ctx, text.Bytes())
	if err != nil {
		return err
	}
	if bytes.Equal(text.Bytes(), changed) {
		fmt.Fprintln(e.c.OutOrStdout(), "edit canceled, no changes made")
		return os.Remove(name)
	}
	if err := e.save(ctx, before, name, changed); err != nil {
		return &plainError{fmt.Sprintf("%v\nyour text is kept in %s", plain(err), name), err}
	}
	return os.Remove(name)
}

// read gets the resource as it is now.
func (e *editing) read(ctx context.Context, r reference) (document.Document, error) {
	var err error
	switch r.kind {
	case document.KindLock:
		if e.lock, err = e.on.GetLock(ctx, r.lockID()); err != nil {
			return document.Document{}, absent(err, "lock", r.name)
		}
		if !e.lock.InForce {
			return document.Document{}, &idp.Error{Code: idp.CodeNotFound, Message: fmt.Sprintf("lock %q is not in force any more", e.lock.ID)}
		}
		return document.OfLock(e.lock), nil
	case document.KindRole:
		if e.role, err = e.on.GetRole(ctx, r.name); err != nil {
			return document.Document{}, absent(err, "role", r.name)
		}
		return document.OfRole(e.role), nil
	}
	preference, err := e.on.Preference(ctx)
	if err != nil {
		return document.Document{}, err
	}
	return document.OfPreference(preference.LockingMode), nil
}

// edit opens the editor on a text and returns what became of it, and the file
// that holds it.
func (e *editing) edit(ctx context.Context, text []byte) (name string, changed []byte, err error) {
	f, err := os.CreateTemp("", "portcullis-*.yaml")
	if err != nil {
		return "", nil, fmt.Errorf("making a file to edit: %w", err)
	}
	name = f.Name()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return name, nil, fmt.Errorf("writing %s: %w", name, err)
	}
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi")
	// The shell takes arguments in the variable apart, as in EDITOR="code --wait".
	run := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", name)
	run.Stdin, run.Stdout, run.Stderr = e.c.InOrStdin(), e.c.OutOrStdout(), e.c.ErrOrStderr()
	if err := run.Run(); err != nil {
		return name, nil, errors.Join(fmt.Errorf("the editor %s did not end well, nothing was changed: %w", editor, err), os.Remove(name))
	}
	changed, err = os.ReadFile(name)
	return name, changed, err
}

// save stores what was edited.
func (e *editing) save(ctx context.Context, before document.Document, name string, text []byte) error {
	found, err := document.Decode(name, text)
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0].Kind != before.Kind {
		return fmt.Errorf("%s: expected one document of kind %s", name, before.Kind)
	}
	after := found[0]
	if problems := faultsOf(&after); len(problems) > 0 {
		return &document.Error{Problems: problems}
	}
	out := e.c.OutOrStdout()
	switch after.Kind {
	case document.KindLock:
		return e.saveLock(ctx, after.Lock)
	case document.KindRole:
		if after.Role.Name != e.role.Name {
			return renamed(e.role.Name, after.Role.Name)
		}
		err := e.on.ChangeRole(ctx, e.role, access.Draft{Name: after.Role.Name, Description: after.Role.Description, Spec: after.Role.Spec})
		if err == nil {
			fmt.Fprintf(out, "role '%s' has been updated\n", e.role.Name)
		}
		return err
	}
	now, err := e.on.Preference(ctx)
	if err != nil {
		return err
	}
	if now.LockingMode != before.Preference.LockingMode {
		return idp.Conflict("the cluster auth preference was changed by somebody else meanwhile")
	}
	if err := e.on.SetPreference(ctx, after.Preference.LockingMode); err != nil {
		return err
	}
	fmt.Fprintln(out, "cluster auth preference has been updated")
	return nil
}

func renamed(from, to string) error {
	return fmt.Errorf("renaming resources is not supported: the name was %q and is now %q", from, to)
}

func (e *editing) saveLock(ctx context.Context, after *document.Lock) error {
	if after.ID != e.lock.ID {
		return renamed(e.lock.ID.String(), after.ID.String())
	}
	now, err := e.on.GetLock(ctx, e.lock.ID)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(document.OfLock(now), document.OfLock(e.lock)) {
		return idp.Conflict("lock %q was changed by somebody else meanwhile", e.lock.ID)
	}
	var p lock.Patch
	if !reflect.DeepEqual(after.Target, e.lock.Target.Map()) {
		p.Target = &after.Target
	}
	if after.Message != e.lock.Message {
		p.Message = &after.Message
	}
	if was := e.lock.ExpiresAt; (was == nil) != (after.Expires == nil) || was != nil && !was.Equal(*after.Expires) {
		p.Expires = &after.Expires
	}
	warnings, err := e.on.ChangeLock(ctx, e.lock.ID, p)
	if err != nil {
		return err
	}
	warn(e.c, warnings)
	fmt.Fprintf(e.c.OutOrStdout(), "lock %q has been updated\n", e.lock.ID)
	return nil
}
