package app_test

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// policyKinds are the kinds with the least that makes one, and what is then shown.
var policyKinds = []struct {
	kind, model, form, verbose string
	least, shows               anyMap
	required                   string // setting without which there is none; "" = none
}{
	{"dummy", "authentik_policies_dummy.dummypolicy", "ak-policy-dummy-form", "Dummy Policy", nil,
		anyMap{"result": false, "wait_min": 5.0, "wait_max": 30.0}, ""},
	{"event_matcher", "authentik_policies_event_matcher.eventmatcherpolicy", "ak-policy-event-matcher-form", "Event Matcher Policy", nil,
		anyMap{"action": nil, "client_ip": nil, "app": nil, "model": nil, "query": ""}, ""},
	{"expression", "authentik_policies_expression.expressionpolicy", "ak-policy-expression-form", "Expression Policy", anyMap{"expression": "true"},
		anyMap{"expression": "true"}, "expression"},
	{"password", "authentik_policies_password.passwordpolicy", "ak-policy-password-form", "Password Policy", nil,
		anyMap{"password_field": "password", "amount_digits": 0.0, "amount_uppercase": 0.0, "amount_lowercase": 0.0, "amount_symbols": 0.0, "length_min": 0.0,
			"symbol_charset": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ", "error_message": "", "check_static_rules": true, "check_have_i_been_pwned": false,
			"check_zxcvbn": false, "hibp_allowed_count": 0.0, "zxcvbn_score_threshold": 2.0}, ""},
	{"password_expiry", "authentik_policies_expiry.passwordexpirypolicy", "ak-policy-password-expiry-form", "Password Expiry Policy", anyMap{"days": 30},
		anyMap{"days": 30.0, "deny_only": false}, "days"},
	{"reputation", "authentik_policies_reputation.reputationpolicy", "ak-policy-reputation-form", "Reputation Policy", nil,
		anyMap{"check_ip": true, "check_username": true, "threshold": -5.0}, ""},
}

func TestPolicyKindsOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{newSite(t, 1)}
	for _, c := range policyKinds {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			w := w.at(t)
			path, name := "/policies/"+c.kind+"/", unique(c.kind)
			body := anyMap{"name": name}
			maps.Copy(body, c.least)
			got := w.admin().api(http.StatusCreated, http.MethodPost, path, body)
			require.Subset(t, got, c.shows)
			require.Subset(t, got, anyMap{"name": name, "execution_logging": false, "component": c.form, "verbose_name": c.verbose,
				"meta_model_name": c.model, "bound_to": 0.0})
			require.NotEmpty(t, got["verbose_name_plural"])
			require.Contains(t, w.refused(http.MethodPost, path, "name", body), "unique", "names are unique")
			w.refused(http.MethodPost, path, "name", anyMap{})
			if c.required != "" {
				require.Equal(t, "This field is required.", w.refused(http.MethodPost, path, c.required, anyMap{"name": unique("x")}))
			}
			all := w.admin().api(http.StatusOK, http.MethodGet, "/policies/all/"+got["pk"].(string)+"/", nil)
			require.Equal(t, c.model, all["meta_model_name"])
			_, target, _ := w.flowOf(nil, w.shop())
			w.bind(target, 0, anyMap{"policy": got["pk"]})
			require.Equal(t, 1.0, w.admin().api(http.StatusOK, http.MethodGet, path+got["pk"].(string)+"/", nil)["bound_to"])
		})
	}
	t.Run("types", func(t *testing.T) {
		t.Parallel()
		var models []string
		for _, kind := range w.at(t).array("/policies/all/types/") {
			models = append(models, kind["model_name"].(string)+" "+kind["component"].(string))
		}
		want := []string{}
		for _, c := range policyKinds {
			_, model, _ := strings.Cut(c.model, ".")
			want = append(want, model+" "+c.form)
		}
		require.ElementsMatch(t, want, models)
	})
	t.Run("other kinds are not there", func(t *testing.T) {
		t.Parallel()
		for _, kind := range []string{"geoip", "unique_password", "conditional"} {
			w.at(t).admin().api(http.StatusNotFound, http.MethodGet, "/policies/"+kind+"/", nil)
		}
	})
}

// array is a list that comes without pages.
func (w workshop) array(path string) (out []anyMap) {
	w.Helper()
	a := w.admin().get("/api/v3" + path)
	require.Equal(w, http.StatusOK, a.status)
	require.NoError(w, json.Unmarshal(a.body, &out))
	return out
}

// event is an event as rules hand it to policies.
func event(change anyMap) anyMap {
	out := anyMap{"action": "login", "client_ip": "192.0.2.1", "app": "authentik.core", "user": anyMap{"pk": 7, "username": "ada"},
		"context": anyMap{"model": anyMap{"app": "authentik_core", "model_name": "user", "pk": "7"}, "why": "far"}}
	maps.Copy(out, change)
	return anyMap{"event": out}
}

// policyVerdicts are what policies say of a context; the user is ada.
var policyVerdicts = []struct {
	name     string
	kind     string
	settings anyMap
	context  anyMap
	passing  bool
	says     string // part of the messages; "" = none
}{
	{"an event matcher without criteria passes", "event_matcher", nil, event(nil), true, ""},
	{"an event matcher without an event does not", "event_matcher", nil, nil, false, ""},
	{"nor with criteria", "event_matcher", anyMap{"action": "login"}, anyMap{"event": "login"}, false, ""},
	{"the action", "event_matcher", anyMap{"action": "login"}, event(nil), true, ""},
	{"another action", "event_matcher", anyMap{"action": "logout"}, event(nil), false, ""},
	{"the address", "event_matcher", anyMap{"client_ip": "192.0.2.1"}, event(nil), true, ""},
	{"the address is compared exactly", "event_matcher", anyMap{"client_ip": "192.0.2.1"}, event(anyMap{"client_ip": "192.0.2.10"}), false, ""},
	{"the app", "event_matcher", anyMap{"app": "authentik.core"}, event(nil), true, ""},
	{"another app", "event_matcher", anyMap{"app": "authentik.flows"}, event(nil), false, ""},
	{"an app that begins alike", "event_matcher", anyMap{"app": "authentik.co"}, event(nil), false, ""},
	{"the model", "event_matcher", anyMap{"model": "authentik_core.user"}, event(nil), true, ""},
	{"another model", "event_matcher", anyMap{"model": "authentik_core.group"}, event(nil), false, ""},
	{"a model, and an event about none", "event_matcher", anyMap{"model": "authentik_core.user"}, event(anyMap{"context": anyMap{}}), false, ""},
	{"all that is set must match", "event_matcher", anyMap{"action": "login", "client_ip": "192.0.2.1", "app": "authentik.core", "model": "authentik_core.user"}, event(nil), true, ""},
	{"all but one is not enough", "event_matcher", anyMap{"action": "login", "client_ip": "192.0.2.2", "app": "authentik.core"}, event(nil), false, ""},
	{"what is empty or null is not looked at", "event_matcher", anyMap{"action": "login", "client_ip": nil, "app": "", "model": nil, "query": ""}, event(nil), true, ""},
	{"a query over the event", "event_matcher", anyMap{"query": `context.why == "far" and user.username == "ada"`}, event(nil), true, ""},
	{"a query and the rest", "event_matcher", anyMap{"query": `context.why == "far"`, "action": "logout"}, event(nil), false, ""},

	{"no password", "password", nil, nil, false, "Password not set in context"},
	{"a password among the answers", "password", anyMap{"length_min": 3}, anyMap{"prompt_data": anyMap{"password": "abc"}}, true, ""},
	{"a password in the context", "password", anyMap{"length_min": 3}, anyMap{"password": "abc"}, true, ""},
	{"the answers come first", "password", anyMap{"length_min": 3}, anyMap{"prompt_data": anyMap{"password": "ab"}, "password": "abc"}, false, "3 characters"},
	{"a field of another name", "password", anyMap{"password_field": "pin", "length_min": 3}, anyMap{"prompt_data": anyMap{"pin": "abc"}}, true, ""},
	{"too short", "password", anyMap{"length_min": 4}, anyMap{"password": "abc"}, false, "4 characters"},
	{"characters are counted, not bytes", "password", anyMap{"length_min": 4}, anyMap{"password": "äöü"}, false, "4 characters"},
	{"too few digits", "password", anyMap{"amount_digits": 2}, anyMap{"password": "ab1"}, false, "2 digits"},
	{"digits", "password", anyMap{"amount_digits": 2}, anyMap{"password": "a12"}, true, ""},
	{"too few upper-case letters", "password", anyMap{"amount_uppercase": 2, "amount_lowercase": 1}, anyMap{"password": "aB"}, false, "2 upper-case letters"},
	{"upper-case letters are compared with their own amount", "password", anyMap{"amount_uppercase": 1, "amount_lowercase": 3}, anyMap{"password": "Babc"}, true, ""},
	{"too few lower-case letters", "password", anyMap{"amount_lowercase": 2}, anyMap{"password": "ABc"}, false, "2 lower-case letters"},
	{"too few symbols", "password", anyMap{"amount_symbols": 1}, anyMap{"password": "abc"}, false, "1 symbol"},
	{"symbols", "password", anyMap{"amount_symbols": 1}, anyMap{"password": "a!c"}, true, ""},
	{"symbols are those of the charset", "password", anyMap{"amount_symbols": 1, "symbol_charset": "€"}, anyMap{"password": "a!c"}, false, "1 symbol"},
	{"the message of one's own", "password", anyMap{"length_min": 9, "error_message": "Longer, please."}, anyMap{"password": "abc"}, false, "Longer, please."},
	{"static rules that are off", "password", anyMap{"length_min": 9, "check_static_rules": false}, anyMap{"password": "abc"}, true, ""},
	{"a breached password", "password", anyMap{"check_have_i_been_pwned": true}, anyMap{"password": "hunter2"}, false, "3 times"},
	{"breached as often as is allowed", "password", anyMap{"check_have_i_been_pwned": true, "hibp_allowed_count": 3}, anyMap{"password": "hunter2"}, true, ""},
	{"breached once more than that", "password", anyMap{"check_have_i_been_pwned": true, "hibp_allowed_count": 2}, anyMap{"password": "hunter2"}, false, "3 times"},
	{"a password on no list", "password", anyMap{"check_have_i_been_pwned": true}, anyMap{"password": "unheard of"}, true, ""},
	{"a weak password", "password", anyMap{"check_zxcvbn": true}, anyMap{"password": "password1"}, false, "Password is too weak."},
	{"a strong password", "password", anyMap{"check_zxcvbn": true}, anyMap{"password": "correct horse battery staple"}, true, ""},
	{"the strength must be above the threshold", "password", anyMap{"check_zxcvbn": true, "zxcvbn_score_threshold": 4}, anyMap{"password": "correct horse battery staple"}, false, "Password is too weak."},
	{"what is known of the person is weak", "password", anyMap{"check_zxcvbn": true, "zxcvbn_score_threshold": 1}, anyMap{"password": "policy-subject@example.org"}, false, "Password is too weak."},
	{"the first check that fails answers", "password", anyMap{"length_min": 20, "check_zxcvbn": true}, anyMap{"password": "password1"}, false, "20 characters"},

	{"a password of today", "password_expiry", anyMap{"days": 1}, nil, true, ""},
	{"a password of as many days", "password_expiry", anyMap{"days": 0}, nil, false, "Password expired"},
	{"refused only, or not", "password_expiry", anyMap{"days": 0, "deny_only": true}, nil, false, "Password expired"},

	{"a dummy", "dummy", anyMap{"result": true, "wait_min": 0, "wait_max": 0}, nil, true, "dummy"},
	{"a dummy that fails", "dummy", anyMap{"result": false, "wait_min": 0, "wait_max": 0}, nil, false, "dummy"},

	{"a reputation that nobody has", "reputation", anyMap{"threshold": -1, "check_ip": false}, nil, false, ""},
	{"a reputation at the threshold", "reputation", anyMap{"threshold": 0, "check_ip": false}, nil, true, ""},
}

func TestWhatPoliciesSayOverTheAPI(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "breached.txt")
	sum := sha1.Sum([]byte("hunter2"))
	lines := []string{strings.ToUpper(hex.EncodeToString(sum[:])) + ":3", strings.Repeat("0", 39) + "1:1", strings.Repeat("F", 40) + ":1"}
	slices.Sort(lines)
	require.NoError(t, os.WriteFile(list, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	w := workshop{blankSite(t, testkit.Database(t))}
	w.open("breached_passwords", list)
	ada := w.user("policy-subject")
	for _, c := range policyVerdicts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := w.at(t)
			body := anyMap{"name": unique("policy")}
			maps.Copy(body, c.settings)
			got := w.try(w.make("/policies/"+c.kind+"/", body), ada, c.context)
			require.Equal(t, c.passing, got["passing"], "%v", got)
			said := fmt.Sprint(got["messages"])
			if c.says == "" {
				require.Equal(t, "[]", said)
			}
			require.Contains(t, said, c.says)
		})
	}
	t.Run("an old password is refused and stays what it is", func(t *testing.T) {
		t.Parallel()
		w := w.at(t)
		old := w.user("old")
		_, err := w.connect().Exec(t.Context(), `UPDATE users SET password_changed_at = now() - interval '30 days 1 minute' WHERE id = $1`, old.ID)
		require.NoError(t, err)
		for days, passing := range map[int]bool{31: true, 30: false, 29: false} {
			p := w.make("/policies/password_expiry/", anyMap{"name": unique("expiry"), "days": days})
			require.Equal(t, passing, w.try(p, old, nil)["passing"], days)
		}
		in, err := w.browser().tryToSignIn("old", password)
		require.NoError(t, err)
		require.True(t, in)
	})
	t.Run("the test endpoint", func(t *testing.T) {
		t.Parallel()
		w := w.at(t)
		p := w.expression(`log("noted") and message("for " + user.username)`)
		got := w.try(p, ada, nil)
		require.Equal(t, []any{"for policy-subject"}, got["messages"])
		log := got["log_messages"].([]any)
		require.NotEmpty(t, log)
		for _, line := range log {
			for _, key := range []string{"timestamp", "log_level", "logger", "event", "attributes"} {
				require.Contains(t, line, key)
			}
		}
		require.Contains(t, fmt.Sprint(log), "noted")
		test := "/policies/all/" + p + "/test/"
		require.Equal(t, "This field is required.", w.refused(http.MethodPost, test, "user", anyMap{}))
		require.Contains(t, w.refused(http.MethodPost, test, "user", anyMap{"user": 999999}), "does not exist")
		w.refused(http.MethodPost, test, "context", anyMap{"user": ada.ID, "context": []any{1}})
		broken := w.try(w.expression(breaks), ada, nil)
		require.Equal(t, false, broken["passing"], "a fault of the policy is its answer")
		require.Contains(t, fmt.Sprint(broken["messages"]), "line 1, column")
	})
}

// try is what trying a policy gives.
func (w workshop) try(policy string, u *idp.User, context anyMap) anyMap {
	w.Helper()
	return w.admin().api(http.StatusOK, http.MethodPost, "/policies/all/"+policy+"/test/", anyMap{"user": u.ID, "context": context})
}

// What is kept of policies that were asked can be counted and dropped.
func TestTheCacheOfPoliciesOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{newSite(t, 1)}
	count := func() any {
		return w.admin().api(http.StatusOK, http.MethodGet, "/policies/all/cache_info/", nil)["count"]
	}
	w.admin().api(http.StatusNoContent, http.MethodPost, "/policies/all/cache_clear/", nil)
	require.Equal(t, 0.0, count())
	p := w.expression("true")
	w.try(p, w.named("admin"), nil)
	require.Equal(t, 1.0, count())
	w.admin().api(http.StatusNoContent, http.MethodPost, "/policies/all/cache_clear/", nil)
	require.Equal(t, 0.0, count())
	// A change is heeded at once, whatever is kept.
	require.Equal(t, true, w.try(p, w.named("admin"), nil)["passing"])
	w.admin().api(http.StatusOK, http.MethodPatch, "/policies/expression/"+p+"/", anyMap{"expression": "false"})
	require.Equal(t, false, w.try(p, w.named("admin"), nil)["passing"])
}

// Scores go down and up with sign-ins, within limits, and are added up over the
// address or the user.
func TestReputationOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{blankSite(t, testkit.Database(t))}
	w.open("trusted_proxies", behindProxy, "reputation_lower_limit", "-3", "reputation_upper_limit", "2")
	ada, eve := w.user("ada"), w.user("eve")
	signIn := func(who *idp.User, address, secret string) {
		t.Helper()
		b := w.browser()
		b.client.Transport = &from{w.transport, address}
		in, err := b.tryToSignIn(who.Username, secret)
		require.NoError(t, err)
		require.Equal(t, secret == password, in)
	}
	score := func(who, address string) (out []any) {
		t.Helper()
		list := w.admin().api(http.StatusOK, http.MethodGet, "/policies/reputation/scores/?identifier="+who+"&ip="+address, nil)["results"].([]any)
		for _, one := range list {
			require.Contains(t, one, "updated")
			require.NotEmpty(t, one.(anyMap)["expires"])
			out = append(out, one.(anyMap)["score"])
		}
		return out
	}
	require.Empty(t, score("ada", atHome))
	signIn(ada, atHome, "wrong")
	require.Equal(t, []any{-1.0}, score("ada", atHome), "one row for each pair")
	signIn(ada, atHome, "wrong")
	require.Equal(t, []any{-2.0}, score("ada", atHome))
	signIn(ada, atWork, password)
	require.Equal(t, []any{1.0}, score("ada", atWork))
	signIn(eve, atHome, "wrong")
	require.Equal(t, []any{-1.0}, score("eve", atHome))

	for _, c := range []struct {
		ip, name  bool
		address   string
		threshold int
		passing   bool
	}{ // ada: -2 at home, 1 at work; eve: -1 at home
		{true, false, atHome, -3, true}, {true, false, atHome, -4, false},
		{false, true, atHome, -1, true}, {false, true, atHome, -2, false},
		{true, true, atHome, -2, true}, {true, true, atHome, -3, false},
		{true, false, atWork, 1, true}, {true, false, atWork, 0, false},
		{true, true, atSea, -1, true}, {true, false, atSea, -1, false}, {true, false, atSea, 0, true},
	} {
		p := w.make("/policies/reputation/", anyMap{"name": unique("reputation"), "check_ip": c.ip, "check_username": c.name, "threshold": c.threshold})
		got := w.admin().api(http.StatusOK, http.MethodPost, "/policies/all/"+p+"/test/", anyMap{"user": ada.ID}, "X-Forwarded-For", c.address)
		require.Equal(t, c.passing, got["passing"], "%+v", c)
	}
	require.NotEmpty(t, w.refused(http.MethodPost, "/policies/reputation/", "non_field_errors", anyMap{"name": "x", "check_ip": false, "check_username": false}))

	for range 3 {
		signIn(ada, atWork, password)
	}
	require.Equal(t, []any{2.0}, score("ada", atWork), "no higher")
	sea := netip.MustParseAddr(atSea)
	for range 5 {
		require.NoError(t, w.repos().Reputations.Adjust(t.Context(), "ada", sea, -1))
	}
	require.Equal(t, []any{-3.0}, score("ada", atSea), "no lower")
}
