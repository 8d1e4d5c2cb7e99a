package cli

import (
	"fmt"
	"io"
	"time"
)

// printRestore writes a checklist for people.
func printRestore(out io.Writer, l *RestoreList) error {
	head := fmt.Sprintf("Restore of %s, locked down in %s\nSuspected moment: %s\n", l.Username, l.Lockdown, l.Since.UTC().Format(time.RFC3339))
	if l.ClosedAt != nil {
		head += fmt.Sprintf("Closed by %s at %s\n", l.ClosedBy, l.ClosedAt.UTC().Format(time.RFC3339))
	}
	if _, err := fmt.Fprintln(out, printableText(head)); err != nil {
		return err
	}
	rows := make([][]string, len(l.Steps))
	for i, s := range l.Steps {
		text := s.Summary
		if s.Note != "" {
			text += " (" + s.Note + ")"
		}
		rows[i] = []string{s.Step, s.State, s.By, text}
	}
	if err := table(out, []string{"Step", "State", "By", "How things are"}, rows); err != nil {
		return err
	}
	if len(l.Factors) > 0 {
		rows = rows[:0]
		for _, f := range l.Factors {
			added := ""
			if f.Added {
				added = "since the suspected moment"
			}
			rows = append(rows, []string{f.PK, f.Type, f.Name, f.At.UTC().Format(time.RFC3339), added})
		}
		fmt.Fprintln(out)
		if err := table(out, []string{"Second factor", "Type", "Name", "Added", ""}, rows); err != nil {
			return err
		}
	}
	if len(l.Changes) > 0 {
		rows = nil
		for _, c := range l.Changes {
			state := c.State
			if c.Open {
				state += ", can be reverted"
			}
			rows = append(rows, []string{c.Event, c.At.UTC().Format(time.RFC3339), c.By, c.IP, c.Text, state})
		}
		fmt.Fprintln(out)
		if err := table(out, []string{"Change", "At", "By", "From", "What", "State"}, rows); err != nil {
			return err
		}
	}
	if l.More {
		fmt.Fprintln(out, "\nThe log has more since then than is looked at: choose a later moment.")
	}
	if l.Link != "" {
		fmt.Fprintf(out, "\nRecovery link, shown once: %s\n", printableText(l.Link))
	}
	return nil
}
