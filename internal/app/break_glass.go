package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/config"
)

// BreakGlass lets an administrator pass the locks for a while, or ends that. It
// takes the database of the configuration, and so whoever runs the server.
func BreakGlass(ctx context.Context, cfg *config.Config, out io.Writer, o cli.BreakGlassOptions) error {
	return onDatabase(ctx, cfg, func(a *App) error {
		if o.End {
			ended, err := a.Locks.EndGlass(ctx, operator())
			if err != nil {
				return err
			}
			if !ended {
				_, err = fmt.Fprintln(out, "No glass is broken: locks hold for everybody.")
				return err
			}
			_, err = fmt.Fprintln(out, "Locks hold for everybody again.")
			return err
		}
		g, err := a.Locks.BreakGlass(ctx, o.Username, o.For, operator())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "Until %s no lock keeps %s from signing in. Sign in at %s/if/admin/\nEnd it with: portcullis break-glass --end\n",
			g.Until.Format(time.RFC3339), g.Username, a.base())
		return err
	})
}

// operator is who sits at the shell, as far as the machine knows.
func operator() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// notice is what every page of the console says while the glass is broken.
func (a *App) notice() string {
	g := a.Locked.Glass()
	if g == nil {
		return ""
	}
	return fmt.Sprintf("No lock refuses %s until %s. It was broken by %s from the server's shell; end it there with “portcullis break-glass --end”.",
		g.Username, g.Until.Format("2 Jan 2006, 15:04 UTC"), g.By)
}
