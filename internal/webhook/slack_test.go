package webhook

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The shape is what Slack, Mattermost and Discord take: attachments (Slack calls them
// legacy, and keeps them).
func TestSlackMessages(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	m := message(r.URL)
	m.Transport.Mode = idp.TransportSlack
	_, err := sender().Send(t.Context(), m)
	require.NoError(t, err)
	want, err := os.ReadFile(filepath.Join("testdata", "slack.json"))
	require.NoError(t, err)
	var have bytes.Buffer
	require.NoError(t, json.Indent(&have, r.taken()[0].body, "", "  "))
	require.Equal(t, strings.TrimSpace(string(want)), have.String())
	require.Equal(t, "application/json", r.taken()[0].Header.Get("Content-Type"))
}

func TestSlackMessagesOfEverySeverity(t *testing.T) {
	t.Parallel()
	colors := map[string]bool{}
	for _, severity := range idp.Severities() {
		m := message("https://hooks.example.org/")
		m.Severity, m.Test, m.User = severity, true, nil
		a := sender().slack(m).Attachments[0]
		colors[a.Color] = true
		require.True(t, strings.HasPrefix(strings.ToLower(a.Title), string(severity)+": "), a.Title)
		require.Empty(t, a.TitleLink, "a test is no event that could be opened")
		for _, f := range a.Fields {
			require.NotEqual(t, "For", f.Title)
			require.NotEmpty(t, f.Value)
		}
	}
	require.Len(t, colors, 3)
}

// Whoever fails to sign in chooses the name that is told of.
func TestSlackMessagesCannotBeCommands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"<!channel> & <https://evil.example.org|click>": "&lt;!channel&gt; &amp; &lt;https://evil.example.org|click&gt;",
		"@everyone @Here @channel @all mia@example.org": "@\u200beveryone @\u200bHere @\u200bchannel @\u200ball mia@example.org",
		"[click](https://evil.example.org) [x]":         "[click]\u200b(https://evil.example.org) [x]",
		"a\r\nb\x00c \u202egnp":                         "a b␀c \uFFFDgnp",
	} {
		require.Equal(t, want, chat(text, 1000))
	}
	// What is too long, also once it is escaped, would be refused as a whole.
	for _, piece := range []string{"&", "x", "ü", "😀", "@all ", "]("} {
		m := message("https://hooks.example.org/")
		long := strings.Repeat(piece, 5000)
		m.Rule, m.Body, m.User.Username = long, long, long
		m.Event.User["username"], m.Event.Context["affected_user"] = long, long+"2"
		m.Event.Context["http_request"] = map[string]any{"user_agent": long}
		a := sender().slack(m).Attachments[0]
		size := func(s string) int { return len(utf16.Encode([]rune(s))) }
		require.LessOrEqual(t, size(a.Title), 256)
		require.Greater(t, size(a.Title), 240)
		total := size(a.Title) + size(a.Text) + size(a.Footer)
		for _, f := range a.Fields {
			require.LessOrEqual(t, size(f.Value), 1024)
			total += size(f.Title) + size(f.Value)
		}
		require.LessOrEqual(t, total, 6000)
		require.NotContains(t, a.Title, "&am…")
	}
}
