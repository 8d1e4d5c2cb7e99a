package config

import "strings"

// Option is one thing an operator can set. The table drives flags, environment
// variables, the file's keys, `portcullis config` and the README.
type Option struct {
	Key     string // in the YAML file; the flag has hyphens, the variable PORTCULLIS_ and capitals
	Default string
	Help    string
	Secret  bool // never printed; <VARIABLE>_FILE names a file that holds it
}

// Env is the environment variable.
func (o Option) Env() string { return EnvPrefix + strings.ToUpper(o.Key) }

// Flag is the command-line flag, without the dashes.
func (o Option) Flag() string { return strings.ReplaceAll(o.Key, "_", "-") }

// EnvPrefix starts every environment variable of the product.
const EnvPrefix = "PORTCULLIS_"

// Options lists everything that can be set.
func Options() []Option {
	return []Option{
		{Key: "listen", Default: "127.0.0.1:9000", Help: "Address and port to serve HTTP on."},
		{Key: "public_url", Help: "How browsers reach the server, such as https://id.example.org. Empty: derived from each request."},
		{Key: "data_dir", Help: "Where the embedded database lives. Empty: /var/lib/portcullis as root, else $XDG_DATA_HOME/portcullis."},
		{Key: "database_url", Help: "PostgreSQL 15 or later, such as postgres://user:password@host/name. Empty: embedded.", Secret: true},
		{Key: "database_pool", Default: "20", Help: "Most connections to the database, 2 to 500."},
		{Key: "postgres_bin", Help: "Directory with PostgreSQL's server programs, for the embedded database. Empty: looked for."},
		{Key: "trusted_proxies", Help: "Addresses or networks, comma separated, whose X-Forwarded-* headers are believed."},
		{Key: "bootstrap_password", Help: "Password of the first administrator, admin, set on first start.", Secret: true},
		{Key: "bootstrap_email", Help: "E-mail address of the first administrator, set on first start."},
		{Key: "bootstrap_token", Help: "API token of the first administrator, made on first start.", Secret: true},
		{Key: "breached_passwords", Help: "List of breached passwords for password policies: a file or directory as Have I Been Pwned publishes it (SHA-1). Nothing is asked over the network. Empty: none."},
		{Key: "log_level", Default: "info", Help: "debug, info, warn or error."},
		{Key: "log_format", Default: "text", Help: "text or json."},
		{Key: "shutdown_delay", Default: "0s", Help: "How long the server goes on answering after it has said that it is not ready, so that load balancers can turn away first."},
		{Key: "shutdown_timeout", Default: "30s", Help: "How long requests in flight may take when the server stops."},
	}
}
