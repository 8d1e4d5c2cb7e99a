package ui

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/stretchr/testify/require"
)

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, c.Render(context.Background(), &b))
	return b.String()
}

func TestRelative(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 14, 9, 26, 0, 0, time.UTC)
	for _, c := range []struct {
		before time.Duration
		want   string
	}{
		{0, "just now"},
		{4 * time.Second, "just now"},
		{-4 * time.Second, "just now"},
		{5 * time.Second, "5 seconds ago"},
		{59 * time.Second, "59 seconds ago"},
		{time.Minute, "1 minute ago"},
		{119 * time.Second, "1 minute ago"},
		{2 * time.Hour, "2 hours ago"},
		{24*time.Hour - time.Second, "23 hours ago"},
		{24 * time.Hour, "yesterday"},
		{47 * time.Hour, "yesterday"},
		{48 * time.Hour, "2 days ago"},
		{7 * 24 * time.Hour, "1 week ago"},
		{45 * 24 * time.Hour, "1 month ago"},
		{334 * 24 * time.Hour, "11 months ago"},
		{335 * 24 * time.Hour, "13 Apr 2025"},
		{-90 * time.Second, "in 1 minute"},
		{-30 * time.Hour, "in 1 day"},
		{-400 * 24 * time.Hour, "18 Apr 2027"},
	} {
		require.Equal(t, c.want, Relative(now.Add(-c.before), now), "%v before", c.before)
	}
}

func TestTimeIsAbsoluteInUTC(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.March, 14, 10, 26, 3, 0, time.FixedZone("CET", 3600))
	require.Equal(t, `<time datetime="2026-03-14T09:26:03Z" title="14 Mar 2026, 09:26:03 UTC">1 hour ago</time>`, render(t, Time(at, at.Add(time.Hour))))
	require.Contains(t, render(t, TimeFull(at, at.Add(time.Hour))), "14 Mar 2026, 09:26:03 UTC")
	require.Equal(t, `<span class="muted">never</span>`, render(t, Time(time.Time{}, at)))
}

func TestCountAndNumber(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0 sessions", Count(0, "session"))
	require.Equal(t, "1 session", Count(1, "session"))
	require.Equal(t, "1,204 users", Count(1204, "user"))
	require.Equal(t, "2 policies", Count(2, "policy"))
	require.Equal(t, "2 keys", Count(2, "key"))
	require.Equal(t, "2 addresses", Count(2, "address"))
	require.Equal(t, "2 branches", Count(2, "branch"))
	require.Equal(t, "999", Number(999))
	require.Equal(t, "1,000", Number(1000))
	require.Equal(t, "1,000,007", Number(1000007))
	require.Equal(t, "-1,204", Number(-1204))
}

func TestAvatarNeedsNoPicture(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Ada Lovelace": "AL", "ada": "AD", "x": "X", "": "?", " ": "?", "Grace Brewster Hopper": "GH", "ldap-outpost": "LO", "émile zola": "ÉZ", "ada@example.org": "AO", "李 明": "李明",
	} {
		require.Equal(t, want, initials(name), name)
	}
	require.Equal(t, hue("ada"), hue("ada"))
	require.Contains(t, render(t, Avatar("Ada Lovelace", "ada")), `aria-hidden="true">AL<`)
}

// What people typed must never become markup, wherever it is shown.
func TestWhatPeopleTypedIsEscaped(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>`
	for name, c := range map[string]templ.Component{
		"text": Text(evil), "tag": Tag(ToneOK, evil), "two": Two(evil, evil, "/"), "person": PersonCell(evil, evil, "/"), "copy": CopyID(evil),
		"code": Code(evil, evil), "json": JSON(evil, map[string]any{evil: []any{evil, 1, nil}}), "field": Field(FieldProps{Name: evil, Label: evil, Value: evil, Hint: evil, Error: evil}),
		"textarea": Field(FieldProps{Name: "a", Label: "a", Type: FieldTextArea, Value: "</textarea>" + evil}),
		"select":   Field(FieldProps{Name: "a", Label: "a", Type: FieldSelect, Options: []Option{{Value: evil, Label: evil}}}),
		"alert":    Alert(AlertProps{Title: evil, Text: evil}),
		"crumbs":   Breadcrumbs([]Crumb{{Label: evil, Href: evil}, {Label: evil}}),
		"error":    ErrorPage(ErrorProps{Title: evil, Message: evil, RequestID: evil}),
		"admin":    Admin(PageProps{Title: evil, Path: evil, Search: evil, User: &Person{Username: evil, Name: evil}, Theme: Theme(evil), Brand: Brand{Title: evil, LogoURL: evil}}),
	} {
		require.NotContains(t, render(t, c), "<script>alert", name)
		require.NotContains(t, render(t, c), "</textarea>\"", name)
	}
}

func TestAddressesCannotRunScript(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x"} {
		for name, html := range map[string]string{
			"link": render(t, Anchor("x", bad)), "button": render(t, Button(ButtonProps{Label: "x", FormAction: bad})), "link button": render(t, Button(ButtonProps{Label: "x", Href: bad})),
			"form": render(t, Form(FormProps{Action: bad})), "logo": render(t, Logo(Brand{LogoURL: bad})), "menu": render(t, Menu("m", ButtonProps{Label: "x"}, []MenuItem{{Label: "x", Href: bad}, {Label: "y", Post: bad}})),
		} {
			require.Contains(t, html, "about:invalid", name+" "+bad)
			require.NotContains(t, strings.ToLower(html), strings.ToLower(bad), name)
		}
	}
	for _, good := range []string{"/if/admin/", "?ordering=a:b", "#main", "https://example.org/", "users/1"} {
		require.Contains(t, render(t, Anchor("x", good)), `href="`+good+`"`)
	}
}

func TestJSONIsReadableAndWhole(t *testing.T) {
	t.Parallel()
	html := render(t, JSON("Context", json.RawMessage(`{"a":{"b":[1,-2.5e3,true,null,"x\"y\\"]},"<k>":""}`)))
	for _, part := range []string{
		`aria-label="Context"`, `<span class="j-key">&#34;a&#34;</span>: {`, `<span class="j-val">-2.5e3</span>`, `<span class="j-val">null</span>`,
		`<span class="j-str">&#34;x\&#34;y\\&#34;</span>`, `<span class="j-key">&#34;&lt;k&gt;&#34;</span>`,
	} {
		require.Contains(t, html, part)
	}
	require.Error(t, JSON("x", func() {}).Render(context.Background(), &strings.Builder{}))
	require.Error(t, JSON("x", json.RawMessage(`{"a":`)).Render(context.Background(), &strings.Builder{}))
}

// Colouring must neither change nor lose a character, whatever the JSON holds.
func FuzzColour(f *testing.F) {
	for _, s := range []string{`{}`, `"\\"`, `[1,"a",{"b":null}]`, `"é\u0000<>&"`, `-0.1e-5`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var v any
		if json.Unmarshal([]byte(in), &v) != nil {
			return
		}
		text, err := json.MarshalIndent(v, "", "  ")
		require.NoError(t, err)
		out := colour(string(text))
		for _, class := range []string{"j-key", "j-str", "j-val"} {
			out = strings.ReplaceAll(out, `<span class="`+class+`">`, "")
		}
		require.Equal(t, templ.EscapeString(string(text)), strings.ReplaceAll(out, "</span>", ""))
	})
}
