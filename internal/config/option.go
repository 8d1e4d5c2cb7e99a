package config

import "strings"

// Option is one thing an operator can set. The table drives flags, environment
// variables, the file's keys, `portcullis config` and the README.
type Option struct {
	Key     string // in the YAML file; the flag has hyphens, the variable PORTCULLIS_ and capitals
	Default string
	Help    string
	Secret  bool // never printed; <VARIABLE>_FILE names a file that holds it
	// Alias is another key of the same option in the YAML file, with dots between
	// the names of nested keys; "" = none.
	Alias string
	// Standard is a variable by that others set the same, taken where ours is not
	// set; "" = none.
	Standard string
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
		{Key: "secret_key", Help: "What the server seals with that it has to read again, such as keys of new tokens and passwords in the settings of stages: at least 32 bytes, the same for all replicas. To change it, put the new one before the old one, with a space between: a start then seals anew with it what is configured, such as secrets of applications; authenticator apps and signing keys go on needing the old one. Empty: made once and kept in the data directory as secret.key; with database_url and no data_dir, made anew at each start, and passwords in the settings of stages and secrets of applications are then stored in clear.", Secret: true},
		{Key: "locking_mode", Alias: "authentication.locking_mode", Help: "What counts while the server cannot be sure to know of every lock and every ended session, as when it cannot reach the database: best_effort goes on with what it knew last, strict refuses. In a file also as locking_mode below authentication. Set, it is fixed for everybody; empty: what System > Locking mode (the resource cluster_auth_preference) says, which begins with best_effort."},
		{Key: "locking_max_staleness", Default: "5m", Help: "How long ago the locks may have been heard of last where they are judged strictly, 1s to 24h. With strict for everybody, each session is asked for in the database after two seconds already."},
		{Key: "lock_retention", Default: "8760h", Help: "How long locks that were lifted or have expired are kept as history, 24h to 87600h. Events about them stay."},
		{Key: "reputation_lower_limit", Default: "-5", Help: "How low the score of an account and an address goes, -1000000 to -1: each failed sign-in takes 1. Reputation policies compare scores with their threshold."},
		{Key: "reputation_upper_limit", Default: "5", Help: "How high the score of an account and an address goes, 0 to 1000000: each sign-in adds 1."},
		{Key: "token_keys_revealable", Default: "false", Help: "true: the API shows the key of a token again and again, as tools expect that manage tokens (Terraform). false: once, within an hour of its making."},
		{Key: "breached_passwords", Help: "List of breached passwords for password policies: a file or directory as Have I Been Pwned publishes it (SHA-1). Nothing is asked over the network. Empty: none."},
		{Key: "blueprints_dir", Help: "Directory whose *.yaml files are kept applied, those of its folders too; a file with the path of a shipped one, such as default/90-brand.yaml, takes its place, and an empty one switches it off. Empty: only what is shipped."},
		{Key: "geoip_city", Help: "Database of places in MaxMind's format, such as GeoLite2-City.mmdb, read again when the file changes. Sessions that a user login stage binds to places are not checked without. Empty: none."},
		{Key: "geoip_asn", Help: "Database of networks in MaxMind's format, such as GeoLite2-ASN.mmdb, read again when the file changes. Sessions that a user login stage binds to networks are not checked without. Empty: none."},
		{Key: "smtp_host", Help: "Mail server that takes mail from here. Empty: no mail is sent, except by stages with a server of their own."},
		{Key: "smtp_port", Default: "587", Help: "Port of the mail server: 587 with starttls, 465 with tls."},
		{Key: "smtp_username", Help: "Name to sign in with at the mail server. Empty: without."},
		{Key: "smtp_password", Help: "Password for the mail server.", Secret: true},
		{Key: "smtp_from", Help: "Sender of mails, such as Portcullis <portcullis@example.org>."},
		{Key: "smtp_tls", Default: "starttls", Help: "How the connection to the mail server is protected: starttls, tls (from the start) or none."},
		{Key: "smtp_timeout", Default: "10s", Help: "How long the mail server may take to answer, up to 45s."},
		{Key: "email_templates_dir", Help: "Directory with texts of mails, *.html with a *.txt beside; one named like a shipped text, such as email/password_reset.html, takes its place. Empty: only what is shipped."},
		{Key: "webhook_allow", Help: "Addresses or networks, comma separated, that webhooks of notifications may lead to although they are not public, such as 10.20.0.0/16. Empty: public addresses only."},
		{Key: "logout_allow", Default: "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7", Help: "Addresses or networks, comma separated, at which applications are told of logouts although they are not public: by default private networks, where applications often are. none: public addresses only."},
		{Key: "metrics_listen", Help: "Address and port to serve /-/metrics on, and nowhere else, such as 127.0.0.1:9001: whoever reaches it may read metrics, unless metrics_token is set. Empty: served on listen."},
		{Key: "metrics_token", Help: "What programs that read /-/metrics send as a bearer token, at least 16 characters. Empty, without metrics_listen: programs of this machine may read them, and nobody else.", Secret: true},
		{Key: "otlp_endpoint", Standard: "OTEL_EXPORTER_OTLP_ENDPOINT", Help: "Collector of traces by OTLP over HTTP, such as http://127.0.0.1:4318; /v1/traces is added to it. Also OTEL_EXPORTER_OTLP_ENDPOINT. Empty: no traces."},
		{Key: "otlp_share", Default: "1", Help: "Share of requests that are traced, 0 to 1, such as 0.05 for one in twenty."},
		{Key: "otlp_headers", Standard: "OTEL_EXPORTER_OTLP_HEADERS", Help: "Headers for the collector of traces, as name=value, comma separated. Also OTEL_EXPORTER_OTLP_HEADERS.", Secret: true},
		{Key: "log_level", Default: "info", Help: "debug, info, warn or error."},
		{Key: "log_format", Default: "text", Help: "text or json."},
		{Key: "shutdown_delay", Default: "0s", Help: "How long the server goes on answering after it has said that it is not ready, so that load balancers can turn away first."},
		{Key: "shutdown_timeout", Default: "30s", Help: "How long requests in flight may take when the server stops."},
	}
}
