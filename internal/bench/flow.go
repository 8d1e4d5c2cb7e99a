package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// How the executor is loaded: connections that ask again as soon as they were
// answered, for a few seconds, in rounds that alternate with the bare handler.
const (
	connections = 16
	loadRounds  = 3
	loadFor     = 2 * time.Second
)

// flows measures what planning a flow, one page of it and the default blueprints
// cost.
func flows(ctx context.Context, r *report) error {
	if err := goBenchmarks(ctx, r); err != nil {
		return err
	}
	p, end, err := served(ctx)
	if err != nil {
		return err
	}
	defer end()
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	var page, bare []float64
	for range loadRounds {
		for _, one := range []struct {
			path  string
			rates *[]float64
		}{{"/api/v3/flows/executor/default-authentication-flow/?query=", &page}, {"/-/health/live/", &bare}} {
			rate, err := load(ctx, transport, p.URL+one.path)
			if err != nil {
				return err
			}
			*one.rates = append(*one.rates, rate)
		}
	}
	r.least("executor GET, 16 connections, generator on the same cores", median(page), 2000, "/s")
	r.figure("executor GET against the bare handler", "%.0f %% of %.0f /s", 100*median(page)/median(bare), median(bare))
	return nil
}

// load asks for one address over and over and returns the answers per second.
func load(ctx context.Context, transport http.RoundTripper, url string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, loadFor)
	defer cancel()
	client := &http.Client{Transport: transport}
	var answers atomic.Int64
	faults := make(chan error, connections)
	var group sync.WaitGroup
	began := time.Now()
	for range connections {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := ask(ctx, client, url); err != nil {
					if ctx.Err() == nil {
						faults <- err
					}
					return
				}
				answers.Add(1)
			}
		})
	}
	group.Wait()
	select {
	case err := <-faults:
		return 0, err
	default:
		return float64(answers.Load()) / time.Since(began).Seconds(), nil
	}
}

func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return answered(client, request)
}

// answered sends a request that has to succeed.
func answered(client *http.Client, request *http.Request) error {
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", request.URL, answer.Status)
	}
	return nil
}

var perOperation = regexp.MustCompile(`(?m)^Benchmark(\w+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op`)

// goBenchmarks runs the Go benchmarks that have a bar.
func goBenchmarks(ctx context.Context, r *report) error {
	out, err := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark(Plan|Defaults)$", "-benchtime", "1s",
		"./internal/app", "./internal/blueprint").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test -bench: %w\n%s", err, out)
	}
	measured := map[string]float64{}
	for _, m := range perOperation.FindAllStringSubmatch(string(out), -1) {
		measured[m[1]], err = strconv.ParseFloat(m[2], 64)
		if err != nil {
			return err
		}
	}
	for _, b := range []struct {
		name, what string
		bar        float64 // milliseconds
	}{{"Plan", "planning the default authentication flow, warm", 1}, {"Defaults", "applying the default blueprints to an empty database", 2000}} {
		ns, ok := measured[b.name]
		if !ok {
			return fmt.Errorf("go test -bench did not run Benchmark%s:\n%s", b.name, out)
		}
		r.bar(b.what, ns/1e6, b.bar, "ms")
	}
	return nil
}
