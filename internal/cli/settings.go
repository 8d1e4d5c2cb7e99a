package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

func settingsCommand(p Program) *cobra.Command {
	root := &cobra.Command{
		Use: "settings", Short: "Show and change the settings: what bounds failed attempts, how long a proof counts, and how long events are kept",
		Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(getSettings(p), setSettings(p))
	return root
}

// retentionSetting is how long events are kept, as a setting like the others.
func retentionSetting() lockout.Setting {
	return lockout.Setting{Key: audit.RetentionKey, Default: audit.DefaultRetention.String(), Title: audit.RetentionTitle, Help: audit.RetentionHelp}
}

// allSettings are the settings of every category.
func allSettings() []lockout.Setting { return append(lockout.Settings(), retentionSetting()) }

// findSetting returns one by its key; nil = there is none.
func findSetting(key string) *lockout.Setting {
	for _, s := range allSettings() {
		if s.Key == key {
			return &s
		}
	}
	return nil
}

func categoryOf(key string) string {
	if key == audit.RetentionKey {
		return audit.RetentionCategory
	}
	return lockout.Category
}

// settingKey takes the last part of a key for the whole.
func settingKey(name string) (string, error) {
	var keys []string
	for _, s := range allSettings() {
		if s.Key == name || strings.HasSuffix(s.Key, "."+name) {
			return s.Key, nil
		}
		keys = append(keys, shortKey(s.Key))
	}
	return "", &usageError{fmt.Errorf("%q is no setting: expected one of %s", name, strings.Join(keys, ", "))}
}

func shortKey(key string) string { return key[strings.LastIndex(key, ".")+1:] }

func getSettings(p Program) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "get [KEY…]", Short: "Show the settings that are in force",
		Example: "  portcullis settings get\n  portcullis settings get max_attempts --format json",
		RunE: func(c *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "yaml", "json"); err != nil {
				return err
			}
			wanted := map[string]bool{}
			for _, name := range args {
				key, err := settingKey(name)
				if err != nil {
					return err
				}
				wanted[key] = true
			}
			return onInstallation(c, p, func(on Installation) error {
				values, err := on.Settings(c.Context())
				if err != nil {
					return err
				}
				var shown []lockout.Value
				for _, v := range values {
					if len(args) == 0 || wanted[v.Key] {
						shown = append(shown, v)
					}
				}
				return writeSettings(c.OutOrStdout(), shown, format)
			})
		},
		ValidArgsFunction: completeSettings(""),
	}
	formatFlag(c, &format, "text", "yaml", "json")
	remoteFlag(c)
	return c
}

// shownSetting is a setting in YAML and JSON, by the names of the API.
type shownSetting struct {
	Key      string `json:"key" yaml:"key"`
	Value    string `json:"value" yaml:"value"`
	Category string `json:"category" yaml:"category"`
	Default  string `json:"default" yaml:"default"`
	Set      bool   `json:"set" yaml:"set"`
}

func writeSettings(out io.Writer, values []lockout.Value, format string) error {
	lines, rows := make([]shownSetting, len(values)), make([][]string, len(values))
	for i, v := range values {
		lines[i] = shownSetting{Key: v.Key, Value: v.Value, Category: categoryOf(v.Key), Default: v.Default, Set: v.Set}
		note := "default"
		if v.Set {
			note = "set; default " + v.Default
		}
		rows[i] = []string{v.Key, strings.TrimSpace(v.Value + " " + v.Unit), note}
	}
	switch format {
	case "yaml":
		encoder := yaml.NewEncoder(out)
		encoder.SetIndent(2)
		return errors.Join(encoder.Encode(lines), encoder.Close())
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "    ")
		return encoder.Encode(lines)
	}
	return table(out, []string{"Setting", "Value", "Note"}, rows)
}

// usual is the value that takes what was set away.
const usual = "default"

func setSettings(p Program) *cobra.Command {
	c := &cobra.Command{
		Use: "set KEY=VALUE…", Short: "Change settings, all or none",
		Long: "Change settings, all or none. They are in force on every server at once.\n" +
			"KEY=" + usual + " goes back to the default. The last part of a key stands for the whole.\n\nSettings:\n" + settingHelp(),
		Example: "  portcullis settings set max_attempts=10 window_seconds=300\n  portcullis settings set security.brute_force.max_attempts=" + usual,
		RunE: func(c *cobra.Command, args []string) error {
			values, err := assignments(args)
			if err != nil {
				return &usageError{err}
			}
			return onInstallation(c, p, func(on Installation) error {
				if err := on.SetSettings(c.Context(), values); err != nil {
					return err
				}
				return changed(c, on, values)
			})
		},
		ValidArgsFunction: completeSettings("="),
	}
	remoteFlag(c)
	return c
}

func settingHelp() string {
	var b strings.Builder
	for _, s := range allSettings() {
		expected := fmt.Sprintf("%d to %d %s", s.Min, s.Max, s.Unit)
		if s.Zero {
			expected = "0 for never, " + expected
		}
		if s.Bool {
			expected = "true or false"
		}
		if s.Key == audit.RetentionKey {
			expected = "days=7 to days=36500, days=0 for ever; in a command of its own"
		}
		fmt.Fprintf(&b, "  %-26s %s (default %s)\n", shortKey(s.Key), strings.TrimSpace(expected), s.Default)
	}
	return strings.TrimRight(b.String(), "\n")
}

// assignments reads KEY=VALUE; nil = the default.
func assignments(args []string) (map[string]*string, error) {
	if len(args) == 0 {
		return nil, errors.New("expected what to set: KEY=VALUE, such as max_attempts=10")
	}
	values := map[string]*string{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || value == "" {
			return nil, fmt.Errorf("%q: expected KEY=VALUE, such as max_attempts=10, or KEY=%s", arg, usual)
		}
		key, err := settingKey(name)
		if err != nil {
			return nil, errors.Unwrap(err)
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("%s is given twice", shortKey(key))
		}
		if values[key] = &value; value == usual {
			values[key] = nil
		}
	}
	if _, named := values[audit.RetentionKey]; named && len(values) > 1 {
		return nil, fmt.Errorf("%s is changed in a transaction of its own: set it in a command of its own", shortKey(audit.RetentionKey))
	}
	return values, nil
}

// changed shows what is in force now.
func changed(c *cobra.Command, on Installation, values map[string]*string) error {
	now, err := on.Settings(c.Context())
	if err != nil {
		return err
	}
	for _, v := range now {
		if _, named := values[v.Key]; !named {
			continue
		}
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%s is %s now\n", v.Key, printableText(strings.TrimSpace(v.Value+" "+v.Unit))); err != nil {
			return err
		}
	}
	return nil
}

func completeSettings(behind string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, s := range allSettings() {
			for _, name := range []string{shortKey(s.Key), s.Key} {
				if strings.HasPrefix(name, typed) && (name != s.Key || strings.Contains(typed, ".")) {
					out = append(out, name+behind+"\t"+s.Title)
				}
			}
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if behind != "" {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return out, directive
	}
}
