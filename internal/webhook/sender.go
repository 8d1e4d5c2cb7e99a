package webhook

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/notify"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Config is what a Sender needs.
type Config struct {
	Version  string           // of the product
	Base     func() string    // put in front of links, such as https://id.example.org
	Sealer   *secret.Sealer   // opens secrets of transports; nil = only those that are not sealed open
	Allow    []netip.Prefix   // where hooks may lead although that is not public
	Resolver *net.Resolver    // finds addresses of names; nil = the system's way
	Roots    *x509.CertPool   // who may have signed certificates; nil = the system's
	Now      func() time.Time // for signatures; nil = the machine's clock
}

// Sender implements notify.Sender for hooks. It may be used by many at once.
type Sender struct {
	Config
	client *http.Client
}

// New returns a Sender.
func New(c Config) *Sender {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Sender{Config: c, client: &http.Client{Transport: transport(c, webhookSetting),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Send implements notify.Sender: it posts a message once, and follows the receiver
// where it may. Errors that wrap notify.ErrFinal: of what cannot be sent as it is, of
// addresses that are refused, and of answers that say that the request was wrong.
func (s *Sender) Send(ctx context.Context, m *notify.Message) (answer string, err error) {
	to, err := target(m.Transport.WebhookURL)
	if err != nil {
		return "", err
	}
	body, err := s.body(m)
	if err != nil {
		return "", err
	}
	header, err := s.header(m, body)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for followed := 0; ; followed++ {
		res, err := s.post(ctx, to, header, body)
		if err != nil {
			return "", err
		}
		next, err := redirected(to, res, followed)
		if next == nil {
			answer := read(res, cancel)
			if err == nil {
				err = judge(res.StatusCode)
			}
			return answer, err
		}
		res.Body.Close()
		to = next
	}
}

// patience bounds a try, with all it is redirected to, if the context does not.
const patience = 30 * time.Second

// final is an error that another try would not mend.
func final(format string, args ...any) error {
	return fmt.Errorf("%s: %w", oneLine(fmt.Sprintf(format, args...), maxFault), notify.ErrFinal)
}

// target is where a hook leads.
func target(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, final("the address of the webhook is not one that begins with https:// or http:// and has a host and no password")
	}
	return u, nil
}

// body is what a message says. A mapping that gives nothing says null: whoever made it
// may have wanted to keep the rest in the house.
func (s *Sender) body(m *notify.Message) ([]byte, error) {
	var said any
	switch {
	case m.Transport.WebhookMappingBody != nil:
		said = m.Mapped
	case m.Transport.Mode == idp.TransportSlack:
		said = s.slack(m)
	default:
		said = m.Payload()
	}
	body, err := json.Marshal(said)
	if err != nil {
		return nil, final("the body cannot be written as JSON: %v", err)
	}
	return body, nil
}

// header is all that goes with a message but the signature.
func (s *Sender) header(m *notify.Message, body []byte) (http.Header, error) {
	h, err := mapped(m.Headers)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "User-Agent": "Portcullis/" + s.Version} {
		if h.Get(name) == "" {
			h.Set(name, value)
		}
	}
	id := strconv.FormatInt(m.Delivery, 10)
	if m.Delivery == 0 { // a test is no delivery, and every test is another one
		id = "test-" + m.Event.ID.String()
	}
	h.Set("X-Portcullis-Delivery", id)
	h.Set("X-Portcullis-Redelivery", strconv.Itoa(m.Redelivery))
	h.Set("X-Portcullis-Try", strconv.Itoa(m.Try))
	h.Set("X-Portcullis-Event", m.Event.ID.String())
	key, err := s.key(m.Transport)
	if err != nil {
		return nil, err
	}
	if key != "" {
		h.Set("X-Portcullis-Signature", sign(key, s.Now(), body))
	}
	return h, nil
}

// key is the secret of a transport; "" = it has none. Where it cannot be opened, later
// tries may: the operator can give the server its key again.
func (s *Sender) key(t *idp.Transport) (string, error) {
	if !secret.IsSealed(t.WebhookSecret) {
		return t.WebhookSecret, nil
	}
	plain, err := "", secret.ErrOtherSecret
	if s.Sealer != nil {
		plain, err = s.Sealer.OpenText(configure.TransportSecretUse(t.ID), t.WebhookSecret)
	}
	if err != nil {
		return "", fmt.Errorf("the secret of the transport cannot be opened: %w: give this server the secret_key (PORTCULLIS_SECRET_KEY) "+
			"that it was stored with, or set the secret again", err)
	}
	return plain, nil
}

// post sends one request. The error never has the address, which is a secret with many
// receivers.
func (s *Sender) post(ctx context.Context, to *url.URL, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, final("the request to %s cannot be made", to.Hostname())
	}
	req.Header = header.Clone()
	// It may be sent again when a connection that was kept open turns out to be closed:
	// receivers tell deliveries apart by their number. An empty key says so to net/http
	// and is not sent.
	if req.Header.Get("Idempotency-Key") == "" {
		req.Header["Idempotency-Key"] = nil
	}
	res, err := s.client.Do(req)
	if err == nil {
		return res, nil
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return nil, final("connecting to %s: %v", to.Hostname(), refused)
	}
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return nil, fmt.Errorf("%s did not answer in time", oneLine(to.Hostname(), maxFault))
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) { // it names the resolver as well, which is nobody's business
		err = errors.New(lookup.Err)
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return nil, errors.New(oneLine(fmt.Sprintf("asking %s: %v", to.Hostname(), err), maxFault))
}

// judge says what a status means: delivered, to be tried again, or wrong.
func judge(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return errors.New("the receiver answered with an error that may pass")
	}
	return final("the receiver refused it")
}

const maxRedirects = 3

// redirected is where an answer leads on, which may be elsewhere on the same host only;
// nil = nowhere, and the error says where it wanted to go to.
func redirected(from *url.URL, res *http.Response, followed int) (*url.URL, error) {
	if res.StatusCode < 300 || res.StatusCode > 399 {
		return nil, nil
	}
	location, err := res.Location()
	if err != nil {
		return nil, nil // judge refuses it
	}
	named := location.Scheme + "://" + location.Host + location.Path
	switch {
	case location.Scheme != from.Scheme || place(location) != place(from) || location.User != nil:
		return nil, final("it leads elsewhere, to %s: enter that address if it is right", named)
	case res.StatusCode != http.StatusTemporaryRedirect && res.StatusCode != http.StatusPermanentRedirect:
		return nil, final("it leads to %s in a way that loses what is sent: enter that address if it is right", named)
	case followed == maxRedirects:
		return nil, final("it leads on more than %d times, the last time to %s", maxRedirects, named)
	}
	return location, nil
}

// place is a host with its port.
func place(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}
