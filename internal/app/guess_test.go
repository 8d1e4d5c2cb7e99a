package app_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// guess tries a password in the default flow and returns the last answer.
func (b *browser) guess(name, secret string) *answer {
	b.site.Helper()
	const flow = "/api/v3/flows/executor/" + signInFlow + "/"
	b.do(http.MethodPost, flow, map[string]any{"component": "ak-stage-identification", "uid_field": name})
	return b.do(http.MethodPost, flow, map[string]any{"component": "ak-stage-password", "password": secret})
}

// lockouts are those in force.
func (s *site) lockouts() []idp.Lockout {
	s.Helper()
	active := true
	page, err := s.repos().Lockouts.Find(s.Context(), idp.LockoutFilter{Active: &active})
	require.NoError(s, err)
	return page.Items
}

// Property 4: a stranger hears the same of a lockout, a wrong password and a name that
// nobody has. How long it takes is measured by make bench.
func TestProperty4StrangersCannotTellALockoutFromAWrongPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	locked := s.user("locked")
	s.user("open")
	for i := range 5 {
		s.browser().guess(locked.Username, fmt.Sprint("wrong ", i))
	}
	require.Len(t, s.lockouts(), 1)
	type heard struct {
		status int
		header string
		body   string
	}
	hear := func(name, secret string) heard {
		a := s.browser().guess(name, secret)
		kept := []string{}
		for h, values := range a.header {
			if !slices.Contains([]string{"Date", "X-Request-Id", "Set-Cookie", "Server-Timing"}, h) {
				kept = append(kept, h+": "+strings.Join(values, ", "))
			}
		}
		slices.Sort(kept)
		said := map[string]any{}
		require.NoError(t, json.Unmarshal(a.body, &said))
		delete(said, "pending_user_avatar") // it is drawn from the name that was typed
		body, err := json.Marshal(said)
		require.NoError(t, err)
		return heard{a.status, strings.Join(kept, "\n"), strings.ReplaceAll(string(body), name, "NAME")}
	}
	wrong := hear("open", "wrong")
	require.Equal(t, http.StatusOK, wrong.status)
	require.Contains(t, wrong.body, "Failed to authenticate.")
	lockout, unknown := hear("locked", "wrong"), hear("nobody", "wrong")
	right := hear("locked", password)
	lockout.header, unknown.header, right.header = lengthless(lockout.header), lengthless(unknown.header), lengthless(right.header)
	wrong.header = lengthless(wrong.header)
	require.Equal(t, wrong, lockout, "a lockout")
	require.Equal(t, wrong, right, "a lockout, and the right password")
	require.Equal(t, wrong, unknown, "a name that nobody has")
}

// lengthless is a header without the length of the body, which names whom it is about.
func lengthless(header string) string {
	lines := strings.Split(header, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Content-Length") }), "\n")
}

// Property 7: every path that compares a secret counts and honours lockouts. There is
// one that compares passwords, and it asks the guard; whoever adds another one adds
// it here.
func TestProperty7OneFunctionComparesSecretsAndItAsksTheGuard(t *testing.T) {
	t.Parallel()
	found := map[string][]string{}
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, "../")))
		if pkg == "secret" || pkg == "bench" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			f, isFunction := d.(*ast.FuncDecl)
			if !isFunction {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Verify", "VerifyAbsent", "Try", "AppPassword", "TryCode"}, sel.Sel.Name) {
					on := ""
					switch x := sel.X.(type) {
					case *ast.Ident:
						on = x.Name
					case *ast.SelectorExpr:
						on = x.Sel.Name
					}
					if on == "hasher" || on == "Hasher" || on == "guard" || on == "Guard" || sel.Sel.Name == "AppPassword" || sel.Sel.Name == "TryCode" {
						found[on+"."+sel.Sel.Name] = append(found[on+"."+sel.Sel.Name], pkg+"."+f.Name.Name)
					}
				}
				return true
			})
		}
		return nil
	}))
	require.Equal(t, map[string][]string{"guard.Try": {"account.Prove", // which has it call compare, and that the others
		"factor.assert", "factor.attempt"}, // codes and passkeys, apart from passwords
		"hasher.VerifyAbsent": {"account.compare", "factor.judge"}, "appPasswords.AppPassword": {"account.appPassword"},
		"Guessing.TryCode": {"oidc.DeviceByCode"}, // of codes that others were shown
		// Whoever applies a blueprint with a password may set it; it is compared so that
		// applying twice changes nothing.
		"hasher.Verify": {"account.password", "account.VerifyPassword"}}, found)
}

// Every way to that function counts: the page of the password, the page of the name
// with the password on it, and the password once more of somebody who is signed in.
func TestProperty7EveryWayInCounts(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	for i := range 4 {
		s.browser().guess("ada", fmt.Sprint("wrong ", i))
	}
	s.oneStep()
	b := s.browser()
	const flow = "/api/v3/flows/executor/one-step/"
	got := b.do(http.MethodPost, flow, map[string]any{"component": "ak-stage-identification", "uid_field": "ada", "password": "wrong too"})
	require.Contains(t, string(got.body), "Failed to authenticate.")
	require.Len(t, s.lockouts(), 1, "all ways in share the attempts")
	got = b.do(http.MethodPost, flow, map[string]any{"component": "ak-stage-identification", "uid_field": "ADA@example.org", "password": password})
	require.Contains(t, string(got.body), "Failed to authenticate.", "by another of the account's names")

	// Whoever is signed in goes on, and has attempts of their own.
	own := s.with(ada)
	require.True(t, own.works())
	s.reauthentication()
	const again = "/api/v3/flows/executor/once-more/"
	for i := range 5 {
		own.do(http.MethodPost, again, map[string]any{"component": "ak-stage-password", "password": fmt.Sprint("mistyped ", i)})
		own.do(http.MethodGet, again, nil)
	}
	require.Len(t, s.lockouts(), 2)
	require.True(t, own.works(), "the session goes on all the same")
	own.do(http.MethodPost, "/flows/-/cancel/", nil)
	got = own.do(http.MethodPost, again, map[string]any{"component": "ak-stage-password", "password": password})
	require.Contains(t, string(got.body), "Too many failed attempts. Try again in 15 minutes.", "the owner may know")
}

// oneStep is a flow with the password on the page of the name.
func (s *site) oneStep() {
	s.Helper()
	kind := "password"
	page, err := s.repos().Stages.Find(s.Context(), idp.StageFilter{Kind: &kind})
	require.NoError(s, err)
	require.NotEmpty(s, page.Items)
	s.addFlow("one-step", idp.Stage{Name: "one-step", Kind: "identification",
		Settings: []byte(fmt.Sprintf(`{"user_fields": ["username", "email"], "password_stage": %q, "case_insensitive_matching": true}`, page.Items[0].ID))})
}

// reauthentication is a flow that asks for the password once more.
func (s *site) reauthentication() {
	s.Helper()
	s.addFlow("once-more", idp.Stage{Name: "once-more", Kind: "password",
		Settings: []byte(`{"backends": ["authentik.core.auth.InbuiltBackend"], "failed_attempts_before_cancel": 100}`)})
}

// Property 9: the address cannot be forged, no malformed input opens the gate, and
// without the database nobody is let in.
func TestProperty9TheAddressIsNotTheClientsToChoose(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.user("ada")
	for i := range 5 {
		b := s.browser()
		b.client.Transport = forwards{b.client.Transport, []string{fmt.Sprintf("203.0.113.%d", i), "not an address"}}
		b.guess("ada", fmt.Sprint("wrong ", i))
	}
	found := s.lockouts()
	require.Len(t, found, 1, "five attempts, whatever addresses they claim")
	require.Equal(t, "127.0.0.1", found[0].TriggerIP.String())
}

func TestProperty9WithoutTheDatabaseNobodyIsLetIn(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	s.tolerant = true
	line := lay(t, s.url)
	s.open()
	s.open("database_url", line.url)
	ada := s.user("ada")
	b := s.browser().at(s.replicas[1])
	b.solve(signInFlow, map[string]any{"uid_field": ada.Username})
	line.sever(true)
	hasty := *b.client
	hasty.Timeout = 2 * time.Second // the server waits for the database as long as somebody waits for it
	b.client = &hasty
	got, err := b.send(http.MethodPost, "/api/v3/flows/executor/"+signInFlow+"/", map[string]any{"component": "ak-stage-password", "password": password})
	require.True(t, err != nil || got.status >= 500, "%v", got)
	line.sever(false)
	hasty.Timeout = 0
	require.False(t, b.works())
}

// The owner is told by mail, once for each lockout, and led to recovery.
func TestTheOwnerOfALockoutIsToldByMail(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	ada := s.user("ada")
	for i := range 7 {
		s.browser().guess(ada.Username, fmt.Sprint("wrong ", i))
	}
	mail := post.Receive()
	require.Equal(t, ada.Email, mail.To)
	require.Equal(t, "Your account is locked for a while", mail.Header.Get("Subject"))
	for _, text := range []string{mail.Text, mail.HTML} {
		require.Contains(t, text, "127.0.0.1")
		require.Contains(t, text, "/flows/-/default/recovery/")
		require.Contains(t, text, " UTC on ")
	}
	require.Len(t, s.lockouts(), 1)
	id := "account_locked"
	page, err := s.repos().Events.Find(t.Context(), idp.EventFilter{ActionID: &id})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, "ordered", page.Items[0].Context["owner_mail"])
}

// Without a mail server the event says that nobody was told.
func TestWithoutAMailServerTheEventSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.user("ada")
	for i := range 5 {
		s.browser().guess("ada", fmt.Sprint("wrong ", i))
	}
	id := "account_locked"
	page, err := s.repos().Events.Find(t.Context(), idp.EventFilter{ActionID: &id})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, "no mail server is configured", page.Items[0].Context["owner_mail"])
}

// An attempt during a lockout asks the database once which configuration is in force and
// where the browser stands, and has it note one failure more: not who the account is,
// what it holds or how its attempts went. Statements of what goes on beside come between
// now and then, so the least that is counted is what an attempt costs.
func TestAnAttemptDuringALockoutAsksTheDatabaseLittle(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	for i := range 5 {
		s.browser().guess(ada.Username, fmt.Sprint("wrong ", i))
	}
	require.Len(t, s.lockouts(), 1)
	c := lay(t, s.url)
	s.url = c.url
	r := s.open()
	const flow = "/api/v3/flows/executor/" + signInFlow + "/"
	least := c.least(8, func(i int) {
		b := s.browser().at(r)
		b.do(http.MethodPost, flow, map[string]any{"component": "ak-stage-identification", "uid_field": ada.Username})
		c.take() // only the attempt counts
		a := b.do(http.MethodPost, flow, map[string]any{"component": "ak-stage-password", "password": fmt.Sprint("wrong again ", i)})
		require.Contains(t, string(a.body), "Failed to authenticate.")
	})
	require.Len(t, least, 2, "%q", least)
	require.Contains(t, least[0], "FROM configuration")
	require.Contains(t, least[0], "JOIN runs")
	require.Contains(t, least[1], "UPDATE runs")
}
