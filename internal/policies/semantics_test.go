package policies_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// named stores a policy under a name of its own.
func (w *world) named(name, kind, settings string, logged bool) *idp.Policy {
	w.Helper()
	p := &idp.Policy{Name: name, Kind: kind, Settings: json.RawMessage(settings), ExecutionLogging: logged}
	require.NoError(w, w.db.Repos().Policies.Create(w.Context(), p))
	return p
}

func expression(source string) string {
	raw, err := json.Marshal(map[string]string{"expression": source})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// What bindings say together, from the storage to the audit log.
func TestBindingsAreCombined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	passes := w.named("passes", "expression", expression(`message("welcome")`), false)
	fails := w.named("fails", "expression", expression(`deny("no")`), false)
	breaks := w.named("breaks", "expression", expression(`context.nothing.deep`), false)
	slow := w.named("slow", "dummy", `{"result": true, "wait_min": 3600, "wait_max": 3600}`, false)
	logged := w.named("logged", "expression", expression(`true`), true)
	parent := &idp.Group{Name: "parent"}
	require.NoError(t, w.db.Repos().Groups.Create(ctx, parent))
	child := &idp.Group{Name: "child", Parents: []idp.GroupID{parent.ID}}
	require.NoError(t, w.db.Repos().Groups.Create(ctx, child))
	ada, bob := w.user("ada"), w.user("bob")
	require.NoError(t, w.db.Repos().Groups.AddUser(ctx, child.ID, ada.ID))
	ada, err := w.db.Repos().Users.Get(ctx, ada.ID)
	require.NoError(t, err)

	of := func(p *idp.Policy) idp.PolicyBinding {
		return idp.PolicyBinding{PolicyID: &p.ID, Enabled: true, Timeout: time.Minute}
	}
	with := func(b idp.PolicyBinding, change func(*idp.PolicyBinding)) idp.PolicyBinding { change(&b); return b }
	group := idp.PolicyBinding{GroupID: &parent.ID, Enabled: true}
	person := idp.PolicyBinding{UserID: &ada.ID, Enabled: true}
	for name, c := range map[string]struct {
		bindings  []idp.PolicyBinding
		any, all  bool
		fault     bool // nothing passes, because of a policy without an answer
		messages  []string
		events    idp.Action
		notForBob bool
	}{
		"none":              {any: true, all: true},
		"disabled":          {bindings: []idp.PolicyBinding{with(of(fails), func(b *idp.PolicyBinding) { b.Enabled = false })}, any: true, all: true},
		"one of two":        {bindings: []idp.PolicyBinding{of(fails), of(passes)}, any: true, messages: []string{"no", "welcome"}},
		"negated":           {bindings: []idp.PolicyBinding{with(of(fails), func(b *idp.PolicyBinding) { b.Negate = true })}, any: true, all: true, messages: []string{"no"}},
		"by order":          {bindings: []idp.PolicyBinding{with(of(passes), func(b *idp.PolicyBinding) { b.Order = 9 }), of(fails)}, any: true, messages: []string{"no", "welcome"}},
		"without an answer": {bindings: []idp.PolicyBinding{of(breaks)}, fault: true, events: idp.ActionPolicyException},
		"never negated":     {bindings: []idp.PolicyBinding{with(of(breaks), func(b *idp.PolicyBinding) { b.Negate = true })}, fault: true, events: idp.ActionPolicyException},
		"failure result": {bindings: []idp.PolicyBinding{with(of(breaks), func(b *idp.PolicyBinding) { b.FailureResult, b.Negate = true, true })},
			any: true, all: true, events: idp.ActionPolicyException},
		"timeout":         {bindings: []idp.PolicyBinding{with(of(slow), func(b *idp.PolicyBinding) { b.Timeout = time.Millisecond })}, fault: true, events: idp.ActionPolicyException},
		"logged":          {bindings: []idp.PolicyBinding{of(logged)}, any: true, all: true, events: idp.ActionPolicyExecution},
		"through a group": {bindings: []idp.PolicyBinding{group}, any: true, all: true, notForBob: true},
		"the person":      {bindings: []idp.PolicyBinding{person}, any: true, all: true, notForBob: true},
	} {
		target := w.flow("f-"+idp.NewID[idp.Flow]().Hex(), idp.DesignationAuthentication).ID.UUID()
		for i := range c.bindings {
			b := c.bindings[i]
			b.Target, b.Order = target, b.Order+i
			require.NoError(t, w.db.Repos().PolicyBindings.Create(ctx, &b), name)
		}
		for mode, want := range map[idp.PolicyMode]bool{idp.PolicyAny: c.any, idp.PolicyAll: c.all} {
			before := w.events(c.events)
			r, err := w.bound.Evaluate(ctx, target, mode, idp.PolicyRequest{User: ada})
			require.Equal(t, c.fault, err != nil, "%s: %v", name, err)
			require.Equal(t, want, r.Passing, "%s, %s", name, mode)
			require.Equal(t, c.messages, r.Messages, name)
			if c.events != "" {
				require.Equal(t, before+1, w.events(c.events), name)
			}
			r, err = w.bound.Evaluate(ctx, target, mode, idp.PolicyRequest{User: bob})
			require.Equal(t, c.fault, err != nil, name)
			require.Equal(t, want && !c.notForBob, r.Passing, "%s, for somebody else", name)
		}
	}
}

// groups puts a user into a new group and reads them again.
func (w *world) groups(u *idp.User, name string, superuser bool) idp.GroupID {
	w.Helper()
	g := &idp.Group{Name: name, IsSuperuser: superuser}
	require.NoError(w, w.db.Repos().Groups.Create(w.Context(), g))
	require.NoError(w, w.db.Repos().Groups.AddUser(w.Context(), g.ID, u.ID))
	now, err := w.db.Repos().Users.Get(w.Context(), u.ID)
	require.NoError(w, err)
	*u = *now
	return g.ID
}

func (w *world) events(action idp.Action) int {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.Context(), idp.EventFilter{Actions: []idp.Action{action}})
	require.NoError(w, err)
	return page.Total
}

// Expressions ask for policies and users, within bounds.
func TestExpressionsAskTheDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	engine := policy.NewEngine(policy.NewKinds(policies.Kinds(policies.Deps{}))).With(policies.Directory{Store: w.db})
	w.groups(ada, "staff", false)
	boss := w.groups(ada, "bosses", true)
	w.groups(w.user("bob"), "elsewhere", true)
	w.named("inner", "expression", expression(`message("inner says " + string(context.word)) and user.username == "ada"`), false)
	w.named("broken", "expression", expression(`context.word.deep`), false)
	w.named("loop", "expression", expression(`ak_call_policy("loop").passing`), false)
	for source, c := range map[string]struct {
		passing bool
		fault   string
	}{
		`ak_call_policy("inner").passing`:                                                                                       {true, ""},
		`ak_call_policy("inner", {"word": "tea"}).messages[0] == "inner says tea"`:                                              {true, ""},
		`ak_call_policy("inner", {"word": "tea"}).passing and context.word == nil`:                                              {true, ""},
		`not ak_call_policy("broken").passing`:                                                                                  {false, "cannot fetch deep from nil"},
		`not ak_call_policy("nobody").passing`:                                                                                  {false, `there is no policy "nobody"`},
		`ak_call_policy("loop").passing`:                                                                                        {false, "more than 5 deep"},
		`all(1..30, {ak_call_policy("inner").passing})`:                                                                         {false, "at most 20"},
		`ak_user_by("username", "ADA")?.pk == user.pk`:                                                                          {true, ""},
		`ak_user_by("pk", user.pk)?.username == "ada"`:                                                                          {true, ""},
		`ak_user_by("uuid", user.uuid)?.username == "ada"`:                                                                      {true, ""},
		`ak_user_by("username", "eve") == nil and ak_user_by("pk", "x") == nil and ak_user_by("uuid", "x") == nil`:              {true, ""},
		`ak_user_by("password", "x") == nil`:                                                                                    {false, "by username, email, pk or uuid"},
		`ak_user_by("username", nil) == nil`:                                                                                    {false, "a text or a number is expected"},
		`ak_user_by({"username": "ADA", "is_active": true, "type": "internal"})?.pk == user.pk`:                                 {true, ""},
		`ak_user_by({"pk": user.pk, "uuid": user.uuid, "name": user.name, "path": user.path, "is_superuser": true}) != nil`:     {true, ""},
		`ak_user_by({"username": "ada", "is_active": false}) == nil`:                                                            {true, ""},
		`ak_user_by({"username": "ada", "is_superuser": false}) == nil and ak_user_by({"username": "ada", "path": "x"}) == nil`: {true, ""},
		`ak_user_by({"pk": user.pk, "username": "bob"}) == nil and ak_user_by({"uuid": "x"}) == nil`:                            {true, ""},
		`ak_user_by({"username": "ada", "is_active": "yes"}) == nil`:                                                            {false, "is_active: true or false is expected"},
		`ak_user_by({"username": "ada", "name": 1}) == nil`:                                                                     {false, "name: a text is expected"},
		`ak_user_by({"is_active": true, "name": "Ada"}) == nil`:                                                                 {false, "none of username, email, pk and uuid"},
		`ak_user_by({"username": "ada", "password": "x"}) == nil`:                                                               {false, `not by "password"`},
		`ak_user_by({}) == nil`:                                                                                                 {false, "none of username"},
		`ak_is_group_member(user, "staff") and ak_is_group_member(user, {"name": "staff"})`:                                     {true, ""},
		`ak_is_group_member(user, {"is_superuser": true}) and is_group_member(user, {"name": "bosses", "is_superuser": true})`:  {true, ""},
		`ak_is_group_member(user, {"name": "staff", "is_superuser": true})`:                                                     {false, ""},
		`ak_is_group_member(user, {"name": "elsewhere", "is_superuser": true})`:                                                 {false, ""},
		`ak_is_group_member(user, {"pk": "` + boss.String() + `", "is_superuser": true})`:                                       {true, ""},
		`ak_is_group_member(user, {"pk": "` + boss.String() + `", "name": "staff"})`:                                            {false, ""},
		`ak_is_group_member(user, {"pk": "boss"})`:                                                                              {false, "is not a UUID"},
		`ak_is_group_member(user, {"is_superuser": 1})`:                                                                         {false, "is_superuser: true or false is expected"},
		`ak_is_group_member(user, {"attributes": {}})`:                                                                          {false, `not by "attributes"`},
		`ak_is_group_member(user, {})`:                                                                                          {false, "names none of"},
		`ak_is_group_member(nil, {"name": "staff"})`:                                                                            {false, ""},
	} {
		p := &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "outer", Kind: "expression", Settings: json.RawMessage(expression(source))}
		r, err := engine.EvaluatePolicy(t.Context(), p, idp.PolicyRequest{User: ada})
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, source)
			require.False(t, r.Passing)
			continue
		}
		require.NoError(t, err, source)
		require.Equal(t, c.passing, r.Passing, source)
	}
	// Where there is no directory nothing is answered, and so nothing passes.
	p := &idp.Policy{Name: "alone", Kind: "expression", Settings: json.RawMessage(expression(`ak_user_by("username", "eve") == nil`))}
	_, err := policy.NewEngine(engine.Kinds()).EvaluatePolicy(t.Context(), p, idp.PolicyRequest{})
	require.ErrorContains(t, err, "only a policy can ask")
	// Events that policies below write nothing of are none of theirs.
	require.Zero(t, w.events(idp.ActionPolicyException))
}
