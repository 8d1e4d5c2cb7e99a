package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetricsAndTraces(t *testing.T) {
	t.Parallel()
	c, err := Load(Source{})
	require.NoError(t, err)
	require.Equal(t, Watching{OTLPHeaders: map[string]string{}, OTLPShare: 1}, c.Watching, "off")
	c, err = Load(Source{Env: []string{"PORTCULLIS_METRICS_LISTEN=:9001", "PORTCULLIS_METRICS_TOKEN=0123456789abcdef",
		"PORTCULLIS_OTLP_SHARE=0.05", "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318/", "OTEL_EXPORTER_OTLP_HEADERS=api-key=s3cr%20et=, x=1"}})
	require.NoError(t, err)
	require.Equal(t, Watching{MetricsListen: ":9001", MetricsToken: "0123456789abcdef", OTLPEndpoint: "http://collector:4318",
		OTLPHeaders: map[string]string{"api-key": "s3cr et=", "x": "1"}, OTLPShare: 0.05}, c.Watching)
	require.Equal(t, "the variable OTEL_EXPORTER_OTLP_ENDPOINT", c.Origin("otlp_endpoint"))
	require.NotContains(t, c.Redacted(), "s3cr")
	require.NotContains(t, c.Redacted(), "0123456789abcdef")
}

// What is said to this program alone wins over what is said to all.
func TestOwnOptionsWinOverStandardVariables(t *testing.T) {
	t.Parallel()
	standard := "OTEL_EXPORTER_OTLP_ENDPOINT=http://all:4318"
	for _, env := range [][]string{{standard, "PORTCULLIS_OTLP_ENDPOINT=http://own:4318"}, {"PORTCULLIS_OTLP_ENDPOINT=http://own:4318", standard}} {
		c, err := Load(Source{Env: env})
		require.NoError(t, err)
		require.Equal(t, "http://own:4318", c.Watching.OTLPEndpoint)
	}
	c, err := Load(Source{Env: []string{standard}, Flags: map[string]string{"otlp_endpoint": "http://flag:4318"}})
	require.NoError(t, err)
	require.Equal(t, "http://flag:4318", c.Watching.OTLPEndpoint)
}

func TestFaultsOfMetricsAndTraces(t *testing.T) {
	t.Parallel()
	for key, wrong := range map[string][]string{
		"metrics_listen": {"9001", "127.0.0.1:x", "127.0.0.1:70000", "127.0.0.1:9000"},
		"metrics_token":  {"short", "0123456789 abcdef", "0123456789abcdé"},
		"otlp_endpoint":  {"collector:4317", "grpc://collector:4317", "http://", "http://user:secret@collector", "http://collector?key=secret"},
		"otlp_share":     {"x", "-0.1", "1.1", "NaN"},
		"otlp_headers":   {"api-key", "=secret", "a b=secret", "x=%zz", "x=secret%0d%0ay: 1"},
	} {
		for _, v := range wrong {
			_, err := Load(Source{Flags: map[string]string{key: v}})
			require.ErrorContains(t, err, key+": ", v)
			require.NotContains(t, err.Error(), "secret")
		}
	}
}
