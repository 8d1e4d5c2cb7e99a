package policy

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var (
	admin = &idp.User{ID: 1, Username: "admin", Name: "Ada Admin", Type: idp.UserInternal, IsActive: true,
		IsSuperuser: true, GroupNames: []string{"admins", "staff"}, Attributes: idp.Attributes{"floor": 3}}
	mallory = &idp.User{ID: 7, Username: "<b>mallory</b>", Email: "m@example.org", Type: idp.UserExternal, IsActive: true}
)

func request() idp.PolicyRequest {
	return idp.PolicyRequest{
		User: mallory, SignedIn: admin, Path: "/if/flow/default-account-lockdown/", Method: "GET",
		Query: map[string]string{"next": "/"}, ClientIP: netip.MustParseAddr("192.0.2.7"),
		Context: map[string]any{
			"pending_user":          mallory.Facts(),
			"prompt_data":           map[string]any{"lockdown_reason": "laptop stolen", "copies": 2.0},
			"lockdown_target_users": []any{mallory.Facts(), admin.Facts()},
			"custom":                map[string]any{"deep": []any{1, "two", nil}},
		},
	}
}

// evaluate compiles and runs a source, returning its data or its error.
func evaluate(t testing.TB, source string, req idp.PolicyRequest) (any, error) {
	t.Helper()
	e, err := Compile(source)
	if err != nil {
		return nil, err
	}
	v, err := e.Run(t.Context(), req)
	return v.Data, err
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]any{
		`1 + 2 * 3`:                                         7,
		`"a" + "b" + 'c'`:                                   "abc",
		`user.username + "!"`:                               "<b>mallory</b>!",
		`user.pk + 1`:                                       8,
		`user?.pk == http_request.user?.pk`:                 false,
		`request.user.pk == user.pk`:                        true,
		`http_request.user.is_superuser`:                    true,
		`request.http_request.path startsWith "/if/"`:       true,
		`http_request.query.next`:                           "/",
		`context.pending_user.email`:                        "m@example.org",
		`context.prompt_data.lockdown_reason`:               "laptop stolen",
		`prompt_context.copies`:                             2.0,
		`prompt_context.nothing`:                            nil,
		`prompt_context.nothing ?? "default"`:               "default",
		`context.custom.deep[1]`:                            "two",
		`context.never_set`:                                 nil,
		`context.never_set == nil`:                          true,
		`context.lockdown_target_user == nil`:               true,
		`context.lockdown_self_service`:                     false,
		`len(context.lockdown_results)`:                     0,
		`client_ip`:                                         "192.0.2.7",
		`map(context.lockdown_target_users, .pk)`:           []any{7, 1},
		`any(context.lockdown_target_users, .is_superuser)`: true,
		`filter(context.lockdown_target_users, {.pk > 1}) | map(.username)`: []any{"<b>mallory</b>"},
		`is_group_member(http_request.user, "staff")`:                       true,
		`ak_is_group_member(user, "staff")`:                                 false,
		`is_group_member(nil, "staff")`:                                     false,
		`http_request.user.attributes.floor`:                                3,
		`escape(user.username)`:                                             "&lt;b&gt;mallory&lt;/b&gt;",
		`escape(nil) + escape(3) + escape(true) + escape(["<"])`:            `3true[&#34;\u003c&#34;]`,
		`string(nil)`:  "",
		`string(2.50)`: "2.5",
		`string([1, nil, {"b": 1, "a": [true]}])`:                            `[1,null,{"a":[true],"b":1}]`,
		`upper("ß") + lower("ÄÖ")`:                                           "ßäö",
		`slugify("  Crème Brûlée -- 2,50 € ")`:                               "creme-brulee-250",
		`join(["a", 1, nil], ", ")`:                                          "a, 1, ",
		`join([])`:                                                           "",
		`split("a,b,c", ",", 2)`:                                             []any{"a", "b,c"},
		`split("a,b", ",") | join("+")`:                                      "a+b",
		`replace("aXbX", "X", "--")`:                                         "a--b--",
		`repeat("ab", 3) + repeat("x", -1)`:                                  "ababab",
		`"mallory" matches "^mal.*y$"`:                                       true,
		`context.x matches "x"`:                                              false,
		`regex_match(user.email, "@example\\.(org|com)$")`:                   true,
		`regex_replace("2024-05-06", "(\\d+)-(\\d+)", "$2/${1}")`:            "05/2024-06",
		`cidr_contains("192.0.2.0/24", client_ip)`:                           true,
		`cidr_contains(["10.0.0.0/8", "2001:db8::/32"], client_ip)`:          false,
		`cidr_contains("192.0.2.7", "::ffff:192.0.2.7")`:                     true,
		`concat([1], ["a"], [])`:                                             []any{1, "a"},
		`flatten([1, [2, [3]], []])`:                                         []any{1, 2, 3},
		`reverse([1, 2, 3])`:                                                 []any{3, 2, 1},
		`uniq(["a", "b", "a", 1, 1.0])`:                                      []any{"a", "b", 1},
		`sort([3, 1, 2.5], "desc")`:                                          []any{3, 2.5, 1},
		`sort(["b", "a"])`:                                                   []any{"a", "b"},
		`keys({"b": 1, "a": 2})`:                                             []any{"a", "b"},
		`values({"b": 1, "a": 2})`:                                           []any{2, 1},
		`max(1, 3, 2) - min([4, 2])`:                                         1,
		`max([])`:                                                            nil,
		`toJSON({"x": "<"})`:                                                 `{"x":"\u003c"}`,
		`date("2024-05-06") < now()`:                                         true,
		`now() - now() == duration("0s")`:                                    true,
		`date("2024-05-06T10:00:00+02:00")`:                                  time.Date(2024, 5, 6, 8, 0, 0, 0, time.UTC),
		`let x = 2; if x > 1 { "big" } else { "small" }`:                     "big",
		`user.pk == 7 and user.pk != nil and http_request.user.pk in [1, 2]`: true,
		`[1, [2, {"a": nil}]] == [1.0, [2, {"a": context.x}]]`:               true,
		`[1, 2] == [1, 3] or {"a": 1} == {"b": 1} or context.custom.deep == context.custom or [] == nil`: false,
		`context.custom.deep != [1, "two"] and context.custom.deep == [1, "two", nil]`:                   true,
		`"deep" in context.custom and "x" not in context.custom and not (1 in context.nothing)`:          true,
		`[2] in [[1], [2]]`: true,
		`context.custom["de" + "ep"][0] + context.custom.deep[-3:][0]`: 2,
		`reduce(1..4, #acc + #, 0)`:                                    10,
		`groupBy(["a", "b", "a"], #)`:                                  map[string]any{"a": []any{"a", "a"}, "b": []any{"b"}},
		`::len("abc")`:                                                 3,
		`deny("no")`:                                                   false,
		`true and message("yes")`:                                      true,
		`client_ip in ip_network("192.0.2.0/24") and not (client_ip in ip_network("2001:db8::/32"))`:                       true,
		`ip_address("::ffff:192.0.2.7") == client_ip and ak_client_ip == client_ip`:                                        true,
		`ip_is_private("10.1.2.3") and ip_is_private("::1") and ip_is_private("fd00::1") and not ip_is_private(client_ip)`: true,
		`entry(context.custom, "deep")[0]`:                                                              1,
		`map([nil, false, 0, 0.0, "", [], {}], truthy(#)) == map(1..7, false)`:                          true,
		`all([true, 2, "x", [nil], {"a": nil}, now()], truthy(#))`:                                      true,
		`list_flatten([1, [2]])`:                                                                        []any{1, 2},
		`context.flow_plan.context.pending_user.pk == 7 and context.flow_plan.context.flow_plan == nil`: true,
		`request.debug or ak_is_sso_flow`:                                                               false,
		`log("nobody hears it")`:                                                                        true,
	} {
		got, err := evaluate(t, source, request())
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
}

func TestExpressionsWithoutAnything(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]any{
		`user`:               nil,
		`http_request.user`:  nil,
		`user?.username`:     nil,
		`client_ip`:          "",
		`ak_client_ip`:       "255.255.255.255",
		`prompt_context`:     map[string]any{},
		`http_request.query`: map[string]any{},
	} {
		got, err := evaluate(t, source, idp.PolicyRequest{})
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
}

func TestFaultsSayWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		source       string
		line, column int
		says         string
	}{
		{"1 +", 1, 3, "unexpected token EOF"},
		{"let a = 1;\n  a + nonsense", 2, 7, "unknown name nonsense"},
		{"user.usrname", 1, 6, "unknown field usrname"},
		{"context.pending_user.foo", 1, 22, "unknown field foo"},
		{"any(context.lockdown_target_users, .foo)", 1, 37, "unknown field foo"},
		{"escape()", 1, 1, "not enough arguments to call escape"},
		{"escape(1, 2)", 1, 1, "too many arguments to call escape"},
		{"1 + \"a\"", 1, 3, "mismatched types int and string"},
		{"fromJSON(\"1\")", 1, 1, "unknown function fromJSON"},
		{"\n\ncontext.x.y", 3, 11, "cannot fetch y from nil"},
		{"map(context.x, 1)", 1, 1, "a list is expected, got nil"},
		{"user.username and true", 1, 15, "bool is expected, got string"},
		{"user.pk + \"a\"", 1, 9, "int + string"},
		{"cidr_contains(\"10.0.0.0/8\", \"\")", 1, 1, `"" is not an address`},
		{"not (\"\" in ip_network(\"10.0.0.0/8\"))", 1, 9, `"" is not an address`},
		{"not (client_ip in ip_network(\"x\"))", 1, 19, `"x" is not a network`},
		{"entry(context.custom, \"gone\")", 1, 1, `there is no "gone"`},
		{"ak_call_policy(\"x\")", 1, 1, "only a policy can ask"},
		{"ip_network(\"10.0.0.0/8\")", 0, 0, "the result is not plain data"},
		{"cidr_contains([\"192.0.2.0/24\", \"x\"], client_ip)", 1, 1, `"x" is not a network`},
		{"\"a\" matches \"(\"", 1, 13, "the pattern is not valid"},
		{"regex_match(\"a\", \"(\" + \"\")", 1, 1, "the pattern is not valid"},
		{"sort([1, \"a\"])", 1, 1, "either texts or numbers"},
		{"upper(1)", 1, 1, "argument 1: text is expected, got a number"},
		{"1 < user.pk < 3", 1, 10, "chained comparisons"},
		{"true ?: false", 1, 1, "the short form"},
		{"$env", 1, 1, "$env is not available"},
		{"get($env, \"$run\")", 1, 5, "$env is not available"},
		{"$run", 1, 1, "unknown name $run"},
		{"$tick(1)", 1, 1, "unknown function $tick"},
		{"now().Unix()", 1, 7, "methods cannot be called"},
		{"let f = now().Unix; f()", 1, 21, "unknown function f"},
		{"now().Unix", 0, 0, "the result is not plain data"},
		{"b\"x\"", 1, 1, "byte literals"},
		{"message(repeat(\"x\", 501))", 1, 1, "more than 500 characters"},
	} {
		_, err := evaluate(t, c.source, request())
		var e *Error
		require.ErrorAs(t, err, &e, c.source)
		require.Contains(t, e.Message, c.says, c.source)
		require.Equal(t, [2]int{c.line, c.column}, [2]int{e.Line, e.Column}, "%s: %v", c.source, err)
		if c.line > 0 {
			require.Equal(t, strings.Split(c.source, "\n")[c.line-1], e.Excerpt)
		}
	}
}

func TestSourcesAreChecked(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", " \n ", "\xff", "1\x00", strings.Repeat("1+", MaxSource/2) + "11"} {
		_, err := Compile(source)
		var e *Error
		require.ErrorAs(t, err, &e, "%.20q", source)
		require.True(t, idp.Is(e.Invalid("expression"), idp.CodeInvalid))
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{`true`: true, `false`: false, `nil`: false, `user.is_active`: true, `context.x`: false} {
		e, err := CompileCondition(source)
		require.NoError(t, err, source)
		v, err := e.Run(t.Context(), request())
		require.NoError(t, err)
		got, err := v.Truth()
		require.NoError(t, err)
		require.Equal(t, want, got, source)
	}
	for _, source := range []string{`1`, `"false"`, `[]`, `escape("x")`} {
		_, err := CompileCondition(source)
		require.ErrorContains(t, err, "must give true or false", source)
	}
	e, err := CompileCondition(`user.username`)
	require.NoError(t, err, "what it gives is known only when it runs")
	v, err := e.Run(t.Context(), request())
	require.NoError(t, err)
	_, err = v.Truth()
	require.ErrorContains(t, err, "gives text")
}

func TestMessages(t *testing.T) {
	t.Parallel()
	e, err := Compile(`message("one") and deny("two " + user.email)`)
	require.NoError(t, err)
	for range 2 { // nothing stays behind
		v, err := e.Run(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, []string{"one", "two m@example.org"}, v.Messages)
	}
}

// greedy expressions would end or hang the process if nothing held them.
var greedy = []string{
	`repeat(repeat("a", 999999), 999999)`,
	`len(repeat("a", 200000) + repeat("a", 200000))`,
	`reduce(1..60, #acc + #acc, "aaaaaaaa")`,
	`let r = 1..9999; all(r, {all(r, {all(r, {# > 0})})})`,
	`let r = 1..9999; all(r, {count(r) > 0 and sum(r) > 0 and all(r, {# > 0})})`,
	`1..99999999`,
	`map(1..9999, {1..9999})`,
	`reduce(1..60, [#acc, #acc], 0)`,
	`toJSON(reduce(1..60, [#acc, #acc], 0))`,
	`string(reduce(1..20, [#acc, #acc], 0))`,
	`flatten(reduce(1..25, [#acc, #acc], 0))`,
	`flatten(reduce(1..30, [#acc, #acc], []))`,
	`escape(reduce(1..60, {{"a": #acc, "b": #acc}}, 0))`,
	`map(1..9999, repeat("a", 100000))`,
	`let s = repeat("a", 100000); map(1..9999, s + s)`,
	`let s = repeat("<", 100000); escape(s)`,
	`let s = repeat("a,", 100000); split(s, ",")`,
	`let s = repeat("a", 60000); map(1..9999, split(s, "a", 9000))`,
	`let s = repeat("a", 60000); map(1..9999, s matches "(a?){100}b")`,
	`"a" matches "(((a{30}){30}){30}"`,
	`"a" matches "` + strings.Repeat("(a{900})", 60) + `"`,
	`"a" matches "` + strings.Repeat("a", 600) + `"`,
	`map(1..9999, "a" matches ("(a{10}){10}" + string(#)))`,
	`let s = repeat("a", 60000); regex_replace(s, "a", "$0$0$0$0$0$0$0$0$0$0")`,
	`let s = repeat("a", 60000); replace(s, "a", s)`,
	`let s = repeat("a", 60000); replace(s, "", s)`,
	`let l = map(1..5000, #); map(l, concat(l, l))`,
	`let l = map(1..5000, #); map(l, sort(l))`,
	`let l = map(1..5000, #); map(l, uniq(l))`,
	`let m = groupBy(1..9999, #); map(1..9999, keys(m))`,
	`let l = 1..50000; map(l, {# in l})`,
	`map(1..5000, map(1..15, map(1..5, map(1..5, map(1..5, 1)))))`,
	`let e = []; all(1..50000, {` + strings.Repeat("all(e, {true}) and ", 200) + `true})`,
	strings.Repeat("1 < (", 100) + "1" + strings.Repeat(") < 1", 100),
	strings.Repeat("(", 100) + "1" + strings.Repeat(" ?: 1)", 100),
	strings.Repeat("(", MaxSource/2-1) + "1",
	strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
	strings.Repeat("!", MaxSource-4) + "true",
	strings.Repeat("-", 5000) + "1",
	`message(repeat("x", 400)) and all(1..100, {message("y")})`,
	`min(reduce(1..40, [#acc, #acc], 0))`,
	`[reduce(1..40, [#acc, #acc], 0)] | uniq()`,
	`sortBy(1..50000, {repeat("a", #)})`,
	`let a = reduce(1..30, [#acc, #acc], 0); let b = reduce(1..30, [#acc, #acc], 0); a == b`,
	`let a = reduce(1..60, {{"a": #acc, "b": #acc}}, 0); let b = reduce(1..60, {{"a": #acc, "b": #acc}}, 0); a != b`,
	`let a = reduce(1..30, [#acc, #acc], 0); let b = reduce(1..30, [#acc, #acc], 0); a in [b]`,
	`reduce(1..9999, [#acc], 0) == reduce(1..9999, [#acc], 0)`,
	`let a = reduce(1..40, [#acc, #acc], 0); let b = reduce(1..40, [#acc, #acc], 0); reduce([], true, a) == reduce([], true, b)`,
	`let a = reduce(1..40, [#acc, #acc], 0); let b = reduce(1..40, [#acc, #acc], 0); (false ? 1.5 : a) != (false ? 1.5 : b)`,
	`let a = reduce(1..60, [#acc, #acc], 0); context.nothing[reduce([], 1, a)]`,
	`let a = reduce(1..60, [#acc, #acc], 0); context.nothing[(false or a):]`,
	`let r = 1..30000; all(r, {count(r, true) + count(r, true) > 0})`,
	`let r = map(1..50000, true); all(r, {count(r) > 0})`,
	`all(1..50000, {len(context.large) > 0 and context.large not contains "b"})`,
	`let s = repeat("a", 200000); reduce([], 1, s) + reduce([], 1, s)`,
	`context.nothing[reduce(1..60, [#acc, #acc], 0)]`,
	`context.nothing[reduce(1..60, [#acc, #acc], 0):]`,
	`context.nothing[:reduce(1..60, [#acc, #acc], 0)]`,
	`get(context.nothing, reduce(1..60, [#acc, #acc], 0)) ?? client_ip[reduce(1..60, [#acc, #acc], 0)]`,
	`int(reduce(1..60, [#acc, #acc], 0))`,
	`date(reduce(1..60, [#acc, #acc], 0))`,
	`cidr_contains(reduce(1..60, [#acc, #acc], 0), client_ip)`,
	`is_group_member({"groups": 1..60 | reduce([#acc, #acc], 0)}, "x") or upper(reduce(1..60, [#acc, #acc], 0)) == ""`,
	`{"a": 1}[reduce(1..60, [#acc, #acc], 0)]`,
}

// deceptive expressions look endless and are not.
var deceptive = []string{
	`let a = reduce(1..30, [#acc, #acc], 0); let b = reduce(1..30, [#acc, #acc], 1); all(1..999, a != b)`,
	`let a = reduce(1..60, [#acc, #acc], 0); a == context.x or "x" == context.x or a == nil or all(1..999, a != context.x)`,
	`let a = reduce(1..60, [#acc, #acc], 0); len(a) == 2`,
}

func TestGreedyExpressionsAreStopped(t *testing.T) { // not parallel: it measures the process
	limit := 3 * time.Second // a busy machine takes its time, too; on an idle one it is 0.2 s
	room := uint64(150 << 20)
	if raceEnabled {
		limit, room = 10*limit, 4*room
	}
	for i, source := range append(slices.Clone(greedy), deceptive...) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		req := request()
		req.Context["large"] = strings.Repeat("a", maxInput)
		_, err := evaluate(t, source, req)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		for tries := 0; i >= len(greedy) && errors.Is(err, context.DeadlineExceeded) && tries < 9; tries++ {
			_, err = evaluate(t, source, req) // one that ends needs the processor once
		}
		t.Logf("%8v %6.1f MB  %.60s  %v", took.Round(time.Millisecond), float64(after.TotalAlloc-before.TotalAlloc)/1e6, source, err)
		require.Equal(t, i < len(greedy), err != nil, "%.100s: %v", source, err)
		require.Less(t, took, limit, "%.100s", source)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, room, "%.100s", source)
	}
}

func TestLargeInputsAreRefused(t *testing.T) {
	t.Parallel()
	nested := any("x")
	for range maxNesting + 2 {
		nested = []any{nested}
	}
	many := make([]any, maxList+1)
	for name, v := range map[string]any{"long": many, "nested": nested, "map": map[string]any{"inner": many},
		"function": func() {}, "methods": &strings.Builder{}, "channel": make(chan int), "struct": struct{ A int }{}, "text": strings.Repeat("x", maxInput+1)} {
		req := request()
		req.Context[name] = v
		_, err := evaluate(t, "1", req)
		require.ErrorContains(t, err, "context."+name, name)
	}
	req := request()
	for i := range 60 {
		req.Context[strings.Repeat("x", i)] = many[:maxList-1]
	}
	_, err := evaluate(t, "1", req)
	require.ErrorIs(t, err, errTooMuch)
}

func TestInputsBecomePlain(t *testing.T) {
	t.Parallel()
	req := request()
	req.Context = map[string]any{"type": idp.UserExternal, "ids": []idp.UserID{3}, "none": map[string]any(nil),
		"pending_user": (*idp.User)(nil).Facts(), "attributes": idp.Attributes{"a": int64(5)}, "wait": time.Second}
	for source, want := range map[string]any{
		`context.type == "external"`: true, `context.ids[0] + 1`: 4, `context.none`: nil,
		`context.pending_user == nil`: true, `context.attributes.a * 2`: 10, `context.wait`: time.Second,
	} {
		got, err := evaluate(t, source, req)
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
	_, err := evaluate(t, `context.pending_user.pk`, req)
	require.ErrorContains(t, err, "cannot fetch pk from nil")
}

func TestRunsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	e, err := Compile(`let r = 1..9999; all(r, {all(r, {# > 0})})`)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = e.Run(ctx, request())
	require.ErrorIs(t, err, context.Canceled)
}

func TestTimeIsBounded(t *testing.T) {
	t.Parallel()
	m := newMeter(t.Context(), nil)
	m.looked = time.Now().Add(-time.Hour)
	require.NoError(t, m.tick(0), "one long pause is the machine's fault")
	var err error
	for range maxTime/maxStall + 1 {
		m.looked = time.Now().Add(-time.Second)
		err = errors.Join(err, m.tick(0))
	}
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, "The expression took too long.", located("x", err).Message)
}
