package stagepage_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

const stagesAt = "/if/admin/stages/"

// TestEveryKindHasAForm: each kind's form shows every setting with its help, is
// saved as it comes, and loses nothing when it is saved again.
func TestEveryKindHasAForm(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, k := range kinds() {
		page := w.Get(stagesAt + "new/" + k.Name + "/")
		require.Equal(t, http.StatusOK, page.Status, k.Name)
		require.Empty(t, page.Faults(), k.Name)
		for _, s := range k.Describe() {
			if !s.Unoffered {
				require.Contains(t, page.Main(), strings.Join(strings.Fields(s.Help), " "), "%s.%s", k.Name, s.Name)
			}
		}
		made := w.Post(stagesAt+"new/"+k.Name+"/", page.Fields("name", "a "+k.Name)...)
		if made.Status == http.StatusBadRequest { // a setting that has no default
			require.Contains(t, made.Body, `aria-invalid="true"`, "%s: %s", k.Name, made.Main())
			continue
		}
		require.Equal(t, http.StatusSeeOther, made.Status, "%s: %s", k.Name, made.Main())
		before := w.find("a " + k.Name)
		require.JSONEq(t, jsonOf(t, k.Settings()), string(before.Settings), "%s is saved as its form came", k.Name)

		edit := w.Get(stagesAt + before.ID.String() + "/")
		require.Empty(t, edit.Faults(), k.Name)
		require.Equal(t, http.StatusSeeOther, w.Post(stagesAt+before.ID.String()+"/", edit.Fields()...).Status, k.Name)
		after := w.find("a " + k.Name)
		require.JSONEq(t, string(before.Settings), string(after.Settings))
		require.Equal(t, before.UpdatedAt, after.UpdatedAt, "%s: what was not changed is not written", k.Name)
	}
}

func TestFormsKeepEveryValue(t *testing.T) {
	t.Parallel()
	w := open(t)
	password := w.stage("a password", "password", `{}`)
	other := w.flow("other")
	group := w.Boss.Groups[0].String()
	first, second := w.prompt("first"), w.prompt("second")
	check := w.policy("check")
	for name, c := range map[string]struct{ kind, settings string }{
		"identification": {"identification", `{"user_fields": ["upn", "email"], "password_stage": "` + password.ID.String() + `", "case_insensitive_matching": false,
			"recovery_flow": "` + other.ID.String() + `", "show_source_labels": true, "pretend_user_exists": false}`},
		"deny":       {"deny", `{"deny_message": "\nNo.\n\n  <b>Really</b> & \"truly\" not.\n"}`},
		"prompt":     {"prompt", `{"fields": ["` + second.ID.String() + `", "` + first.ID.String() + `"], "validation_policies": ["` + check.ID.String() + `"]}`},
		"user write": {"user_write", `{"user_creation_mode": "never_create", "create_users_group": "` + group + `", "user_type": "internal", "user_path_template": "a/b"}`},
		"user login": {"user_login", `{"session_duration": "days=3;hours=1", "terminate_other_sessions": true, "remember_me_offset": "weeks=1",
			"network_binding": "bind_asn", "geoip_binding": "bind_continent_country", "binding_log_only": true, "binding_private_addresses": true, "idle_timeout": "hours=2"}`},
		"redirect": {"redirect", `{"mode": "flow", "target_flow": "` + other.ID.String() + `", "target_static": "", "keep_context": true}`},
		"password": {"password", `{"failed_attempts_before_cancel": 7, "allow_show_password": true, "configure_flow": "` + other.ID.String() + `"}`},
	} {
		before := w.stage("the "+name, c.kind, c.settings)
		path := stagesAt + before.ID.String() + "/"
		page := w.Get(path)
		require.Equal(t, http.StatusSeeOther, w.Post(path, page.Fields("name", "the same "+name)...).Status, name)
		require.JSONEq(t, string(before.Settings), string(w.find("the same "+name).Settings), name)
	}
}

func TestOrderIsWhatIsTyped(t *testing.T) {
	t.Parallel()
	w := open(t)
	path := stagesAt + "new/identification/"
	require.Equal(t, http.StatusSeeOther, w.Post(path, "name", "who", "user_fields", "email", "user_fields", "username", "user_fields", "upn",
		"at:user_fields:email", "3", "at:user_fields:username", "2", "at:user_fields:upn", "1").Status)
	require.Equal(t, []any{"upn", "username", "email"}, settings(t, w.find("who"))["user_fields"])
	page := w.Get(stagesAt + w.find("who").ID.String() + "/")
	require.Regexp(t, `(?s)value="upn".*value="username".*value="email"`, page.Body)
}

func TestWrongValuesShowBesideTheirFields(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, c := range []struct {
		kind  string
		pairs []string
		field string
		say   string
	}{
		{"password", []string{"name", "x", "failed_attempts_before_cancel", "many"}, "failed_attempts_before_cancel", "expected an integer"},
		{"password", []string{"name", "x", "failed_attempts_before_cancel", "0"}, "failed_attempts_before_cancel", "greater than or equal to 1"},
		{"password", []string{"name", "x", "failed_attempts_before_cancel", ""}, "failed_attempts_before_cancel", "expected an integer"},
		{"password", []string{"name", " ", "failed_attempts_before_cancel", "5"}, "name", "blank"},
		{"user_login", []string{"name", "x", "session_duration", "forever"}, "session_duration", "forever"},
		{"user_login", []string{"name", "x", "network_binding", "tight"}, "", "tight"},
		{"identification", []string{"name", "x"}, "", "At least one of"},
		{"identification", []string{"name", "x", "user_fields", "email", "recovery_flow", "1b1f9b1e-0000-4000-8000-000000000000"}, "recovery_flow", "does not exist"},
		{"identification", []string{"name", "x", "user_fields", "email", "recovery_flow", "no uuid"}, "recovery_flow", "uuid"},
		{"redirect", []string{"name", "x", "mode", "static", "target_static", ""}, "target_static", ""},
		{"deny", []string{"name", strings.Repeat("x", 256)}, "name", "255"},
	} {
		page := w.Post(stagesAt+"new/"+c.kind+"/", c.pairs...)
		require.Equal(t, http.StatusBadRequest, page.Status, "%v", c.pairs)
		require.Contains(t, page.Main(), c.say)
		require.Empty(t, page.Faults(), "%v", c.pairs)
		if c.field != "" {
			require.Regexp(t, `aria-invalid="true"[^>]*name="`+c.field+`"|name="`+c.field+`"[^>]*aria-invalid="true"`, page.Body, "%v", c.pairs)
		}
		for i := 0; i < len(c.pairs); i += 2 { // nothing typed is lost
			require.Contains(t, page.Body, c.pairs[i+1], "%v", c.pairs)
		}
	}
}

func TestSomebodyElseWasFaster(t *testing.T) {
	t.Parallel()
	w := open(t)
	s := w.stage("door", "deny", `{"deny_message": "No."}`)
	path := stagesAt + s.ID.String() + "/"
	page := w.Get(path)
	_, err := w.Configure.UpdateStage(t.Context(), idp.SystemActor(), s.ID, func(s *idp.Stage) error {
		s.Settings = []byte(`{"deny_message": "Never."}`)
		return nil
	})
	require.NoError(t, err)
	late := w.Post(path, page.Fields("deny_message", "Perhaps.")...)
	require.Equal(t, http.StatusConflict, late.Status)
	require.Contains(t, late.Main(), "Somebody changed this meanwhile")
	require.Contains(t, late.Body, "Perhaps.")
	require.Equal(t, "Never.", settings(t, w.find("door"))["deny_message"])
	require.Equal(t, http.StatusSeeOther, w.Post(path, late.Fields()...).Status, "now that they have seen it")
	require.Equal(t, "Perhaps.", settings(t, w.find("door"))["deny_message"])
}

func TestStageList(t *testing.T) {
	t.Parallel()
	w := open(t)
	ask := w.stage("ask", "password", `{}`)
	w.stage("who", "identification", `{"password_stage": "`+ask.ID.String()+`"}`)
	w.flow("leave", ask)
	page := w.Get(stagesAt)
	require.Empty(t, page.Faults())
	require.Regexp(t, `ask Password leave , who`, page.Rows())
	require.Regexp(t, `who Identification Not used`, page.Rows())
	require.NotContains(t, w.Get(stagesAt+"?kind=password").Rows(), "Identification")
	require.Contains(t, w.Get(stagesAt+"?kind=deny").Rows(), "No stages match")
	require.Contains(t, w.Get(stagesAt+"?search=wh").Rows(), "who")
	require.Less(t, strings.Index(w.Get(stagesAt+"?ordering=-name").Rows(), "who"), strings.Index(w.Get(stagesAt+"?ordering=-name").Rows(), "ask"))
	require.Equal(t, http.StatusBadRequest, w.Get(stagesAt+"?ordering=secret").Status)
	choose := w.Get(stagesAt + "new/")
	require.Empty(t, choose.Faults())
	for _, k := range kinds() {
		require.Contains(t, choose.Main(), k.Summary)
	}
}

func TestDeletingAStageSaysWhoLosesIt(t *testing.T) {
	t.Parallel()
	w := open(t)
	ask := w.stage("ask", "password", `{}`)
	w.stage("who", "identification", `{"password_stage": "`+ask.ID.String()+`"}`)
	w.flow("leave", ask)
	path := stagesAt + ask.ID.String() + "/delete/"
	for _, page := range []interface{ Main() string }{w.Get(path), w.Post(path), w.Get(stagesAt + ask.ID.String() + "/")} {
		require.Contains(t, page.Main(), "The flow Flow leave (leave) loses this step")
		require.Contains(t, page.Main(), "The stage who goes on without it")
	}
	require.NotNil(t, w.find("ask"), "it asks first")
	done := w.Post(path, "confirmed", "1")
	require.Contains(t, done.Follow().Text(), "The stage ask was deleted.")
	require.Nil(t, settings(t, w.find("who"))["password_stage"])
	require.Equal(t, http.StatusNotFound, w.Get(stagesAt+ask.ID.String()+"/").Status)
}

func TestComingBackToWhereItWasNeeded(t *testing.T) {
	t.Parallel()
	w := open(t)
	back := "/if/admin/prompts/?search=x"
	q := "?back=" + url.QueryEscape(back)
	require.Contains(t, w.Get(stagesAt+"new/"+q).Body, "/new/deny/"+strings.ReplaceAll(q, "&", "&amp;"))
	form := w.Get(stagesAt + "new/deny/" + q)
	done := w.Post(stagesAt+"new/deny/", form.Fields("name", "made")...)
	require.Equal(t, "/if/admin/prompts/?search=x&stage="+w.find("made").ID.String(), done.Location)
	for _, away := range []string{"//evil.example/", "https://evil.example/", "javascript:alert(1)", "/\\evil.example", "x"} {
		form := w.Get(stagesAt + "new/deny/?back=" + url.QueryEscape(away))
		require.NotContains(t, form.Hidden(), "back")
		require.Contains(t, form.Body, `<a class="btn" href="/if/admin/stages/"><span>Cancel</span>`)
		done := w.Post(stagesAt+"new/deny/", "name", "made of "+away, "back", away)
		require.Equal(t, stagesAt, done.Location, away)
	}
}

func TestAStageOfAnUnknownKindCanBeDeleted(t *testing.T) {
	t.Parallel()
	w := open(t)
	old := &idp.Stage{Name: "old", Kind: "gone", Settings: []byte(`{"a": 1}`)}
	require.NoError(t, w.Store.Repos().Stages.Create(t.Context(), old))
	require.Contains(t, w.Get(stagesAt).Rows(), "Unknown kind: gone")
	page := w.Get(stagesAt + old.ID.String() + "/")
	require.Empty(t, page.Faults())
	require.Contains(t, page.Main(), "does not know the kind gone")
	require.Equal(t, http.StatusNotFound, w.Post(stagesAt+old.ID.String()+"/", "name", "x").Status)
	require.Equal(t, http.StatusSeeOther, w.Post(stagesAt+old.ID.String()+"/delete/", "confirmed", "1").Status)
}

// TestANewKindNeedsNothingHere: whatever a kind's settings are, there is a form.
func TestANewKindNeedsNothingHere(t *testing.T) {
	t.Parallel()
	type everything struct {
		Text     string         `json:"text" help:"Help text."`
		Long     string         `json:"long" format:"multiline" help:"Help long."`
		Secret   string         `json:"secret" format:"secret" help:"Help secret."`
		Maybe    *string        `json:"maybe" help:"Help maybe."`
		Number   int            `json:"number" min:"2" help:"Help number."`
		Count    *int           `json:"count" help:"Help count."`
		Yes      bool           `json:"yes" help:"Help yes."`
		Perhaps  *bool          `json:"perhaps" help:"Help perhaps."`
		Few      string         `json:"few" enum:"a,b" help:"Help few."`
		Many     string         `json:"many" enum:"a,b,c,d,e" help:"Help many."`
		Several  []string       `json:"several" enum:"a,b,c" help:"Help several."`
		Lines    []string       `json:"lines" help:"Help lines."`
		Numbers  []int          `json:"numbers" help:"Help numbers."`
		Flow     *idp.FlowID    `json:"flow" ref:"flow" help:"Help flow."`
		Flows    []idp.FlowID   `json:"flows" ref:"flow" help:"Help flows."`
		Group    *idp.GroupID   `json:"group" ref:"group" help:"Help group."`
		Policies []idp.PolicyID `json:"policies" ref:"policy" help:"Help policies."`
		ID       *idp.UUID      `json:"id" help:"Help id."`
		Kept     string         `json:"kept" unoffered:"true" help:"Help kept."`
	}
	w := open(t, flow.Kind{Name: "new_kind", Model: "x.y", Verbose: "New Kind Stage", Summary: "Is new.",
		Settings: func() any {
			return &everything{Number: 3, Few: "a", Many: "e", Kept: "k", Several: []string{}, Lines: []string{}, Numbers: []int{}, Flows: []idp.FlowID{}, Policies: []idp.PolicyID{}}
		},
		Build: func(any) (flow.Stage, error) { return nil, nil }})
	f := w.flow("one")
	page := w.Get(stagesAt + "new/new_kind/")
	require.Empty(t, page.Faults())
	require.NotContains(t, page.Main(), "Help kept.")
	made := w.Post(stagesAt+"new/new_kind/", "name", "full", "text", " spaces ", "long", "two\r\nlines", "secret", "hunter2", "maybe", "m", "number", " 5 ",
		"count", "7", "yes", "true", "perhaps", "false", "few", "b", "many", "c", "several", "c", "several", "a", "lines", "x\r\n\r\ny\r\n", "numbers", "1\r\n2",
		"flow", f.ID.String(), "flows", f.ID.String(), "id", "1b1f9b1e-0000-4000-8000-000000000000")
	require.Equal(t, http.StatusSeeOther, made.Status, made.Main())
	full := w.find("full")
	require.Equal(t, map[string]any{"text": " spaces ", "long": "two\nlines", "secret": "hunter2", "maybe": "m", "number": 5.0, "count": 7.0, "yes": true,
		"perhaps": false, "few": "b", "many": "c", "several": []any{"c", "a"}, "lines": []any{"x", "y"}, "numbers": []any{1.0, 2.0},
		"flow": f.ID.String(), "flows": []any{f.ID.String()}, "group": nil, "policies": []any{}, "id": "1b1f9b1e-0000-4000-8000-000000000000", "kept": "k"}, settings(t, full))

	path := stagesAt + full.ID.String() + "/"
	edit := w.Get(path)
	require.NotContains(t, edit.Body, "hunter2", "a secret never comes back")
	require.Contains(t, edit.Main(), "keep the present one")
	require.Equal(t, http.StatusSeeOther, w.Post(path, edit.Fields("maybe", "", "count", "", "perhaps", "", "flow", "", "id", "", "number", "9")...).Status)
	got := settings(t, w.find("full"))
	require.Equal(t, "hunter2", got["secret"], "left empty it is kept")
	require.Equal(t, []any{nil, nil, nil, nil, nil, 9.0, "k"}, []any{got["maybe"], got["count"], got["perhaps"], got["flow"], got["id"], got["number"], got["kept"]})
	require.Equal(t, http.StatusSeeOther, w.Post(path, append(w.Get(path).Fields(), "clear:secret", "true")...).Status)
	require.Empty(t, settings(t, w.find("full"))["secret"])
	require.Equal(t, http.StatusSeeOther, w.Post(path, "name", "full").Status, "a form of an earlier version lacks fields")
	require.Equal(t, "two\nlines", settings(t, w.find("full"))["long"])
}

func TestEverySettingExplainsItself(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		require.NotEmpty(t, k.Summary, k.Name)
		for _, s := range k.Describe() {
			require.NotEmpty(t, s.Help, "%s.%s has no help text", k.Name, s.Name)
			require.True(t, strings.HasSuffix(s.Help, "."), "%s.%s: the help is a sentence", k.Name, s.Name)
		}
	}
}

func TestOnlySuperusersSeeStages(t *testing.T) {
	t.Parallel()
	w := open(t)
	person := w.As(w.Site.User("mia"))
	for _, route := range append(w.Routes(stagesAt), w.Routes(promptsAt)...) {
		method, path, _ := strings.Cut(route, " ")
		if method == http.MethodGet {
			require.Equal(t, http.StatusForbidden, person.Get(path).Status, route)
			require.Equal(t, http.StatusSeeOther, w.Stranger().Get(path).Status, route)
		} else {
			require.Equal(t, http.StatusForbidden, person.Post(path).Status, route)
		}
	}
}

func TestStrangeInputNeverFails(t *testing.T) {
	t.Parallel()
	w := open(t)
	s := w.stage("door", "deny", `{}`)
	p := w.prompt("x")
	for _, path := range []string{stagesAt + "?page=-1", stagesAt + "?page=99", stagesAt + "?kind=%27", stagesAt + "new/nope/", stagesAt + "new/note/?back=%00",
		stagesAt + "no-uuid/", stagesAt + "1b1f9b1e-0000-4000-8000-000000000000/", "/if/admin/prompts/?type=%27&search=%25", "/if/admin/prompts/nope/", "/if/admin/prompts/?page=9"} {
		require.Less(t, w.Get(path).Status, 500, path)
	}
	for _, path := range []string{stagesAt + "new/identification/", stagesAt + "new/prompt/", stagesAt + s.ID.String() + "/", "/if/admin/prompts/new/", "/if/admin/prompts/new/preview/",
		"/if/admin/prompts/" + p.ID.String() + "/", "/if/admin/prompts/" + p.ID.String() + "/preview/", stagesAt + "new/nope/"} {
		for _, body := range []string{"", "name=%00", "name=%ff", "name=a&user_fields=%27&at:user_fields:%27=99999999999999999999", "fields=x&fields=x&validation_policies=",
			"type=%3Cscript%3E&field_key=a%20b&order=1e9&label=" + strings.Repeat("x", 200_000), "initial_value=" + url.QueryEscape(strings.Repeat("(", 5000)) + "&initial_value_expression=true",
			"type=dropdown&placeholder=1%2F0&placeholder_expression=on", "back=%0d%0a&name=x", "order=99999999999&name=x&field_key=x", "seen=zz&name=q", "%zz"} {
			require.Less(t, w.PostBody(path, "application/x-www-form-urlencoded", body).Status, 500, "%s %.80s", path, body)
		}
		require.Contains(t, []int{http.StatusUnsupportedMediaType, http.StatusNotFound}, w.PostBody(path, "application/json", "{}").Status, path)
	}
}
