package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	forwardHost = "wiki.example.org"
	publicHost  = "id.example.org"
	// passes is how many browsers there are at the application's host.
	passes = 1_000
)

// forwardAuth compares what a reverse proxy asks for each request with the bare handler.
func forwardAuth(ctx context.Context, r *report) error {
	p, end, err := served(ctx, "PORTCULLIS_TRUSTED_PROXIES=127.0.0.0/8", "PORTCULLIS_PUBLIC_URL=https://"+publicHost)
	if err != nil {
		return err
	}
	defer end()
	db, err := pgx.Connect(ctx, p.db)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, `INSERT INTO applications (id, name, slug, forward_hosts) VALUES (gen_random_uuid(), 'Wiki', 'wiki', ARRAY[$1])`, forwardHost); err != nil {
		return err
	}
	cookies, err := fill(ctx, db, "forward", passes)
	if err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	carried := make([]string, len(cookies))
	for i, cookie := range cookies {
		if carried[i], err = passOf(ctx, transport, p.URL, cookie); err != nil {
			return err
		}
	}
	asked := func(ctx context.Context, client *http.Client, address, cookie string) error {
		request, err := behind(ctx, address+"/outpost/forward-auth/traefik/", forwardHost, "__Host-portcullis_forward="+cookie)
		if err != nil {
			return err
		}
		return answered(client, request)
	}
	if _, err := pulls(ctx, p, transport, carried, once, asked); err != nil {
		return err
	}
	var rate, each []float64
	for range loadRounds + 1 {
		yard, err := checks(ctx, p, transport, bare, loadFor)
		if err != nil {
			return err
		}
		check, err := pulls(ctx, p, transport, carried, loadFor, asked)
		if err != nil {
			return err
		}
		rate, each = append(rate, 100*check.rate/yard.rate), append(each, check.rate)
	}
	r.figure("forward-auth, answers per second", "%.0f", median(each))
	r.figure("forward-auth, of the bare handler's rate", "%.0f %%", median(rate))
	return nil
}

// behind is a request as a proxy makes it.
func behind(ctx context.Context, address, host, cookie string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Forwarded-Host", host)
	request.Header.Set("X-Forwarded-Proto", "https")
	request.Header.Set("X-Forwarded-For", "203.0.113.9")
	request.Header.Set("X-Forwarded-Uri", "/page")
	request.Header.Set("User-Agent", browserName)
	request.Header.Set("Cookie", cookie)
	return request, nil
}

// passOf takes the browser of a session to the application's host.
func passOf(ctx context.Context, transport http.RoundTripper, address, session string) (string, error) {
	nonce := strings.Repeat("A", 43)
	state := sha256.Sum256([]byte("forward-auth state " + nonce))
	authorize := address + "/outpost/forward-auth/authorize/?" + url.Values{"to": {"https://" + forwardHost}, "rd": {"/"},
		"state": {base64.RawURLEncoding.EncodeToString(state[:])}}.Encode()
	request, err := behind(ctx, authorize, publicHost, "authentik_session="+session)
	if err != nil {
		return "", err
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	answer.Body.Close()
	to, ok := strings.CutPrefix(answer.Header.Get("Location"), "https://"+forwardHost)
	if !ok {
		return "", fmt.Errorf("the way to the application ended with %s", answer.Status)
	}
	if request, err = behind(ctx, address+to, forwardHost, "__Host-portcullis_forward_state="+nonce); err != nil {
		return "", err
	}
	if answer, err = transport.RoundTrip(request); err != nil {
		return "", err
	}
	answer.Body.Close()
	for _, c := range answer.Cookies() {
		if c.Name == "__Host-portcullis_forward" {
			return c.Value, nil
		}
	}
	return "", fmt.Errorf("no pass was given, but %s", answer.Status)
}
