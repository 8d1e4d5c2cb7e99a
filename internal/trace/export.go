package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// How a batch is sent. The collector may be away for a moment; what it does not take
// within the time is lost, and said so in the log.
const (
	sending = 10 * time.Second
	tries   = 3
	pause   = 500 * time.Millisecond // before the second try; twice as long before the third
)

// exporter sends batches of spans by OTLP over HTTP, as JSON.
type exporter struct {
	url     string
	version string
	headers map[string]string
	client  *http.Client
	log     *slog.Logger
	lost    bool // the last batch was
}

func newExporter(o Options) *exporter {
	return &exporter{url: o.Endpoint + "/v1/traces", version: o.Version, headers: o.Headers, log: o.Log,
		client: &http.Client{Timeout: sending, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// export sends one batch; one at a time. It says in the log what goes wrong, once
// until it goes well again.
func (e *exporter) export(ctx context.Context, spans []span) {
	ctx, cancel := context.WithTimeout(ctx, sending)
	defer cancel()
	body, err := json.Marshal(document(e.version, spans))
	if err == nil {
		err = e.send(ctx, body)
	}
	switch {
	case err != nil && !e.lost:
		e.log.WarnContext(ctx, "traces cannot be sent, and are lost", "error", err)
	case err == nil && e.lost:
		e.log.InfoContext(ctx, "traces are sent again")
	}
	e.lost = err != nil
}

// send tries several times where the collector may take it later.
func (e *exporter) send(ctx context.Context, body []byte) error {
	for n := 1; ; n++ {
		again, err := e.post(ctx, body)
		if err == nil || !again || n == tries {
			return err
		}
		timer := time.NewTimer(pause << (n - 1))
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}

func (e *exporter) post(ctx context.Context, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	for name, value := range e.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := e.client.Do(r)
	if err != nil {
		return true, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true // OTLP: to be tried again
	}
	if answer.StatusCode/100 != 2 {
		return again, fmt.Errorf("the collector answered %s", answer.Status)
	}
	return false, nil
}
