package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefaultsStand(t *testing.T) {
	c, err := Load(Source{})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:9000", c.Listen)
	require.Empty(t, c.DatabaseURL)
	require.Equal(t, 20, c.DatabasePool)
}

func TestFlagsBeatEnvironmentBeatsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portcullis.yaml")
	require.NoError(t, os.WriteFile(path, []byte("listen: 127.0.0.1:1\nlog_level: debug\ntrusted_proxies: [10.0.0.0/8, 192.0.2.1]\n"), 0o600))
	c, err := Load(Source{File: path, Env: []string{"PORTCULLIS_LISTEN=127.0.0.1:2", "PORTCULLIS_LOG_FORMAT=json"},
		Flags: map[string]string{"listen": "127.0.0.1:3"}})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:3", c.Listen)
	require.Equal(t, "json", c.LogFormat)
	require.Equal(t, "DEBUG", c.LogLevel.String())
	require.Len(t, c.TrustedProxies, 2)
	require.Equal(t, "192.0.2.1/32", c.TrustedProxies[1].String())
}

func TestSecretsComeFromFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte("hunter2 hunter2\n"), 0o600))
	c, err := Load(Source{Env: []string{"PORTCULLIS_BOOTSTRAP_PASSWORD_FILE=" + path}})
	require.NoError(t, err)
	require.Equal(t, "hunter2 hunter2", c.Bootstrap.Password)
	require.NotContains(t, c.Redacted(), "hunter2")
	require.Contains(t, c.Redacted(), `bootstrap_password: "(set)"`)
}

func TestSecretKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	first, second := strings.Repeat("a", 32), strings.Repeat("b", 40)
	require.NoError(t, os.WriteFile(path, []byte(first+"\n"+second+"\n"), 0o600))
	c, err := Load(Source{Env: []string{"PORTCULLIS_SECRET_KEY_FILE=" + path, "PORTCULLIS_TOKEN_KEYS_REVEALABLE=true"}})
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte(first), []byte(second)}, c.SecretKeys)
	require.True(t, c.TokenKeysRevealable)
	require.NotContains(t, c.Redacted(), first)

	c, err = Load(Source{})
	require.NoError(t, err)
	require.Empty(t, c.SecretKeys)
	require.False(t, c.TokenKeysRevealable)

	_, err = Load(Source{Env: []string{"PORTCULLIS_SECRET_KEY=" + first + " too-short", "PORTCULLIS_TOKEN_KEYS_REVEALABLE=perhaps"}})
	require.ErrorContains(t, err, "secret_key: key 2 of the list has 9 bytes, expected at least 32")
	require.ErrorContains(t, err, "token_keys_revealable")
	require.NotContains(t, err.Error(), "too-short")
}

// A database of addresses may come later: where it is to be is no fault.
func TestDatabasesOfAddressesNeedNotBeThere(t *testing.T) {
	c, err := Load(Source{Env: []string{"PORTCULLIS_GEOIP_CITY=/nowhere/city.mmdb", "PORTCULLIS_GEOIP_ASN=asn.mmdb"}})
	require.NoError(t, err)
	require.Equal(t, "/nowhere/city.mmdb", c.GeoIPCity)
	require.True(t, filepath.IsAbs(c.GeoIPASN), "wherever the server changes to")
}

func TestAllFaultsAreListedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portcullis.yaml")
	require.NoError(t, os.WriteFile(path, []byte("lissten: x\n"), 0o600))
	_, err := Load(Source{File: path, Env: []string{
		"PORTCULLIS_LISTEN=nowhere", "PORTCULLIS_DATABASE_URL=mysql://u:topsecret@h/d", "PORTCULLIS_PUBLIC_URL=ftp://x",
		"PORTCULLIS_TRUSTED_PROXIES=10.0.0.0/8,banana", "PORTCULLIS_LOG_LEVEL=loud", "PORTCULLIS_DATABASE_POOL=0",
		"PORTCULLIS_BOOTSTRAP_TOKEN=two words", "PORTCULLIS_SHUTDOWN_TIMEOUT=never", "PORTCULLIS_LISTEN_FILE=/x",
		"PORTCULLIS_BOOTSTRAP_PASSWORD=a", "PORTCULLIS_BOOTSTRAP_PASSWORD_FILE=/nope",
	}})
	var faults *Error
	require.True(t, errors.As(err, &faults))
	for _, want := range []string{`unknown key "lissten"`, "listen: ", "database_url: ", "public_url: ", `"banana"`,
		"log_level: ", "database_pool: ", "bootstrap_token: ", "shutdown_timeout: ", "only secrets", "are both set"} {
		require.Contains(t, err.Error(), want)
	}
	require.NotContains(t, err.Error(), "topsecret")
	require.Len(t, faults.Faults, 11)
}
