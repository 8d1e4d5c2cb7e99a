package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// text is a value as it is in a query.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	raw, ok := v.(fmt.Stringer)
	if ok {
		return raw.String()
	}
	out, _ := json.Marshal(v)
	return string(out)
}

func uuidOf(r *rig) string { return idp.NewID[any]().String() }

// addStage stores a stage without asking whether what it names exists.
func (r *rig) addStage(name, kind string, settings fields) string {
	raw, err := json.Marshal(settings)
	require.NoError(r.t, err)
	st := &idp.Stage{Name: name, Kind: kind, Settings: raw}
	require.NoError(r.t, r.db.Repos().Stages.Create(r.t.Context(), st))
	return st.ID.String()
}

func (r *rig) bind(flow idp.FlowID, stage string) {
	id, err := idp.ParseID[idp.Stage](stage)
	require.NoError(r.t, err)
	require.NoError(r.t, r.db.Repos().FlowBindings.Create(r.t.Context(), &idp.FlowBinding{FlowID: flow, StageID: id, Order: 7,
		InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}))
}

func TestBrandsByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	wanted := fields{"domain": "wanted.example", "branding_title": "Wanted", "branding_logo": "/static/w.svg", "branding_favicon": "/static/w.png",
		"branding_default_flow_background": "/static/w.jpg", "default": false}
	for _, name := range []string{"authentication", "invalidation", "recovery", "unenrollment", "user_settings", "device_code"} {
		d := idp.Designation(name)
		if name == "user_settings" || name == "device_code" {
			d = idp.DesignationStageConfiguration
		}
		wanted["flow_"+name] = r.addFlow("w-"+name, d, idp.AuthenticationNone, "deny", "{}").ID.String()
	}
	made := c.post("/core/brands/", wanted)
	wanted["brand_uuid"] = made["brand_uuid"]
	probes := fields{"domain": "WANTED.example"}
	for name, value := range wanted {
		if name != "domain" {
			probes[name] = value
		}
	}
	for _, name := range []string{"web_certificate", "client_certificates"} {
		require.Empty(t, c.all("/core/brands/?"+name+"="+uuidOf(r), "domain"), "no brand has certificates")
		probes[name] = ""
	}
	other := r.brand.ID.String() // the default one
	for _, name := range []string{"web_certificate", "client_certificates"} {
		probes[name] = probe{value: "", without: uuidOf(r)}
	}
	c.selects("/core/brands/", "brand_uuid", made["brand_uuid"], other, probes)
	c.refuse(http.MethodGet, "/core/brands/?flow_recovery=x", "flow_recovery", nil)
	c.refuse(http.MethodGet, "/core/brands/?web_certificate=x", "web_certificate", nil)
}

func TestGroupsByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	other := c.post("/core/groups/", fields{"name": "other", "users": []int{int(r.admin.ID)}, "attributes": fields{"floor": 1}})
	made := c.post("/core/groups/", fields{"name": "wanted", "is_superuser": true, "users": []int{int(r.person.ID)}, "attributes": fields{"floor": 3, "wing": "a"}})
	c.selects("/core/groups/", "pk", made["pk"], other["pk"], fields{"name": "wanted", "is_superuser": true, "members_by_pk": int(r.person.ID),
		"members_by_username": "GRACE", "attributes": `{"floor": 3}`})
	both := fmt.Sprintf("/core/groups/?members_by_pk=%d&members_by_pk=%d", r.admin.ID, r.person.ID)
	require.Subset(t, c.all(both, "name"), []any{"other", "wanted"}, "an array repeats the key and selects any of them")
	c.refuse(http.MethodGet, "/core/groups/?attributes=floor", "attributes", nil)
	c.refuse(http.MethodGet, "/core/groups/?members_by_pk=grace", "members_by_pk", nil)
}

func TestRolesByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, roles := r.by(r.admin), r.db.Repos().Roles
	made := map[string]*idp.Role{"wanted": {Name: "wanted", Managed: "a/product"}, "above": {Name: "above", Managed: "another/product"}, "other": {Name: "other"}}
	for _, role := range made {
		require.NoError(t, roles.Create(t.Context(), role))
	}
	parent := c.post("/core/groups/", fields{"name": "parent"})
	group := c.post("/core/groups/", fields{"name": "group", "parents": []any{parent["pk"]}, "users": []int{int(r.person.ID)}})
	give := func(group map[string]any, role string) {
		id, err := idp.ParseID[idp.Group](group["pk"].(string))
		require.NoError(t, err)
		require.NoError(t, roles.SetGroupRoles(t.Context(), id, []idp.RoleID{made[role].ID}))
	}
	give(parent, "above")
	give(group, "wanted")
	require.NoError(t, roles.SetUserRoles(t.Context(), r.admin.ID, []idp.RoleID{made["wanted"].ID}))
	c.selects("/rbac/roles/", "name", "wanted", "other", fields{"name": "wanted", "managed": probe{value: "a/product", without: "above"},
		"managed__isnull": false, "inherited": probe{value: true, without: "nobody"}, "users": int(r.admin.ID), "groups": probe{value: group["pk"], without: "above"}})
	for query, want := range map[string][]any{
		fmt.Sprintf("users=%d", r.person.ID):                 {},
		fmt.Sprintf("users=%d&inherited=false", r.person.ID): {},
		fmt.Sprintf("users=%d&inherited=true", r.person.ID):  {"above", "wanted"},
		fmt.Sprintf("users=%d&inherited=true", r.admin.ID):   {"wanted"},
		"groups=" + text(parent["pk"]) + "&inherited=true":   {"above"},
		"groups=" + text(group["pk"]) + "&inherited=true":    {"above", "wanted"},
		"managed=a/product&managed=another/product":          {"above", "wanted"},
		"managed=nobody": {},
		"managed__isnull=true&search=other&inherited=true": {"other"},
	} {
		require.ElementsMatch(t, want, c.all("/rbac/roles/?"+query, "name"), query)
	}
	for _, name := range []string{"inherited", "managed__isnull", "users", "groups"} {
		c.refuse(http.MethodGet, "/rbac/roles/?"+name+"=x", name, nil)
	}
}

func TestTokensByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	by := "a/test"
	_, _, err := r.tokens.Issue(t.Context(), idp.SystemActor(), token.Draft{User: r.person.ID, Identifier: "wanted", Intent: idp.IntentAppPassword,
		Description: "for the mail", Expiring: true, Managed: &by})
	require.NoError(t, err)
	c.post("/core/tokens/", fields{"identifier": "other", "expiring": false})
	made := c.get("/core/tokens/wanted/")
	c.selects("/core/tokens/", "identifier", "wanted", "other", fields{"identifier": "wanted", "intent": "app_password", "managed": by,
		"description": "for the mail", "expiring": true, "expires": made["expires"], "user__username": "grace"})
	require.Equal(t, []any{"other"}, c.all("/core/tokens/?expiring=false&identifier=other", "identifier"))
	for _, name := range []string{"expires", "expiring", "intent"} {
		c.refuse(http.MethodGet, "/core/tokens/?"+name+"=x", name, nil)
	}
}

func TestUsersByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, users := r.by(r.admin), r.db.Repos().Users
	role := &idp.Role{Name: "night help"}
	require.NoError(t, r.db.Repos().Roles.Create(t.Context(), role))
	group := c.post("/core/groups/", fields{"name": "staff", "is_superuser": true})
	add := func(name string, more fields) map[string]any {
		body := fields{"username": name, "name": name}
		for key, v := range more {
			body[key] = v
		}
		u := c.post("/core/users/", body)
		require.NoError(t, users.TouchLogin(t.Context(), idp.UserID(u["pk"].(float64))))
		return c.get("/core/users/" + text(u["pk"]) + "/")
	}
	before := add("before", fields{"is_active": false})
	made := add("wanted", fields{"name": "Wanted One", "email": "w@example.org", "type": "external", "path": "a/b", "groups": []any{group["pk"]},
		"attributes": fields{"team": "x"}})
	require.NoError(t, r.db.Repos().Roles.SetUserRoles(t.Context(), idp.UserID(made["pk"].(float64)), []idp.RoleID{role.ID}))
	after := add("after", nil)
	probes := fields{"username": "WANTED", "name": "Wanted One", "email": "W@example.org", "type": "external", "path": "a/b", "path_startswith": "a/",
		"uuid": made["uuid"], "is_active": true, "is_superuser": true, "groups_by_name": "staff", "groups_by_pk": group["pk"], "roles_by_name": "night help",
		"roles_by_pk": role.ID, "attributes": `{"team": "x"}`, "last_login__isnull": probe{value: false, without: float64(r.person.ID)}}
	for _, at := range []string{"last_login", "date_joined", "last_updated"} {
		probes[at] = made[at]
		probes[at+"__gt"] = before[at]
		probes[at+"__lt"] = probe{value: after[at], without: after["pk"]}
	}
	c.selects("/core/users/", "pk", made["pk"], before["pk"], probes)
	require.Len(t, c.all("/core/users/?type=external&type=service_account&roles_by_name=nobody&roles_by_name=night+help", "pk"), 1)
	for _, name := range []string{"last_updated", "last_updated__gt", "date_joined", "last_login", "roles_by_pk"} {
		c.refuse(http.MethodGet, "/core/users/?"+name+"=x", name, nil)
	}
}

func TestEventsByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, log := r.by(r.admin), r.db.Repos().Events
	object := idp.NewID[any]()
	event := func(e idp.Event) string {
		require.NoError(t, log.Append(t.Context(), &e))
		return e.ID.String()
	}
	app := map[string]any{"pk": "7", "name": "Wiki"}
	wanted := event(idp.Event{Action: idp.ActionModelUpdated, App: "test", User: map[string]any{"pk": 7, "username": "seven"}, ClientIP: netip.MustParseAddr("192.0.2.77"),
		Brand:   map[string]any{"name": "Wanted"},
		Context: map[string]any{"authorized_application": app, "model": map[string]any{"app": "authentik_flows", "model_name": "flow", "pk": object.String()}}})
	other := event(idp.Event{Action: idp.ActionLogin, App: "test", User: map[string]any{"pk": 8, "username": "eight"},
		Context: map[string]any{"model": map[string]any{"app": "authentik_core", "model_name": "user", "pk": 8}}})
	c.selects("/events/events/", "pk", wanted, other, fields{"action": "model_updated", "actions": "model_updated", "brand_name": "Wanted",
		"client_ip": "192.0.2.77", "username": "seven", "context_authorized_app": "7", "context_model_app": "authentik_flows", "context_model_name": "flow",
		"context_model_pk": object})
	compact := fmt.Sprintf("%x", object[:])
	require.Equal(t, []any{wanted}, c.all("/events/events/?context_model_pk="+compact, "pk"), "a key without hyphens is the same key")
	require.Contains(t, c.all("/events/events/?context_model_pk=8", "pk"), other)
	require.NotContains(t, c.all("/events/events/?context_model_pk=8", "pk"), wanted)
	c.refuse(http.MethodGet, "/events/events/?client_ip=x", "client_ip", nil)
}

// What charts are drawn from.
func TestCountsOfEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, log := r.by(r.admin), r.db.Repos().Events
	wiki, mail := map[string]any{"name": "Wiki"}, map[string]any{"name": "Mail"}
	add := func(app map[string]any, user int, ago time.Duration) {
		e := idp.Event{Action: "authorize_application", App: "test", User: map[string]any{"pk": user, "username": fmt.Sprint(user)},
			Context: map[string]any{"authorized_application": app}, Imported: true, CreatedAt: time.Now().Add(-ago)}
		require.NoError(t, log.Append(t.Context(), &e))
	}
	const day = 24 * time.Hour
	add(mail, 1, 0)
	for range 2 {
		add(wiki, 1, 20*day)
	}
	add(wiki, 2, 0)
	list := func(at string) (out []map[string]any) {
		t.Helper()
		a := c.send(http.MethodGet, at, nil)
		require.Equal(t, http.StatusOK, a.Code, a.Body.String())
		require.NoError(t, unmarshal(a.Body.Bytes(), &out))
		return out
	}
	const top, volume = "/events/events/top_per_user/", "/events/events/volume/"
	require.Equal(t, []map[string]any{{"application": map[string]any(wiki), "counted_events": 3.0, "unique_users": 2.0},
		{"application": map[string]any(mail), "counted_events": 1.0, "unique_users": 1.0}}, list(top))
	require.Len(t, list(top+"?top_n=1"), 1)
	require.Empty(t, list(top+"?action=login"))

	sum := func(at string) (n float64) {
		for _, v := range list(at) {
			began, err := time.Parse(time.RFC3339, v["time"].(string))
			require.NoError(t, err)
			require.Zero(t, began.Hour()%6+began.Minute()+began.Second())
			n += v["count"].(float64)
		}
		return n
	}
	require.Equal(t, 2.0, sum(volume+"?action=authorize_application"))
	require.Equal(t, 4.0, sum(volume+"?actions=authorize_application&history_days=30"))
	require.Equal(t, 1.0, sum(volume+"?action=authorize_application&username=2"))
	require.Equal(t, 1.0, sum(volume+"?search=wiki"))
	sorted := list(volume + "?action=authorize_application&history_days=900&ordering=-time")
	require.Greater(t, sorted[0]["time"], sorted[len(sorted)-1]["time"])
	for at, field := range map[string]string{top + "?top_n=0": "top_n", top + "?top_n=x": "top_n", volume + "?history_days=-1": "history_days",
		volume + "?ordering=password": "ordering", volume + "?client_ip=x": "client_ip"} {
		c.refuse(http.MethodGet, at, field, nil)
	}
	plain := r.by(r.person)
	plain.send(http.MethodGet, top, nil).json(http.StatusForbidden)
	plain.send(http.MethodGet, volume, nil).json(http.StatusForbidden)
}

func TestConfigurationByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	flow := c.post("/flows/instances/", fields{"name": "Wanted", "slug": "wanted", "title": "Wanted", "designation": "recovery", "denied_action": "continue"})
	c.selects("/flows/instances/", "pk", flow["pk"], r.flow.ID.String(), fields{"name": "Wanted", "slug": "wanted", "designation": "recovery",
		"denied_action": "continue", "flow_uuid": flow["pk"]})

	stage, other := r.addStage("wanted", "deny", fields{}), r.addStage("other", "deny", fields{})
	policy := c.post("/policies/dummy/", fields{"name": "wanted", "result": true})
	binding := c.post("/flows/bindings/", fields{"target": flow["pk"], "stage": stage, "order": 9, "evaluate_on_plan": true, "re_evaluate_policies": false,
		"policy_engine_mode": "all", "invalid_response_action": "restart"})
	elsewhere := c.post("/flows/bindings/", fields{"target": r.flow.ID, "stage": other, "order": 8, "evaluate_on_plan": false, "re_evaluate_policies": true,
		"policy_engine_mode": "any", "invalid_response_action": "retry"})
	asked := c.post("/policies/bindings/", fields{"policy": policy["pk"], "target": binding["pk"], "order": 5, "timeout": 7, "enabled": false})
	person := c.post("/policies/bindings/", fields{"user": r.person.ID, "target": elsewhere["pk"], "order": 6})
	c.selects("/flows/bindings/", "pk", binding["pk"], elsewhere["pk"], fields{"target": flow["pk"], "stage": stage, "order": 9, "evaluate_on_plan": true,
		"re_evaluate_policies": false, "policy_engine_mode": "all", "invalid_response_action": "restart", "fsb_uuid": binding["pk"], "pbm_uuid": binding["pk"],
		"policies": policy["pk"]})
	c.selects("/policies/bindings/", "pk", asked["pk"], person["pk"], fields{"enabled": false, "order": 5, "policy": policy["pk"], "policy__isnull": false,
		"target": binding["pk"], "target_in": binding["pk"], "timeout": 7})

	prompt := c.post("/stages/prompt/prompts/", fields{"name": "wanted", "field_key": "w", "label": "Wanted?", "type": "number", "placeholder": "7"})
	question := c.post("/stages/prompt/prompts/", fields{"name": "other", "field_key": "o", "label": "Other?", "type": "text"})
	c.selects("/stages/prompt/prompts/", "pk", prompt["pk"], question["pk"], fields{"name": "wanted", "field_key": "w", "label": "Wanted?", "type": "number",
		"placeholder": "7"})

	asks := c.post("/policies/dummy/", fields{"name": "asked by a stage"})
	r.addStage("validating", "prompt", fields{"fields": []any{prompt["pk"]}, "validation_policies": []any{asks["pk"]}})
	c.selects("/policies/all/", "pk", asks["pk"], policy["pk"], fields{"bindings__isnull": true, "promptstage__isnull": probe{value: false}})

	print := c.post("/managed/blueprints/", fields{"name": "wanted", "content": "version: 1\nentries: []\n", "path": ""})
	c.post("/managed/blueprints/", fields{"name": "other", "content": "version: 1\nentries: []\n"})
	require.Equal(t, []any{print["pk"]}, c.all("/managed/blueprints/?name=wanted", "pk"))
	require.Empty(t, c.all("/managed/blueprints/?path=nowhere.yaml", "pk"))
}

func TestWhatPeopleHoldByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, repos := r.by(r.admin), r.db.Repos()
	ctx := t.Context()

	scores := repos.Reputations
	require.NoError(t, scores.Adjust(ctx, "grace", netip.MustParseAddr("192.0.2.3"), -2))
	require.NoError(t, scores.Adjust(ctx, "root", netip.MustParseAddr("192.0.2.4"), 1))
	found := c.get("/policies/reputation/scores/?ordering=identifier")["results"].([]any)
	c.selects("/policies/reputation/scores/", "pk", found[0].(object)["pk"], found[1].(object)["pk"], fields{"identifier": "grace", "identifier_in": "grace,nobody",
		"ip": "192.0.2.3", "score": -2})

	flow := r.addFlow("in", idp.DesignationEnrollment, idp.AuthenticationNone, "deny", "{}")
	ends := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	wanted := c.post("/stages/invitation/invitations/", fields{"name": "wanted", "expires": ends, "flow": flow.ID})
	theirs := &idp.Invitation{Name: "other", CreatedBy: r.person.ID}
	require.NoError(t, repos.Invitations.Create(ctx, theirs))
	c.selects("/stages/invitation/invitations/", "pk", wanted["pk"], theirs.ID.String(), fields{"name": "wanted", "expires": wanted["expires"],
		"created_by__username": "root", "flow__slug": "in"})

	wiki := uuidOf(r)
	given := &idp.Consent{UserID: r.person.ID, Application: wiki, ApplicationName: "Wiki", ApplicationSlug: "wiki"}
	other := &idp.Consent{UserID: r.admin.ID, Application: uuidOf(r), ApplicationName: "Mail", ApplicationSlug: "mail"}
	require.NoError(t, repos.Consents.Save(ctx, given))
	require.NoError(t, repos.Consents.Save(ctx, other))
	c.selects("/core/user_consent/", "pk", float64(given.ID), float64(other.ID), fields{"user": int(r.person.ID), "application": wiki})

	r.cookieOf(r.person)
	_, _, err := r.sessions.Start(ctx, idp.SystemActor(), session.Begin{User: r.admin.ID, AuthMethod: "password", UserAgent: "other/1", IP: netip.MustParseAddr("192.0.2.8")})
	require.NoError(t, err)
	c.selects("/core/authenticated_sessions/", "user", float64(r.person.ID), float64(r.admin.ID), fields{"session__last_ip": "192.0.2.7",
		"session__last_user_agent": "curl/8.5.0", "user__username": "grace"})
}
