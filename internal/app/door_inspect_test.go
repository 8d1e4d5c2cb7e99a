package app_test

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// watching goes on with the inspector of a flow that a superuser opened, after
// somebody else has signed in by the flow: what is left of the superuser is the
// watch, which keeps the generation of the session that it began with. It has no
// end of its own and no binding, and one purpose.
func (d *doorway) watching(how spoil) {
	d.Helper()
	if how == expired || how == ended || how == misused || how == moved {
		return
	}
	root, slug := d.user(unique("root"), d.administers), unique("watched")
	var stages []idp.Stage
	for _, kind := range []string{"identification", "user_login", "dummy"} {
		stages = append(stages, idp.Stage{Kind: kind, Settings: json.RawMessage(`{}`)})
	}
	d.addFlow(slug, stages...)
	b := d.with(root)
	page, panel := "/if/flow/"+slug+"/?inspector", "/api/v3/flows/inspector/"+slug+"/"
	shown := func() (both [2]bool) {
		seen := b.get(panel).status // first: the page keeps no watch of whoever may not
		answer := b.get(page)
		require.Equal(d, http.StatusOK, answer.status)
		require.Contains(d, []int{http.StatusOK, http.StatusNotFound}, seen)
		return [2]bool{seen == http.StatusOK, strings.Contains(string(answer.body), `class="inspector"`)}
	}
	b.get(page)
	require.Equal(d, [2]bool{true, true}, shown())
	require.Equal(d, http.StatusSeeOther, b.do(http.MethodPost, page, form{"uid_field": d.person(healthy).Username}).status)
	require.Equal(d, [2]bool{true, true}, shown(), "the watch goes on after somebody else has signed in")
	require.True(d, b.works())

	switch how {
	case forged:
		d.watchedBy(root, nobodyID)
	case nobodys:
		nobody := d.named(idp.AnonymousUsername)
		for _, group := range root.Groups { // even with every right
			require.NoError(d, d.repos().Groups.AddUser(d.Context(), group, nobody.ID))
			defer func() { require.NoError(d, d.repos().Groups.RemoveUser(d.Context(), group, nobody.ID)) }()
		}
		require.True(d, d.now(nobody).IsSuperuser)
		d.watchedBy(root, nobody.ID)
	default:
		d.common(root, how)
	}
	require.Equal(d, [2]bool{how.opens(), how.opens()}, shown(), "watching, %s", how)
}

// watchedBy puts somebody else's name on what a superuser watches.
func (d *doorway) watchedBy(root *idp.User, other idp.UserID) {
	d.Helper()
	tag, err := d.connect().Exec(d.Context(), `UPDATE runs SET state = jsonb_set(state, '{inspect,by}', to_jsonb($2::integer))
		WHERE (state->'inspect'->>'by')::integer = $1`, root.ID, other)
	require.NoError(d, err)
	require.EqualValues(d, 1, tag.RowsAffected())
}
