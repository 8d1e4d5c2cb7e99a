package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// A recovery link works once unless whoever makes it says otherwise.
func TestHowOftenARecoveryLinkWorks(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	at := "/if/admin/users/" + s.ada.ID.String() + "/recovery/"
	form := boss.Get(at)
	require.Empty(t, form.Faults())
	require.Contains(t, form.Main(), "How often it works Once")
	require.Regexp(t, `name="single_use" value="true" checked`, form.Body)
	for _, c := range []struct {
		fields   []string
		reusable bool
		says     string
	}{
		{form.Fields(), false, "It works once and for 24 hours."},
		{[]string{"confirmed", "1"}, false, "It works once and for 24 hours."},
		{form.Fields("single_use", "true"), false, "It works once and for 24 hours."},
		{form.Fields("single_use", "false"), true, "It works more than once, for 24 hours."},
	} {
		p := boss.Post(at, c.fields...)
		require.Equal(t, http.StatusOK, p.Status)
		require.Contains(t, p.Main(), c.says)
		require.Empty(t, p.Faults())
		_, key, _ := strings.Cut(p.Main(), "flow_token=")
		key, _, _ = strings.Cut(key, " ")
		made, _, err := s.Tokens.OpenLink(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, c.reusable, made.Reusable, "%v", c.fields)
	}
	// What the form says ends it, does.
	again := boss.Post(at, form.Fields("single_use", "false")...)
	_, key, _ := strings.Cut(again.Main(), "flow_token=")
	key, _, _ = strings.Cut(key, " ")
	require.NoError(t, s.Accounts.SetPassword(t.Context(), idp.SystemActor(), s.ada.ID, "set in another way"))
	_, _, err := s.Tokens.OpenLink(t.Context(), key)
	require.True(t, idp.Is(err, idp.CodeRefused), "%v", err)
	before, err := s.Store.Repos().Tokens.Find(t.Context(), idp.TokenFilter{UserID: &s.ada.ID})
	require.NoError(t, err)
	wrong := boss.Post(at, "confirmed", "1", "single_use", "maybe")
	require.Equal(t, http.StatusBadRequest, wrong.Status)
	require.Contains(t, wrong.Main(), "Choose “Once” or “More than once”.")
	require.Contains(t, wrong.Body, `id="field-single_use-error"`)
	require.NotContains(t, wrong.Main(), "flow_token=")
	after, err := s.Store.Repos().Tokens.Find(t.Context(), idp.TokenFilter{UserID: &s.ada.ID})
	require.NoError(t, err)
	require.Equal(t, before.Total, after.Total)
}

func TestRecoveryLinkInChromium(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	tab := s.As(s.Boss).Tab()
	tab.Open("/if/admin/users/" + s.ada.ID.String() + "/")
	tab.Run(chromedp.Click(`a[href$="/recovery/"]`, chromedp.ByQuery))
	tab.Until(`document.querySelector("h1")?.textContent.startsWith("Create a recovery link")`)
	require.True(t, tab.Is(`document.querySelector("[name=single_use]:checked").value === "true"`))
	tab.Judge("recovery-form")
	tab.Run(chromedp.Click(`[name=single_use][value=false]`, chromedp.ByQuery), chromedp.Click(`main form .btn.primary`, chromedp.ByQuery))
	tab.Until(`document.querySelector("main")?.textContent.includes("It works more than once, for 24 hours.")`)
	tab.Judge("recovery-made")
}
