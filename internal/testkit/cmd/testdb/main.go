// Command testdb runs a command with a test database server beside it:
//
//	go run ./internal/testkit/cmd/testdb -- go test ./...
//
// The command finds the server's URL in PORTCULLIS_TEST_DATABASE_URL. The
// server is stopped when the command has ended, and also when testdb is killed.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/portcullis-idp/portcullis/internal/testkit"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: testdb -- command [argument ...]")
		os.Exit(2)
	}
	code, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
	}
	os.Exit(code)
}

// run returns the command's exit code, or 1 with an error of our own.
func run(args []string) (int, error) {
	// The terminal sends Ctrl-C to the command as well; we wait for its end.
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cluster, err := testkit.StartCluster(ctx)
	if err != nil {
		return 1, err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), testkit.URLVariable+"="+cluster.URL)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 1, errors.Join(err, cluster.Stop())
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case sig := <-interrupted:
				_ = cmd.Process.Signal(sig) // it may just have ended
			}
		}
	}()
	ended := cmd.Wait()
	close(done)
	if err := cluster.Stop(); err != nil {
		return 1, err
	}
	var exit *exec.ExitError
	switch {
	case ended == nil:
		return 0, nil
	case errors.As(ended, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode(), nil
	default:
		return 1, ended
	}
}
