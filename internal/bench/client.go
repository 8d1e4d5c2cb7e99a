package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"time"
)

// executorPath is the flow in which people sign in.
const executorPath = "/api/v3/flows/executor/default-authentication-flow/"

// client is one browser that speaks the flow executor's JSON.
type client struct {
	url  string
	http *http.Client
}

func newClient(url string, transport http.RoundTripper) *client {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &client{url: url, http: &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}}
}

// signIn takes the default authentication flow to its end.
func (c *client) signIn(username, password string) error {
	const flow = executorPath
	if _, err := c.call(http.MethodGet, flow, nil); err != nil {
		return err
	}
	if _, err := c.call(http.MethodPost, flow, map[string]any{"component": "ak-stage-identification", "uid_field": username}); err != nil {
		return err
	}
	component, err := c.call(http.MethodPost, flow, map[string]any{"component": "ak-stage-password", "password": password})
	if err != nil {
		return err
	}
	if component != "xak-flow-redirect" {
		return fmt.Errorf("signing in ended with %q", component)
	}
	return nil
}

func (c *client) call(method, path string, body any) (component string, err error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return "", err
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequest(method, c.url+path, content)
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, raw)
	}
	var challenge struct {
		Component string `json:"component"`
	}
	err = json.Unmarshal(raw, &challenge)
	return challenge.Component, err
}
