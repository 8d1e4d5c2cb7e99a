package cli

import (
	"context"
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

// Restores bring accounts back after lockdowns; see restore.Service.
type Restores interface {
	// LastLockdown finds the newest lockdown of a user; CodeNotFound where there is none.
	LastLockdown(ctx context.Context, username string) (idp.LockdownID, error)
	// RestoreList says how far a restore has come; nil since = the record's moment.
	RestoreList(ctx context.Context, id idp.LockdownID, since *time.Time) (*RestoreList, error)
	// TakeRestoreStep takes one step, and returns the recovery link where it makes one.
	TakeRestoreStep(ctx context.Context, id idp.LockdownID, s RestoreOrder) (link string, err error)
}

// RestoreOrder is a step to be taken, by its name on the API.
type RestoreOrder struct {
	Act    string // activate, password, recovery_link, factor, review, revert, renew, tell, skip, close
	Since  *time.Time
	Factor string // to be removed
	Body   map[string]any
}

// RestoreList is how far a restore has come, by the names of the API.
type RestoreList struct {
	Lockdown string          `json:"lockdown" yaml:"lockdown"`
	Username string          `json:"username" yaml:"username"`
	Since    time.Time       `json:"since" yaml:"since"`
	ClosedAt *time.Time      `json:"closed_at" yaml:"closed_at"`
	ClosedBy string          `json:"closed_by" yaml:"closed_by"`
	Newer    *string         `json:"newer" yaml:"newer"`
	Unsent   string          `json:"unsent" yaml:"unsent"`
	Steps    []RestoreStep   `json:"steps" yaml:"steps"`
	Factors  []RestoreFactor `json:"factors" yaml:"factors"`
	Changes  []RestoreChange `json:"changes" yaml:"changes"`
	More     bool            `json:"more" yaml:"more"`
	// Link is a recovery link that was just made.
	Link string `json:"link,omitempty" yaml:"link,omitempty"`
}

// RestoreStep is a step with its state.
type RestoreStep struct {
	Step    string     `json:"step" yaml:"step"`
	State   string     `json:"state" yaml:"state"`
	Summary string     `json:"summary" yaml:"summary"`
	At      *time.Time `json:"at" yaml:"at"`
	By      string     `json:"by" yaml:"by"`
	Note    string     `json:"note" yaml:"note"`
}

// RestoreFactor is a second factor to be looked at.
type RestoreFactor struct {
	PK    string    `json:"pk" yaml:"pk"`
	Name  string    `json:"name" yaml:"name"`
	Type  string    `json:"type" yaml:"type"`
	At    time.Time `json:"created" yaml:"created"`
	Added bool      `json:"added_since" yaml:"added_since"`
}

// RestoreChange is something that was changed since the suspected moment.
type RestoreChange struct {
	Event string    `json:"event" yaml:"event"`
	Kind  string    `json:"kind" yaml:"kind"`
	Text  string    `json:"text" yaml:"text"`
	At    time.Time `json:"at" yaml:"at"`
	By    string    `json:"by" yaml:"by"`
	IP    string    `json:"ip" yaml:"ip"`
	Open  bool      `json:"open" yaml:"open"`
	State string    `json:"state" yaml:"state"`
}

// restoreFlags are what the command line asks for.
type restoreFlags struct {
	since                               string
	activate, password, link, emailLink bool
	factors, reverts, reviewed, skips   []string
	revertAll, tell, tellLink, close    bool
	require                             []string
	reason, format                      string
}

func restoreCommand(p Program) *cobra.Command {
	var f restoreFlags
	c := &cobra.Command{
		Use: "restore USERNAME", Short: "Bring an account back after a lockdown, step by step",
		Long: "Bring an account back after its last lockdown. Without flags it shows the checklist, and what was\nchanged since the suspected moment; each flag takes a step, in the order of the checklist.\nEverything is kept on the record of the lockdown, which closes when no step is left.",
		Example: "  portcullis restore alice --since 2h\n  portcullis restore alice --activate --recovery-link\n" +
			"  portcullis restore alice --since 2026-03-01T09:00:00Z --revert-all --require password,factor\n  portcullis restore alice --skip tell --reason \"told by phone\"",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return &usageError{errors.New("expected the name of one user")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			since, steps, err := f.steps(time.Now(), c.InOrStdin())
			if err != nil {
				return err
			}
			return onInstallation(c, p, func(on Installation) error { return restoreUser(c, on, args[0], since, steps, f.format) })
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.since, "since", "", "the suspected moment: how long ago, such as 90m or 2h, or an RFC 3339 time; kept on the record with the next step")
	flags.BoolVar(&f.activate, "activate", false, "switch the account on; what was ended stays ended")
	flags.BoolVar(&f.password, "set-password-stdin", false, "set the password that is on the first line of standard input")
	flags.BoolVar(&f.link, "recovery-link", false, "make a recovery link and print it")
	flags.BoolVar(&f.emailLink, "email-recovery-link", false, "send a recovery link to the address of the account")
	flags.StringArrayVar(&f.factors, "remove-factor", nil, "UUID of a second factor to take away; may be repeated")
	flags.StringArrayVar(&f.reverts, "revert", nil, "event of a change to put back; may be repeated")
	flags.BoolVar(&f.revertAll, "revert-all", false, "put back every change since the suspected moment; all or nothing")
	flags.StringSliceVar(&f.reviewed, "reviewed", nil, "what somebody has looked at and leaves as it is: factors, changes")
	flags.StringSliceVar(&f.require, "require", nil, "what is asked for at the next sign-in: password, factor")
	flags.BoolVar(&f.tell, "tell", false, "tell the person by mail")
	flags.BoolVar(&f.tellLink, "tell-link", false, "tell the person by mail, and send a recovery link")
	flags.StringSliceVar(&f.skips, "skip", nil, "step to leave out: activate, password, factors, changes, renew, tell")
	flags.BoolVar(&f.close, "close", false, "close the record, leaving out what is left")
	flags.StringVar(&f.reason, "reason", "", "why steps are left out")
	formatFlag(c, &f.format, "text", "yaml", "json")
	remoteFlag(c)
	return c
}

// steps judges the flags before anything is done.
func (f *restoreFlags) steps(now time.Time, stdin io.Reader) (since *time.Time, out []RestoreOrder, err error) {
	if err := oneOf(f.format, "text", "yaml", "json"); err != nil {
		return nil, nil, err
	}
	if since, err = f.moment(now); err != nil {
		return nil, nil, err
	}
	switch {
	case f.password && (f.link || f.emailLink) || f.link && f.emailLink:
		return nil, nil, &usageError{errors.New("expected one of --set-password-stdin, --recovery-link and --email-recovery-link")}
	case len(f.reverts) > 0 && f.revertAll:
		return nil, nil, &usageError{errors.New("expected --revert or --revert-all")}
	case f.tell && f.tellLink:
		return nil, nil, &usageError{errors.New("expected --tell or --tell-link")}
	case len(f.skips) > 0 && strings.TrimSpace(f.reason) == "":
		return nil, nil, &usageError{errors.New("--skip: say why with --reason")}
	case f.reason != "" && len(f.skips) == 0 && !f.close:
		return nil, nil, &usageError{errors.New("--reason belongs to --skip or --close")}
	}
	add := func(act string, body map[string]any) {
		out = append(out, RestoreOrder{Act: act, Since: since, Body: body})
	}
	if f.activate {
		add("activate", nil)
	}
	if f.password {
		line, err := firstLine(stdin)
		if err != nil {
			return nil, nil, err
		}
		add("password", map[string]any{"password": line})
	}
	if f.link || f.emailLink {
		add("recovery_link", map[string]any{"email": f.emailLink})
	}
	if err := f.reviews(add, &out, since); err != nil {
		return nil, nil, err
	}
	renew := map[string]any{}
	for _, what := range f.require {
		if what != "password" && what != "factor" {
			return nil, nil, &usageError{fmt.Errorf("--require: %q is not known: expected password, factor or both", what)}
		}
		renew[what] = true
	}
	if len(renew) > 0 {
		add("renew", renew)
	}
	if f.tell || f.tellLink {
		add("tell", map[string]any{"link": f.tellLink})
	}
	for _, step := range f.skips {
		if err := oneOfSteps("--skip", step, idp.RestoreSteps()...); err != nil {
			return nil, nil, err
		}
		add("skip", map[string]any{"step": step, "reason": f.reason})
	}
	if f.close {
		add("close", map[string]any{"reason": f.reason})
	}
	return since, out, nil
}

// reviews are the steps about second factors and changes.
func (f *restoreFlags) reviews(add func(string, map[string]any), out *[]RestoreOrder, since *time.Time) error {
	for _, id := range f.factors {
		if _, err := idp.ParseID[idp.Factor](id); err != nil {
			return &usageError{fmt.Errorf("--remove-factor: %q is not a UUID", id)}
		}
		*out = append(*out, RestoreOrder{Act: "factor", Since: since, Factor: id})
	}
	for _, id := range f.reverts {
		if _, err := idp.ParseID[idp.Event](id); err != nil {
			return &usageError{fmt.Errorf("--revert: %q is not the UUID of an event", id)}
		}
		add("revert", map[string]any{"event": id})
	}
	if f.revertAll {
		add("revert", map[string]any{"all": true})
	}
	for _, step := range f.reviewed {
		if err := oneOfSteps("--reviewed", step, idp.RestoreFactors, idp.RestoreChanges); err != nil {
			return err
		}
		add("review", map[string]any{"step": step})
	}
	return nil
}

func oneOfSteps(flag, step string, known ...idp.RestoreStep) error {
	names := make([]string, len(known))
	for i, k := range known {
		if names[i] = string(k); names[i] == step {
			return nil
		}
	}
	return &usageError{fmt.Errorf("%s: %q is not known: expected one of %s", flag, step, strings.Join(names, ", "))}
}

func (f *restoreFlags) moment(now time.Time) (*time.Time, error) {
	if f.since == "" {
		return nil, nil
	}
	if ago, err := time.ParseDuration(f.since); err == nil && ago >= 0 {
		at := now.Add(-ago).UTC()
		return &at, nil
	}
	if at, err := time.Parse(time.RFC3339, f.since); err == nil {
		return &at, nil
	}
	return nil, &usageError{fmt.Errorf("--since: %q is not understood: expected how long ago, such as 2h, or a time such as 2026-03-01T09:00:00Z", f.since)}
}

// firstLine reads a password: up to the end of the line, without it.
func firstLine(in io.Reader) (string, error) {
	content, err := io.ReadAll(io.LimitReader(in, 64<<10))
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", &usageError{errors.New("--set-password-stdin: standard input has no password")}
	}
	return line, nil
}

// restoreUser takes the steps, and says how far the restore has come.
func restoreUser(c *cobra.Command, on Installation, username string, since *time.Time, steps []RestoreOrder, format string) error {
	ctx := c.Context()
	id, err := on.LastLockdown(ctx, username)
	if err != nil {
		return absent(err, "user", username)
	}
	link := ""
	for _, s := range steps {
		made, err := on.TakeRestoreStep(ctx, id, s)
		if err != nil {
			if link != "" { // it is shown nowhere else
				fmt.Fprintln(c.OutOrStdout(), link)
			}
			return err
		}
		if made != "" {
			link = made
		}
	}
	if len(steps) > 0 {
		since = nil // it is on the record
	}
	list, err := on.RestoreList(ctx, id, since)
	if err != nil {
		return err
	}
	list.Link = link
	return writeRestore(c.OutOrStdout(), list, format)
}

func writeRestore(out io.Writer, l *RestoreList, format string) error {
	switch format {
	case "yaml":
		encoder := yaml.NewEncoder(out)
		encoder.SetIndent(2)
		return errors.Join(encoder.Encode(l), encoder.Close())
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "    ")
		return encoder.Encode(l)
	}
	return printRestore(out, l)
}
