package lockoutpage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
)

func TestInChromium(t *testing.T) {
	t.Parallel()
	s := open(t)
	tab := s.boss.Tab()
	tab.Open(list)
	tab.Judge("lockouts-none")
	ada := s.User("ada.lovelace", func(n *account.NewUser) { n.Name = "Ada Lovelace" })
	s.lockOut(s.User("grace.hopper"), "2001:db8:85a3:8d3:1319:8a2e:370:7348")
	s.fail(ada, "203.0.113.77", 2)
	l := s.lockOut(ada, "203.0.113.42")
	s.lockOut(nil, "")
	_, err := s.lockouts.Unlock(t.Context(), s.boss.Actor(), "grace.hopper")
	require.NoError(t, err)
	s.lockOut(ada, "203.0.113.42")
	s.many(3)
	at := "/if/admin/users/" + ada.ID.String() + "/"
	for _, it := range []struct{ name, path string }{
		{"lockouts", list}, {"lockouts-undo", list + "?unlocked=" + s.ended()[0].ID.String()}, {"lockouts-nothing-found", list + "?search=zzz"},
		{"lockouts-history", history}, {"user-locked-out", at}, {"users-locked-out", "/if/admin/users/"}, {"security-settings", settings},
		{"events-security", "/if/admin/events/?action=security"},
	} {
		tab.Open(it.path)
		tab.Judge(it.name)
	}

	// The list follows what happens, and shows who is unlocked elsewhere.
	tab.Open(list)
	tab.Until(`document.querySelector(".live-sign.ok")`)
	require.True(t, tab.Is(`document.querySelector("#lockouts").textContent.includes("ada.lovelace")`))
	_, err = s.lockouts.Unlock(t.Context(), s.boss.Actor(), "ada.lovelace")
	require.NoError(t, err)
	tab.Until(`!document.querySelector("#lockouts").textContent.includes("ada.lovelace")`)
	_, err = s.lockouts.Resume(t.Context(), s.boss.Actor(), l.ID)
	require.NoError(t, err)
	tab.Until(`document.querySelector("#lockouts").textContent.includes("ada.lovelace")`)

	// Nothing moves under whoever has ticked some; the age is said then.
	tab.Eval(`document.querySelector("#lockouts tbody .pick input").click()`, nil)
	_, err = s.lockouts.Unlock(t.Context(), s.boss.Actor(), "ada.lovelace")
	require.NoError(t, err)
	tab.Eval(`(() => { const t = document.querySelector("fresh-table"); t.at -= 45000; t.tick() })()`, nil)
	require.True(t, tab.Is(`document.querySelector("#lockouts").textContent.includes("ada.lovelace")`))
	require.True(t, tab.Is(`document.querySelector("[data-old]").textContent.match(/^4\d seconds old$/) && !document.querySelector("[data-old]").hidden`))
	tab.Judge("lockouts-old")
	tab.Eval(`document.querySelector("[data-refresh]").click()`, nil)
	tab.Until(`!document.querySelector("#lockouts").textContent.includes("ada.lovelace")`)
	require.True(t, tab.Is(`document.querySelector("[data-old]").hidden`))

	// One press unlocks; the toast takes it back.
	tab.Eval(`document.querySelector("#lockouts tbody button[form=unlock-one]").click()`, nil)
	tab.Until(`document.querySelector(".flash")?.textContent.includes("was unlocked")`)
	require.Len(t, s.inForce(), 3)
	tab.Eval(`document.querySelector(".flash-action button").click()`, nil)
	tab.Until(`document.querySelector(".flash")?.textContent.includes("is locked out again")`)
	require.Len(t, s.inForce(), 4)

	// The effect follows what is typed.
	tab.Open(settings)
	tab.Eval(`(() => { const f = document.querySelector("[name='security.brute_force.max_attempts']"); f.value = "3"; f.dispatchEvent(new Event("input", {bubbles: true})) })()`, nil)
	tab.Until(`document.querySelector("#effect").textContent.includes("3 wrong passwords within 10 minutes")`)

	// What was changed, what is wrong, and what the chain proves.
	three := "3"
	require.NoError(t, s.lockouts.Set(t.Context(), s.boss.Actor(), map[string]*string{prefix + "max_attempts": &three}))
	tab.Open(settings)
	tab.Judge("security-settings-changed")
	tab.Eval(`(() => { const f = document.querySelector("[name='security.brute_force.window_seconds']"); f.value = "5"; f.form.noValidate = true; f.form.requestSubmit() })()`, nil)
	tab.Until(`document.querySelector("[aria-invalid]")`)
	tab.Judge("security-settings-fault")
	_, err = s.chain.Seal(t.Context())
	require.NoError(t, err)
	tab.Open("/if/admin/events/verify/")
	tab.Eval(`document.querySelector("main form").requestSubmit()`, nil)
	tab.Until(`document.querySelector("main").textContent.includes("Chain verified up to entry")`)
	tab.Judge("events-chain")
	require.Empty(t, tab.Complaints())
}
