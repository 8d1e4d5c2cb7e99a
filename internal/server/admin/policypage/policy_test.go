package policypage_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

func TestEveryKindHasAForm(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, k := range kinds() {
		page := w.Get(policiesAt + "new/" + k.Name + "/")
		require.Equal(t, http.StatusOK, page.Status, k.Name)
		require.Empty(t, page.Faults(), k.Name)
		require.NotEmpty(t, k.Summary)
		for _, s := range (flow.Kind{Settings: func() any { return k.Settings }}).Describe() {
			require.NotEmpty(t, s.Help, "%s.%s has no help text", k.Name, s.Name)
			if !s.Unoffered {
				require.Contains(t, page.Main(), strings.Join(strings.Fields(s.Help), " "), "%s.%s", k.Name, s.Name)
			}
		}
	}
}

func TestFormsKeepEveryValue(t *testing.T) {
	t.Parallel()
	w := open(t)
	for name, c := range map[string]struct{ kind, settings string }{
		"expression":      {"expression", `{"expression": "\nlet a = 1;\n  user != nil and a < 2 // \"<b>\"\n"}`},
		"event matcher":   {"event_matcher", `{"action": "custom_thing", "client_ip": "192.0.2.1", "app": "a.b", "model": "authentik_core.user", "query": "context.action_id == \"x\""}`},
		"password":        {"password", `{"password_field": "pw", "check_static_rules": true, "length_min": 12, "amount_symbols": 1, "symbol_charset": " !<>&\" ", "error_message": "No.\nReally.", "check_zxcvbn": false, "zxcvbn_score_threshold": 3, "amount_uppercase": 0, "amount_lowercase": 1, "amount_digits": 2, "check_have_i_been_pwned": true, "hibp_allowed_count": 4}`},
		"password expiry": {"password_expiry", `{"days": 90, "deny_only": true}`},
		"reputation":      {"reputation", `{"check_ip": false, "check_username": true, "threshold": -3}`},
		"dummy":           {"dummy", `{"result": true, "wait_min": 0, "wait_max": 1}`},
	} {
		before := w.policy("the "+name, c.kind, c.settings)
		path := policiesAt + before.ID.String() + "/"
		page := w.Get(path)
		require.Empty(t, page.Faults(), name)
		saved := w.Post(path, page.Fields("name", "the same "+name)...)
		require.Equal(t, http.StatusSeeOther, saved.Status, "%s: %s", name, saved.Main())
		require.JSONEq(t, c.settings, string(w.find("the same "+name).Settings), name)
	}
}

func TestCreating(t *testing.T) {
	t.Parallel()
	w := open(t)
	choose := w.Get(policiesAt + "new/")
	require.Empty(t, choose.Faults())
	for _, k := range kinds() {
		require.Contains(t, choose.Main(), k.Summary)
	}
	path := policiesAt + "new/expression/"
	page := w.Get(path + "?back=" + url.QueryEscape("/if/admin/flows/?x=y"))
	made := w.Post(path, page.Fields("name", "staff", "expression", "user != nil\r\nand user.is_active", "execution_logging", "true")...)
	require.Equal(t, "/if/admin/flows/?policy="+w.find("staff").ID.String()+"&x=y", made.Location)
	require.JSONEq(t, `{"expression": "user != nil\nand user.is_active"}`, string(w.find("staff").Settings))
	made = w.Post(path, "name", "staff 2", "expression", "true")
	require.Equal(t, policiesAt+w.find("staff 2").ID.String()+"/", made.Location, "where it can be bound and tried")
	require.Equal(t, http.StatusNotFound, w.Get(policiesAt+"new/authentik_policies_dummy.dummypolicy/").Status)
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
		{"expression", []string{"name", "x", "expression", ""}, "expression", "This field is required."},
		{"expression", []string{"name", "x", "expression", "user.nothing"}, "expression", "Line 1, column 6:"},
		{"expression", []string{"name", "x", "expression", "true and\r\n  nobody"}, "expression", "Line 2, column 3:"},
		{"expression", []string{"name", "", "expression", "true"}, "name", "blank"},
		{"event_matcher", []string{"name", "x", "query", "contex.a == 1"}, "query", "Line 1, column 1:"},
		{"event_matcher", []string{"name", "x", "client_ip", "here"}, "client_ip", "valid IPv4 or IPv6"},
		{"event_matcher", []string{"name", "x", "action", "nonsense"}, "action", "nonsense"},
		{"password", []string{"name", "x", "length_min", "long"}, "length_min", "integer"},
		{"password", []string{"name", "x", "length_min", "-1"}, "length_min", "greater than or equal to 0"},
		{"password_expiry", []string{"name", "x", "days", ""}, "days", "required"},
		{"reputation", []string{"name", "x"}, "", "At least one of"},
		{"dummy", []string{"name", "x", "wait_min", "5", "wait_max", "1"}, "wait_max", "wait_min"},
	} {
		page := w.Post(policiesAt+"new/"+c.kind+"/", c.pairs...)
		require.Equal(t, http.StatusBadRequest, page.Status, "%v", c.pairs)
		require.Contains(t, page.Main(), c.say, "%v", c.pairs)
		require.Empty(t, page.Faults(), "%v", c.pairs)
		if c.field != "" {
			require.Regexp(t, `aria-invalid="true"[^>]*name="`+c.field+`"|name="`+c.field+`"[^>]*aria-invalid="true"`, page.Body, "%v", c.pairs)
		}
	}
	page := w.Post(policiesAt+"new/expression/", "name", "x", "expression", "true and\r\n  nobody")
	require.Contains(t, page.Body, `<span class="bad">2</span>`, "the line is marked")
	require.Contains(t, page.Body, "  nobody\n  ^", "and the place in it")
}

func TestPythonOffersWhatItMeans(t *testing.T) {
	t.Parallel()
	w := open(t)
	row := w.policy("old", "expression", `{"expression": "true"}`)
	for _, path := range []string{policiesAt + "new/expression/", policiesAt + row.ID.String() + "/"} {
		page := w.Post(path, "name", "x", "expression", "if request.user.is_superuser:\r\n    return True\r\nreturn False", "trial_user", "ada")
		require.Equal(t, http.StatusBadRequest, page.Status)
		require.Contains(t, page.Main(), "Use this form")
		used := w.Post(path, page.Fields("replace:expression", "if request.user.is_superuser {\n  true\n} else {\n  false\n}", "trial_user", "ada")...)
		require.Equal(t, http.StatusBadRequest, used.Status, "only the button sends it")
		used = w.Post(path, append(page.Fields(), "replace:expression", "if request.user.is_superuser {\n  true\n} else {\n  false\n}")...)
		require.Equal(t, http.StatusOK, used.Status, "it is put in, not saved")
		require.Contains(t, used.Body, ">if request.user.is_superuser {\n  true\n} else {\n  false\n}</textarea>")
		require.NotContains(t, used.Main(), "Use this form")
		require.Empty(t, used.Faults())
	}
	require.JSONEq(t, `{"expression": "true"}`, string(w.find("old").Settings))
	require.NotContains(t, w.Post(policiesAt+"new/expression/", "name", "x", "expression", "for a in b:\n  pass").Main(), "Use this form", "no guess is offered")
}

func TestCheckingWhileTyping(t *testing.T) {
	t.Parallel()
	w := open(t)
	check := func(kind string, pairs ...string) string {
		page := w.partial(policiesAt+"new/"+kind+"/check/", pairs...)
		require.Equal(t, http.StatusOK, page.Status)
		require.NotContains(t, page.Body, "<form")
		return page.Body
	}
	require.NotContains(t, check("expression", "expression", "true"), "data-bad")
	require.NotContains(t, check("expression", "expression", ""), "data-bad", "nothing typed is nothing wrong yet")
	bad := check("expression", "expression", "true\n or x")
	require.Contains(t, bad, `id="field-expression-status"`)
	require.Contains(t, bad, `data-line="2"`)
	require.Contains(t, bad, `data-go="2:5"`)
	require.Contains(t, check("event_matcher", "query", "x"), `data-line="1"`)
	require.Equal(t, http.StatusNotFound, w.partial(policiesAt+"new/nope/check/", "a", "b").Status)
}

func TestNamesAreThoseOfTheEnvironment(t *testing.T) {
	t.Parallel()
	w := open(t)
	page := w.Get(policiesAt + "new/expression/")
	for _, e := range policy.Environment() {
		require.Contains(t, page.Main(), e.Name)
		require.Contains(t, page.Main(), strings.Join(strings.Fields(e.Usage), " "))
	}
	events := w.Get(policiesAt + "new/event_matcher/").Main()
	for _, e := range policy.EventEnvironment() {
		require.Contains(t, events, e.Name+": "+e.Usage)
	}
	require.NotContains(t, events, "prompt_context")
	require.NotContains(t, w.Get(policiesAt+"new/dummy/").Main(), "What expressions can use")
}

func TestTrial(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.Site.User("ada")
	row := w.policy("kept", "expression", `{"expression": "false"}`)
	for _, base := range []string{policiesAt + "new/expression/", policiesAt + row.ID.String() + "/"} {
		for _, c := range []struct {
			expression, user, context string
			want                      []string
		}{
			{"true", "ada", "{}", []string{"Passes"}},
			{"false", "ada", "", []string{"Does not pass"}},
			{`user.username == "ada" and context.pending_user.username == "ada"`, "ADA@example.com", "{}", []string{"Passes"}},
			{`user == nil`, "", "{}", []string{"Passes"}},
			{`http_request.user.username == "boss"`, "ada", "{}", []string{"Passes"}},
			{`context.prompt_data.colour == "red"`, "ada", `{"prompt_data": {"colour": "red"}}`, []string{"Passes"}},
			{`ak_message("Hello <b>") and false`, "ada", "{}", []string{"Does not pass", "Hello <b>"}},
			{`user.attributes.a + 1 > 2`, "ada", "{}", []string{"No answer", "Line 1, column"}},
			{"true and\n nobody", "ada", "{}", []string{"No answer", "Line 2, column 2:"}},
			{"", "ada", "{}", []string{"No answer", "required"}},
			{"log(user.username)", "ada", "{}", []string{"Passes", "ada", "What happened"}},
			{`ak_call_policy("kept").passing`, "ada", "{}", []string{"Does not pass", "kept"}},
			{"true", "nobody", "{}", []string{"There is no user of that name."}},
			{"true", "ada", "{\n x", []string{"Line 2, column 2: this is not JSON."}},
			{"true", "ada", "[1]", []string{"A JSON object is expected"}},
			{"true", "ada", "null", []string{"A JSON object is expected"}},
		} {
			pairs := []string{"name", "", "expression", c.expression, "trial_user", c.user, "trial_context", c.context}
			whole := w.Post(base+"test/", pairs...)
			require.Equal(t, http.StatusOK, whole.Status)
			require.Empty(t, whole.Faults(), c.expression)
			part := w.partial(base+"test/", pairs...)
			require.NotContains(t, part.Body, "<form")
			for _, want := range c.want {
				require.Contains(t, whole.Main(), want, c.expression)
				require.Contains(t, part.Text(), want, c.expression)
			}
		}
	}
	require.Contains(t, w.Get(policiesAt+"new/expression/").Body, `<option value="ada">`)
	for kind, want := range map[string]string{"event_matcher": "Passes", "password": "Passes", "reputation": "Does not pass", "password_expiry": "No answer"} {
		page := w.Get(policiesAt + "new/" + kind + "/")
		tried := w.Post(policiesAt+"new/"+kind+"/test/", append(page.Fields(), "trial_context", page.Value("trial_context"), "trial_user", page.Value("trial_user"))...)
		require.Contains(t, tried.Main(), want, kind)
		require.Empty(t, tried.Faults(), kind)
	}
	require.JSONEq(t, `{"expression": "false"}`, string(w.find("kept").Settings), "trying saves nothing")
	found, err := w.Store.Repos().Policies.Find(t.Context(), idp.PolicyFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, found.Total)
}

func TestATrialDoesNotHideThatSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	w := open(t)
	row := w.policy("kept", "expression", `{"expression": "false"}`)
	path := policiesAt + row.ID.String() + "/"
	page := w.Get(path)
	_, err := w.Configure.UpdatePolicy(t.Context(), idp.SystemActor(), row.ID, func(p *idp.Policy) error {
		p.Settings = []byte(`{"expression": "1 == 1"}`)
		return nil
	})
	require.NoError(t, err)
	tried := w.Post(path+"test/", page.Fields("expression", "true")...)
	late := w.Post(path, tried.Fields()...)
	require.Equal(t, http.StatusConflict, late.Status)
	require.Equal(t, http.StatusSeeOther, w.Post(path, late.Fields()...).Status)
	require.JSONEq(t, `{"expression": "true"}`, string(w.find("kept").Settings))
}

func TestPolicyListAndDelete(t *testing.T) {
	t.Parallel()
	w := open(t)
	p := w.policy("gate", "expression", `{"expression": "true"}`)
	w.policy("other", "dummy", `{}`)
	w.bind(p, "enter")
	_, err := w.Configure.CreateStage(t.Context(), idp.SystemActor(), idp.Stage{Name: "sheet", Kind: "prompt", Settings: []byte(`{"validation_policies": ["` + p.ID.String() + `"]}`)})
	require.NoError(t, err)
	page := w.Get(policiesAt)
	require.Empty(t, page.Faults())
	require.Contains(t, page.Rows(), "gate Expression 2")
	require.Contains(t, page.Rows(), "other Dummy 0")
	require.NotContains(t, w.Get(policiesAt+"?kind=dummy").Rows(), "gate")
	require.Contains(t, w.Get(policiesAt+"?kind=reputation").Rows(), "No policies match")
	require.Contains(t, w.Get(policiesAt+"?search=gat&ordering=-kind").Rows(), "gate")
	path := policiesAt + p.ID.String() + "/delete/"
	require.Contains(t, w.Get(policiesAt+p.ID.String()+"/").Main(), "Bound to Flow Flow enter enter Stage of a flow stage of enter in enter Stage sheet")
	for _, text := range []string{w.Get(path).Main(), w.Post(path).Main()} {
		for _, want := range []string{"Flow Flow enter (enter)", "Stage of a flow stage of enter in Flow enter (enter)", "Stage sheet"} {
			require.Contains(t, text, want)
		}
	}
	require.Contains(t, w.Post(path, "confirmed", "1").Follow().Text(), "The policy gate was deleted.")
	require.Equal(t, http.StatusNotFound, w.Get(policiesAt+p.ID.String()+"/").Status)
}

func TestAPolicyOfAnUnknownKindCanBeDeleted(t *testing.T) {
	t.Parallel()
	w := open(t)
	old := &idp.Policy{Name: "old", Kind: "gone", Settings: []byte(`{}`)}
	require.NoError(t, w.Store.Repos().Policies.Create(t.Context(), old))
	require.Contains(t, w.Get(policiesAt).Rows(), "Unknown kind: gone")
	page := w.Get(policiesAt + old.ID.String() + "/")
	require.Empty(t, page.Faults())
	require.Contains(t, page.Main(), "does not know the kind gone")
	require.Equal(t, http.StatusNotFound, w.Post(policiesAt+old.ID.String()+"/", "name", "x").Status)
	require.Equal(t, http.StatusNotFound, w.Post(policiesAt+old.ID.String()+"/test/", "name", "x").Status)
	require.Equal(t, http.StatusSeeOther, w.Post(policiesAt+old.ID.String()+"/delete/", "confirmed", "1").Status)
}

func TestReputationScores(t *testing.T) {
	t.Parallel()
	w := open(t)
	at := policiesAt + "reputation/"
	require.Contains(t, w.Get(at).Rows(), "boss Unknown 1", "who has just signed in")
	scores := w.Store.Repos().Reputations
	require.NoError(t, scores.Adjust(t.Context(), "ada", netip.MustParseAddr("192.0.2.9"), -3))
	require.NoError(t, scores.Adjust(t.Context(), "", netip.MustParseAddr("192.0.2.10"), -5))
	page := w.Get(at)
	require.Empty(t, page.Faults())
	require.Regexp(t, `No account was met 192.0.2.10 -5 .*ada 192.0.2.9 -3 .*boss`, page.Rows())
	require.NotContains(t, w.Get(at+"?search=ada").Rows(), "192.0.2.10")
	found, err := scores.Find(t.Context(), idp.ReputationFilter{Paging: idp.Paging{Search: "ada"}})
	require.NoError(t, err)
	path := at + found.Items[0].ID.String() + "/delete/"
	require.Contains(t, w.Get(path).Main(), "ada from 192.0.2.9 starts again at zero")
	require.Contains(t, w.Post(path, "confirmed", "1").Follow().Text(), "was forgotten")
	require.NotContains(t, w.Get(at).Rows(), "ada")
	require.Equal(t, http.StatusNotFound, w.Get(path).Status)
}

func TestOnlySuperusersSeePolicies(t *testing.T) {
	t.Parallel()
	w := open(t)
	person := w.As(w.Site.User("mia"))
	for _, route := range w.Routes(policiesAt) {
		method, path, _ := strings.Cut(route, " ")
		if method == http.MethodGet {
			require.Equal(t, http.StatusForbidden, person.Get(path).Status, route)
		} else {
			require.Equal(t, http.StatusForbidden, person.Post(path).Status, route)
		}
	}
}

func TestStrangeInputNeverFails(t *testing.T) {
	t.Parallel()
	w := open(t)
	row := w.policy("kept", "expression", `{"expression": "false"}`)
	for _, path := range []string{policiesAt + "?page=0", policiesAt + "?page=50", policiesAt + "?ordering=x", policiesAt + "x/", policiesAt + "reputation/?ordering=x",
		policiesAt + "reputation/x/delete/", policiesAt + "new/x/", policiesAt + "new/expression/?back=%00"} {
		require.Less(t, w.Get(path).Status, 500, path)
	}
	for _, path := range []string{policiesAt + "new/expression/", policiesAt + "new/expression/check/", policiesAt + "new/expression/test/", policiesAt + "new/event_matcher/",
		policiesAt + "new/event_matcher/test/", policiesAt + "new/password/test/", policiesAt + "new/password_expiry/test/", policiesAt + "new/reputation/test/",
		policiesAt + row.ID.String() + "/", policiesAt + row.ID.String() + "/test/"} {
		for _, body := range []string{"", "expression=" + strings.Repeat("(", 20_000), "expression=repeat(repeat(%22a%22,999999),999999)&trial_user=boss", "expression=%ff", "expression=%00",
			"name=" + strings.Repeat("x", 300) + "&expression=true", "trial_context=" + strings.Repeat("[", 50_000), "trial_context=" + strings.Repeat("x", 70_000),
			"trial_user=boss&expression=let+r+%3D+1..9999%3B+all(r%2C+%7Ball(r%2C+%7B%23+%3E+0%7D)%7D)", "replace:expression=x&replace:name=y", "days=99999999999999999999&threshold=1.5"} {
			require.Less(t, w.PostBody(path, "application/x-www-form-urlencoded", body).Status, 500, "%s %.80s", path, body)
		}
	}
}
