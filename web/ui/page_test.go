package ui

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseTheme(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Theme{"light": ThemeLight, "dark": ThemeDark, "auto": ThemeAuto, "": ThemeAuto, `"><script>`: ThemeAuto, "DARK": ThemeAuto} {
		require.Equal(t, want, ParseTheme(in), in)
	}
	require.Contains(t, render(t, Bare("x", ThemeDark)), `<html lang="en" data-theme="dark">`)
	require.Contains(t, render(t, Bare("x", Theme(`" onload="`))), `<html lang="en" data-theme="auto">`)
}

func TestMarkCurrent(t *testing.T) {
	t.Parallel()
	nav := []NavGroup{
		{Items: []NavItem{{Label: "Overview", Href: "/if/admin/"}}},
		{Label: "Directory", Items: []NavItem{{Label: "Users", Href: "/if/admin/users/"}, {Label: "Used", Href: "/if/admin/us"}}},
	}
	current := func(path string) (out []string) {
		for _, g := range MarkCurrent(nav, path) {
			for _, it := range g.Items {
				if it.Current {
					out = append(out, it.Label)
				}
			}
		}
		return out
	}
	require.Equal(t, []string{"Overview"}, current("/if/admin/"))
	require.Empty(t, current("/if/admin/search/"), "a page of no entry does not belong to the first page")
	require.Equal(t, []string{"Users"}, current("/if/admin/users/12/"))
	require.Equal(t, []string{"Users"}, current("/if/admin/users"))
	require.Empty(t, current("/if/user/"))
	require.False(t, nav[1].Items[0].Current, "the list given is not changed")
}

func TestButtonThatIsNotPossibleSaysWhy(t *testing.T) {
	t.Parallel()
	html := render(t, Action(ActionProps{Action: "/lock", Button: ButtonProps{Label: "Account Lockdown", Reason: "No lockdown flow configured."}, Confirm: &ConfirmProps{Title: "?"}}))
	require.Contains(t, html, `type="button" aria-disabled="true" aria-describedby="why-account-lockdown"`)
	require.Contains(t, html, `role="tooltip" id="why-account-lockdown">No lockdown flow configured.`)
	require.NotContains(t, html, `type="submit"`)
	require.NotContains(t, html, "<dialog")
}

func TestConfirmAsksWithAndWithoutScript(t *testing.T) {
	t.Parallel()
	ask := ConfirmProps{Title: "Lock down Ada Lovelace?", Consequences: []string{"3 sessions end"}, Submit: "Lock down", Danger: true, Action: "/lock", Back: "/users/12/", Hidden: []Pair{{"user", "12"}}}
	inPlace := render(t, Action(ActionProps{Action: "/lock", Hidden: ask.Hidden, Button: ButtonProps{Label: "Account Lockdown"}, Confirm: &ask}))
	require.Contains(t, inPlace, `<confirm-form><form method="post" action="/lock"><input type="hidden" name="user" value="12">`)
	require.Contains(t, inPlace, "3 sessions end")
	require.NotContains(t, inPlace, `name="confirmed"`, "only the answer says so")

	page := render(t, ConfirmPage(ask, Brand{}, ThemeAuto))
	require.Contains(t, page, `<h1>Lock down Ada Lovelace?</h1>`)
	require.Contains(t, page, `<input type="hidden" name="user" value="12"><input type="hidden" name="confirmed" value="1">`)
	require.Contains(t, page, `href="/users/12/"`)
	require.Contains(t, page, `class="btn danger"`)
}

func TestFieldTiesItsTexts(t *testing.T) {
	t.Parallel()
	html := render(t, Field(FieldProps{Name: "email", Label: "E-mail", Type: FieldEmail, Hint: "For recovery.", Error: "Enter an address.", Required: true}))
	require.Contains(t, html, `<label class="label" for="field-email">`)
	require.Contains(t, html, `aria-describedby="field-email-error field-email-hint"`)
	require.Contains(t, html, `aria-invalid="true"`)
	require.Contains(t, html, `id="field-email-error"`)
	require.NotContains(t, html, "optional")
	require.Contains(t, render(t, Field(FieldProps{Name: "x", Label: "X"})), "optional")

	require.Equal(t, `<input type="hidden" name="n" value="v">`, render(t, Field(FieldProps{Name: "n", Value: "v", Type: FieldHidden})))
	require.Contains(t, render(t, Field(FieldProps{Name: "a", Label: "A", Type: FieldSwitch, Checked: true})), `role="switch"`)
	require.Contains(t, render(t, Field(FieldProps{Name: "a", Label: "A", Type: FieldCheckbox, ReadOnly: true})), "disabled")
	radio := render(t, Field(FieldProps{Name: "t", Label: "Type", Type: FieldRadio, Value: "b", Required: true, Options: []Option{{Value: "a", Label: "A"}, {Value: "b", Label: "B"}}}))
	require.Contains(t, radio, `name="t" value="b" checked required`)
	require.NotContains(t, radio, `value="a" checked`)
}
