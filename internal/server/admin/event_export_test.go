package admin_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

const export = "/if/admin/events/export/"

// write adds so many events of an action to the log.
func write(t *testing.T, s *pagetest.Site, n int, change func(i int, e *idp.Event)) {
	t.Helper()
	require.NoError(t, s.Store.InTx(t.Context(), func(tx idp.Repos) error {
		for i := range n {
			e := idp.LoginFailedEvent("test", idp.SystemActor(), nil, map[string]any{"number": i})
			e.ClientIP = netip.MustParseAddr("203.0.113.5")
			change(i, e)
			if err := tx.Events.Append(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	}))
}

// A file holds each event that the list's filters match once, however many there are,
// and no other.
func TestExportEvents(t *testing.T) {
	t.Parallel()
	s := open(t)
	boss := s.As(s.Boss)
	const n = 1203 // three batches
	write(t, s, n, func(int, *idp.Event) {})
	write(t, s, 2, func(_ int, e *idp.Event) {
		e.Action = idp.ActionSuspicious
		e.Context["action_id"] = lockout.ActionLocked
	})
	page := boss.Get("/if/admin/events/?action=login_failed&client_ip=203.0.113.5")
	require.Contains(t, page.Body, `href="/if/admin/events/export/?action=login_failed&amp;client_ip=203.0.113.5&amp;format=csv"`)

	got := boss.Get(export + "?format=csv&action=login_failed&client_ip=203.0.113.5")
	require.Equal(t, http.StatusOK, got.Status)
	require.Equal(t, "text/csv; charset=utf-8", got.Header.Get("Content-Type"))
	require.Regexp(t, `^attachment; filename="events-[\d-]+\.csv"$`, got.Header.Get("Content-Disposition"))
	require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	rows, err := csv.NewReader(strings.NewReader(got.Body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, n+1)
	require.Equal(t, []string{"created", "event", "sentence", "action", "action_id", "app", "username", "user_pk", "done_by", "client_ip", "brand", "context"}, rows[0])
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		seen[row[1]] = true
		require.Equal(t, "login_failed", row[3])
	}
	require.Len(t, seen, n)
	require.JSONEq(t, fmt.Sprintf(`{"number": %d}`, n-1), rows[1][11], "newest first")

	got = boss.Get(export + "?format=json&action=lockouts")
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	var all []map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.Body), &all))
	require.Len(t, all, 2)
	require.Equal(t, "suspicious_request", all[0]["action"])
	got = boss.Get(export + "?format=json&search=nothing+of+the+kind")
	require.JSONEq(t, `[]`, got.Body)
	got = boss.Get(export + "?format=csv&search=nothing+of+the+kind")
	require.Equal(t, 1, strings.Count(got.Body, "\n"), "the head alone")
	require.Equal(t, http.StatusForbidden, s.As(s.User("plain")).Get(export+"?format=csv").Status)
	require.Equal(t, http.StatusSeeOther, s.Stranger().Get(export+"?format=csv").Status)
}

// What strangers typed is no formula in anybody's spreadsheet.
func TestExportHarmless(t *testing.T) {
	t.Parallel()
	s := open(t)
	names := []string{`=HYPERLINK("https://evil.example")`, "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", "plain", `with "quotes", and commas`}
	write(t, s, len(names), func(i int, e *idp.Event) { e.User = map[string]any{"pk": 5, "username": names[i]} })
	rows, err := csv.NewReader(strings.NewReader(s.As(s.Boss).Get(export + "?format=csv&action=login_failed").Body)).ReadAll()
	require.NoError(t, err)
	slices.Reverse(rows)
	for i, name := range names {
		cell := rows[i][6]
		if i < 7 {
			name = "'" + strings.ReplaceAll(name, "\r\n", "\n")
		}
		require.Equal(t, name, cell)
		for _, c := range rows[i] {
			require.NotRegexp(t, `^[=+@\t\r＝-]`, c)
		}
	}
}

// The presets show what belongs together.
func TestEventPresets(t *testing.T) {
	t.Parallel()
	s := open(t)
	boss := s.As(s.Boss)
	ids := []string{lockout.ActionLocked, lockout.ActionUnlocked, lockout.ActionUndone, lockout.ActionCrowded, lockout.ActionCodes, lockout.ActionSetting, "lock.created", idp.ActionIDLockdown, idp.ActionIDRestore}
	write(t, s, len(ids), func(i int, e *idp.Event) { e.Action, e.Context["action_id"] = idp.ActionModelUpdated, ids[i] })
	for action, want := range map[string]int{"security": 9, "lockouts": 5, "locks": 1, "lockdowns": 2, "settings": 1} {
		p := boss.Get("/if/admin/events/?action=" + action)
		require.Empty(t, p.Faults(), action)
		require.Len(t, regexp.MustCompile(`class="strong" href="/if/admin/events/[0-9a-f-]{36}/"`).FindAllString(p.Body, -1), want, action)
	}
	require.Contains(t, boss.Get("/if/admin/events/?username=boss").Body, `href="/if/admin/events/?action=security&amp;username=boss"`, "the other filters stay")
}
