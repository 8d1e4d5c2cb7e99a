package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Config is what the server runs with.
type Config struct {
	Listen         string
	PublicURL      string // without a trailing slash; "" = derived from each request
	DataDir        string
	DatabaseURL    string // "" = embedded
	DatabasePool   int
	PostgresBin    string
	TrustedProxies []netip.Prefix
	// WebhookAllow is where webhooks may lead although that is not public.
	WebhookAllow []netip.Prefix
	// LogoutAllow is where applications are told of logouts although that is not public.
	LogoutAllow []netip.Prefix
	Bootstrap   Bootstrap
	// SecretKeys are what the server seals with; the first seals, the others
	// only open. None = the data directory holds one.
	SecretKeys [][]byte
	// LockingMode is Strict or BestEffort; "" = the resource says.
	LockingMode string
	// LockingMaxStaleness is how old what is known of the locks may be in strict mode.
	LockingMaxStaleness time.Duration
	// LockRetention is how long locks of the past are kept.
	LockRetention time.Duration
	// ReputationLowest and ReputationHighest are how far scores of sign-ins go.
	ReputationLowest, ReputationHighest int
	// TokenKeysRevealable shows keys of tokens more than once.
	TokenKeysRevealable bool
	// BreachedPasswords is the path of a list of breached passwords; "" = none.
	BreachedPasswords string
	// BlueprintsDir is the operator's directory of blueprints; "" = none.
	BlueprintsDir   string
	GeoIPCity       string // path of a database of places; "" = none
	GeoIPASN        string // path of a database of networks; "" = none
	Mail            Mail
	Watching        Watching
	LogLevel        slog.Level
	LogFormat       string
	ShutdownDelay   time.Duration
	ShutdownTimeout time.Duration

	values  map[string]string // as given, by option key
	origins map[string]string // where it was given, by option key
}

// The locking modes, by the names of the resource cluster_auth_preference.
const (
	BestEffort = "best_effort"
	Strict     = "strict"
)

// Bootstrap is what the first administrator is made from.
type Bootstrap struct {
	Password string
	Email    string
	Token    string
}

// Error lists every fault of a configuration.
type Error struct{ Faults []string }

// Error implements error.
func (e *Error) Error() string {
	return "the configuration is not valid:\n  - " + strings.Join(e.Faults, "\n  - ")
}

// parser reads values and collects faults.
type parser struct {
	values map[string]string
	faults []string
}

func (p *parser) fault(key, format string, args ...any) {
	p.faults = append(p.faults, key+": "+fmt.Sprintf(format, args...))
}

func parse(values map[string]string) (*Config, error) {
	p := &parser{values: values}
	c := &Config{
		Listen:      p.listen(),
		PublicURL:   p.publicURL(),
		DataDir:     p.path("data_dir"),
		DatabaseURL: p.databaseURL(),
		PostgresBin: values["postgres_bin"],
		Bootstrap: Bootstrap{
			Password: values["bootstrap_password"],
			Email:    values["bootstrap_email"],
			Token:    p.bootstrapToken(),
		},
		DatabasePool:    p.integer("database_pool", 2, 500),
		TrustedProxies:  p.prefixes("trusted_proxies"),
		WebhookAllow:    p.prefixes("webhook_allow"),
		LogoutAllow:     p.prefixesOrNone("logout_allow"),
		LogLevel:        p.level(),
		LogFormat:       p.oneOf("log_format", "text", "json"),
		ShutdownDelay:   p.duration("shutdown_delay", 0, time.Hour),
		ShutdownTimeout: p.duration("shutdown_timeout", 0, time.Hour),
		values:          values,

		SecretKeys:          p.secretKeys(),
		LockingMode:         p.lockingMode(),
		LockingMaxStaleness: p.duration("locking_max_staleness", time.Second, 24*time.Hour),
		ReputationLowest:    p.integer("reputation_lower_limit", -1_000_000, -1),
		ReputationHighest:   p.integer("reputation_upper_limit", 0, 1_000_000),
		LockRetention:       p.duration("lock_retention", 24*time.Hour, 87600*time.Hour),
		TokenKeysRevealable: p.oneOf("token_keys_revealable", "true", "false") == "true",

		BreachedPasswords: p.path("breached_passwords"),
		BlueprintsDir:     p.directory("blueprints_dir"),
		// Files that are not there yet are no fault: they may come.
		GeoIPCity: p.path("geoip_city"),
		GeoIPASN:  p.path("geoip_asn"),
	}
	c.Mail = p.mail(c)
	c.Watching = p.watching(c)
	if len(p.faults) > 0 {
		return nil, &Error{Faults: p.faults}
	}
	return c, nil
}

func (p *parser) listen() string {
	return p.address("listen", "127.0.0.1:9000")
}

// address is a host, which may be left out, with a port.
func (p *parser) address(key, example string) string {
	v := p.values[key]
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		p.fault(key, "%q is not an address with a port, such as %s", v, example)
		return v
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		p.fault(key, "port %q is not a number from 0 to 65535", port)
	}
	return v
}

func (p *parser) publicURL() string {
	v := strings.TrimRight(p.values["public_url"], "/")
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		p.fault("public_url", "%q is not an http or https URL of a host without a path, such as https://id.example.org", v)
	}
	return v
}

// path is absolute, or "" where none is given.
func (p *parser) path(key string) string {
	v := p.values[key]
	if v == "" {
		return ""
	}
	abs, err := filepath.Abs(v)
	if err != nil {
		p.fault(key, "%q cannot be made an absolute path: %v", v, err)
	}
	return abs
}

// directory is a path that leads to a directory now.
func (p *parser) directory(key string) string {
	v := p.path(key)
	if v == "" {
		return ""
	}
	if info, err := os.Stat(v); err != nil || !info.IsDir() {
		p.fault(key, "%q is not a directory that can be read", v)
	}
	return v
}

func (p *parser) databaseURL() string {
	v := p.values["database_url"]
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// The value may hold a password: it is never repeated.
		p.fault("database_url", "expected a URL that starts with postgres:// or postgresql://")
	}
	return v
}

// minSecret is how many bytes a secret key has at least; secret.MinSecret.
const minSecret = 32

// secretKeys are separated by white space. They are never repeated in faults.
func (p *parser) secretKeys() [][]byte {
	var out [][]byte
	for i, one := range strings.Fields(p.values["secret_key"]) {
		if len(one) < minSecret {
			p.fault("secret_key", "key %d of the list has %d bytes, expected at least %d (openssl rand -base64 48 makes one)", i+1, len(one), minSecret)
		}
		out = append(out, []byte(one))
	}
	return out
}

func (p *parser) bootstrapToken() string {
	v := p.values["bootstrap_token"]
	for _, r := range v {
		if r <= ' ' || r > '~' {
			p.fault("bootstrap_token", "expected printable ASCII without spaces")
			break
		}
	}
	return v
}

func (p *parser) integer(key string, min, max int) int {
	n, err := strconv.Atoi(p.values[key])
	if err != nil || n < min || n > max {
		p.fault(key, "%q is not a whole number from %d to %d", p.values[key], min, max)
	}
	return n
}

func (p *parser) duration(key string, min, max time.Duration) time.Duration {
	d, err := time.ParseDuration(p.values[key])
	if err != nil || d < min || d > max {
		p.fault(key, "%q is not a duration from %s to %s, such as 30s", p.values[key], min, max)
	}
	return d
}

func (p *parser) oneOf(key string, allowed ...string) string {
	for _, a := range allowed {
		if p.values[key] == a {
			return a
		}
	}
	p.fault(key, "%q is not one of %s", p.values[key], strings.Join(allowed, ", "))
	return ""
}

// lockingMode has a name of its own in files, so faults name both.
func (p *parser) lockingMode() string {
	v := p.values["locking_mode"]
	if v != "" && v != BestEffort && v != Strict {
		p.fault("locking_mode", "locking mode %q not supported; expected %s or %s (in a file the key may also be authentication.locking_mode)", v, Strict, BestEffort)
	}
	return v
}

// Origin says where an option was set, such as "the flag --locking-mode"; "" when
// it was not.
func (c *Config) Origin(key string) string { return c.origins[key] }

func (p *parser) level() slog.Level {
	switch v := p.oneOf("log_level", "debug", "info", "warn", "error"); v {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}

func (p *parser) prefixes(key string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range strings.Split(p.values[key], ",") {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if addr, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			p.fault(key, "%q is neither an address nor a network such as 10.0.0.0/8", s)
			continue
		}
		out = append(out, prefix.Masked())
	}
	return out
}

// prefixesOrNone is prefixes of an option that is not empty by default.
func (p *parser) prefixesOrNone(key string) []netip.Prefix {
	if strings.TrimSpace(p.values[key]) == "none" {
		return nil
	}
	return p.prefixes(key)
}

// Redacted lists every option with its value, secrets replaced.
func (c *Config) Redacted() string {
	var b strings.Builder
	for _, o := range Options() {
		v := c.values[o.Key]
		if o.Secret && v != "" {
			v = "(set)"
		}
		fmt.Fprintf(&b, "%s: %s\n", o.Key, strconv.Quote(v))
	}
	return b.String()
}

// Logger makes the logger the configuration asks for, on standard error.
func (c *Config) Logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
