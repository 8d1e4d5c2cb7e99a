package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres/migration"
)

// Program is what the command line starts.
func Program() cli.Program {
	return cli.Program{Serve: Serve, Migrate: Migrate, SetupLink: SetupLink, BreakGlass: BreakGlass, Demo: Demo, MailTest: MailTest, Storybook: Storybook, Blueprints: blueprintCommands(), Direct: Direct}
}

// settling is how long jobs and watches take to be under way after the start.
const settling = 2 * time.Second

// Serve runs the server until ctx ends, then finishes the requests in flight.
func Serve(ctx context.Context, cfg *config.Config, out io.Writer, o cli.ServeOptions) error {
	// The address first: a port in use is the commonest fault, and nothing has
	// been started yet.
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", cfg.Listen, err)
	}
	defer listener.Close()
	scrapes, err := listenMetrics(cfg.Watching.MetricsListen)
	if err != nil {
		return err
	}
	if scrapes != nil {
		defer scrapes.Close()
	}
	a, err := Open(ctx, cfg, cfg.Logger())
	if err != nil {
		return err
	}
	a.scrapes = scrapes
	a.address = listener.Addr().String()
	if o.Demo {
		if err := a.Demo(ctx); err != nil {
			return errors.Join(err, a.Close())
		}
	}
	if err := a.welcome(ctx, out, o); err != nil {
		return errors.Join(err, a.Close())
	}
	// Starting makes garbage, and an idle server too little to have it collected.
	defer time.AfterFunc(settling, rest).Stop()
	defer a.pace()()
	return errors.Join(a.Run(ctx, listener), a.Close())
}

// rest gives back what only starting needed.
func rest() {
	debug.FreeOSMemory()
	leaveCode()
}

// Run answers requests on the listener until ctx ends. Then the readiness probe
// says no, for as long as the configuration wants while everything is still
// answered, and the requests in flight are finished.
func (a *App) Run(ctx context.Context, listener net.Listener) error {
	stop, err := a.serveMetrics()
	if err != nil {
		return err
	}
	defer stop()
	server := a.Server.HTTP()
	server.RegisterOnShutdown(a.Bells.Close)
	server.RegisterOnShutdown(a.Live.Hub.Close) // streams do not end by themselves
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	a.Server.Drain()
	select {
	case err := <-ended:
		return err
	case <-time.After(a.Config.ShutdownDelay):
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Config.ShutdownTimeout)
	defer cancel()
	err = server.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		a.Log.Warn("requests were still running when the server stopped", "shutdown_timeout", a.Config.ShutdownTimeout)
		err = server.Close()
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// base is where browsers find the server.
func (a *App) base() string {
	if a.Config.PublicURL != "" {
		return a.Config.PublicURL
	}
	address := a.address
	if address == "" {
		address = a.Config.Listen
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "http://" + address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// setupLink makes a fresh set-up link, or none once the first administrator has
// been set up.
func (a *App) setupLink(ctx context.Context) (string, error) {
	link, err := a.Accounts.SetupLink(ctx, a.base())
	if idp.Is(err, idp.CodeConflict) || idp.Is(err, idp.CodeNotFound) {
		return "", nil
	}
	return link, err
}

// welcome says where the console is and, while nobody has set up the first
// administrator, the link that does it.
func (a *App) welcome(ctx context.Context, out io.Writer, o cli.ServeOptions) error {
	link, err := a.setupLink(ctx)
	if err != nil {
		return err
	}
	where := a.base() + "/if/admin/"
	fmt.Fprintf(out, "\n  Portcullis is ready: %s\n", where)
	if link != "" {
		where = link
		fmt.Fprintf(out, "  Set the password of the first administrator, admin, once, here:\n  %s\n", link)
	}
	if o.Demo {
		fmt.Fprintf(out, "  The people of the demonstration have the password %s\n", DemoPassword)
	}
	fmt.Fprintln(out)
	if o.Open {
		openBrowser(where)
	}
	return nil
}

// openBrowser shows the address where there is a desktop; elsewhere the printed
// one has to do.
func openBrowser(url string) {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	}
	if path, err := exec.LookPath(name); err == nil {
		c := exec.Command(path, url)
		if c.Start() == nil {
			go func() { _ = c.Wait() }()
		}
	}
}

// Migrate brings the database up to this version.
func Migrate(ctx context.Context, cfg *config.Config, out io.Writer, o cli.MigrateOptions) error {
	a := &App{Config: cfg, Log: cfg.Logger()}
	url, err := a.database(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	if o.Repair {
		if err := migration.Repair(ctx, url, a.Log); err != nil {
			return err
		}
	}
	if err := migration.Up(ctx, url, a.Log); err != nil {
		return err
	}
	s, err := migration.Version(ctx, url)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "The database is at version %d.\n", s.Version)
	return err
}

// SetupLink prints a new set-up link; the one before stops working.
func SetupLink(ctx context.Context, cfg *config.Config, out io.Writer) error {
	a, err := Open(ctx, cfg, cfg.Logger())
	if err != nil {
		return err
	}
	defer a.Close()
	link, err := a.setupLink(ctx)
	if err != nil {
		return err
	}
	if link == "" {
		return errors.New("the first administrator has a password already: sign in at " + a.base() + "/if/admin/")
	}
	_, err = fmt.Fprintln(out, link)
	return err
}

// Demo fills an empty installation.
func Demo(ctx context.Context, cfg *config.Config, out io.Writer) error {
	a, err := Open(ctx, cfg, cfg.Logger())
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Demo(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "The demonstration is in place. Its people have the password %s\n", DemoPassword)
	return err
}
