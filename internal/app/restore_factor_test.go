package app_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

// offered are the stages that set up second factors, by their kinds.
func offered(t require.TestingT, asked anyMap) map[string]string {
	require.Equal(t, "ak-stage-authenticator-validate", asked["component"], "%v", asked)
	out := map[string]string{}
	for _, it := range asked["configuration_stages"].([]any) {
		_, kind, _ := strings.Cut(it.(anyMap)["meta_model_name"].(string), "stages_authenticator_")
		kind, _, _ = strings.Cut(kind, ".")
		out[kind] = it.(anyMap)["pk"].(string)
	}
	return out
}

// setsUpAnApp chooses an authenticator app of all kinds that are offered, and returns what
// the flow asks next.
func (b *browser) setsUpAnApp(slug string, asked anyMap) (configURL string, next anyMap) {
	b.site.Helper()
	kinds := offered(b.site, asked)
	require.ElementsMatch(b.site, []string{"totp", "webauthn", "static"}, slices.Collect(maps.Keys(kinds)))
	shown := b.solve(slug, anyMap{"component": "ak-stage-authenticator-validate", "selected_stage": kinds["totp"]})
	require.Equal(b.site, "ak-stage-authenticator-totp", shown["component"], "%v", shown)
	require.False(b.site, b.works())
	configURL = shown["config_url"].(string)
	return configURL, b.solve(slug, anyMap{"component": "ak-stage-authenticator-totp", "code": b.site.appCode(configURL, 0)})
}

// appCode is what an authenticator app shows so many steps from now.
func (s *site) appCode(configURL string, steps int) string {
	s.Helper()
	key, err := otp.NewKeyFromURL(configURL)
	require.NoError(s, err)
	now, err := s.replicas[0].DB.Now(s.Context())
	require.NoError(s, err)
	code, err := totp.GenerateCode(key.Secret(), now.Add(time.Duration(steps)*30*time.Second))
	require.NoError(s, err)
	return code
}

// TestASecondFactorIsAskedForAfterARestore: nobody is signed in before its owner has set
// one up, of whichever kind, whether they have one already or not.
func TestASecondFactorIsAskedForAfterARestore(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	s.open("secret_key", strings.Repeat("k", 32))
	const given = "chosen for them by the help desk"
	for name, sub := range map[string]func(*site){
		"who had none": func(s *site) { s.renewsAll(given) }, "who kept one": func(s *site) { s.addsOne(given) }, "who kept one, by a link": (*site).addsOneByLink,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); sub(s.within(t)) })
	}
}

// renewsAll: the whole way, from the lockdown to the next day.
func (s *site) renewsAll(given string) {
	var link string
	r := s.robbed("mia", nil, func(u *idp.User) {
		made := s.admin().api(http.StatusOK, http.MethodPost, "/core/users/"+u.ID.String()+"/recovery/", nil)
		_, link, _ = strings.Cut(made["link"].(string), "flow_token=")
	})
	r.take("activate", nil)
	r.take("password", anyMap{"password": given})
	r.take("revert", anyMap{"all": true})
	r.take("renew", anyMap{"password": true, "factor": true})
	b := s.browser()
	in, err := b.tryToSignIn("mia", given)
	require.NoError(s, err)
	require.False(s, in)
	_, _, err = s.replicas[0].Sessions.Start(s.Context(), idp.Actor{}, session.Begin{User: r.user.ID, Generation: s.now(r.user).SessionGeneration})
	require.ErrorContains(s, err, session.MustRenewPassword, "whichever flow it is")
	app, asked := b.setsUpAnApp(signInFlow, b.challenge(signInFlow))
	require.Equal(s, "ak-stage-prompt", asked["component"], "the password, too: %v", asked)
	require.False(s, b.works())
	own := anyMap{"component": "ak-stage-prompt", "password": "her own words this time", "password_repeat": "her own words this time"}
	end := b.solve(signInFlow, own)
	require.Equal(s, "xak-flow-redirect", end["component"], "%v", end)
	require.True(s, b.works())
	now := s.now(r.user)
	require.False(s, now.RenewPassword || now.RenewFactor)

	// Nothing old works, and what is new works on.
	require.False(s, r.session.works() || r.program.works())
	require.Equal(s, "ak-stage-access-denied", s.browser().challenge(recoveryFlow, "flow_token", link)["component"])
	for _, old := range []string{password, given} {
		other := s.browser()
		other.solve(signInFlow, anyMap{"uid_field": "mia"})
		require.Equal(s, "ak-stage-password", other.solve(signInFlow, anyMap{"component": "ak-stage-password", "password": old})["component"])
	}
	next := s.browser()
	in, err = next.tryToSignIn("mia", "her own words this time")
	require.NoError(s, err)
	require.False(s, in, "the new factor is asked for")
	require.Equal(s, "ak-stage-authenticator-validate", next.challenge(signInFlow)["component"])
	end = next.solve(signInFlow, anyMap{"component": "ak-stage-authenticator-validate", "code": s.appCode(app, 1)})
	require.Equal(s, "xak-flow-redirect", end["component"], "%v", end)
	require.True(s, next.works() && b.works())
}

// kept restores somebody who has recovery codes, with a new factor asked for.
func (s *site) kept(name string) (r *restorable, codes []string) {
	r = s.robbed(name, nil, func(u *idp.User) { _, codes = (&doorway{site: s, replica: s.replicas[0]}).recoveryCodes(u) })
	r.take("activate", nil)
	r.take("renew", anyMap{"factor": true})
	return r, codes
}

// addsOne: what was kept is proved first, and is not enough.
func (s *site) addsOne(given string) {
	r, codes := s.kept("leo")
	r.take("password", anyMap{"password": given})
	b := s.browser()
	in, err := b.tryToSignIn("leo", given)
	require.NoError(s, err)
	require.False(s, in)
	asked := b.challenge(signInFlow)
	require.Empty(s, offered(s, asked), "not before one was proved")
	_, end := b.setsUpAnApp(signInFlow, b.solve(signInFlow, anyMap{"component": "ak-stage-authenticator-validate", "code": codes[0]}))
	require.Equal(s, "xak-flow-redirect", end["component"], "%v", end)
	require.True(s, b.works())
	require.False(s, s.now(r.user).RenewFactor)
	has, err := s.repos().Factors.Of(s.Context(), r.user.ID)
	require.NoError(s, err)
	require.Len(s, has, 2)
}

// addsOneByLink: a recovery link asks for the same.
func (s *site) addsOneByLink() {
	r, codes := s.kept("zoe")
	_, key, _ := strings.Cut(r.take("recovery_link", nil)["link"].(string), "flow_token=")
	b := s.browser()
	asked := b.challenge(recoveryFlow, "flow_token", key)
	require.Empty(s, offered(s, asked), "not before one was proved")
	asked = b.solve(recoveryFlow, anyMap{"component": "ak-stage-authenticator-validate", "code": codes[0]})
	require.Equal(s, "ak-stage-prompt", asked["component"], "%v", asked)
	_, end := b.setsUpAnApp(recoveryFlow, b.solve(recoveryFlow, anyMap{"component": "ak-stage-prompt", "password": "her own words this time", "password_repeat": "her own words this time"}))
	require.Equal(s, "xak-flow-redirect", end["component"], "%v", end)
	require.True(s, b.works())
	require.False(s, s.now(r.user).RenewFactor)
}

// tellsOfARestore: to the address that was put back, a link that the next one ends, and a
// mail without one that says what will be asked for.
func (s *site) tellsOfARestore(post *smtp.Server) {
	s.Helper()
	s.quiet()
	r := s.robbed("rob", nil)
	r.take("activate", nil)
	r.take("revert", anyMap{"all": true})
	require.Empty(s, r.take("recovery_link", anyMap{"email": true})["link"], "nobody but the owner sees it")
	first := post.Receive()
	require.Equal(s, "rob@example.org", first.To)
	older := linkIn(s.T, first)
	r.take("renew", anyMap{"password": true})
	r.take("tell", anyMap{"link": true})
	mails := map[bool]smtp.Mail{}
	for range 2 { // in whichever order they leave
		m := post.Receive()
		require.Equal(s, "rob@example.org", m.To)
		mails[strings.Contains(m.Text, "flow_token")] = m
	}
	require.Len(s, mails, 2)
	said := mails[false]
	require.Equal(s, "You can use your account again", said.Header.Get("Subject"))
	for _, text := range []string{said.Text, said.HTML} {
		require.Contains(s, text, "Hello Rob,")
		require.Contains(s, text, "new password")
		require.NotContains(s, text, "second factor")
	}
	s.dead(older)
	b := s.browser()
	require.Equal(s, http.StatusSeeOther, b.get(linkIn(s.T, mails[true])).status)
	require.Equal(s, "xak-flow-redirect", b.choose()["component"])
	require.True(s, b.works())
	require.False(s, s.now(r.user).RenewPassword)
	list := r.list("")
	require.Equal(s, []any{"done", "done"}, []any{r.states(list)[1], r.states(list)[5]})
}
