package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func statusCommand(p Program) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "status", Short: "Show who you are here, your roles, and the server",
		Long: "Show on whose behalf commands work, with which roles, and on what.\n\n" +
			"In JSON, .active.roles are the roles that the user has directly, and\n.active.inherited_roles those that come with a group.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			return onInstallation(c, p, func(on Installation) error {
				who, err := on.Who(c.Context())
				if err != nil {
					return err
				}
				return who.write(c.OutOrStdout(), format)
			})
		},
	}
	formatFlag(c, &format, "text", "json")
	remoteFlag(c)
	return c
}

func (who *Identity) write(out io.Writer, format string) error {
	if format == "json" {
		type active struct {
			Username  string   `json:"username"`
			Name      string   `json:"name"`
			Roles     []string `json:"roles"`
			Inherited []string `json:"inherited_roles"`
			Groups    []string `json:"groups"`
			Superuser bool     `json:"superuser"`
		}
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "    ")
		return encoder.Encode(struct {
			Active  active `json:"active"`
			Server  string `json:"server"`
			Version string `json:"version"`
		}{active{who.Username, who.Name, distinct(who.Roles), distinct(who.Inherited), distinct(who.Groups), who.Superuser}, who.Server, who.Version})
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	roles := strings.Join(who.Roles, ", ")
	if len(who.Inherited) > 0 {
		roles = strings.TrimPrefix(roles+", "+strings.Join(who.Inherited, ", ")+" (by groups)", ", ")
	}
	if who.Superuser {
		roles = strings.TrimPrefix(roles+", everything (superuser)", ", ")
	}
	for _, line := range [][2]string{{"Server", cmp.Or(who.Server, "the database of this machine")}, {"Version", cmp.Or(who.Version, "not told")},
		{"User", who.Username}, {"Name", who.Name}, {"Roles", cmp.Or(roles, "none")}, {"Groups", cmp.Or(strings.Join(who.Groups, ", "), "none")}} {
		fmt.Fprintf(w, "%s:\t%s\n", line[0], printableText(line[1]))
	}
	return w.Flush()
}
