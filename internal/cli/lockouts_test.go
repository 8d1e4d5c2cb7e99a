package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A list goes on where an answer ends.
func TestLockoutsOfAServerAreReadToTheEnd(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"": "two", "two": "three"}[r.URL.Query().Get("cursor")]
		_, _ = fmt.Fprintf(w, `{"data": [{"identifier": "u%s", "trigger_ip": null, "lock_reason": null, "device": "018f0000-0000-7000-8000-000000000001"}], "total": 3, "truncated": true, "next_cursor": %q}`,
			r.URL.Query().Get("cursor"), next)
	}))
	t.Cleanup(s.Close)
	t.Setenv(serverVariable, s.URL)
	t.Setenv(tokenVariable, "a-key")
	code, out, errs := run(t, unused(t), "lockouts", "list")
	require.Equal(t, ExitOK, code, errs)
	require.Equal(t, 5, strings.Count(out, "\n"))
	require.Regexp(t, `(?m)^u \(known browser\) +— +0 `, out)
	require.Contains(t, out, "uthree (known browser)")
}

func TestUnlockingSendsTheNameInTheBody(t *testing.T) {
	_, asked := api(t, map[string]string{"POST /api/security/locked-accounts/unlock": `{"success": true, "identifier": "a b@example.org"}`})
	code, out, errs := run(t, unused(t), "lockouts", "unlock", "a b@example.org")
	require.Equal(t, ExitOK, code, errs)
	require.Equal(t, "a b@example.org has been unlocked\n", out)
	require.Equal(t, []string{`POST /api/security/locked-accounts/unlock {"identifier":"a b@example.org"}`}, *asked)
	for _, args := range [][]string{{"unlock", ""}, {"unlock", "a", " "}, {"history", ""}} {
		code, out, _ := run(t, unused(t), append([]string{"lockouts"}, args...)...)
		require.Equal(t, ExitUsage, code, args)
		require.Empty(t, out)
	}
	require.Len(t, *asked, 1, "wrong ones are not sent")
}

func TestWhatIsRefusedBelowAPIIsToldInItsWords(t *testing.T) {
	for answer, want := range map[string]string{
		`403 {"error": "access denied to perform action \"update\" on \"setting\""}`:                    `ERROR: access denied to perform action "update" on "setting"` + "\n",
		`400 {"error": "x: No.", "fields": {"x": ["Must be true or false."], "y": ["evil\u001b[31m"]}}`: "ERROR: x: Must be true or false.\ny: evil\ufffd[31m\n",
		`500 {"error": "Failed to update settings"}`:                                                    "answers 500 Internal Server Error: Failed to update settings\n",
	} {
		api(t, map[string]string{"POST /api/settings/batch": answer})
		code, out, errs := run(t, unused(t), "settings", "set", "mail_owner=maybe")
		require.Equal(t, ExitFailure, code)
		require.Empty(t, out)
		require.Contains(t, errs, want)
	}
	_, asked := api(t, map[string]string{"DELETE /api/settings/security.brute_force.mail_owner": `{"success": true}`,
		"GET /api/settings": `{"settings": [{"key": "security.brute_force.mail_owner", "value": "true", "default": "true"}]}`})
	code, out, _ := run(t, unused(t), "settings", "set", "mail_owner=default")
	require.Equal(t, ExitOK, code)
	require.Equal(t, "security.brute_force.mail_owner is true now\n", out)
	require.Equal(t, []string{"DELETE /api/settings/security.brute_force.mail_owner", "GET /api/settings"}, *asked)
}

// A server verifies part after part; the parts are one report.
func TestPartsOfAVerificationAreOne(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers := map[string]string{
			"1": `{"first": 1, "last": 50, "fault_count": 1, "next": 51, "head": null, "history": 50, "faults": [{"kind": "removed", "entry": 7, "last": 7, "event": "018f0000-0000-7000-8000-000000000001"}]}`,
			"51": `{"first": 51, "last": 60, "fault_count": 2, "next": 0, "head": "60:` + hash + `", "pending": 2, "unkeyed": 1, "history": 3, "faults": [
				{"kind": "missing", "entry": 52, "last": 54, "event": null}, {"kind": "cut", "entry": 70, "last": 70, "event": null}]}`}
		_, _ = io.WriteString(w, answers[r.URL.Query().Get("from")])
	}))
	t.Cleanup(s.Close)
	t.Setenv(serverVariable, s.URL)
	t.Setenv(tokenVariable, "a-key")
	code, out, errs := run(t, unused(t), "audit", "verify", "--head", "70:"+hash)
	require.Equal(t, ExitFailure, code)
	require.Equal(t, "ERROR: the audit log is not as it was sealed: 3 faults\n", errs)
	require.Equal(t, `entry 7 (event 018f0000-0000-7000-8000-000000000001): the event was removed
entries 52 to 54: removed from the chain, with their events or without; what comes right behind cannot be judged
entry 70 is not the one that was noted: the newest entries were removed or replaced
Verified 60 entries, 1 to 60: 3 faults.
53 entries are from before the chain began: what happened to them earlier is not known.
1 entry was sealed without a secret: whoever can write the database could have made them. Only a head noted elsewhere vouches for them.
2 of the newest events are not sealed yet.
Head: 60:`+hash+"\n", out)
}
