package flow

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestTitle(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"Welcome": "Welcome", "Welcome to %(app)s!": "Welcome to Mail!", "%(user)s at %(app)s": "ada at Mail", "100%% sure": "100% sure",
		"100% sure": "100% sure", "%(nobody)s %(user)s": "%(nobody)s %(user)s", "%": "%", "%s": "%s", "%(user)d": "%(user)d", "": "",
	} {
		require.Equal(t, want, title(template, "Mail", "ada"), template)
	}
}

func TestApplicationName(t *testing.T) {
	t.Parallel()
	r := Run{Vars: Vars{}}
	require.Equal(t, "", r.app())
	r.Brand = &idp.Brand{Title: "Brand"}
	require.Equal(t, "Brand", r.app())
	r.Vars["application"] = json.RawMessage(`{"name": "Mail"}`)
	require.Equal(t, "Mail", r.app())
	r.Vars["application"] = json.RawMessage(`"odd"`)
	require.Equal(t, "Brand", r.app())
}

func TestAvatarTellsNothingButTheName(t *testing.T) {
	t.Parallel()
	require.Equal(t, Avatar("ada"), Avatar("ada"))
	require.NotEqual(t, Avatar("ada"), Avatar("bob"))
	for _, name := range []string{"", "ada", "Ada Lovelace", "<script>", "…", "Ünal"} {
		require.True(t, strings.HasPrefix(Avatar(name), "data:image/svg+xml;base64,"), name)
	}
}

func TestInput(t *testing.T) {
	t.Parallel()
	in := Input{"text": "x", "number": 7.0, "half": 7.5, "list": []any{"x"}, "yes": true, "on": "on", "off": "false", "nul": "a\x00b",
		"bad": "a\xff", "null": nil, "empty": "", "digits": " 42 ", "long": strings.Repeat("x", MaxText+1), "exact": json.Number("9")}
	for name, want := range map[string]string{"text": "x", "null": "", "absent": "", "empty": ""} {
		got, err := in.Text(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got)
	}
	for _, name := range []string{"number", "list", "nul", "bad", "yes", "long"} {
		_, err := in.Text(name)
		require.True(t, idp.Is(err, idp.CodeInvalid), name)
	}
	for name, want := range map[string]string{"absent": messageRequired, "empty": messageBlank, "list": "Not a valid string."} {
		_, err := in.Required(name)
		require.EqualError(t, err, want, name)
	}
	for name, want := range map[string]bool{"yes": true, "on": true, "off": false, "absent": false, "empty": false, "null": false} {
		got, err := in.Bool(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	for _, name := range []string{"text", "number", "list"} {
		_, err := in.Bool(name)
		require.True(t, idp.Is(err, idp.CodeInvalid), name)
	}
	for name, want := range map[string]int64{"number": 7, "digits": 42, "exact": 9} {
		got, ok, err := in.Number(name)
		require.True(t, ok && err == nil, name)
		require.Equal(t, want, got, name)
	}
	for _, name := range []string{"half", "text", "list", "yes"} {
		_, _, err := in.Number(name)
		require.True(t, idp.Is(err, idp.CodeInvalid), name)
	}
	shown := Input{"_step": "x", "component": "y", "password": "p", "new_password": "p", "token": "t", "code": "1", "uid_field": "ada"}.shown()
	require.Equal(t, Input{"uid_field": "ada"}, shown)
}

func TestMarshalChallenge(t *testing.T) {
	t.Parallel()
	info := Info{Title: "T", CancelURL: CancelURL, Layout: "stacked"}
	raw, err := MarshalChallenge(AccessDenied{UserInfo: UserInfo{"ada", "a"}, ErrorMessage: "No.", SignIn: true}, info,
		map[string][]FieldError{"x": {{"Wrong.", "invalid"}}})
	require.NoError(t, err)
	require.JSONEq(t, `{"component":"ak-stage-access-denied","pending_user":"ada","pending_user_avatar":"a","error_message":"No.",
		"flow_info":{"title":"T","background":"","background_themed_urls":null,"cancel_url":"/flows/-/cancel/","layout":"stacked"},
		"response_errors":{"x":[{"string":"Wrong.","code":"invalid"}]}}`, string(raw))

	for _, c := range []struct {
		a    Answer
		want string
		ok   bool
	}{
		{Answer{Redirect: "/x", Done: true}, `"component":"xak-flow-redirect"`, true},
		{Answer{Redirect: "/x"}, "", false},
		{Answer{Challenge: FlowError{RequestID: "r"}}, `"request_id":"r"`, true},
	} {
		raw, ok, err := c.a.JSON()
		require.NoError(t, err)
		require.Equal(t, c.ok, ok)
		require.Contains(t, string(raw), c.want)
	}
}
