package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/logout"
)

// Logout implements logout.Sender: it tells applications of logouts as OpenID Connect
// Back-Channel Logout 1.0 has it. Addresses are named by administrators; it connects to
// public ones and those of Config.Allow, follows nobody elsewhere, and of an answer it
// keeps only what the specification has: nobody reads other programs through it.
type Logout struct {
	client  *http.Client
	version string
}

// logoutPatience bounds a try, if the context does not.
const logoutPatience = 8 * time.Second

// NewLogout returns a Logout.
func NewLogout(c Config) *Logout {
	return &Logout{version: c.Version, client: &http.Client{Transport: transport(c, logoutSetting),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// SendLogout implements logout.Sender.
func (s *Logout) SendLogout(ctx context.Context, uri, token string) (string, error) {
	to, err := url.Parse(uri)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Hostname() == "" || to.User != nil {
		return "", fmt.Errorf("its logout address is not one that begins with https:// or http:// and has a host and no password: %w", logout.ErrFinal)
	}
	ctx, cancel := context.WithTimeout(ctx, logoutPatience)
	defer cancel()
	body := url.Values{"logout_token": {token}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("the request to %s cannot be made: %w", to.Hostname(), logout.ErrFinal)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "Portcullis/"+s.version)
	req.Header["Idempotency-Key"] = nil // a kept connection may turn out to be closed: see Sender.post
	res, err := s.client.Do(req)
	if err != nil {
		return "", unreached(ctx, to, err)
	}
	defer res.Body.Close()
	answer := strings.TrimSpace(strconv.Itoa(res.StatusCode) + " " + http.StatusText(res.StatusCode))
	if said := complaint(res); said != "" {
		answer += ": " + said
	}
	return answer, judgeLogout(res.StatusCode)
}

// unreached says why there is no answer.
func unreached(ctx context.Context, to *url.URL, err error) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return fmt.Errorf("connecting to %s: %v: %w", to.Hostname(), refused, logout.ErrFinal)
	}
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return fmt.Errorf("%s did not answer in time", oneLine(to.Hostname(), maxFault))
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) { // it names the resolver as well, which is nobody's business
		err = errors.New(lookup.Err)
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return errors.New(oneLine(fmt.Sprintf("asking %s: %v", to.Hostname(), err), maxFault))
}

// complaint is what an application says of an error (section 2.8): nothing else of a
// body is kept.
func complaint(res *http.Response) string {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode < 400 || kind != "application/json" {
		return ""
	}
	raw, _ := io.ReadAll(io.LimitReader(res.Body, maxRead))
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(raw, &said) != nil || said.Error == "" {
		return ""
	}
	if said.Description != "" {
		said.Error += " (" + said.Description + ")"
	}
	return oneLine(said.Error, maxFault)
}

// judgeLogout says what a status means: told, to be tried again, or refused. 204 is what
// some frameworks make of an empty 200 (section 2.8).
func judgeLogout(status int) error {
	switch {
	case status == http.StatusOK, status == http.StatusNoContent:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return errors.New("the application answered with an error that may pass")
	case status >= 300 && status < 400:
		return fmt.Errorf("its logout address leads elsewhere, which is not followed: enter the address that takes logout tokens: %w", logout.ErrRefused)
	case status >= 200 && status < 300:
		return fmt.Errorf("the application answered with something else than 200 or 204: %w", logout.ErrRefused)
	}
	return logout.ErrRefused
}
