package stages_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/stages/userwrite"
)

// signUp stores a flow that asks for a name and a password, makes an account of
// it and signs in.
func (w *world) signUp(slug, settings string, before ...func(*idp.Flow)) *idp.Flow {
	w.Helper()
	f := w.flow(slug)
	for _, b := range before {
		b(f)
	}
	w.stage(f, 10, "prompt", w.fields(slug, key(prompt.Username, "username"), key(prompt.Password, "password"),
		key(prompt.Text, "attributes.company", optional), key(prompt.Email, "email", optional)))
	w.stage(f, 20, "user_write", settings)
	w.stage(f, 30, "user_login", `{}`)
	return f
}

// fields stores prompts and returns the settings of a stage that shows them.
func (w *world) fields(slug string, prompts ...idp.Prompt) string {
	w.Helper()
	var ids []string
	for i := range prompts {
		p := &prompts[i]
		p.Name = fmt.Sprintf("%s %d %s", slug, i, p.FieldKey)
		require.NoError(w, prompt.CheckPrompt(p), p.Name)
		require.NoError(w, w.repos().Prompts.Create(w.ctx, p))
		ids = append(ids, fmt.Sprintf("%q", p.ID))
	}
	return fmt.Sprintf(`{"fields": [%s]}`, strings.Join(ids, ", "))
}

func key(t prompt.Type, name string, change ...func(*idp.Prompt)) idp.Prompt {
	return field(t, append(change, func(p *idp.Prompt) { p.FieldKey = name })...)
}

// named returns the account of that name, nil when there is none.
func (w *world) named(name string) *idp.User {
	w.Helper()
	page, err := w.repos().Users.Find(w.ctx, idp.UserFilter{Usernames: []string{name}})
	require.NoError(w, err)
	if len(page.Items) == 0 {
		return nil
	}
	return &page.Items[0]
}

const makes = `{"user_creation_mode": "always_create", "create_users_as_inactive": false}`

func TestEnrollment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	staff := &idp.Group{Name: "staff"}
	require.NoError(t, w.repos().Groups.Create(w.ctx, staff))
	w.user("taken")
	w.signUp("join", fmt.Sprintf(`{"user_creation_mode": "create_when_required", "create_users_as_inactive": false, "create_users_group": %q,
		"user_type": "internal", "user_path_template": "people/%%(attributes.company)s"}`, staff.ID))
	b := w.browser("one")
	shows(t, b.get("join"), "ak-stage-prompt")
	answers := flow.Input{"username": "grace", "password": goodPassword, "attributes.company": "navy", "email": "grace@example.org"}

	// Faults stand beside their fields, and nothing is made.
	for field, c := range map[string]struct{ sent, no string }{
		"username":           {"TAKEN", "Username is already taken."},
		"password":           {"short", "Ensure this field has at least 8 characters."},
		"email":              {"grace@nowhere", "Enter a valid email address."},
		"attributes.company": {"a/b", "Slashes are not allowed here."},
	} {
		in := flow.Input{}
		for k, v := range answers {
			in[k] = v
		}
		in[field] = c.sent
		a := b.post("join", in)
		wrong(t, a, field, c.no)
		shows(t, a, "ak-stage-prompt")
		require.Nil(t, w.named("grace"))
	}

	done(t, b.post("join", answers), "/")
	grace := w.named("grace")
	require.Equal(t, grace.ID, b.actor().User.ID, "signed in with what was just made")
	require.Equal(t, "people/navy", grace.Path)
	require.Equal(t, idp.UserInternal, grace.Type)
	require.Equal(t, []string{"staff"}, grace.GroupNames)
	require.Equal(t, idp.Attributes{"company": "navy"}, grace.Attributes)
	ok, err := w.accounts.Authenticate(w.ctx, idp.Actor{}, idp.Attempt{User: grace, Secret: goodPassword})
	require.NoError(t, err)
	require.True(t, ok)
	require.NotNil(t, grace.PasswordChangedAt)
	events := w.events(idp.ActionUserWrite)
	require.Len(t, events, 1)
	require.Equal(t, "grace", events[0].User["username"])
	require.Equal(t, true, events[0].Context["created"])
	require.Equal(t, "join", events[0].Context["flow"])
}

func TestCreationModes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kind, _ := w.flows.Kind("user_write")
	for mode, ok := range map[string]bool{"never_create": true, "create_when_required": true, "always_create": true, "nonsense": false} {
		_, err := kind.Validate(w.ctx, nil, []byte(fmt.Sprintf(`{"user_creation_mode": %q}`, mode)))
		require.Equal(t, !ok, idp.Is(err, idp.CodeInvalid), mode)
	}
	const refused = "No user found and can't create new user."
	for i, c := range []struct {
		mode     string
		signedIn bool
		makes    bool
		no       string
	}{
		{mode: "never_create", no: refused},
		{mode: "never_create", signedIn: true},
		{mode: "create_when_required", makes: true},
		{mode: "create_when_required", signedIn: true},
		{mode: "always_create", makes: true},
		{mode: "always_create", signedIn: true, makes: true},
	} {
		slug, name := fmt.Sprint("mode", i), fmt.Sprint("made", i)
		f := w.flow(slug)
		w.stage(f, 0, "user_write", fmt.Sprintf(`{"user_creation_mode": %q, "create_users_as_inactive": false}`, c.mode))
		w.stage(f, 10, "user_login", `{}`)
		b, u := w.browser(slug), w.user(fmt.Sprint("was", i))
		if c.signedIn {
			b = w.signedIn(u)
		}
		b.begin(slug, func(r *flow.Run) { flow.KeyPromptData.Put(r.Vars, map[string]any{"username": name}) })
		a := b.get(slug)
		if c.no != "" {
			denied(t, a, c.no)
			require.Nil(t, w.named(name))
			continue
		}
		done(t, a, "/")
		made := w.named(name)
		require.NotNil(t, made, slug)
		require.Equal(t, c.makes, made.ID != u.ID, slug)
		require.Equal(t, made.ID, b.actor().User.ID, "%s: the new account is the pending user", slug)
	}
}

func TestANewAccountMayBeginSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signUp("join", `{"user_creation_mode": "always_create"}`)
	b := w.browser("one")
	denied(t, b.post("join", flow.Input{"username": "grace", "password": goodPassword}), "Failed to authenticate.")
	require.False(t, w.named("grace").IsActive)
	require.False(t, b.alive())
}

func TestWhatTheContextSaysOfANewAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := &idp.Group{Name: "a"}, &idp.Group{Name: "b"}
	require.NoError(t, w.repos().Groups.Create(w.ctx, a))
	require.NoError(t, w.repos().Groups.Create(w.ctx, b))
	f := w.flow("made")
	w.stage(f, 0, "user_write", fmt.Sprintf(`{"user_creation_mode": "create_when_required", "create_users_group": %q, "user_path_template": "elsewhere"}`, a.ID))
	set := func(name string) func(*flow.Run) {
		return func(r *flow.Run) {
			flow.KeyPromptData.Put(r.Vars, map[string]any{"username": name, "groups": []any{w.admins.String()}, "component": "x",
				"path": "mine", "type": "internal_service_account", "is_active": false, "is_superuser": true, "attributes": map[string]any{"whole": true},
				"attributes_half": "yes", "locale": "de"})
			userwrite.KeyGroups.Put(r.Vars, []idp.GroupID{b.ID})
			userwrite.KeyPath.Put(r.Vars, "partners/acme")
			userwrite.KeyType.Put(r.Vars, idp.UserServiceAccount)
		}
	}
	one := w.browser("one")
	one.begin("made", set("robot"))
	done(t, one.get("made"), "/")
	robot := w.named("robot")
	require.ElementsMatch(t, []string{"a", "b"}, robot.GroupNames)
	require.Equal(t, "partners/acme", robot.Path)
	require.Equal(t, idp.UserServiceAccount, robot.Type)
	require.False(t, robot.IsSuperuser)
	require.Equal(t, idp.Attributes{"whole": true, "half": "yes", "settings": map[string]any{"locale": "de"}}, robot.Attributes)

	// An account that is there joins groups, and nothing else of it changes.
	ada := w.user("ada")
	two := w.signedIn(ada)
	two.begin("made", set("ada"))
	done(t, two.get("made"), "/")
	now := w.now(ada)
	require.Equal(t, []string{"b"}, now.GroupNames)
	require.Equal(t, "users", now.Path)
	require.Equal(t, idp.UserInternal, now.Type)
}

// TestSettingsThatCannotBeMetAreNotTheVisitorsFault: a group that is gone, a
// value that the path needs.
func TestSettingsThatCannotBeMetAreNotTheVisitorsFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone := &idp.Group{Name: "gone"}
	require.NoError(t, w.repos().Groups.Create(w.ctx, gone))
	w.signUp("group", fmt.Sprintf(`{"user_creation_mode": "always_create", "create_users_group": %q}`, gone.ID))
	require.NoError(t, w.repos().Groups.Delete(w.ctx, gone.ID))
	w.signUp("path", `{"user_creation_mode": "always_create", "user_path_template": "%(nothing.there)s"}`)
	for _, slug := range []string{"group", "path"} {
		a := w.browser(slug).post(slug, flow.Input{"username": "grace", "password": goodPassword})
		require.IsType(t, flow.FlowError{}, a.Challenge, "%s: %v", slug, a.Errors)
		require.Nil(t, w.named("grace"))
	}
	require.Len(t, w.events(idp.ActionSystemException), 2)
}

func TestPathTemplates(t *testing.T) {
	t.Parallel()
	kind, _ := func() (flow.Kind, bool) {
		for _, k := range kinds() {
			if k.Name == "user_write" {
				return k, true
			}
		}
		return flow.Kind{}, false
	}()
	for template, ok := range map[string]bool{
		"": true, "users": true, "a/%(b)s/c": true, "100%%": true, "%(a)s%(b.c)s": true,
		"/a": false, "a/": false, "a//b": false, "%(a)s/": false, "%s": false, "%(a": false, "%()s": false, "100%": false, "%(password)s": false,
	} {
		_, err := kind.Validate(t.Context(), nil, []byte(fmt.Sprintf(`{"user_path_template": %q}`, template)))
		require.Equal(t, ok, err == nil, "%q: %v", template, err)
		if err != nil {
			require.Equal(t, []string{"user_path_template"}, faulty(err))
		}
	}
}

// TestANameIsNoProof: whoever only says who they are changes and deletes
// nothing, and learns nothing from the refusal.
func TestANameIsNoProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("root")
	w.user("ada")
	for kind, want := range map[string]string{
		"user_write":  "No user found and can't create new user.",
		"user_delete": "No user to delete.",
	} {
		settings := `{}`
		if kind == "user_write" {
			settings = `{"user_creation_mode": "never_create"}`
		}
		slug := strings.ReplaceAll(kind, "_", "-")
		f := w.flow(slug)
		w.stage(f, 0, "identification", `{}`)
		w.stage(f, 10, "prompt", w.fields(slug, key(prompt.Password, "password")))
		w.stage(f, 20, kind, settings)
		for _, name := range []string{"ada", "nobody"} {
			b := w.browser(kind + name)
			b.post(slug, flow.Input{"uid_field": name})
			a, err := b.flows.Solve(b.ctx, b.visit(slug), flow.Input{"password": "another good password"})
			require.NoError(t, err)
			denied(t, a, want)
		}
		// Nor does a proof of being somebody else.
		two := w.flow(slug + "-two")
		w.stage(two, 0, "identification", `{}`)
		w.stage(two, 10, "password", `{}`)
		w.stage(two, 20, "identification", `{}`)
		w.stage(two, 30, kind, settings)
		w.user("mallory" + slug)
		b := w.browser("mallory" + kind)
		b.post(two.Slug, flow.Input{"uid_field": "mallory" + slug})
		b.post(two.Slug, flow.Input{"password": goodPassword})
		a, err := b.flows.Solve(b.ctx, b.visit(two.Slug), flow.Input{"uid_field": "ada"})
		require.NoError(t, err)
		denied(t, a, want)
	}
	ok, err := w.accounts.Authenticate(w.ctx, idp.Actor{}, idp.Attempt{User: w.named("ada"), Secret: goodPassword})
	require.NoError(t, err)
	require.True(t, ok)
}

// TestNothingIsRevived: an account that was locked down or switched off while a
// flow was under way stays as it is, whatever the flow would write.
func TestNothingIsRevived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("root")
	f := w.flow("settings")
	w.stage(f, 0, "password", `{}`)
	w.stage(f, 10, "prompt", w.fields("settings", key(prompt.Text, "name")))
	w.stage(f, 20, "user_write", `{"user_creation_mode": "create_when_required", "create_users_as_inactive": false}`)
	contain := func(u *idp.User) {
		_, err := w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{u.ID}, Switches: idp.AllSwitches()})
		require.NoError(t, err)
	}
	for name, act := range map[string]func(*idp.User){
		"contained":    contain,
		"switched-off": func(u *idp.User) { require.NoError(t, w.lockdowns.Deactivate(w.ctx, idp.SystemActor(), u.ID)) },
		"active-again": func(u *idp.User) {
			contain(u)
			require.NoError(t, w.lockdowns.Activate(w.ctx, idp.SystemActor(), u.ID))
		},
		"session-ended": func(u *idp.User) {
			_, err := w.sessions.EndAll(w.ctx, idp.SystemActor(), u.ID)
			require.NoError(t, err)
		},
	} {
		u := w.user(name)
		b := w.browser(name)
		b.begin("settings", func(r *flow.Run) { r.SetPending(u) })
		shows(t, b.post("settings", flow.Input{"password": goodPassword}), "ak-stage-prompt")
		act(u)
		before := w.now(u)
		denied(t, b.post("settings", flow.Input{"name": "Revived"}), "This account may not act.")
		require.Equal(t, before, w.now(u), name)
	}
}

// TestPasswordsAreForgotten: what was typed unseen is kept no longer than needed.
func TestPasswordsAreForgotten(t *testing.T) {
	t.Parallel()
	var found seen
	w := newWorld(t, found.kind())
	f := w.flow("join")
	w.stage(f, 0, "prompt", w.fields("join", key(prompt.Username, "username"), key(prompt.Password, "password"), key(prompt.Password, "once_more")))
	w.stage(f, 10, "user_write", makes)
	w.stage(f, 20, "seer", `{}`)
	done(t, w.browser("one").post("join", flow.Input{"username": "grace", "password": goodPassword, "once_more": goodPassword}), "/")
	require.Equal(t, map[string]any{"username": "grace"}, found.data)
}

// TestTwoOfOneName: of two who sign up with one name at once, one gets it.
func TestTwoOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signUp("join", makes)
	var answers [2]*flow.Answer
	var g errgroup.Group
	for i := range answers {
		b := w.browser(fmt.Sprint(i))
		b.get("join")
		g.Go(func() (err error) {
			answers[i], err = b.flows.Solve(b.ctx, b.visit("join"), flow.Input{"username": "grace", "password": goodPassword})
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.NotEqual(t, answers[0].Done, answers[1].Done)
	for _, a := range answers {
		if !a.Done {
			require.Contains(t, []string{"This field must be unique.", "Username is already taken."}, a.Errors["username"][0].String)
		}
	}
}
