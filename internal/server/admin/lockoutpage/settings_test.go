package lockoutpage_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.unsent = "There is no mail server here."
	p := s.page(settings)
	for _, want := range []string{"5 wrong passwords within 10 minutes lock the account out for 15 minutes.", "Nobody has changed anything yet", "No mail is sent", "There is no mail server here."} {
		require.Contains(t, p.Main(), want)
	}
	require.NotContains(t, p.Main(), "Reset to")
	require.Equal(t, "5", p.Value(prefix+"max_attempts"))

	saved := s.boss.Post(settings, p.Fields(prefix+"max_attempts", "3", prefix+"lockout_duration_seconds", "5400")...)
	require.Equal(t, http.StatusSeeOther, saved.Status, saved.Text())
	after := saved.Follow()
	require.Empty(t, after.Faults())
	for _, want := range []string{"The settings were saved.", "3 wrong passwords within 10 minutes lock the account out for 1 hour 30 minutes.",
		"boss set Failed attempts from 5 to 3", "boss set Lockout duration from 900 to 5400", "Set by boss", "Reset to 5", "Reset to 15 minutes"} {
		require.Contains(t, after.Main(), want)
	}
	require.Equal(t, 3, s.lockouts.Limits().MaxAttempts)
	require.Equal(t, 90*time.Minute, s.lockouts.Limits().Duration)
	require.Equal(t, 2, s.events(lockout.ActionSetting), "what was not changed is not told")
	require.Contains(t, s.boss.Post(settings, after.Fields()...).Follow().Main(), "Nothing was changed.")

	stale := s.boss.Post(settings, p.Fields(prefix+"max_attempts", "9")...)
	require.Equal(t, http.StatusConflict, stale.Status)
	require.Contains(t, stale.Main(), "Somebody changed this meanwhile")
	require.Equal(t, "9", stale.Value(prefix+"max_attempts"), "what was typed stays")
	require.Equal(t, 3, s.lockouts.Limits().MaxAttempts)

	reset := s.boss.Post(settings, "reset", prefix+"lockout_duration_seconds").Follow()
	require.Contains(t, reset.Main(), "Lockout duration is back at its default: 15 minutes.")
	require.Equal(t, 15*time.Minute, s.lockouts.Limits().Duration)
	require.Equal(t, 3, s.lockouts.Limits().MaxAttempts)
	require.Equal(t, 3, s.events(lockout.ActionSetting))
	on := s.boss.Post(settings, append(reset.Fields(), prefix+"growing_durations", "true")...).Follow()
	require.Contains(t, on.Main(), "the second one 30 minutes, the third one 1 hour, none longer than 1 day")
	require.True(t, s.lockouts.Limits().Growing)
}

// What is wrong stands beside its field, and nothing of the form is saved.
func TestSettingsFaults(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.page(settings)
	for _, c := range []struct{ key, value, says string }{
		{"max_attempts", "0", "Must be a whole number from 1 to 100."},
		{"max_attempts", "101", "Must be a whole number from 1 to 100."},
		{"max_attempts", "", "Must be a whole number from 1 to 100."},
		{"max_attempts", "three", "Must be a whole number from 1 to 100."},
		{"window_seconds", "59", "Must be a whole number from 60 to 86400."},
		{"lockout_duration_seconds", "59", "Must be a whole number from 60 to 86400."},
		{"lockout_duration_seconds", "1e3", "Must be a whole number from 60 to 86400."},
		{"address_max_accounts", "-1", "Must be a whole number from 0 to 500."},
	} {
		refused := s.boss.Post(settings, p.Fields(prefix+c.key, c.value, prefix+"longest_lockout_seconds", "7200")...)
		require.Equal(t, http.StatusBadRequest, refused.Status, c)
		require.Empty(t, refused.Faults(), c)
		require.Contains(t, refused.Main(), c.says, c)
		require.Equal(t, c.value, refused.Value(prefix+c.key), c)
		require.Equal(t, lockout.DefaultLimits(), s.lockouts.Limits(), c)
		require.Contains(t, refused.Body, `aria-invalid="true"`)
	}
	require.Zero(t, s.events(lockout.ActionSetting))
}

// While the form is typed in, its effect follows; nothing is saved.
func TestEffect(t *testing.T) {
	t.Parallel()
	s := open(t)
	fields := s.page(settings).Fields(prefix+"max_attempts", "1", prefix+"window_seconds", "60")
	require.Equal(t, settings, s.boss.Post(effect, fields...).Location, "without script the page itself is shown")
	shown := s.typing(fields)
	require.Equal(t, http.StatusOK, shown.Status)
	require.Contains(t, shown.Text(), "1 wrong password within 1 minute locks the account out for 15 minutes.")
	require.Contains(t, shown.Text(), "about 96 passwords of one account a day")
	fields = s.page(settings).Fields(prefix+"max_attempts", "many")
	require.Contains(t, s.typing(fields).Text(), "Failed attempts: Must be a whole number from 1 to 100.")
	require.Equal(t, lockout.DefaultLimits(), s.lockouts.Limits())
}

// typing is what is sent while the form is typed in.
func (s *site) typing(fields []string) *pagetest.Page {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, effect, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Partial", "effect")
	return s.boss.Do(r)
}
