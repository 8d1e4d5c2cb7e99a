package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Audit is the audit log of an installation; see audit.Service.
type Audit interface {
	// VerifyAudit calls each with every fault, in the order of the entries.
	VerifyAudit(ctx context.Context, q audit.Query, each func(audit.Fault) error) (*audit.Report, error)
}

// VerifyAudit implements Audit.
func (d *Direct) VerifyAudit(ctx context.Context, q audit.Query, each func(audit.Fault) error) (*audit.Report, error) {
	return d.Audit.Verify(ctx, shell, q, each)
}

const verifyHelp = `Walk the chain of seals over the audit log and report every entry that is not as it
was: altered, removed, inserted between others, or in another one's place; and how many
of the newest events are not sealed yet.

The newest entries can be removed together with their seals without leaving a trace in
the chain. So the command prints the head at its end, and servers write it to their log
every hour: note it elsewhere, and give it with --head later.

Exit codes: 0, nothing was found; 1, something was, or the log could not be verified;
2, the command line or the configuration is wrong.`

func auditCommand(p Program) *cobra.Command {
	root := &cobra.Command{
		Use: "audit", Short: "Verify that nobody has changed the audit log",
		Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(verifyCommand(p), sealCommand(p), purgeCommand(p))
	return root
}

func verifyCommand(p Program) *cobra.Command {
	var format, head string
	var from int64
	c := &cobra.Command{
		Use: "verify", Short: "Find what was altered, removed, inserted or reordered in the audit log", Long: verifyHelp,
		Example: "  portcullis audit verify\n  portcullis audit verify --head 1042:6f1d…\n  portcullis audit verify --from 1000000 --format json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			q := audit.Query{From: from}
			if from < 1 {
				return &usageError{fmt.Errorf("--from %d: expected the number of an entry, from 1 on", from)}
			}
			if head != "" {
				var err error
				if q.Head, err = audit.ParseHead(head); err != nil {
					return &usageError{fmt.Errorf("--head %.100s: expected SEQ:HASH as it was printed, a number and 64 hexadecimal digits", head)}
				}
			}
			return onInstallation(c, p, func(on Installation) error { return verify(c, on, q, format) })
		},
	}
	formatFlag(c, &format, "text", "json")
	c.Flags().Int64Var(&from, "from", 1, "number of the first entry; the one before is taken for right")
	c.Flags().StringVar(&head, "head", "", "head that was noted earlier, SEQ:HASH: what was sealed by then must still be there")
	_ = c.RegisterFlagCompletionFunc("from", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("head", cobra.NoFileCompletions)
	remoteFlag(c)
	return c
}

// verify reports faults as they are found.
func verify(c *cobra.Command, on Installation, q audit.Query, format string) error {
	out := c.OutOrStdout()
	show := func(f audit.Fault) error {
		_, err := fmt.Fprintln(out, f)
		return err
	}
	if format == "json" {
		show = func(f audit.Fault) error { return json.NewEncoder(out).Encode(faultLine(f)) }
	}
	r, err := on.VerifyAudit(c.Context(), q, show)
	if err != nil {
		return err
	}
	if format == "json" {
		err = json.NewEncoder(out).Encode(reportLine(r))
	} else {
		err = writeReport(out, r)
	}
	if err == nil && r.Faults > 0 {
		err = fmt.Errorf("the audit log is not as it was sealed: %s", plural(int(r.Faults), "fault", "faults"))
	}
	return err
}

func writeReport(out io.Writer, r *audit.Report) error {
	lines := []string{"The chain has no entries there."}
	if r.HeadPurged {
		lines = append(lines, "The head that was given is of an entry that retention has removed: it says nothing about what is left.")
	}
	if r.Purged > 0 {
		lines = append(lines, fmt.Sprintf("Retention has removed the entries up to %d, on record.", r.Purged))
	}
	if n := r.Last - r.First + 1; n > 0 {
		lines[0] = fmt.Sprintf("Verified %s, %d to %d: %s.", plural(int(n), "entry", "entries"), r.First, r.Last, plural(int(r.Faults), "fault", "faults"))
	}
	if r.History > 0 {
		lines = append(lines, fmt.Sprintf("%s from before the chain began: what happened to them earlier is not known.", plural(int(r.History), "entry is", "entries are")))
	}
	if r.Late > 0 {
		lines = append(lines, fmt.Sprintf("%s made late, for events of an earlier time.", plural(int(r.Late), "entry was", "entries were")))
	}
	if r.Unkeyed > 0 {
		lines = append(lines, fmt.Sprintf("%s sealed without a secret: whoever can write the database could have made them. Only a head noted elsewhere vouches for them.", plural(int(r.Unkeyed), "entry was", "entries were")))
	}
	if r.Pending > 0 {
		lines = append(lines, fmt.Sprintf("%s not sealed yet.", plural(r.Pending, "of the newest events is", "of the newest events are")))
	}
	if r.Head != nil {
		lines = append(lines, "Head: "+r.Head.String())
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

// shownFault and shownReport are lines of JSON, and what a server answers.
type shownFault struct {
	Kind  audit.FaultKind `json:"kind"`
	Entry int64           `json:"entry"`
	Last  int64           `json:"last"`
	Event *idp.EventID    `json:"event"`
	Text  string          `json:"text"`
}

type shownReport struct {
	First      int64   `json:"first"`
	Last       int64   `json:"last"`
	FaultCount int64   `json:"fault_count"`
	Head       *string `json:"head"`
	Pending    int     `json:"pending"`
	Unkeyed    int64   `json:"unkeyed"`
	History    int64   `json:"history"`
	Late       int64   `json:"late"`
	Purged     int64   `json:"purged"`
	HeadPurged bool    `json:"head_purged"`
}

func faultLine(f audit.Fault) shownFault {
	return shownFault{Kind: f.Kind, Entry: f.Entry, Last: f.Last, Event: f.Event, Text: f.String()}
}

func reportLine(r *audit.Report) shownReport {
	out := shownReport{First: r.First, Last: r.Last, FaultCount: r.Faults, Pending: r.Pending, Unkeyed: r.Unkeyed, History: r.History, Late: r.Late, Purged: r.Purged, HeadPurged: r.HeadPurged}
	if r.Head != nil {
		head := r.Head.String()
		out.Head = &head
	}
	return out
}

// VerifyAudit implements Audit. A server verifies part after part.
func (r *remote) VerifyAudit(ctx context.Context, q audit.Query, each func(audit.Fault) error) (*audit.Report, error) {
	total := &audit.Report{First: q.From}
	query := url.Values{}
	if q.Head != nil {
		query.Set("head", q.Head.String())
	}
	for from := q.From; from > 0; {
		query.Set("from", strconv.FormatInt(from, 10))
		var part struct {
			shownReport
			Faults []shownFault
			Next   int64
		}
		if err := r.call(ctx, http.MethodGet, "/events/verify/", query, nil, &part); err != nil {
			return nil, err
		}
		for _, f := range part.Faults {
			if err := each(audit.Fault{Kind: f.Kind, Entry: f.Entry, Last: f.Last, Event: f.Event}); err != nil {
				return nil, err
			}
		}
		if from == q.From { // or behind what was purged
			total.First = part.First
		}
		total.Last, total.Pending, total.Purged, total.HeadPurged = part.Last, part.Pending, part.Purged, part.HeadPurged
		total.Faults += part.FaultCount
		total.Unkeyed, total.History, total.Late = total.Unkeyed+part.Unkeyed, total.History+part.History, total.Late+part.Late
		if part.Head != nil {
			head, err := audit.ParseHead(*part.Head)
			if err != nil {
				return nil, errors.New("the answer of " + r.server + " is not understood")
			}
			total.Head = head
		}
		from = part.Next
	}
	return total, nil
}

// sealCommand is for the owner of the server's shell alone.
func sealCommand(p Program) *cobra.Command {
	return &cobra.Command{
		Use: "seal-late", Short: "Seal events that are in no entry although they are older than what is sealed",
		Long: "Seal events that are in no entry of the chain although they say that they are older\nthan what is sealed: ones that were imported, or written while the database's clock was\nset back. `portcullis audit verify` lists them as inserted, and counts them as late from\nthen on. Look at them first: this takes them for genuine.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			return plain(p.Direct(c.Context(), cfg, func(d *Direct) error {
				n, err := d.Audit.SealLate(c.Context())
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "Sealed %s.\n", plural(n, "event late", "events late"))
				return err
			}))
		},
	}
}

// purgeCommand is for the owner of the server's shell alone.
func purgeCommand(p Program) *cobra.Command {
	var past bool
	c := &cobra.Command{
		Use: "purge", Short: "Remove the events that are older than they are kept, now",
		Long: "Remove the events that are older than the setting events.retention says, now; servers do\n" +
			"so by themselves. Events that are not as they were sealed stay, with everything behind\n" +
			"them, for somebody to look at: `portcullis audit verify` lists them. When you have, and\n" +
			"have kept what you need, --past-faults has retention go on past them. That is an event\n" +
			"of its own, with what was wrong.\n\nExit codes: 0, all that is due has gone; 1, something has stayed, or it failed.",
		Example: "  portcullis audit purge\n  portcullis audit purge --past-faults",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			return plain(p.Direct(c.Context(), cfg, func(d *Direct) error {
				done, err := d.Audit.PurgeNow(c.Context(), past)
				if err == nil {
					err = writePurging(c.OutOrStdout(), done)
				}
				return err
			}))
		},
	}
	c.Flags().BoolVar(&past, "past-faults", false, "go on past events that are not as they were sealed: they go with the rest")
	return c
}

// writePurging says what came of a purge. What has stayed is an error.
func writePurging(out io.Writer, done audit.Purging) error {
	for _, f := range done.Passed {
		if _, err := fmt.Fprintln(out, "passed:", f); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(out, "Removed %s.\n", plural(done.Removed, "entry with its event", "entries with their events")); err != nil || done.Held == nil {
		return err
	}
	if done.Held.Kind == audit.FaultRecord || done.Held.Kind == audit.FaultUnkeyed {
		return fmt.Errorf("what is behind a record that is wrong stays, since nothing can be verified there: %s", done.Held)
	}
	return fmt.Errorf("what comes behind a fault stays: %s (see portcullis audit purge --help)", done.Held)
}
