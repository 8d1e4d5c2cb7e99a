package server_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alexedwards/scs/v2"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// overtaken honours a key and revokes it at once, as a lockdown does that
// commits between the check of a request and its act.
type overtaken struct{ *token.Service }

func (o overtaken) Authenticate(ctx context.Context, key string) (*idp.Token, *idp.User, error) {
	t, u, err := o.Service.Authenticate(ctx, key)
	if err == nil {
		err = o.Revoke(ctx, idp.SystemActor(), t.ID)
	}
	return t, u, err
}

func TestRequestOvertakenByALockdownDoesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(d *server.Deps) { d.Tokens = overtaken{d.Tokens.(*token.Service)} })
	for _, q := range []request{
		{method: http.MethodPost, path: path("/core/brands/"), body: map[string]any{"domain": "late.example"}},
		{method: http.MethodPatch, path: path("/core/brands/%s/", r.brand.ID), body: map[string]any{"domain": "late.example"}},
		{method: http.MethodDelete, path: path("/core/brands/%s/", r.brand.ID)},
		{method: http.MethodPost, path: path("/stages/account_lockdown/"), body: map[string]any{"name": "late"}},
		{method: http.MethodPost, path: path("/core/users/"), body: map[string]any{"username": "late", "name": "late"}},
		{method: http.MethodPost, path: path("/core/groups/"), body: map[string]any{"name": "late"}},
		{method: http.MethodPost, path: path("/core/tokens/"), body: map[string]any{"identifier": "late"}},
		{method: http.MethodPost, path: path("/core/users/%d/set_password/", r.person.ID), body: map[string]any{"password": "correct horse battery"}},
	} {
		q.as = r.admin
		r.do(q).json(http.StatusForbidden)
	}
	got := r.do(request{method: http.MethodPost, path: path("/lockdowns/"), as: r.admin, body: map[string]any{"users": []any{r.person.ID}}}).json(http.StatusOK)
	require.Equal(t, []any{"failed"}, results(got, "status"))
	require.True(t, r.fresh(r.person).IsActive)
}

// unread is a session store that must not be asked: the request's own check has
// read the data already.
type unread struct {
	scs.CtxStore
	t *testing.T
}

func (u unread) FindCtx(context.Context, string) ([]byte, bool, error) {
	u.t.Error("the session's data was read a second time")
	return nil, false, nil
}

func TestSessionIsReadOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(d *server.Deps) { d.SessionStore = unread{d.SessionStore.(scs.CtxStore), t} })
	cookie := r.cookieOf(r.person)
	r.do(request{path: "/probe/flash/", cookie: cookie})
	require.NotNil(t, r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)["flashes"])
}

func TestTokenIdentifierIsFreeAfterDeletion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.keyOf(r.admin)
	for range 2 {
		r.do(request{method: http.MethodPost, path: path("/core/tokens/"), key: key, body: map[string]any{"identifier": "again"}}).json(http.StatusCreated)
		require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: path("/core/tokens/again/"), key: key}).Code)
	}
}
