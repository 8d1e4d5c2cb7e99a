package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func requestsCommand(p Program) *cobra.Command {
	root := &cobra.Command{
		Use: "requests", Aliases: []string{"request"}, Short: "Ask for groups for a while, and decide over who asks",
		Long: "Requests for access: somebody asks to be in a group for a while, somebody else approves or\ndenies that. What is approved is had by sessions, never by tokens or the account.",
		Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(listRequests(p), createRequest(p), decideRequest(p, true), decideRequest(p, false), endRequest(p))
	return root
}

func listRequests(p Program) *cobra.Command {
	var format, state string
	var q RequestQuery
	c := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List requests: those that wait, then those in force, then the past",
		Example: "  portcullis requests ls\n  portcullis requests ls --state pending --format json\n  portcullis requests ls --search alice",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := oneOf(format, "text", "yaml", "json"); err != nil {
				return err
			}
			if state != "" {
				known := []string{}
				for _, s := range idp.AccessRequestStates() {
					known = append(known, string(s))
				}
				if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+state+" ") || strings.Contains(state, " ") {
					return &usageError{fmt.Errorf("--state %s: expected one of %v", state, known)}
				}
				q.State = idp.AccessRequestState(state)
			}
			return onInstallation(c, p, func(on Installation) error {
				found := []idp.AccessRequest{}
				if err := on.EachRequest(c.Context(), q, func(r *idp.AccessRequest) { found = append(found, *r) }); err != nil {
					return err
				}
				return writeRequests(c.OutOrStdout(), found, format)
			})
		},
	}
	formatFlag(c, &format, "text", "yaml", "json")
	c.Flags().StringVar(&state, "state", "", "only those in a state: pending, granted, denied, withdrawn, ended or expired")
	c.Flags().StringVar(&q.Search, "search", "", "a part of a username, a group's name, a reason or a UUID")
	remoteFlag(c)
	return c
}

func createRequest(p Program) *cobra.Command {
	var format string
	var d RequestDraft
	c := &cobra.Command{
		Use: "create", Short: "Ask for a group",
		Long: "Ask for a group: for yourself with --server and your token, or for the account of --user from\nthe server's own shell.",
		Example: "  portcullis requests create --group db-admins --duration 2h --reason 'the nightly job hangs'\n" +
			"  portcullis requests create --user alice --group db-admins --duration 30m --reason 'asked by phone'",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := oneOf(format, "text", "yaml", "json"); err != nil {
				return err
			}
			switch {
			case d.Group == "":
				return &usageError{errors.New("--group: expected the name of a group that can be asked for")}
			case d.Duration <= 0:
				return &usageError{errors.New("--duration: expected for how long, such as 2h or 30m")}
			case strings.TrimSpace(d.Reason) == "":
				return &usageError{errors.New("--reason: expected why, for whoever decides")}
			}
			return onInstallation(c, p, func(on Installation) error {
				made, err := on.AskFor(c.Context(), d)
				if err != nil {
					return err
				}
				return tellRequest(c, made, format, "has been made")
			})
		},
	}
	formatFlag(c, &format, "text", "yaml", "json")
	c.Flags().StringVar(&d.Group, "group", "", "name of the group")
	c.Flags().DurationVar(&d.Duration, "duration", time.Hour, "for how long, from when it is approved")
	c.Flags().StringVar(&d.Reason, "reason", "", "why")
	c.Flags().StringVar(&d.User, "user", "", "whom it is for; from the server's own shell only")
	remoteFlag(c)
	return c
}

func decideRequest(p Program, approve bool) *cobra.Command {
	var format, note string
	c := &cobra.Command{Use: "deny REQUEST", Short: "Refuse what somebody asked for", Example: "  portcullis requests deny 0c6d57a0-7a0e-4c40-8f0d-0f4b7f3a1d22 --reason 'ask the team lead'"}
	done := "has been denied"
	if approve {
		c.Use, c.Short, c.Example = "approve REQUEST", "Let somebody have what they asked for", "  portcullis requests approve 0c6d57a0-7a0e-4c40-8f0d-0f4b7f3a1d22 --reason 'as discussed'"
		done = "has been approved"
	}
	c.Args = oneRequest
	c.RunE = func(c *cobra.Command, args []string) error {
		return onRequest(c, p, args[0], format, done, func(on Installation, id idp.AccessRequestID) (*idp.AccessRequest, error) {
			return on.DecideRequest(c.Context(), id, approve, note)
		})
	}
	formatFlag(c, &format, "text", "yaml", "json")
	c.Flags().StringVar(&note, "reason", "", "a note for the person and the audit log")
	remoteFlag(c)
	return c
}

func endRequest(p Program) *cobra.Command {
	var format string
	c := &cobra.Command{Use: "end REQUEST", Short: "End what was approved before its time", Example: "  portcullis requests end 0c6d57a0-7a0e-4c40-8f0d-0f4b7f3a1d22", Args: oneRequest}
	c.RunE = func(c *cobra.Command, args []string) error {
		return onRequest(c, p, args[0], format, "has been ended", func(on Installation, id idp.AccessRequestID) (*idp.AccessRequest, error) {
			return on.EndRequest(c.Context(), id)
		})
	}
	formatFlag(c, &format, "text", "yaml", "json")
	remoteFlag(c)
	return c
}

// oneRequest wants the UUID of a request.
func oneRequest(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &usageError{errors.New("expected the UUID of one access request, as portcullis requests ls shows it")}
	}
	if _, err := idp.ParseID[idp.AccessRequest](args[0]); err != nil {
		return &usageError{fmt.Errorf("%q: expected the UUID of an access request", args[0])}
	}
	return nil
}

func onRequest(c *cobra.Command, p Program, raw, format, done string, act func(Installation, idp.AccessRequestID) (*idp.AccessRequest, error)) error {
	if err := oneOf(format, "text", "yaml", "json"); err != nil {
		return err
	}
	id, err := idp.ParseID[idp.AccessRequest](raw)
	if err != nil {
		return err
	}
	return onInstallation(c, p, func(on Installation) error {
		r, err := act(on, id)
		if err != nil {
			return err
		}
		return tellRequest(c, r, format, done)
	})
}

// shownRequest is a request in YAML and JSON, by the names of the API.
type shownRequest struct {
	UUID      string     `json:"uuid" yaml:"uuid"`
	Username  string     `json:"username" yaml:"username"`
	Group     string     `json:"group_name" yaml:"group_name"`
	Reason    string     `json:"reason" yaml:"reason"`
	Duration  int        `json:"duration" yaml:"duration"`
	State     string     `json:"state" yaml:"state"`
	Created   time.Time  `json:"created" yaml:"created"`
	Expires   time.Time  `json:"expires" yaml:"expires"`
	Decided   *time.Time `json:"decided" yaml:"decided"`
	DecidedBy string     `json:"decided_by" yaml:"decided_by"`
	Note      string     `json:"note" yaml:"note"`
}

func requestLine(r *idp.AccessRequest) shownRequest {
	out := shownRequest{UUID: r.ID.String(), Username: r.Username, Group: r.GroupName, Reason: r.Reason, Duration: int(r.Duration / time.Second),
		State: string(r.State), Created: r.CreatedAt.UTC().Truncate(time.Millisecond), Expires: r.ExpiresAt.UTC().Truncate(time.Millisecond),
		DecidedBy: r.DecidedBy, Note: r.Note}
	if r.DecidedAt != nil {
		at := r.DecidedAt.UTC().Truncate(time.Millisecond)
		out.Decided = &at
	}
	return out
}

func tellRequest(c *cobra.Command, r *idp.AccessRequest, format, done string) error {
	if format != "text" {
		return encodeRequests(c.OutOrStdout(), requestLine(r), format)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "request %s of %s for %s %s\n", r.ID, printableText(r.Username), printableText(r.GroupName), done)
	return err
}

func writeRequests(out io.Writer, found []idp.AccessRequest, format string) error {
	lines := make([]shownRequest, len(found))
	rows := make([][]string, len(found))
	for i := range found {
		r := &found[i]
		lines[i] = requestLine(r)
		rows[i] = []string{r.ID.String(), r.Username, r.GroupName, r.Duration.String(), string(r.State), r.ExpiresAt.UTC().Format(time.RFC3339), r.Reason}
	}
	if format != "text" {
		return encodeRequests(out, lines, format)
	}
	return table(out, []string{"UUID", "User", "Group", "For", "State", "Until", "Reason"}, rows)
}

func encodeRequests(out io.Writer, what any, format string) error {
	if format == "yaml" {
		encoder := yaml.NewEncoder(out)
		encoder.SetIndent(2)
		return errors.Join(encoder.Encode(what), encoder.Close())
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "    ")
	return encoder.Encode(what)
}
