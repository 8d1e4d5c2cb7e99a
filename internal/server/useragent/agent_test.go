package useragent_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/server/useragent"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const webkit = "AppleWebKit/537.36 (KHTML, like Gecko) "
	for _, c := range []struct {
		header, label string
		kind          useragent.Kind
	}{
		{"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128 on Linux", useragent.KindDesktop},
		{"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox 127 on Ubuntu", useragent.KindDesktop},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/126.0.0.0 Safari/537.36", "Chrome 126 on Windows", useragent.KindDesktop},
		{"Mozilla/5.0 (Windows NT 6.1; Win64; x64) " + webkit + "Chrome/109.0.0.0 Safari/537.36", "Chrome 109 on Windows", useragent.KindDesktop},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.68", "Edge 126 on Windows", useragent.KindDesktop},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + webkit + "Chrome/126.0.0.0 Safari/537.36 OPR/111.0.0.0", "Opera 111 on macOS", useragent.KindDesktop},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", "Safari 17 on macOS", useragent.KindDesktop},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "Safari 17 on iPhone", useragent.KindPhone},
		{"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1", "Chrome 126 on iPad", useragent.KindTablet},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148", "In-app browser on iPhone", useragent.KindPhone},
		{"Mozilla/5.0 (Linux; Android 10; K) " + webkit + "Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome 126 on Android", useragent.KindPhone},
		{"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP1A) " + webkit + "Chrome/120.0.0.0 Mobile Safari/537.36", "Chrome 120 on Pixel 8, Android 14", useragent.KindPhone},
		{"Mozilla/5.0 (Android 14; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0", "Firefox 127 on Android 14", useragent.KindTablet},
		{"Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S911B) " + webkit + "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36", "Samsung Internet 25 on SAMSUNG SM-S911B, Android 13", useragent.KindPhone},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + webkit + "Chrome/126.0.0.0 Safari/537.36", "Chrome 126 on ChromeOS", useragent.KindDesktop},
		{"Mozilla/5.0 (X11; Linux x86_64) " + webkit + "HeadlessChrome/126.0.0.0 Safari/537.36", "Headless Chrome 126 on Linux", useragent.KindDesktop},
		{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot 2.1", useragent.KindProgram},
		{"curl/8.5.0", "curl 8.5", useragent.KindProgram},
		{"python-requests/2.31.0", "Python program 2.31", useragent.KindProgram},
		{"Go-http-client/1.1", "Go program", useragent.KindProgram},
		{"MyTool/3.2 (internal)", "MyTool", useragent.KindUnknown},
		{"Mozilla/5.0", "Unknown browser", useragent.KindUnknown},
		{"", "Unknown device", useragent.KindUnknown},
		{"   ", "Unknown device", useragent.KindUnknown},
		{"<script>alert(1)</script>", "Unknown browser", useragent.KindUnknown},
	} {
		a := useragent.Parse(c.header)
		require.Equal(t, c.label, a.Label(), c.header)
		require.Equal(t, c.kind, a.Device.Kind, c.header)
		require.Equal(t, c.header, a.String)
	}
}

func TestParseVersionParts(t *testing.T) {
	t.Parallel()
	a := useragent.Parse("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1")
	require.Equal(t, useragent.Product{Family: "Chrome", Major: "126", Minor: "0", Patch: "6478", PatchMinor: "35"}, a.Browser)
	require.Equal(t, useragent.Product{Family: "iOS", Major: "17", Minor: "5", Patch: "1"}, a.OS)
	require.Equal(t, useragent.Device{Family: "iPhone", Brand: "Apple", Model: "iPhone", Kind: useragent.KindPhone}, a.Device)
}

func TestParseDoesNotShowFrozenVersions(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
	} {
		require.Empty(t, useragent.Parse(header).OS.Major, header)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	f.Add("\xff\xfe\x00")
	f.Add(strings.Repeat("Edg/", 5000))
	f.Fuzz(func(t *testing.T, header string) {
		a := useragent.Parse(header)
		if a.String != header {
			t.Fatalf("header changed: %q", a.String)
		}
		if label := a.Label(); label == "" || !utf8.ValidString(label) || len(label) > 300 {
			t.Fatalf("label %q of %q", label, header)
		}
	})
}
