package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

// recovering is an account that was about to be recovered in every way there is when
// it was closed.
type recovering struct {
	*site
	post    *smtp.Server
	u       *idp.User
	made    string   // a link by an administrator
	mailed  string   // a link that was sent
	opened  *browser // where that one was opened
	waiting *browser // where another one was asked for
	stage   any      // that sends
}

func underRecovery(t *testing.T, s *site, post *smtp.Server, name string) *recovering {
	t.Helper()
	r := &recovering{site: s, post: post, u: s.user(name), opened: s.browser(), waiting: s.browser()}
	r.stage = s.admin().api(http.StatusOK, http.MethodGet, "/stages/email/", nil)["results"].([]any)[0].(map[string]any)["pk"]
	r.waiting.forgot(name)
	r.mailed = linkIn(t, post.Receive())
	got := s.admin().api(http.StatusOK, http.MethodPost, fmt.Sprintf("/core/users/%d/recovery/", r.u.ID), nil)
	r.made = strings.TrimPrefix(got["link"].(string), s.replicas[0].base)
	s.dead(r.mailed) // a newer one has taken its place
	r.waiting.solve(mailFlow, map[string]any{"component": "ak-stage-email"})
	r.mailed = linkIn(t, post.Receive())
	require.Equal(t, http.StatusSeeOther, r.opened.get(r.mailed).status)
	require.Equal(t, "ak-stage-prompt", r.opened.challenge(mailFlow)["component"])
	return r
}

// sets tries to set a new password in a browser, and reports whether it led anywhere.
func (b *browser) sets() bool {
	got := b.challenge(mailFlow)
	if got["component"] == "ak-stage-prompt" {
		got = b.solve(mailFlow, map[string]any{"component": "ak-stage-prompt", "password": newPassword, "password_repeat": newPassword})
	}
	return got["component"] == "xak-flow-redirect" || b.works()
}

// waysBack are all ways of recovering an account; each reports whether it did, or
// whether something was made that could.
var waysBack = map[string]func(r *recovering) bool{
	"a link by an administrator": func(r *recovering) bool {
		return r.admin().do(http.MethodPost, fmt.Sprintf("/api/v3/core/users/%d/recovery/", r.u.ID), nil).status == http.StatusOK
	},
	"a link of the console": func(r *recovering) bool {
		boss := r.with(r.named("admin"))
		return strings.Contains(string(boss.do(http.MethodPost, fmt.Sprintf("/if/admin/users/%d/recovery/", r.u.ID), form{"confirmed": "1"}).body), "flow_token=")
	},
	"a mail by an administrator": func(r *recovering) bool {
		return r.admin().do(http.MethodPost, fmt.Sprintf("/api/v3/core/users/%d/recovery_email/", r.u.ID), map[string]any{"email_stage": r.stage}).status == http.StatusNoContent
	},
	"a mail of the console": func(r *recovering) bool {
		boss := r.with(r.named("admin"))
		boss.do(http.MethodPost, fmt.Sprintf("/if/admin/users/%d/recovery-email/", r.u.ID), form{"confirmed": "1"})
		return r.sent()
	},
	"asking by username": func(r *recovering) bool { r.browser().forgot(r.u.Username); return r.sent() },
	"asking by e-mail":   func(r *recovering) bool { r.browser().forgot(r.u.Email); return r.sent() },
	"asking once more": func(r *recovering) bool {
		r.waiting.solve(mailFlow, map[string]any{"component": "ak-stage-email"})
		return r.sent()
	},
	"a link made before": func(r *recovering) bool {
		b := r.browser()
		return b.get(r.made).status == http.StatusSeeOther && b.sets()
	},
	"a link sent before": func(r *recovering) bool {
		b := r.browser()
		return b.get(r.mailed).status == http.StatusSeeOther && b.sets()
	},
	"a link opened before": func(r *recovering) bool { return r.opened.sets() },
	"the API with its key": func(r *recovering) bool {
		return r.browser().challenge(mailFlow, "flow_token", strings.SplitN(r.made, "flow_token=", 2)[1])["component"] == "ak-stage-prompt"
	},
	"the flow without a key": func(r *recovering) bool { return r.browser().sets() },
}

// sent reports whether a mail has left since the account was closed.
func (r *recovering) sent() bool {
	r.settled()
	return r.post.Taken() > 2
}

func TestAClosedAccountIsRecoveredInNoWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		close, open func(r *recovering)
		after       []string // ways that work once more; of what was made before, none
	}{
		"locked down": {func(r *recovering) {
			r.admin().contain(map[string]any{"users": []idp.UserID{r.u.ID}, "reason": "stolen"})
		},
			func(r *recovering) { require.NoError(r, r.reactivate(r.u)) }, nil},
		"switched off": {func(r *recovering) {
			require.NoError(r, r.replicas[0].Lockdowns.Deactivate(r.Context(), idp.SystemActor(), r.u.ID))
		}, func(r *recovering) { require.NoError(r, r.reactivate(r.u)) }, nil},
		// A lock ends nothing: what it refused is allowed again.
		"locked": {func(r *recovering) {
			r.admin().api(http.StatusCreated, http.MethodPost, "/locks/", map[string]any{"target": map[string]string{"user": r.u.Username}})
		}, func(r *recovering) {
			for _, one := range r.admin().api(http.StatusOK, http.MethodGet, "/locks/", nil)["results"].([]any) {
				r.admin().api(http.StatusNoContent, http.MethodDelete, "/locks/"+one.(map[string]any)["name"].(string)+"/", nil)
			}
		}, []string{"a link opened before", "a link made before", "a link sent before"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, post := newMailSite(t)
			s.quiet()
			r := underRecovery(t, s, post, "mia")
			require.Equal(t, 2, post.Taken())
			c.close(r)
			before := s.now(r.u)
			for way, tries := range waysBack {
				require.False(t, tries(r), way)
			}
			require.Equal(t, before.Password, s.now(r.u).Password)
			require.Equal(t, 2, post.Taken(), "nothing is sent")
			c.open(r)
			worked := false
			for _, way := range []string{"a link opened before", "a link made before", "a link sent before"} {
				worked = waysBack[way](r) || worked
			}
			require.Equal(t, c.after != nil, worked, "after it is open again")
		})
	}
}

// Programs have no password, so nobody recovers them into one.
func TestServiceAccountsAreNotRecovered(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.quiet()
	robot := s.user("robot", func(n *account.NewUser) { n.Type = idp.UserServiceAccount })
	stage := s.admin().api(http.StatusOK, http.MethodGet, "/stages/email/", nil)["results"].([]any)[0].(map[string]any)["pk"]
	got := s.admin().api(http.StatusForbidden, http.MethodPost, fmt.Sprintf("/core/users/%d/recovery/", robot.ID), nil)
	require.Contains(t, got["detail"], "Make a token for it instead.")
	s.admin().api(http.StatusForbidden, http.MethodPost, fmt.Sprintf("/core/users/%d/recovery_email/", robot.ID), map[string]any{"email_stage": stage})
	s.browser().forgot("robot")
	s.settled()
	require.Zero(t, post.Asked())
}

// Of fifty browsers with one link one sets the password.
func TestALinkIsUsedByOneOfMany(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.quiet()
	s.user("mia")
	s.browser().forgot("mia")
	link := linkIn(t, post.Receive())
	browsers := make([]*browser, 50)
	for i := range browsers {
		browsers[i] = s.browser()
		require.Equal(t, http.StatusSeeOther, browsers[i].get(link).status)
		require.Equal(t, "ak-stage-prompt", browsers[i].challenge(mailFlow)["component"])
	}
	var done atomic.Int32
	var all errgroup.Group
	for i, b := range browsers {
		all.Go(func() error {
			fresh := fmt.Sprintf("the password of browser %d", i)
			got, err := b.step(http.MethodPost, executor(mailFlow), map[string]any{"component": "ak-stage-prompt", "password": fresh, "password_repeat": fresh})
			if err == nil && got["component"] == "xak-flow-redirect" {
				done.Add(1)
			}
			return err
		})
	}
	require.NoError(t, all.Wait())
	require.EqualValues(t, 1, done.Load())
	works := 0
	for _, b := range browsers {
		works += count(b.works())
	}
	require.Equal(t, 1, works)
	s.dead(link)
}

// A link that is past its time is dead, and so is one whose generation was raised.
func TestLinksThatAreOver(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.quiet()
	mia := s.user("mia")
	link := func() string { s.browser().forgot("mia"); return linkIn(t, post.Receive()) }
	expired := link()
	_, err := s.connect().Exec(t.Context(), `UPDATE tokens SET expires_at = clock_timestamp() - interval '1 second' WHERE intent = 'recovery'`)
	require.NoError(t, err)
	s.dead(expired)
	ended := link()
	_, err = s.replicas[0].Sessions.EndAll(t.Context(), idp.SystemActor(), mia.ID)
	require.NoError(t, err)
	s.dead(ended)
	older, newer := link(), link()
	s.dead(older)
	require.True(t, s.uses(mailFlow, newer))
	s.dead(newer)
}
