package journey

import (
	"context"
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestPicturesForTheReadme takes docs/users.png and docs/lockdown.png anew,
// into the directory that PORTCULLIS_SCREENSHOTS names.
func TestPicturesForTheReadme(t *testing.T) {
	dir := os.Getenv("PORTCULLIS_SCREENSHOTS")
	if dir == "" {
		t.Skip("PORTCULLIS_SCREENSHOTS names no directory for pictures")
	}
	t.Parallel()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	s := newSite(t, "--demo")
	b := newBrowser(t, s.URL).asAdmin()
	shoot := func(name, scheme string) {
		var image []byte
		b.run(chromedp.EmulateViewport(1280, 800), chromedp.ActionFunc(func(ctx context.Context) (err error) {
			if err = emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"}}).Do(ctx); err != nil {
				return err
			}
			image, err = page.CaptureScreenshot().Do(ctx)
			return err
		}))
		require.NoError(t, os.WriteFile(dir+"/"+name, image, 0o644))
	}
	b.open("/if/admin/users/?group=" + s.first(t, "core/groups/?name=Sales", "pk").(string))
	for _, name := range []string{"clara.winther", "nadia.rahimi"} {
		b.tick(person{PK: int(s.first(t, "core/users/?username="+name, "pk").(float64))})
	}
	b.sees("2 users selected")
	shoot("users.png", "light")
	b.follow("Account Lockdown")
	b.fill("lockdown_reason", "Both opened the attachment of Tuesday's phishing mail.")
	shoot("lockdown.png", "dark")
}
