package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/config"
)

// reported is what the fake database answers.
var reported = &blueprint.Report{Problems: []blueprint.Problem{}, Changes: []blueprint.Change{
	{Entry: 1, Line: 3, Model: "authentik_flows.flow", Name: "sign-in", Effect: "created", Fields: []blueprint.FieldChange{{Field: "title", To: "Welcome"}}},
	{Entry: 2, Line: 9, Model: "authentik_stages_prompt.prompt", Name: "mail", Effect: "changed", Fields: []blueprint.FieldChange{
		{Field: "required", From: false, To: true}, {Field: "initial_value", From: "one\ntwo\n", To: "\x1b[31m"}}},
	{Entry: 3, Line: 12, Model: "authentik_core.group", Name: "old", Effect: "removed"},
	{Entry: 4, Line: 15, Model: "authentik_core.group", Name: "same", Effect: "unchanged"},
}}

// asked is what reached the fake database.
type asked struct {
	options   BlueprintOptions
	documents []*blueprint.Document
}

func blueprints(a *asked, err error) Program {
	return Program{Blueprints: Blueprints{
		Run: func(_ context.Context, _ *config.Config, d []*blueprint.Document, o BlueprintOptions) ([]*blueprint.Report, error) {
			a.options, a.documents = o, d
			if err != nil {
				return nil, err
			}
			out := make([]*blueprint.Report, len(d))
			for i := range d {
				out[i] = reported
			}
			return out, nil
		},
		Export: func(_ context.Context, _ *config.Config, slug string) ([]byte, error) {
			return []byte("# " + slug + "\n"), nil
		},
		Schema: func() ([]byte, error) { return []byte("{}\n"), nil },
	}}
}

func written(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.yaml")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

const planText = `  + flow sign-in  line 3
      title: Welcome
  ~ prompt mail  line 9
      required: false → true
      initial_value: one … (1 more lines) → "\x1b[31m"
  - group old  line 12
Plan: 1 to create, 1 to change, 1 to remove, 1 unchanged.
`

func TestPlanShowsWhatWouldChangeFieldByField(t *testing.T) {
	var a asked
	name := written(t, "version: 1\nentries: []\n")
	values := written(t, "host: id.example.org\nlevel: 1\n")
	code, out, errs := run(t, blueprints(&a, nil), "blueprint", "plan", name, "--context-file", values, "--context", "level=2", "--context", "list=[a, b]", "--skip-unsupported")
	require.Equal(t, ExitOK, code, errs)
	require.Equal(t, name+"\n"+planText, out)
	require.False(t, a.options.Keep)
	require.True(t, a.options.SkipUnsupported)
	require.Equal(t, map[string]any{"host": "id.example.org", "level": 2, "list": []any{"a", "b"}}, a.options.Context)
	require.NotNil(t, a.documents[0].Files, "files of this machine may be read")

	code, out, _ = run(t, blueprints(&a, nil), "blueprint", "apply", name, "--format", "json")
	require.Equal(t, ExitOK, code)
	require.True(t, a.options.Keep)
	var got struct {
		Success bool
		Files   []fileResult
	}
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.True(t, got.Success)
	require.Len(t, got.Files[0].Changes, 4)

	code, out, _ = run(t, blueprints(&a, nil), "blueprint", "validate", name)
	require.Equal(t, ExitOK, code)
	require.Equal(t, "ok "+name+": 4 entries\n", out)
}

func TestProblemsAreExitCodeOneAndMistakesTwo(t *testing.T) {
	good, bad := written(t, "version: 1\nentries: []\n"), written(t, "version: 1\nentrys: []\nmetadata: {colour: red}\n")
	d, err := blueprint.Parse(good, []byte("version: 2"))
	require.Nil(t, d)
	for _, c := range []struct {
		args      []string
		err       error
		code      int
		out, errs string
	}{
		{[]string{"validate", bad}, nil, ExitFailure, "unknown key \"entrys\"", "the files have problems"},
		{[]string{"validate", good, bad}, nil, ExitFailure, "metadata: unknown key \"colour\"", "the files have problems"},
		{[]string{"plan", good}, err, ExitFailure, good + ":1:1: version: expected 1", "the files have problems"},
		{[]string{"apply", good}, errors.New("no database"), ExitFailure, "", "no database"},
		{[]string{"plan"}, nil, ExitUsage, "", "expected at least one file"},
		{[]string{"plan", "/does/not/exist"}, nil, ExitUsage, "", "/does/not/exist"},
		{[]string{"plan", good, "--format", "xml"}, nil, ExitUsage, "", "expected text or json"},
		{[]string{"plan", good, "--context", "novalue"}, nil, ExitUsage, "", "expected key=value"},
		{[]string{"plan", good, "--context-file", good + "x"}, nil, ExitUsage, "", "no such file"},
		{[]string{"plan", good, "--server", "nowhere"}, nil, ExitUsage, "", "expected an address such as"},
		{[]string{"plan", good, "--server", "https://id.example.org"}, nil, ExitUsage, "", "set PORTCULLIS_TOKEN"},
		{[]string{"export"}, nil, ExitUsage, "", "expected the slug of one flow"},
		{[]string{"export", "sign-in"}, nil, ExitOK, "# sign-in\n", ""},
		{[]string{"schema"}, nil, ExitOK, "{}\n", ""},
	} {
		t.Setenv(tokenVariable, "")
		code, out, errs := run(t, blueprints(&asked{}, c.err), append([]string{"blueprint"}, c.args...)...)
		require.Equal(t, c.code, code, "%v: %s", c.args, errs)
		require.Contains(t, out, c.out, "%v", c.args)
		require.Contains(t, errs, c.errs, "%v", c.args)
	}
}

// server answers as the API does and notes what it was sent.
func server(t *testing.T, status int, answer string) (*httptest.Server, *http.Request) {
	t.Helper()
	var got http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseMultipartForm(1 << 20)
		got = *r
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s, &got
}

func TestServersAreAskedOverTheirAPI(t *testing.T) {
	t.Setenv(tokenVariable, "a-token-of-the-api")
	name := written(t, "version: 1\nentries: []\n")
	raw, err := json.Marshal(map[string]any{"success": true, "logs": []any{}, "changes": reported.Changes, "problems": []any{}})
	require.NoError(t, err)
	s, got := server(t, http.StatusOK, string(raw))
	code, out, errs := run(t, Program{}, "blueprint", "plan", name, "--server", s.URL+"/", "--context", "a=b")
	require.Equal(t, ExitOK, code, errs)
	require.Equal(t, name+"\n"+planText, out)
	require.Equal(t, "/api/v3/managed/blueprints/import/", got.URL.Path)
	require.Equal(t, "Bearer a-token-of-the-api", got.Header.Get("Authorization"))
	require.Equal(t, map[string][]string{"context": {`{"a":"b"}`}, "dry_run": {"true"}, "skip_unsupported": {"false"}}, got.MultipartForm.Value)
	f, err := got.MultipartForm.File["file"][0].Open()
	require.NoError(t, err)
	var sent bytes.Buffer
	_, err = sent.ReadFrom(f)
	require.NoError(t, err)
	require.Equal(t, "version: 1\nentries: []\n", sent.String())

	s, got = server(t, http.StatusOK, `{"success": false, "logs": [], "changes": [], "problems": [{"file": "file", "line": 2, "message": "no"}]}`)
	code, out, _ = run(t, Program{}, "blueprint", "apply", name, name, "--server", s.URL)
	require.Equal(t, ExitFailure, code)
	require.Contains(t, out, "problem "+name+":2: no\n")
	require.Equal(t, []string{"false"}, got.MultipartForm.Value["dry_run"])

	for status, want := range map[int]string{http.StatusForbidden: "403 Forbidden: Token invalid/expired", http.StatusFound: "302 Found"} {
		s, _ = server(t, status, `{"detail": "Token invalid/expired"}`)
		code, _, errs = run(t, Program{}, "blueprint", "export", "sign-in", "--server", s.URL)
		require.Equal(t, ExitFailure, code)
		require.Contains(t, errs, want, "redirects are not followed: the token is for this server")
	}
	s, got = server(t, http.StatusOK, "# exported\n")
	to := filepath.Join(t.TempDir(), "out.yaml")
	code, _, errs = run(t, Program{}, "blueprint", "export", "a/b", "--server", s.URL, "-o", to)
	require.Equal(t, ExitOK, code, errs)
	require.Equal(t, "/api/v3/flows/instances/a%2Fb/export/", got.URL.EscapedPath())
	content, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, "# exported\n", string(content))
}
