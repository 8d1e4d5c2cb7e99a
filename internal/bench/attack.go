package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	attackRate  = 500 // requests a second
	attackers   = 64  // browsers that send them
	calmSignIns = 1000

	// The machine's speed doubles and halves within seconds, so turns are short.
	signInsInTurn = 20
	warmingUp     = 3 // sign-ins before those that count
)

// What a bother's browsers do; the first argument of the process that they run in.
const (
	botherAsking    = "-bother-asking"
	botherAttacking = "-bother-attacking"
)

// attacked measures the sign-ins of others while one account that is locked out is
// tried again and again.
func attacked(ctx context.Context, r *report) error {
	p, end, err := served(ctx, "PORTCULLIS_BOOTSTRAP_TOKEN="+adminKey)
	if err != nil {
		return err
	}
	defer end()
	for _, name := range []string{"victim", "neighbour"} {
		raw, err := send(ctx, http.DefaultClient, http.MethodPost, p.URL+"/api/v3/core/users/", map[string]any{"username": name, "name": name})
		if err != nil {
			return err
		}
		var made struct {
			PK int `json:"pk"`
		}
		if err := json.Unmarshal(raw, &made); err != nil {
			return err
		}
		if _, err := send(ctx, http.DefaultClient, http.MethodPost, fmt.Sprintf("%s/api/v3/core/users/%d/set_password/", p.URL, made.PK),
			map[string]any{"password": password}); err != nil {
			return err
		}
	}
	kinds := [3]struct {
		bother string
		took   sample
		sent   int
		in     time.Duration
	}{{}, {bother: botherAsking}, {bother: botherAttacking}}
	for range calmSignIns / signInsInTurn {
		for i := range kinds {
			k := &kinds[i]
			began := time.Now()
			sent, err := beside(ctx, k.bother, p.URL, func() error {
				took, err := signIns(p, "neighbour")
				k.took = append(k.took, took...)
				return err
			})
			if err != nil {
				return err
			}
			k.sent, k.in = k.sent+sent, k.in+time.Since(began)
		}
	}
	calm := kinds[0].took.at(99)
	r.figure("sign-ins of others while nothing happens", "%s p99 %s", kinds[0].took, calm.Round(time.Millisecond))
	for i, what := range []string{"requests that ask for nothing", "requests that try an account that is locked out"} {
		k := &kinds[i+1]
		r.figure("the same beside "+what, "%s p99 %s, %.0f a second", k.took, k.took.at(99).Round(time.Millisecond), float64(k.sent)/k.in.Seconds())
	}
	r.figure("what the former add to their p99", "%s", (kinds[1].took.at(99) - calm).Round(100*time.Microsecond))
	r.bar("what the attack adds to their p99", milliseconds(kinds[2].took.at(99)-calm), 5, "ms")
	return nil
}

// signIns is how long the sign-ins of a turn take, but for the first few.
func signIns(p *process, username string) (took sample, err error) {
	for n := range warmingUp + signInsInTurn {
		began := time.Now()
		if err := newClient(p.URL, &http.Transport{DisableKeepAlives: true}).signIn(username, password); err != nil {
			return nil, err
		}
		if n >= warmingUp {
			took = append(took, time.Since(began))
		}
	}
	return took, nil
}

// beside does something while a process of its own bothers the server, and returns how
// many requests that sent. Attackers' computers are not the server's: the process gives
// way to everything else on this one, so that what it computes does not pass for what
// the server does.
func beside(ctx context.Context, bother, url string, do func() error) (sent int, err error) {
	if bother == "" {
		return 0, do()
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var out, faults bytes.Buffer
	c := exec.CommandContext(ctx, "nice", "-n", "19", self, bother, url)
	c.Stdout, c.Stderr = &out, &faults
	end, err := c.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := c.Start(); err != nil {
		return 0, err
	}
	fault := do()
	_ = end.Close()
	if err := c.Wait(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, faults.String())
	}
	if fault != nil {
		return 0, fault
	}
	return strconv.Atoi(strings.TrimSpace(out.String()))
}

// bothering is what that process does, until its input ends: it has browsers send
// attackRate requests a second in all, at equal distances as far as the machine keeps up.
func bothering(ctx context.Context, bother, url string) {
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	do := asking
	if bother == botherAttacking {
		do = attacking
	}
	var sent atomic.Int64
	var group sync.WaitGroup
	next := paced{own, time.NewTicker(time.Second / attackRate).C, &sent, &http.Transport{MaxIdleConnsPerHost: attackers}}
	for b := range attackers {
		group.Go(func() {
			for n := 0; own.Err() == nil; n++ {
				do(next, url, fmt.Sprint(b, " ", n))
			}
		})
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println(sent.Load())
	cancel()
	group.Wait()
}

// attacking tries the victim's password; requests that begin a flow and those it redirects
// to are requests, too.
func attacking(next paced, url, word string) {
	c := newClient(url, next)
	if _, err := c.call(http.MethodPost, executorPath, map[string]any{"component": "ak-stage-identification", "uid_field": "victim"}); err != nil {
		return
	}
	for i := range 4 { // the fifth ends the flow
		_, _ = c.call(http.MethodPost, executorPath, map[string]any{"component": "ak-stage-password", "password": fmt.Sprint("wrong ", word, " ", i)})
	}
}

// asking asks the bare handler.
func asking(next paced, url, _ string) {
	answer, err := (&http.Client{Transport: next}).Get(url + "/-/health/live/")
	if err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

// paced sends a request with every tick that it gets.
type paced struct {
	ctx  context.Context
	tick <-chan time.Time
	sent *atomic.Int64
	next http.RoundTripper
}

func (p paced) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	case <-p.tick:
		p.sent.Add(1)
		return p.next.RoundTrip(r)
	}
}
