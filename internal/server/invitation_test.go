package server_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestInvitations(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key, own := r.keyOf(r.admin), r.keyOf(r.person)
	list := path("/stages/invitation/invitations/")
	post := func(body map[string]any) *response {
		return r.do(request{method: http.MethodPost, path: list, key: key, body: body})
	}
	ends := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	got := post(map[string]any{"name": "for-grace", "expires": ends, "fixed_data": map[string]any{"email": "g@example.org"},
		"single_use": true, "flow": r.flow.ID}).json(http.StatusCreated)
	require.Equal(t, r.flow.ID.String(), got["flow"])
	require.Equal(t, r.flow.Slug, got["flow_obj"].(map[string]any)["slug"])
	require.Equal(t, "root", got["created_by"].(map[string]any)["username"])
	require.Equal(t, ends.Format(time.RFC3339), got["expires"])
	token := got["pk"].(string)
	one := list + token + "/"

	open := post(map[string]any{"name": "open-house", "expires": nil, "flow": ""}).json(http.StatusCreated)
	require.Nil(t, open["flow"])
	require.Equal(t, "Every flow", open["flow_obj"].(map[string]any)["name"], "an object: clients insist on one")
	require.Equal(t, false, open["single_use"])
	require.Equal(t, map[string]any{}, open["fixed_data"])

	names := func(query string) []any {
		return results(r.do(request{path: list + "?" + query, key: key}).json(http.StatusOK), "name")
	}
	require.Equal(t, []any{"for-grace", "open-house"}, names("ordering=name"))
	require.Equal(t, []any{"for-grace"}, names("name=for-grace"))
	require.Equal(t, []any{"for-grace"}, names("flow__slug="+r.flow.Slug))
	require.Equal(t, []any{"for-grace"}, names("expires="+ends.Format(time.RFC3339)))
	require.Len(t, names("created_by__username=ROOT"), 2)
	require.Empty(t, names("created_by__username=grace"))
	require.Equal(t, []any{"open-house"}, names("search=house"))

	got = r.do(request{method: http.MethodPatch, path: one, key: key, body: map[string]any{"single_use": false}}).json(http.StatusOK)
	require.Equal(t, r.flow.ID.String(), got["flow"], "absent stays")
	require.Equal(t, ends.Format(time.RFC3339), got["expires"])
	require.Equal(t, token, got["pk"], "the link stays")
	got = r.do(request{method: http.MethodPut, path: one, key: key, body: map[string]any{"name": "for-all"}}).json(http.StatusOK)
	require.Nil(t, got["flow"])
	require.Nil(t, got["expires"])
	require.Equal(t, map[string]any{}, got["fixed_data"])

	for field, body := range map[string]map[string]any{"name": {"name": "not a slug"}, "flow": {"name": "a", "flow": "00000000-0000-0000-0000-000000000001"},
		"expires": {"name": "a", "expires": time.Now().Add(-time.Hour)}, "fixed_data": {"name": "a", "fixed_data": map[string]any{"password": "x"}},
		"single_use": {"name": "a", "single_use": "often"}} {
		require.Contains(t, post(body).json(http.StatusBadRequest), field)
	}
	for _, as := range []string{own, ""} {
		for _, q := range []request{{path: list}, {path: one}, {method: http.MethodPost, path: list, body: map[string]any{"name": "mine"}},
			{method: http.MethodPatch, path: one, body: map[string]any{"name": "mine"}}, {method: http.MethodDelete, path: one}} {
			q.key = as
			r.do(q).json(http.StatusForbidden)
		}
	}
	require.Equal(t, http.StatusOK, r.do(request{path: one + "used_by/", key: key}).Code)
	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: one, key: key}).Code)
	r.do(request{path: one, key: key}).json(http.StatusNotFound)
	r.do(request{path: list + "nonsense/", key: key}).json(http.StatusNotFound)

	// The token is a secret: it is in no event and in no log.
	page, err := r.db.Repos().Events.Find(t.Context(), idp.EventFilter{Paging: idp.Paging{Limit: 100}})
	require.NoError(t, err)
	told := 0
	for _, e := range page.Items {
		if e.App == "invitation" {
			told++
		}
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		require.NotContains(t, string(raw), token)
	}
	require.Equal(t, 5, told)
	require.NotContains(t, r.log.String(), token)

	// What ends its maker's tokens ends an invitation.
	eve := r.addUser("eve")
	group, err := idp.ParseID[idp.Group](r.adminGroups()[0])
	require.NoError(t, err)
	require.NoError(t, r.db.Repos().Groups.AddUser(t.Context(), group, eve.ID))
	by := r.keyOf(r.fresh(eve))
	r.do(request{method: http.MethodPost, path: list, key: by, body: map[string]any{"name": "back-door"}}).json(http.StatusCreated)
	require.Equal(t, []any{"back-door", "open-house"}, names("ordering=name"))
	require.NoError(t, r.lockdowns.Deactivate(t.Context(), idp.SystemActor(), eve.ID))
	require.Equal(t, []any{"open-house"}, names(""))
}

func TestOwnConsents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	service := consent.New(consent.Deps{Store: r.db, Access: access.New()})
	give := func(u *idp.User, id, name string, lasts time.Duration) {
		require.NoError(t, service.Give(t.Context(), idp.Actor{User: u}, consent.Given{User: u.ID, Lifetime: lasts, Generation: u.SessionGeneration,
			Application: consent.Application{ID: id, Name: name, Slug: name}, Permissions: []string{"openid", "email", "openid"}}))
	}
	give(r.person, "0a7c2f9e-9f3c-4c55-8f60-1f6d2a3b4c5d", "wiki", 0)
	give(r.person, "0a7c2f9e-9f3c-4c55-8f60-1f6d2a3b4c5e", "mail", time.Hour)
	give(r.admin, "0a7c2f9e-9f3c-4c55-8f60-1f6d2a3b4c5d", "wiki", 0)
	own, admin := r.keyOf(r.person), r.keyOf(r.admin)
	list := path("/core/user_consent/")
	got := r.do(request{path: list, key: own}).json(http.StatusOK)["results"].([]any)
	require.Len(t, got, 2)
	mail, wiki := got[0].(map[string]any), got[1].(map[string]any)
	require.Equal(t, "email openid", wiki["permissions"])
	require.Equal(t, "wiki", wiki["application"].(map[string]any)["name"])
	require.Equal(t, "grace", wiki["user"].(map[string]any)["username"])
	require.Nil(t, wiki["expires"])
	require.Equal(t, true, mail["expiring"])
	require.Len(t, r.do(request{path: list, key: admin}).json(http.StatusOK)["results"], 3)
	require.Len(t, r.do(request{path: list + "?user=" + r.admin.ID.String(), key: admin}).json(http.StatusOK)["results"], 1)
	r.do(request{path: list + "?user=" + r.admin.ID.String(), key: own}).json(http.StatusForbidden)

	one := path("/core/user_consent/%v/", wiki["pk"])
	require.Equal(t, "wiki", r.do(request{path: one, key: own}).json(http.StatusOK)["application"].(map[string]any)["slug"])
	require.Equal(t, http.StatusOK, r.do(request{path: one + "used_by/", key: own}).Code)
	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: one, key: own}).Code)
	r.do(request{path: one, key: own}).json(http.StatusNotFound)
	for _, other := range []string{"x", "99999999999", "99999"} {
		r.do(request{path: list + other + "/", key: own}).json(http.StatusNotFound)
	}
	others := r.do(request{path: list + "?user=" + r.admin.ID.String(), key: admin}).json(http.StatusOK)["results"].([]any)[0].(map[string]any)
	r.do(request{method: http.MethodDelete, path: path("/core/user_consent/%v/", others["pk"]), key: own}).json(http.StatusNotFound)
	require.NoError(t, r.lockdowns.Deactivate(t.Context(), idp.SystemActor(), r.person.ID))
	require.Len(t, r.do(request{path: list, key: admin}).json(http.StatusOK)["results"], 1, "what a lockdown ended is gone")
}
