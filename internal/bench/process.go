package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	binary   = "bin/portcullis"
	password = "bench password of the administrator"
)

// process is the binary under test.
type process struct {
	URL   string
	db    string // the URL of the database that served made for it
	cmd   *exec.Cmd
	out   bytes.Buffer
	Ready time.Duration // from the start of the process to the first ready answer
}

// launch starts the binary and waits until it is ready.
func launch(ctx context.Context, env ...string) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	listener.Close()
	p := &process{URL: "http://" + address, cmd: exec.Command(binary, "serve")}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "PORTCULLIS_LISTEN=" + address,
		"PORTCULLIS_LOG_LEVEL=warn", "PORTCULLIS_BOOTSTRAP_PASSWORD=" + password}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for ctx.Err() == nil && time.Since(began) < time.Minute {
		if answer, err := http.Get(p.URL + "/-/health/ready/"); err == nil {
			answer.Body.Close()
			if answer.StatusCode < 300 {
				p.Ready = time.Since(began)
				return p, nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	_ = p.stop()
	return nil, fmt.Errorf("the server was not ready in a minute:\n%s", p.out.String())
}

// served launches the binary with a database of its own; end ends both.
func served(ctx context.Context, env ...string) (p *process, end func(), err error) {
	location, drop, err := database(ctx)
	if err != nil {
		return nil, nil, err
	}
	if p, err = launch(ctx, append(env, "PORTCULLIS_DATABASE_URL="+location)...); err != nil {
		drop()
		return nil, nil, err
	}
	p.db = location
	return p, func() {
		_ = p.stop()
		drop()
	}, nil
}

// stop ends the process in order.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		return p.cmd.Process.Kill()
	}
}

// memory is what the process holds now and held at most, in bytes.
func (p *process) memory() (now, peak float64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		name, rest, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kilobytes * 1024
		case "VmHWM":
			peak = kilobytes * 1024
		}
	}
	return now, peak, nil
}

// forgetPeak makes the peak start again from what the process holds now.
func (p *process) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

// cpu is the processor time the process' threads have used, in nanoseconds'
// precision: the figures of /proc/PID/stat count in steps of 10 ms.
func (p *process) cpu() (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that has just ended
		}
		used, _, _ := strings.Cut(string(content), " ")
		n, _ := strconv.ParseInt(used, 10, 64)
		sum += n
	}
	return time.Duration(sum), nil
}
