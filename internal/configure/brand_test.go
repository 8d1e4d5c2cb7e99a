package configure_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestBrandFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := idp.NewID[idp.Flow]()
	none := fmt.Sprintf("Invalid pk %q - object does not exist.", nobody)
	const host = "Expected a host name such as auth.example.com, without a port."
	for name, c := range map[string]struct {
		change      func(*idp.Brand)
		field, says string // "" = valid
	}{
		"one label":      {func(b *idp.Brand) { b.Domain = "localhost" }, "", ""},
		"spaces around":  {func(b *idp.Brand) { b.Domain = " trimmed.example " }, "", ""},
		"an address":     {func(b *idp.Brand) { b.Domain = "192.0.2.1" }, "", ""},
		"blank":          {func(b *idp.Brand) { b.Domain = " " }, "domain", "This field may not be blank."},
		"port":           {func(b *idp.Brand) { b.Domain = "a.example:443" }, "domain", host},
		"scheme":         {func(b *idp.Brand) { b.Domain = "https://a.example" }, "domain", host},
		"inner space":    {func(b *idp.Brand) { b.Domain = "a b" }, "domain", host},
		"empty label":    {func(b *idp.Brand) { b.Domain = "a..b" }, "domain", host},
		"line break":     {func(b *idp.Brand) { b.Domain = "a\nb" }, "domain", "Control characters are not allowed."},
		"long domain":    {func(b *idp.Brand) { b.Domain = strings.Repeat("a", 254) }, "domain", "Ensure this field has no more than 253 characters."},
		"taken":          {func(b *idp.Brand) { b.Domain = "FIRST.example" }, "domain", "This field must be unique."},
		"long title":     {func(b *idp.Brand) { b.Title = strings.Repeat("ä", 256) }, "branding_title", "Ensure this field has no more than 255 characters."},
		"NUL":            {func(b *idp.Brand) { b.CustomCSS = "a\x00" }, "branding_custom_css", "Null characters are not allowed."},
		"bad UTF-8":      {func(b *idp.Brand) { b.CustomCSS = "a\xff" }, "branding_custom_css", "Not a valid string."},
		"script":         {func(b *idp.Brand) { b.Logo = "javascript:alert(1)" }, "branding_logo", "Expected an address that starts with https:// or /."},
		"relative":       {func(b *idp.Brand) { b.Favicon = "icon.png" }, "branding_favicon", "Expected an address that starts with https:// or /."},
		"not an address": {func(b *idp.Brand) { b.DefaultFlowBackground = "https://%zz" }, "branding_default_flow_background", "Expected an address that starts with https:// or /."},
		"addresses":      {func(b *idp.Brand) { b.Logo, b.Favicon = "https://cdn.example/a.png", "/static/a.ico" }, "", ""},
		"no JSON":        {func(b *idp.Brand) { b.Attributes = idp.Attributes{"a": make(chan int)} }, "attributes", "Value must be valid JSON."},
		"authentication": {func(b *idp.Brand) { b.FlowAuthentication = &nobody }, "flow_authentication", none},
		"invalidation":   {func(b *idp.Brand) { b.FlowInvalidation = &nobody }, "flow_invalidation", none},
		"recovery":       {func(b *idp.Brand) { b.FlowRecovery = &nobody }, "flow_recovery", none},
		"unenrollment":   {func(b *idp.Brand) { b.FlowUnenrollment = &nobody }, "flow_unenrollment", none},
		"user settings":  {func(b *idp.Brand) { b.FlowUserSettings = &nobody }, "flow_user_settings", none},
		"device code":    {func(b *idp.Brand) { b.FlowDeviceCode = &nobody }, "flow_device_code", none},
		"lockdown":       {func(b *idp.Brand) { b.FlowLockdown, b.FlowRecovery = &nobody, &w.flow.ID }, "flow_lockdown", none},
		"one flow for three": {func(b *idp.Brand) {
			b.FlowLockdown, b.FlowRecovery, b.FlowInvalidation = &w.flow.ID, &w.flow.ID, &w.flow.ID
		}, "", ""},
	} {
		b := idp.Brand{Domain: "second.example"}
		c.change(&b)
		made, err := w.CreateBrand(w.ctx, w.admin, b)
		if c.field != "" {
			require.Equal(t, map[string][]string{c.field: {c.says}}, faults(t, err), name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, strings.TrimSpace(b.Domain), made.Domain)
		require.NoError(t, w.DeleteBrand(w.ctx, w.admin, made.ID))
	}
	_, err := w.UpdateBrand(w.ctx, w.admin, w.brand.ID, func(b *idp.Brand) error { b.Domain = ""; return nil })
	require.Contains(t, faults(t, err), "domain", "a change is judged too")
}

func TestWhatTheCallerRefusesIsNotDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.UpdateBrand(w.ctx, w.admin, w.brand.ID, func(b *idp.Brand) error {
		b.Title = "Half done"
		return idp.Invalid("branding_logo", "No.")
	})
	require.Equal(t, map[string][]string{"branding_logo": {"No."}}, faults(t, err))
	require.Empty(t, must(w.repos().Brands.Get(w.ctx, w.brand.ID))(t).Title)
	require.Empty(t, w.events())
}

func TestChangeOfNothingIsNoChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.UpdateBrand(w.ctx, w.admin, w.brand.ID, func(b *idp.Brand) error {
		b.Attributes = idp.Attributes{}
		b.ID = idp.NewID[idp.Brand]() // a brand stays the one that was asked for
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, w.brand.ID, got.ID)
	require.Empty(t, w.events())
}

func TestDefaultBrandTakesTheFormersPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := must(w.CreateBrand(w.ctx, w.admin, idp.Brand{Domain: "second.example", Default: true}))(t)
	require.Equal(t, []string{"second.example"}, w.defaults())
	_, err := w.UpdateBrand(w.ctx, w.admin, w.brand.ID, func(b *idp.Brand) error { b.Default = true; return nil })
	require.NoError(t, err)
	require.Equal(t, []string{"first.example"}, w.defaults())
	var said []string
	for _, e := range w.events() {
		said = append(said, fmt.Sprint(e.Action, " ", e.Context["model"].(map[string]any)["name"], " ", e.Context["changed"]))
	}
	require.Equal(t, []string{"model_updated first.example [default]", "model_created second.example <nil>",
		"model_updated second.example [default]", "model_updated first.example [default]"}, said)

	_, err = w.UpdateBrand(w.ctx, w.admin, second.ID, func(b *idp.Brand) error { b.Default, b.Domain = true, ""; return nil })
	require.Contains(t, faults(t, err), "domain")
	require.Equal(t, []string{"first.example"}, w.defaults(), "the former one stays when the new one is refused")
}

func TestBrandsThatBecomeTheDefaultAtOnceTakeTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const rivals = 4
	var ids []idp.BrandID
	for i := range rivals {
		b := must(w.CreateBrand(w.ctx, w.admin, idp.Brand{Domain: fmt.Sprintf("rival-%d.example", i)}))(t)
		ids = append(ids, b.ID)
	}
	for range 5 {
		results := make(chan error, 2*rivals)
		for i, id := range ids {
			go func() {
				_, err := w.UpdateBrand(w.ctx, w.admin, id, func(b *idp.Brand) error { b.Default = true; return nil })
				results <- err
			}()
			go func() {
				b, err := w.CreateBrand(w.ctx, w.admin, idp.Brand{Domain: fmt.Sprintf("new-%d.example", i), Default: true})
				if err == nil {
					err = w.DeleteBrand(w.ctx, w.admin, b.ID)
				}
				results <- err
			}()
		}
		for range cap(results) {
			require.NoError(t, <-results)
		}
		require.LessOrEqual(t, len(w.defaults()), 1)
	}
}

// The second administrator waits for the first and then changes the row as it
// is by then.
func TestTwoAdministratorsChangeDifferentFieldsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := make(chan error, 1)
	_, err := w.UpdateBrand(w.ctx, w.admin, w.brand.ID, func(b *idp.Brand) error {
		go func() {
			_, err := w.UpdateBrand(w.ctx, w.admin, w.brand.ID, func(b *idp.Brand) error { b.Logo = "/logo.svg"; return nil })
			second <- err
		}()
		w.waiting(second)
		b.Title, b.FlowLockdown = "Title", &w.flow.ID
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, <-second)
	got := must(w.repos().Brands.Get(w.ctx, w.brand.ID))(t)
	require.Equal(t, []any{"Title", "/logo.svg", w.flow.ID}, []any{got.Title, got.Logo, *got.FlowLockdown})
}
