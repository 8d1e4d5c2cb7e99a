package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/document"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// together is how many locks are made in one act at most; the API takes no more.
const together = 10_000

func createCommand(p Program) *cobra.Command {
	var files []string
	var force, forceLastAdmin bool
	c := &cobra.Command{
		Use: "create FILE… | create -f FILE", Short: "Create locks, roles and the cluster's preference from files",
		Long: "Create what documents in files describe: kind lock, role or cluster_auth_preference,\nas YAML (several with --- between them) or JSON (several in a list). - is standard input.\n\n" +
			"All files are read before anything is created, and a problem in one of them is told\nwith its line. Locks that follow one another are created together, all or none, up to\n10,000 at once; for the rest, what comes before a failure stays.\n\n" +
			"--force replaces locks and roles that exist. -f names a file; it is not short for\n--force.",
		Example: "  portcullis create -f locksmith.yaml\n  portcullis create --force roles.yaml locks.yaml\n  portcullis get locks --format=yaml | portcullis create --force -",
		RunE: func(c *cobra.Command, args []string) error {
			names := append(files, args...)
			if len(names) == 0 {
				return &usageError{errors.New("expected at least one file, or - for standard input")}
			}
			documents, err := readDocuments(names, c.InOrStdin())
			if err != nil {
				return err
			}
			return onInstallation(c, p, func(on Installation) error {
				a := creation{on: on, c: c, force: force, forceLastAdmin: forceLastAdmin}
				return a.run(c.Context(), documents)
			})
		},
	}
	c.Flags().StringArrayVarP(&files, "file", "f", nil, "file with documents; may be repeated")
	c.Flags().BoolVar(&force, "force", false, "replace what exists")
	c.Flags().BoolVar(&forceLastAdmin, "force-last-admin", false, "lock even when no administrator is left who can sign in")
	remoteFlag(c)
	return c
}

// readDocuments reads everything, or says everything that is wrong.
func readDocuments(names []string, stdin io.Reader) ([]document.Document, error) {
	var out []document.Document
	var problems []document.Problem
	for _, name := range names {
		content, err := readFile(name, stdin)
		if err != nil {
			return nil, &usageError{err}
		}
		found, err := document.Decode(name, content)
		var wrong *document.Error
		if errors.As(err, &wrong) {
			problems = append(problems, wrong.Problems...)
		}
		out = append(out, found...)
	}
	for i := range out {
		problems = append(problems, faultsOf(&out[i])...)
	}
	if len(problems) > 0 {
		return nil, &document.Error{Problems: problems}
	}
	return out, nil
}

func readFile(name string, stdin io.Reader) ([]byte, error) {
	from := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	content, err := io.ReadAll(io.LimitReader(from, document.MaxFile+1)) // one more is seen to be too much
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return content, nil
}

// faultsOf says what is wrong with a lock or a role by the rules of its use cases,
// where the place in the file is still known.
func faultsOf(d *document.Document) []document.Problem {
	at := document.Problem{File: d.File, Line: d.Line}
	var err error
	switch d.Kind {
	case document.KindLock:
		if at.Key = "spec.lifted_at"; d.Lock.LiftedAt != nil {
			at.Message = "this lock was lifted; to make it anew, take lifted_at and lifted_by out"
			return []document.Problem{at}
		}
		at.Key = "spec.target"
		_, err = lock.ParseTarget(d.Lock.Target)
	case document.KindRole:
		at.Key = ""
		err = (&idp.Role{Name: d.Role.Name, Description: d.Role.Description, Spec: d.Role.Spec}).Check()
	}
	var e *idp.Error
	if !errors.As(err, &e) {
		return nil
	}
	var out []document.Problem
	for field, messages := range e.Fields {
		for _, message := range messages {
			problem := at
			if problem.Message = message; at.Key == "" {
				problem.Key = field
			} else if field != "target" {
				problem.Key += "." + field
			}
			out = append(out, problem)
		}
	}
	return out
}

// creation creates what documents describe.
type creation struct {
	on                    Installation
	c                     *cobra.Command
	force, forceLastAdmin bool
	pending               []document.Document // locks that are to be made together
}

func (a *creation) run(ctx context.Context, documents []document.Document) error {
	for _, d := range documents {
		if d.Kind == document.KindLock {
			if a.pending = append(a.pending, d); len(a.pending) < together {
				continue
			}
		}
		if err := a.locks(ctx); err != nil {
			return err
		}
		var err error
		switch d.Kind {
		case document.KindRole:
			err = a.role(ctx, d.Role)
		case document.KindPreference:
			if err = a.on.SetPreference(ctx, d.Preference.LockingMode); err == nil {
				a.say("cluster auth preference has been updated")
			}
		}
		if err != nil {
			return at(d, err)
		}
	}
	return a.locks(ctx)
}

func (a *creation) say(format string, args ...any) {
	fmt.Fprintf(a.c.OutOrStdout(), format+"\n", args...)
}

// locks makes the locks that were met since the last time.
func (a *creation) locks(ctx context.Context) error {
	if len(a.pending) == 0 {
		return nil
	}
	drafts := make([]lock.Draft, len(a.pending))
	for i, d := range a.pending {
		drafts[i] = lock.Draft{ID: d.Lock.ID, Target: d.Lock.Target, Message: d.Lock.Message, Expires: d.Lock.Expires,
			Force: a.force, ForceLastAdmin: a.forceLastAdmin}
	}
	made, warnings, err := a.on.CreateLocks(ctx, drafts)
	if err != nil {
		return blame(err, a.pending)
	}
	warn(a.c, warnings)
	for i := range made {
		a.say("lock %q has been created", made[i].ID)
	}
	a.pending = a.pending[:0]
	return nil
}

func (a *creation) role(ctx context.Context, r *document.Role) error {
	created, err := a.on.CreateRole(ctx, access.Draft{Name: r.Name, Description: r.Description, Spec: r.Spec}, a.force)
	var e *idp.Error
	if errors.As(err, &e) && e.Fields["name"] != nil && !a.force {
		if _, missing := a.on.GetRole(ctx, r.Name); missing == nil {
			return &idp.Error{Code: idp.CodeConflict, Message: fmt.Sprintf("role '%s' already exists; --force replaces it", r.Name)}
		}
	}
	if err != nil {
		return err
	}
	did := "created"
	if !created {
		did = "updated"
	}
	a.say("role '%s' has been %s", r.Name, did)
	return nil
}
