package config

import (
	"net"
	"net/mail"
	"net/netip"
	"strings"
	"time"
)

// How the connection to a mail server is protected.
const (
	TLSNone     = "none"
	TLSStart    = "starttls" // an open connection is turned into an encrypted one, or not used
	TLSImplicit = "tls"      // encrypted from the start
)

// Mail is how mail is sent.
type Mail struct {
	Host         string // "" = not at all
	Port         int
	Username     string
	Password     string
	From         string // an address, or a name with one
	TLS          string
	Timeout      time.Duration
	TemplatesDir string // "" = the product's own texts only
}

// mail reads how mail is sent. Links in mails begin with public_url: what a
// request says of the host would let strangers have links made that lead to them.
func (p *parser) mail(c *Config) Mail {
	m := Mail{Host: strings.Trim(p.values["smtp_host"], " []"), Port: p.integer("smtp_port", 1, 65535), Username: p.values["smtp_username"],
		Password: p.values["smtp_password"], From: p.values["smtp_from"], TLS: p.oneOf("smtp_tls", TLSNone, TLSStart, TLSImplicit),
		Timeout: p.duration("smtp_timeout", time.Second, 45*time.Second), TemplatesDir: p.directory("email_templates_dir")}
	if m.Host == "" {
		return m
	}
	if strings.ContainsAny(m.Host, " /@") || strings.Count(m.Host, ":") == 1 {
		p.fault("smtp_host", "%q is not the name or address of a host; the port is smtp_port", m.Host)
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		p.fault("smtp_from", "%q is not a mail address, such as portcullis@example.org or Portcullis <portcullis@example.org>", m.From)
	}
	if c.PublicURL == "" && !loopback(c.Listen) {
		p.fault("public_url", "expected with smtp_host: links in mails begin with it")
	}
	return m
}

// loopback reports whether only this machine reaches the address.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
