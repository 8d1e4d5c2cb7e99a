package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/portcullis-idp/portcullis/internal/document"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// write shows what was found.
func (s *selection) write(out io.Writer, format string) error {
	switch format {
	case "yaml":
		return document.EncodeYAML(out, s.documents()...)
	case "json":
		return document.EncodeJSON(out, s.documents()...)
	}
	for i, kind := range s.once() {
		if i > 0 {
			fmt.Fprintln(out)
		}
		var err error
		switch kind {
		case document.KindLock:
			err = lockTable(out, s.locks, s.past)
		case document.KindRole:
			err = roleTable(out, s.roles)
		case document.KindUser:
			err = userTable(out, s.users)
		default:
			note := "no"
			if s.preference.managed {
				note = "yes: it can be changed in the server's configuration only"
			}
			err = table(out, []string{"Locking mode", "Managed"}, [][]string{{string(s.preference.mode), note}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// once returns the kinds, each once.
func (s *selection) once() []document.Kind {
	var out []document.Kind
	for _, kind := range s.kinds {
		if !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	return out
}

func (s *selection) documents() []document.Document {
	var out []document.Document
	for _, kind := range s.once() {
		switch kind {
		case document.KindLock:
			for _, l := range s.locks {
				out = append(out, document.OfLock(l))
			}
		case document.KindRole:
			for i := range s.roles {
				out = append(out, document.OfRole(&s.roles[i]))
			}
		case document.KindUser:
			for i := range s.users {
				out = append(out, document.OfUser(&s.users[i].User, s.users[i].Direct))
			}
		default:
			out = append(out, document.OfPreference(s.preference.mode))
		}
	}
	return out
}

// table writes rows in columns. Texts keep to one line.
func table(out io.Writer, head []string, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	lines := make([]string, len(head))
	for i, title := range head {
		lines[i] = strings.Repeat("-", len(title))
	}
	for _, row := range append([][]string{head, lines}, rows...) {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, printableText(strings.ReplaceAll(cell, "\n", " ")))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// lockTable lists locks. states adds a column that tells locks of the past.
func lockTable(out io.Writer, locks []*idp.Lock, states bool) error {
	head := []string{"ID", "Target", "Message", "Expires"}
	if states {
		head = append(head, "State")
	}
	rows := make([][]string, len(locks))
	for i, l := range locks {
		row := []string{l.ID.String(), l.Target.String(), l.Message, "never"}
		if l.ExpiresAt != nil {
			row[3] = l.ExpiresAt.UTC().Format(time.RFC3339)
		}
		if states {
			row = append(row, state(l))
		}
		rows[i] = row
	}
	return table(out, head, rows)
}

func state(l *idp.Lock) string {
	switch {
	case l.InForce:
		return "in force"
	case l.LiftedAt != nil:
		return "lifted by " + l.LiftedBy
	}
	return "expired"
}

func roleTable(out io.Writer, roles []idp.Role) error {
	rows := make([][]string, len(roles))
	for i, r := range roles {
		rows[i] = []string{r.Name, ruleText(r.Spec.Allow), ruleText(r.Spec.Deny), string(r.Spec.Options.Lock), r.Description}
	}
	return table(out, []string{"Name", "Allows", "Denies", "Locking", "Description"}, rows)
}

func ruleText(rules idp.RoleRules) string {
	parts := make([]string, len(rules.Rules))
	for i, r := range rules.Rules {
		parts[i] = strings.Join(r.Resources, ",") + ": " + strings.Join(r.Verbs, ",")
		if r.Where != "" {
			parts[i] += " where " + r.Where
		}
	}
	return strings.Join(parts, "; ")
}

func userTable(out io.Writer, users []User) error {
	rows := make([][]string, len(users))
	for i, u := range users {
		note := ""
		switch {
		case !u.IsActive:
			note = "switched off"
		case u.IsSuperuser:
			note = "superuser"
		}
		rows[i] = []string{u.Username, u.Name, strings.Join(u.Direct, ","), strings.Join(u.GroupNames, ","), note}
	}
	return table(out, []string{"User", "Name", "Roles", "Groups", "Note"}, rows)
}
