package email

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// NoServer is why nothing can be sent.
const NoServer = "no mail server is configured: set smtp_host (PORTCULLIS_SMTP_HOST), or a host of the stage's own"

// Settings configure the stage.
type Settings struct {
	UseGlobalSettings     bool   `json:"use_global_settings" help:"Send through the mail server of the installation; the server below is then not used."`
	Host                  string `json:"host" help:"Mail server of this stage."`
	Port                  int    `json:"port" min:"1" help:"Port of the mail server."`
	Username              string `json:"username" help:"Name to sign in with at the mail server; empty for none."`
	Password              string `json:"password" format:"secret" help:"Password for the mail server. It is stored sealed with the secret_key of the server and never shown; the installation's own server can read it from a file instead."`
	UseTLS                bool   `json:"use_tls" label:"Use STARTTLS" help:"Turn the connection into an encrypted one (STARTTLS)."`
	UseSSL                bool   `json:"use_ssl" label:"Use TLS" help:"Encrypt the connection from the start."`
	Timeout               int    `json:"timeout" min:"1" help:"Seconds to wait for the mail server."`
	FromAddress           string `json:"from_address" help:"Sender. The installation's own is used with the installation's server."`
	ActivateUserOnSuccess bool   `json:"activate_user_on_success" help:"Switch on an account that was made switched off and waits for its address to be confirmed. An account that was locked down or switched off stays so."`
	TokenExpiry           string `json:"token_expiry" format:"duration" help:"How long the link works, from when it is sent."`
	SingleUse             bool   `json:"single_use" label:"Link works once" help:"End the link with its first use. Otherwise it works until it expires, or the account is locked down, gets a password in another way, or has all of its sessions ended."`
	Subject               string `json:"subject" help:"Subject of the mail."`
	Template              string `json:"template" help:"Text of the mail: email/password_reset.html, email/account_confirmation.html, email/setup.html, or a file of the installation's own."`
	RecoveryMaxAttempts   int    `json:"recovery_max_attempts" min:"1" help:"How many mails may be asked for within the time below, by one browser and for one account."`
	RecoveryCacheTimeout  string `json:"recovery_cache_timeout" format:"duration" label:"Recovery attempts are counted for" help:"For how long a mail counts against the limit above."`
}

func defaults() *Settings {
	return &Settings{UseGlobalSettings: true, Host: "localhost", Port: 25, Timeout: 10, TokenExpiry: "minutes=30", SingleUse: true,
		Subject: "Portcullis", Template: "email/password_reset.html", RecoveryMaxAttempts: 5, RecoveryCacheTimeout: "minutes=5"}
}

// Read returns stored settings. The error is CodeInvalid.
func Read(raw json.RawMessage) (*Settings, error) {
	out := defaults()
	if _, err := flow.DecodeSettings(out, raw); err != nil {
		return nil, err
	}
	return out, out.judge()
}

// The bounds of what is set.
const (
	minExpiry  = time.Minute
	maxExpiry  = 30 * 24 * time.Hour
	maxTimeout = 45 // seconds: a job has a minute
	maxSubject = 200
)

func (s *Settings) judge() error {
	var faults idp.Faults
	if d := duration(s.TokenExpiry); d < minExpiry || d > maxExpiry {
		faults.Add("token_expiry", "Expected a duration from minutes=1 to days=30.")
	}
	if d := duration(s.RecoveryCacheTimeout); d < time.Second || d > 24*time.Hour {
		faults.Add("recovery_cache_timeout", "Expected a duration from seconds=1 to hours=24.")
	}
	if s.Timeout > maxTimeout {
		faults.Add("timeout", "Ensure this value is less than or equal to %d.", maxTimeout)
	}
	if s.Port > 65535 {
		faults.Add("port", "Ensure this value is less than or equal to 65535.")
	}
	if s.UseTLS && s.UseSSL {
		faults.Add("use_tls", "STARTTLS and TLS from the start exclude each other.")
	}
	faults.Line("subject", s.Subject, maxSubject, false)
	faults.Line("host", s.Host, 255, true)
	faults.Line("username", s.Username, 255, true)
	if s.FromAddress != "" && !address(s.FromAddress) {
		faults.Add("from_address", "Enter a valid email address.")
	}
	if !s.UseGlobalSettings {
		if strings.TrimSpace(s.Host) == "" {
			faults.Add("host", "A stage with its own mail server needs its host.")
		}
		if s.FromAddress == "" {
			faults.Add("from_address", "A stage with its own mail server needs a sender.")
		}
	}
	return faults.Err()
}

// address reports whether the text is one mail address, without a name.
func address(s string) bool {
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s
}

// duration is a setting whose form was judged; a bad one counts as zero.
func duration(s string) time.Duration {
	d, err := idp.ParseDuration(s)
	if err != nil {
		return 0
	}
	return d
}

// Wait is how long the stage's mail server may take to answer.
func (s *Settings) Wait() time.Duration { return time.Duration(s.Timeout) * time.Second }

// InWords says a duration as people do, in its largest whole unit.
func InWords(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= unit.length && d%unit.length == 0 || unit.length == time.Minute {
			n := int(d.Round(unit.length) / unit.length)
			if n == 1 {
				return "1 " + unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return ""
}
