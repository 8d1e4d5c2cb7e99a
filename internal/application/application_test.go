package application_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// judge answers by the slug of what it is asked about.
type judge struct {
	passing map[string]bool
	asked   []idp.PolicyRequest
	modes   []idp.PolicyMode
	at      int // how often it was prepared
}

func (j *judge) Evaluate(_ context.Context, _ idp.UUID, mode idp.PolicyMode, req idp.PolicyRequest) (idp.PolicyResult, error) {
	j.asked, j.modes = append(j.asked, req), append(j.modes, mode)
	slug := req.Object["slug"].(string)
	if slug == "broken" {
		return idp.PolicyResult{Passing: true}, errors.New("no answer")
	}
	return idp.PolicyResult{Passing: j.passing[slug], Messages: []string{"asked about " + slug}}, nil
}

func (j *judge) Prepare(context.Context, []idp.UUID) (flow.Policies, error) { j.at++; return j, nil }

// shelf has applications.
type shelf struct {
	idp.Applications
	rows []idp.Application
}

func (s shelf) Repos() idp.Repos { return idp.Repos{Applications: s} }

func (s shelf) Find(context.Context, idp.ApplicationFilter) (idp.Page[idp.Application], error) {
	return idp.Page[idp.Application]{Items: s.rows, Total: len(s.rows)}, nil
}

func TestPoliciesSayWhoMayUseAnApplication(t *testing.T) {
	t.Parallel()
	j := &judge{passing: map[string]bool{"wiki": true}}
	a := application.Access{Policies: j}
	root := &idp.User{ID: 1, Username: "root", IsSuperuser: true}
	wiki := &idp.Application{ID: idp.NewID[idp.Application](), Name: "Wiki", Slug: "wiki", PolicyMode: idp.PolicyAll}

	got, err := a.MayUse(t.Context(), root, wiki, idp.PolicyRequest{User: &idp.User{ID: 2}, Path: "/x/"})
	require.NoError(t, err)
	require.True(t, got.Passing)
	require.Equal(t, root, j.asked[0].User, "it is about whom it is about, not whoever asks")
	require.Equal(t, "/x/", j.asked[0].Path)
	require.Equal(t, wiki.ID.String(), j.asked[0].Object["pk"])
	require.Equal(t, []idp.PolicyMode{idp.PolicyAll}, j.modes)

	got, err = a.MayUse(t.Context(), root, &idp.Application{Slug: "payroll"}, idp.PolicyRequest{})
	require.NoError(t, err)
	require.False(t, got.Passing, "superusers are asked like others")
	require.Equal(t, []string{"asked about payroll"}, got.Messages)

	got, err = a.MayUse(t.Context(), root, &idp.Application{Slug: "broken"}, idp.PolicyRequest{})
	require.Error(t, err)
	require.False(t, got.Passing, "no answer is no permission")
}

func TestUsableLeavesOutWhatIsRefused(t *testing.T) {
	t.Parallel()
	j := &judge{passing: map[string]bool{"wiki": true, "mail": true, "chat": true}}
	rows := []idp.Application{{Name: "wiki", Slug: "wiki", Group: "Tools"}, {Name: "Payroll", Slug: "payroll"}, {Name: "Broken", Slug: "broken"},
		{Name: "Chat", Slug: "chat", Group: "Tools"}, {Name: "Mail", Slug: "mail"}}
	a := application.Access{Store: shelf{rows: rows}, Policies: j}
	got, err := a.Usable(t.Context(), &idp.User{}, idp.ApplicationFilter{}, idp.PolicyRequest{})
	require.NoError(t, err)
	require.Equal(t, 1, j.at, "what is bound is read once")
	var groups [][]string
	for _, group := range application.ByGroup(got) {
		var names []string
		for _, app := range group {
			names = append(names, app.Name)
		}
		groups = append(groups, names)
	}
	require.Equal(t, [][]string{{"Mail"}, {"Chat", "wiki"}}, groups)
}

func TestLaunchURL(t *testing.T) {
	t.Parallel()
	ada := &idp.User{Username: "ada/x", Email: "a@b"}
	uris := &idp.OAuthProvider{RedirectURIs: []idp.RedirectURI{{Mode: idp.MatchStrict, URL: "com.example.app:/cb"}, {Mode: idp.MatchRegex, URL: "https://.*"},
		{Mode: idp.MatchStrict, URL: "https://wiki.example.org:8443/cb?x=1"}}}
	for _, c := range []struct {
		app      idp.Application
		provider *idp.OAuthProvider
		want     string
	}{
		{idp.Application{LaunchURL: "https://x/start"}, uris, "https://x/start"},
		{idp.Application{LaunchURL: "https://x/~%(username)s/"}, nil, "https://x/~ada%2Fx/"},
		{idp.Application{}, uris, "https://wiki.example.org:8443/"},
		{idp.Application{}, &idp.OAuthProvider{RedirectURIs: []idp.RedirectURI{{Mode: idp.MatchStrict, URL: "com.example.app:/cb"}}}, ""},
		{idp.Application{}, nil, ""},
	} {
		require.Equal(t, c.want, application.LaunchURL(&c.app, c.provider, ada))
	}
}
