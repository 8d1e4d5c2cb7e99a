package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// adminOnly passes when somebody else's account is about to be locked down: the
// policy for a stage that only administrators should see.
const adminOnly = `
let target_user = request.context.pending_user;
let current_user = request.http_request.user;

target_user != nil and current_user != nil and target_user.pk != current_user.pk
`

// warning is the initial value of an alert before a lockdown of one account.
const warning = `
let target = user;
let current_user = http_request.user;
let is_self_service = target != nil and current_user != nil and target.pk == current_user.pk;

if is_self_service {
  ` + "`" + `<p><strong>This will immediately:</strong></p>
<ul>
<li>Invalidate your local password</li>
<li>Deactivate your account</li>
<li>Terminate all sessions</li>
<li>Revoke all tokens</li>
</ul>` + "`" + `
} else if target != nil {
  "<p><strong>Locking down:</strong></p><p><code>" + escape(target.username) + "</code></p>"
} else {
  "<p><strong>Locking down the selected account.</strong></p>"
}
`

// warningForAll names everybody a lockdown is about, and counts the rest.
const warningForAll = `
let targets = context.lockdown_target_users;

if len(targets) > 0 {
  "<p><strong>Locking down:</strong></p><ul>"
    + join(map(take(targets, min(len(targets), 20)), "<li><code>" + escape(.username) + "</code> " + escape(.name) + "</li>"))
    + "</ul>"
    + (len(targets) > 20 ? "<p>and " + string(len(targets) - 20) + " more.</p>" : "")
} else {
  "<p><strong>Locking down the selected account.</strong></p>"
}
`

// results is the alert after a lockdown of several accounts.
const results = `
"<ul>" + join(map(context.lockdown_results,
  "<li><code>" + escape(.user.username) + "</code>: " + (.success ? "locked" : escape(.error)) + "</li>")) + "</ul>"
`

var (
	owner     = &idp.User{ID: 7, Username: "mallory<script>alert(1)</script>", Name: "Mallory & Co", IsActive: true}
	responder = &idp.User{ID: 1, Username: "responder", IsActive: true, IsSuperuser: true}
)

func html(t *testing.T, source string, req idp.PolicyRequest) string {
	t.Helper()
	e, err := policy.Compile(source)
	require.NoError(t, err)
	v, err := e.Run(t.Context(), req)
	require.NoError(t, err)
	out, err := v.HTML()
	require.NoError(t, err)
	return out
}

func TestAdminOnlyPolicy(t *testing.T) {
	t.Parallel()
	e, err := policy.CompileCondition(adminOnly)
	require.NoError(t, err)
	for _, c := range []struct {
		name            string
		target, current *idp.User
		want            bool
	}{
		{"an administrator", owner, responder, true},
		{"the owner", owner, owner, false},
		{"nobody signed in", owner, nil, false},
		{"no target", nil, responder, false},
	} {
		v, err := e.Run(t.Context(), idp.PolicyRequest{User: c.target, SignedIn: c.current,
			Context: map[string]any{"pending_user": c.target.Facts()}})
		require.NoError(t, err, c.name)
		got, err := v.Truth()
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, got, c.name)
	}
}

func TestDynamicWarning(t *testing.T) {
	t.Parallel()
	self := html(t, warning, idp.PolicyRequest{User: owner, SignedIn: owner})
	require.Contains(t, self, "<li>Deactivate your account</li>\n<li>Terminate all sessions</li>")
	other := html(t, warning, idp.PolicyRequest{User: owner, SignedIn: responder})
	require.Equal(t, "<p><strong>Locking down:</strong></p><p><code>mallory&lt;script&gt;alert(1)&lt;/script&gt;</code></p>", other)
	nobody := html(t, warning, idp.PolicyRequest{SignedIn: responder})
	require.Equal(t, "<p><strong>Locking down the selected account.</strong></p>", nobody)
}

func TestWarningForAllTargets(t *testing.T) {
	t.Parallel()
	bulk := func(n int) idp.PolicyRequest {
		var targets []any
		for range n {
			targets = append(targets, owner.Facts())
		}
		return idp.PolicyRequest{Context: map[string]any{"lockdown_target_users": targets}}
	}
	require.Equal(t, "<p><strong>Locking down the selected account.</strong></p>", html(t, warningForAll, bulk(0)))
	require.Equal(t, "<p><strong>Locking down:</strong></p><ul><li><code>mallory&lt;script&gt;alert(1)&lt;/script&gt;</code> Mallory &amp; Co</li></ul>",
		html(t, warningForAll, bulk(1)))
	many := html(t, warningForAll, bulk(1000))
	require.Equal(t, 20, strings.Count(many, "<li>"))
	require.Contains(t, many, "<p>and 980 more.</p>")
}

func TestResultsOfALockdown(t *testing.T) {
	t.Parallel()
	got := html(t, results, idp.PolicyRequest{Context: map[string]any{"lockdown_results": []any{
		map[string]any{"user": owner.Facts(), "success": true, "error": ""},
		map[string]any{"user": responder.Facts(), "success": false, "error": "last <administrator>"},
	}}})
	require.Equal(t, "<ul><li><code>mallory&lt;script&gt;alert(1)&lt;/script&gt;</code>: locked</li>"+
		"<li><code>responder</code>: last &lt;administrator&gt;</li></ul>", got)
}

// TestEnvironmentIsTrue checks the list that pages and documentation show: every
// variable exists, every function can be called by its name.
func TestEnvironmentIsTrue(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, entry := range policy.Environment() {
		require.NotEmpty(t, entry.Help, entry.Name)
		require.NotEmpty(t, entry.Usage, entry.Name)
		require.False(t, seen[entry.Name], "%s is listed twice", entry.Name)
		seen[entry.Name] = true
		if entry.Kind == "variable" {
			_, err := policy.Compile(entry.Name)
			require.NoError(t, err, entry.Name)
			continue
		}
		_, err := policy.Compile(entry.Name + "()")
		if err != nil {
			require.NotContains(t, err.Error(), "unknown", entry.Name)
		}
	}
	for _, gone := range []string{"fromJSON", "timezone", "toPairs", "mean", "median", "toBase64"} {
		require.False(t, seen[gone])
		_, err := policy.Compile(gone + "()")
		require.ErrorContains(t, err, "unknown function "+gone)
	}
}

func BenchmarkCompile(b *testing.B) {
	for name, source := range map[string]string{"policy": adminOnly, "warning": warningForAll} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := policy.Compile(source); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRun(b *testing.B) {
	targets := make([]any, 20)
	for i := range targets {
		targets[i] = owner.Facts()
	}
	req := idp.PolicyRequest{User: owner, SignedIn: responder, Context: map[string]any{"pending_user": owner.Facts()}}
	bulk := idp.PolicyRequest{SignedIn: responder, Context: map[string]any{"lockdown_target_users": targets}}
	for _, c := range []struct {
		name, source string
		req          idp.PolicyRequest
	}{{"policy", adminOnly, req}, {"warning", warning, req}, {"warning for 20", warningForAll, bulk}} {
		b.Run(c.name, func(b *testing.B) {
			e, err := policy.Compile(c.source)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Run(b.Context(), c.req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
