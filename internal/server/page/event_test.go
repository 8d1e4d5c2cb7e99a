package page_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
)

func TestEventsInWords(t *testing.T) {
	t.Parallel()
	ada, boss := &idp.User{ID: 2, Username: "ada"}, &idp.User{ID: 1, Username: "boss"}
	request := &idp.RequestInfo{Method: "POST"}
	self, other, system := idp.Actor{User: ada, Request: request}, idp.Actor{User: boss, Request: request}, idp.SystemActor()
	logout := func(reason string, n int) map[string]any {
		return map[string]any{"logout_reason": reason, "sessions": n}
	}
	model := func(kind, name string) map[string]any {
		return map[string]any{"model": map[string]any{"model_name": kind, "name": name}}
	}
	for _, c := range []struct {
		action  idp.Action
		actor   idp.Actor
		about   *idp.User
		context map[string]any
		want    string
	}{
		{idp.ActionLogin, self, ada, nil, "ada signed in"},
		{idp.ActionLogout, self, ada, nil, "ada signed out"},
		{idp.ActionLogout, other, ada, nil, "boss signed out ada"},
		{idp.ActionLogout, self, ada, logout("Signed out", 1), "ada signed out"},
		{idp.ActionLogout, other, ada, logout("Ended by an administrator", 1), "boss ended 1 session of ada"},
		{idp.ActionLogout, system, ada, logout("Account deactivated", 3), "The system ended 3 sessions of ada"},
		{idp.ActionLogout, self, ada, logout("All other sessions ended", 2), "ada ended 2 sessions of theirs"},
		{idp.ActionLogout, self, ada, logout("Password changed", 2), "2 sessions of ada ended"},
		{idp.ActionLogout, self, ada, map[string]any{"logout_reason": "Session binding broken"}, "1 session of ada ended"},
		{idp.ActionLoginFailed, idp.Actor{Request: request}, ada, nil, "Sign-in as ada failed"},
		{idp.ActionLoginFailed, idp.Actor{Request: request}, nil, nil, "Sign-in as an unknown account failed"},
		{idp.ActionUserWrite, self, ada, nil, "ada changed their account"},
		{idp.ActionUserWrite, other, ada, nil, "boss changed ada"},
		{idp.ActionUserWrite, system, ada, nil, "The system changed ada"},
		{idp.ActionUserWrite, self, ada, map[string]any{"action_id": idp.ActionIDLockdown}, "ada locked their own account"},
		{idp.ActionUserWrite, other, ada, map[string]any{"action_id": idp.ActionIDLockdown}, "boss locked down ada"},
		{idp.ActionUserWrite, system, ada, map[string]any{"action_id": idp.ActionIDLockdown}, "The system locked down ada"},
		{idp.ActionUserWrite, other, ada, map[string]any{"action_id": idp.ActionIDRestore}, "boss restored ada"},
		{idp.ActionPasswordSet, self, ada, nil, "ada changed their password"},
		{idp.ActionPasswordSet, other, ada, nil, "boss set the password of ada"},
		{idp.ActionPasswordSet, idp.Actor{}, ada, nil, "The password of ada was set"},
		{idp.ActionModelCreated, other, ada, model("user", "ada"), "boss created user ada"},
		{idp.ActionModelUpdated, self, ada, model("user", "ada"), "ada changed their account"},
		{idp.ActionModelCreated, self, ada, model("token", "nightly"), "ada created token nightly"},
		{idp.ActionModelDeleted, other, nil, model("group", "Lab"), "boss deleted group Lab"},
		{idp.ActionModelDeleted, system, nil, model("group", "Lab"), "Group Lab was deleted"},
		{idp.ActionModelDeleted, system, nil, nil, "Object was deleted"},
		{idp.ActionSystemException, system, nil, map[string]any{"message": "boom"}, "System fault: boom"},
	} {
		e := c.action.Event("test", c.actor, c.about, c.context)
		require.Equal(t, c.want, page.DescribeEvent(e).Sentence)
		require.Equal(t, c.want, page.DescribeEvent(stored(t, e)).Sentence, "as the database gives it back")
	}
	future := &idp.Event{Action: "custom_thing", User: map[string]any{}}
	require.Equal(t, "custom thing", page.DescribeEvent(future).Sentence, "written by a later version")
}

// stored is the event after a journey through JSON.
func stored(t *testing.T, e *idp.Event) *idp.Event {
	t.Helper()
	out := *e
	for _, m := range []*map[string]any{&out.User, &out.Context} {
		raw, err := json.Marshal(*m)
		require.NoError(t, err)
		*m = nil
		require.NoError(t, json.Unmarshal(raw, m))
	}
	return &out
}

func TestEveryActionHasWords(t *testing.T) {
	t.Parallel()
	for _, a := range idp.Actions() {
		require.NotContains(t, page.Action(a), "_", a)
		v := page.DescribeEvent(&idp.Event{Action: a})
		require.NotEmpty(t, v.Sentence, a)
		require.NotEmpty(t, v.Icon, a)
	}
	require.NotPanics(t, func() {
		page.DescribeEvent(&idp.Event{User: map[string]any{"pk": "x", "username": 7, "authenticated_as": "me"}, Context: map[string]any{"model": 1}})
	})
}
