package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What the map of a mail says reaches whoever prepares it, without secrets.
func TestMailOfATemplate(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	req := secretive()
	req.Brand = "Example"
	r, err := actingEngine(l, nil).EvaluatePolicy(t.Context(), asPolicy(`ak_send_email([user, "a@example.org"], "Hello", {
		"template": "known.html", "stage": "known", "cc": "c@example.org", "bcc": ["b@example.org", "A@example.org", nil, "no address"],
		"context": {"who": user, "deep": [{"n": 1}], "said": "is " + prompt_context.pin, "password": "x", "url": "https://example.org/?a=b"}})`), req)
	require.NoError(t, err)
	require.True(t, r.Passing)
	require.Len(t, l.drafts, 1)
	nobody := map[string]any{}
	require.Equal(t, idp.Draft{
		To: []idp.Addressee{{Address: "m@example.org", Username: "<b>mallory</b>",
			User: map[string]any{"pk": 7, "username": "<b>mallory</b>", "email": "m@example.org"}}, {Address: "a@example.org", User: nobody}},
		CC: []idp.Addressee{{Address: "c@example.org", User: nobody}}, BCC: []idp.Addressee{{Address: "b@example.org", User: nobody}},
		Subject: "Hello", Template: "known.html", Stage: "known", Brand: "Example", Policy: "watch",
		Context: map[string]any{"who": map[string]any{"pk": 7, "username": "<b>mallory</b>", "email": "m@example.org"},
			"deep": []any{map[string]any{"n": 1}}, "said": "is " + idp.Hidden, "password": idp.Hidden, "url": "https://example.org/?a=b"},
	}, l.drafts[0])
	require.Len(t, l.messages, 4)
}

// What is wrong with a mail is said of the argument, and nothing is sent.
func TestMailIsJudged(t *testing.T) {
	t.Parallel()
	send := func(entries string) string { return `ak_send_email("a@example.org", "Hello", {` + entries + `})` }
	for source, fault := range map[string]string{
		send(`"template": "known.html", "body": user.email`):                                                     `either "body" or "template", not both`,
		send(`"template": user.attributes.none, "body": nil`):                                                    `a mail needs a "body" that is text, or the name of a "template"`,
		send(`"body": user.email, "context": {"a": 1}`):                                                          `"context" is what a template is filled in with`,
		send(`"template": 7`):                                                                                    `"template": the name of a mail template, such as email/setup.html, is expected, got a number`,
		send(`"template": " "`):                                                                                  `"template": the name of a mail template`,
		send(`"template": "` + strings.Repeat("x", 201) + `"`):                                                   `"template": the name of a mail template`,
		send(`"template": "a\u0000.html"`):                                                                       `"template": the name of a mail template`,
		send(`"template": "absent.html"`):                                                                        `"template": there is no mail template "absent.html"`,
		send(`"body": "x", "stage": ["known"]`):                                                                  `"stage": the name of an email stage is expected, got a list`,
		send(`"body": "x", "stage": "absent"`):                                                                   `"stage": there is no email stage "absent"`,
		send(`"template": "known.html", "context": [1]`):                                                         `"context": a map is expected, got a list`,
		send(`"template": "known.html", "context": {"a": 1..600}`):                                               `"context".a holds too many values`,
		send(`"template": "known.html", "context": {"a": map(1..9, repeat("x", 1900))}`):                         `"context" holds more than 16 kB`,
		"not " + send(`"template": "known.html", "context": {"a": reduce(1..40, [#acc], 1)}`):                    `"context".a is nested more than 32 deep`,
		send(`"template": "known.html", "context": {"a": ip_network("192.0.2.0/24")}`):                           `is not plain data`,
		send(`"body": "x", "cc": 7`):                                                                             `"cc": an address, a user or a list of them is expected, got a number`,
		send(`"body": "x", "bcc": [true]`):                                                                       `"bcc": an address, a user or a list of them is expected, got a truth value`,
		send(`"body": "x", "cc": map(1..10, "u" + string(#) + "@example.org")`):                                  `"cc": a mail to more than 10 recipients`,
		send(`"body": "x", "cc": map(1..5, string(#) + "@a.org"), "bcc": map(1..5, "u" + string(#) + "@b.org")`): `"bcc": a mail to more than 10 recipients`,
		send(`"body": "x", "bcc": map(1..50, string(#))`):                                                        `"bcc": more than 10 recipients cannot be written to`,
	} {
		l := &ledger{}
		r, err := actingEngine(l, nil).EvaluatePolicy(t.Context(), asPolicy(source), secretive())
		require.ErrorContains(t, err, fault, source)
		require.False(t, r.Passing, source)
		require.Zero(t, l.calls, source)
	}
}

// Trying tells the whole mail, and what is wrong with it.
func TestTryingAMailOfATemplate(t *testing.T) {
	t.Parallel()
	source := `ak_send_email("a@example.org", "Hello", {"template": "known.html", "context": {"pin": 1, "n": prompt_context.note},
		"cc": user, "bcc": ["b@example.org"], "stage": "known"})`
	l := &ledger{}
	req := secretive()
	req.Brand = "Example"
	got := actingEngine(l, nil).Try(t.Context(), asPolicy(source), req)
	require.NoError(t, got.Err)
	require.True(t, got.Passing)
	require.Zero(t, l.calls)
	require.Equal(t, "An email to 3 recipients would have been sent.", got.Notes[1].Text)
	require.Equal(t, map[string]any{"to": []any{"a@example.org"}, "cc": []any{"m@example.org"}, "bcc": []any{"b@example.org"}, "subject": "Hello",
		"template": "known.html", "stage": "known", "context": map[string]any{"pin": idp.Hidden, "n": "hello"},
		"body": `Example says {"n":"hello","pin":"` + idp.Hidden + `"}`}, got.Notes[1].Facts)

	got = actingEngine(l, nil).Try(t.Context(), asPolicy(strings.Replace(source, "known.html", "other.html", 1)), req)
	require.ErrorContains(t, got.Err, `"template": there is no mail template "other.html"`)
	require.False(t, got.Passing)
	require.Zero(t, l.calls)
}
