package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

func agentRun() *cobra.Command {
	var socket string
	c := &cobra.Command{
		Use: "run", Short: "Run a session until a lock targets it, as sshd's ForceCommand", Args: noWords,
		Long: "Runs SSH_ORIGINAL_COMMAND, or the login shell without one. When a lock comes in force that targets the\n" +
			"connection, it says the lock's text and ends the session.",
		RunE: func(c *cobra.Command, _ []string) error {
			return hold(socket, os.Getenv("SSH_ORIGINAL_COMMAND"), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&socket, "socket", agentSocket, "socket of the agent that watches on this machine")
	return c
}

// hold runs a session. It asks no context: signals are the session's.
func hold(socket, command string, errs io.Writer) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)
	conn, decoder, answer, err := talk(context.Background(), socket, agentAsk{Op: opHold})
	if err != nil {
		return err
	}
	if !answer.Allowed {
		conn.Close()
		return errors.New(answer.Detail)
	}
	session, err := begin(command)
	if err != nil {
		conn.Close()
		return fmt.Errorf("beginning the session: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()
	cut := make(chan string, 1)
	go keepHeld(socket, conn, decoder, time.Duration(answer.Lease)*time.Millisecond, cut)
	select {
	case err := <-ended:
		return outcome(err)
	case text := <-cut:
		fmt.Fprintf(errs, "\r\n%s\r\n", text)
		end(session, ended)
		return &exitError{ExitFailure}
	}
}

// begin starts the command, or the login shell.
func begin(command string) (*exec.Cmd, error) {
	shell := os.Getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	session := &exec.Cmd{Path: shell, Args: []string{"-" + filepath.Base(shell)}, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if command != "" {
		session.Args = []string{filepath.Base(shell), "-c", command}
	}
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		// Without a terminal, everything it starts is in one group, which is ended together.
		session.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	return session, session.Start()
}

// lastWord is how long a session has for ending by itself.
const lastWord = 200 * time.Millisecond

func end(session *exec.Cmd, ended <-chan error) {
	to := session.Process.Pid
	if session.SysProcAttr != nil {
		to = -to
	}
	_ = syscall.Kill(to, syscall.SIGHUP)
	select {
	case <-ended:
	case <-time.After(lastWord):
	}
	_ = syscall.Kill(to, syscall.SIGKILL)
}

// outcome passes on how the session ended.
func outcome(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &exitError{128 + int(status.Signal())}
	}
	return &exitError{exit.ExitCode()}
}

// keepHeld waits for the word that the session has to end. While the agent that
// watches is gone the session goes on, in strict mode for as long as the lease.
func keepHeld(socket string, conn net.Conn, decoder *json.Decoder, lease time.Duration, cut chan<- string) {
	for {
		var word agentAnswer
		err := decoder.Decode(&word)
		conn.Close()
		if err == nil && !word.Allowed {
			cut <- word.Detail
			return
		}
		for lost := time.Now(); ; {
			if lease > 0 && time.Since(lost) > lease {
				cut <- lockwatch.StaleText
				return
			}
			time.Sleep(time.Second)
			again, d, answer, err := talk(context.Background(), socket, agentAsk{Op: opHold})
			if err != nil {
				continue
			}
			if !answer.Allowed {
				again.Close()
				cut <- answer.Detail
				return
			}
			conn, decoder = again, d
			break
		}
	}
}
