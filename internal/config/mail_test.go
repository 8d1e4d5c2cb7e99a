package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMail(t *testing.T) {
	t.Parallel()
	c, err := Load(Source{})
	require.NoError(t, err)
	require.Empty(t, c.Mail.Host)
	path := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(path, []byte("s3cret\n"), 0o600))
	c, err = Load(Source{Env: []string{"PORTCULLIS_SMTP_HOST=mail.example.org", "PORTCULLIS_SMTP_FROM=Portcullis <p@example.org>",
		"PORTCULLIS_SMTP_PASSWORD_FILE=" + path, "PORTCULLIS_SMTP_USERNAME=u", "PORTCULLIS_SMTP_PORT=465", "PORTCULLIS_SMTP_TLS=tls"}})
	require.NoError(t, err)
	require.Equal(t, Mail{Host: "mail.example.org", Port: 465, Username: "u", Password: "s3cret", From: "Portcullis <p@example.org>",
		TLS: TLSImplicit, Timeout: 10 * time.Second}, c.Mail)
	require.NotContains(t, c.Redacted(), "s3cret")
}

// Everything that is wrong is said at once, by the name of the option.
func TestFaultsOfMail(t *testing.T) {
	t.Parallel()
	good := map[string]string{"smtp_host": "mail.example.org", "smtp_from": "p@example.org"}
	for wrong, fault := range map[string]string{
		"":                             "",
		"smtp_host=mail.example.org:1": "smtp_host", "smtp_host=a b": "smtp_host", "smtp_from=": "smtp_from", "smtp_from=nobody": "smtp_from",
		"smtp_port=0": "smtp_port", "smtp_port=x": "smtp_port", "smtp_tls=ssl": "smtp_tls", "smtp_timeout=0s": "smtp_timeout",
		"smtp_timeout=46s": "smtp_timeout", "email_templates_dir=/does/not/exist": "email_templates_dir",
		// Whoever asks for a mail must not say where its link leads.
		"listen=0.0.0.0:9000": "public_url", "listen=192.0.2.1:9000": "public_url", "listen=:9000": "public_url",
		"listen=[::1]:9000": "", "listen=localhost:9000": "", "smtp_host=[2001:db8::1]": "", "smtp_host=2001:db8::1": "",
	} {
		flags := map[string]string{}
		for k, v := range good {
			flags[k] = v
		}
		if key, value, ok := strings.Cut(wrong, "="); ok {
			flags[key] = value
		}
		_, err := Load(Source{Flags: flags})
		if fault == "" {
			require.NoError(t, err, wrong)
			continue
		}
		var faults *Error
		require.True(t, errors.As(err, &faults), wrong)
		require.Len(t, faults.Faults, 1, wrong)
		require.True(t, strings.HasPrefix(faults.Faults[0], fault+": "), "%s: %s", wrong, faults.Faults[0])
		flags["public_url"] = "https://id.example.org"
		if _, err := Load(Source{Flags: flags}); fault == "public_url" {
			require.NoError(t, err)
		}
	}
}
