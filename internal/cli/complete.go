package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/document"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// completionTimeout bounds what somebody waits for after the tabulator.
const completionTimeout = 2 * time.Second

// maxOffered is how many names are offered at most.
const maxOffered = 200

// words are the kinds as they are written before a name.
var words = map[document.Kind][2]string{document.KindLock: {"lock/", "locks"}, document.KindRole: {"role/", "roles"},
	document.KindUser: {"user/", "users"}, document.KindPreference: {"", "cap"}}

// completeReferences offers kinds, and the names of one kind behind its slash.
func completeReferences(p Program, of ...document.Kind) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		word, prefix, one := strings.Cut(typed, "/")
		if one {
			var out []string
			for _, name := range names(c, p, kinds[word], prefix) {
				out = append(out, word+"/"+name)
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for _, kind := range of {
			for _, word := range words[kind] {
				if word != "" && strings.HasPrefix(word, typed) {
					out = append(out, word)
				}
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completeNames offers the names of a kind.
func completeNames(p Program, kind document.Kind) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		return names(c, p, kind, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeTargets offers the values of flags that name a target.
func completeTargets(c *cobra.Command, p Program) {
	_ = c.RegisterFlagCompletionFunc("user", completeNames(p, document.KindUser))
	_ = c.RegisterFlagCompletionFunc("role", completeNames(p, document.KindRole))
}

// names offers those of a kind.
func names(c *cobra.Command, p Program, kind document.Kind, prefix string) []string {
	return offer(c, p, prefix, func(on Installation) ([]string, error) { return namesOf(c.Context(), on, kind) })
}

// offer asks the installation. Nothing is offered when it does not answer soon,
// and an embedded database is not started for it.
func offer(c *cobra.Command, p Program, prefix string, ask func(Installation) ([]string, error)) []string {
	if server, _ := c.Flags().GetString("server"); server == "" {
		if cfg, err := load(c); err != nil || cfg.DatabaseURL == "" {
			return nil
		}
	}
	parent := c.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completionTimeout)
	defer cancel()
	c.SetContext(ctx)
	var out []string
	_ = onInstallation(c, p, func(on Installation) (err error) {
		out, err = ask(on)
		return err
	})
	var offered []string
	for _, name := range out {
		if strings.HasPrefix(name, prefix) && len(offered) < maxOffered {
			offered = append(offered, name)
		}
	}
	return offered
}

func namesOf(ctx context.Context, on Installation, kind document.Kind) (out []string, err error) {
	switch kind {
	case document.KindLock:
		err = on.EachLock(ctx, LockQuery{}, func(l *idp.Lock) {
			out = append(out, l.ID.String()+"\t"+printableText(l.Target.String()+" "+l.Message)) // behind the tab: what shells show beside
		})
	case document.KindRole:
		var roles []idp.Role
		roles, err = on.FindRoles(ctx)
		for _, r := range roles {
			out = append(out, printableText(r.Name))
		}
	case document.KindUser:
		var users []User
		users, err = on.FindUsers(ctx)
		for _, u := range users {
			out = append(out, printableText(u.Username))
		}
	case document.KindPreference:
		out = append(out, document.PreferenceName)
	}
	return out, err
}
