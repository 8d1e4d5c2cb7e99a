package journey

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// picturesForTheReadme are docs/users.png and docs/lockdown.png. They are kept
// where PORTCULLIS_SCREENSHOTS names a directory.
func picturesForTheReadme(t *testing.T, s *site) {
	b := newBrowser(t, s.URL).asAdmin()
	sales, _ := s.first(t, "core/groups/?name=Sales", "pk").(string)
	b.open("/if/admin/users/?group=" + sales)
	for _, name := range []string{"clara.winther", "nadia.rahimi"} {
		b.tick(person{PK: int(s.first(t, "core/users/?username="+name, "pk").(float64))})
	}
	b.sees("2 users selected", "7 users")
	b.shoot("readme-users.png", "light")
	b.follow("Account Lockdown")
	b.fill("lockdown_reason", "Both opened the attachment of Tuesday's phishing mail.")
	b.shoot("readme-lockdown.png", "dark")
}

// shoot keeps a picture of what fits into a window.
func (b *browser) shoot(name, scheme string) {
	b.t.Helper()
	var image []byte
	b.run(chromedp.EmulateViewport(1280, 800), chromedp.ActionFunc(func(ctx context.Context) (err error) {
		if err = emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"}}).Do(ctx); err != nil {
			return err
		}
		image, err = page.CaptureScreenshot().Do(ctx)
		return err
	}))
	b.keep(name, image)
}
