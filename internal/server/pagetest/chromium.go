package pagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// ShotsVariable names a directory that pictures of the judged pages are written
// to; unset, none are taken.
const ShotsVariable = "PORTCULLIS_SHOTS"

// patience is how long one step in the browser may take on a busy machine.
const patience = 40 * time.Second

// Tab is a page in Chromium, signed in as the browser it was opened for.
type Tab struct {
	tb         testing.TB
	ctx        context.Context
	base       string
	mu         sync.Mutex
	complaints []string
}

// chromium is the path of the browser, "" where there is none.
func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	return ""
}

// Tab starts Chromium, or skips the test where there is none and nobody insists.
func (b *Browser) Tab() *Tab {
	tb := b.site.tb
	tb.Helper()
	path := chromium()
	if path == "" {
		require.NotEqual(tb, "true", os.Getenv("CI"), "no Chromium found")
		tb.Skip("no Chromium found")
	}
	server := httptest.NewServer(b.site.handler)
	tb.Cleanup(server.Close)
	profile, err := os.MkdirTemp("", "portcullis-chromium-")
	require.NoError(tb, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-gpu", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	tb.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		stop()
		_ = os.RemoveAll(profile)
	})
	t := &Tab{tb: tb, ctx: ctx, base: server.URL}
	require.NoError(tb, chromedp.Run(ctx)) // without a time limit: it is the tab's, not the first step's
	chromedp.ListenTarget(ctx, t.listen)
	still := emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}})
	t.Run(log.Enable(), emulation.SetFocusEmulationEnabled(true), still, chromedp.ActionFunc(func(ctx context.Context) error {
		return network.SetCookie(web.SessionCookie, b.cookies[web.SessionCookie]).WithURL(t.base).Do(ctx)
	}))
	t.Size(1280)
	return t
}

// listen notes what the browser complains of: a policy that was broken, an
// exception. An answer that is a fault of the input is none.
func (t *Tab) listen(ev any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := ev.(type) {
	case *log.EventEntryAdded:
		if (e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning) && e.Entry.Source != log.SourceNetwork {
			t.complaints = append(t.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		t.complaints = append(t.complaints, e.ExceptionDetails.Error())
	}
}

// Run does something in the tab.
func (t *Tab) Run(actions ...chromedp.Action) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	require.NoError(t.tb, chromedp.Run(ctx, actions...))
}

// Open reads a page.
func (t *Tab) Open(path string) {
	t.tb.Helper()
	t.Run(chromedp.Navigate(t.base + path))
}

// Size makes the window so many pixels wide.
func (t *Tab) Size(width int64) {
	t.tb.Helper()
	t.Run(emulation.SetDeviceMetricsOverride(width, 900, 1, width < 600))
}

// Eval runs an expression in the page; a promise is waited for.
func (t *Tab) Eval(expression string, into any) {
	t.tb.Helper()
	t.Run(chromedp.Evaluate(expression, into, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
}

// Is reports whether an expression is true in the page.
func (t *Tab) Is(expression string) bool {
	t.tb.Helper()
	var out bool
	t.Eval("!!("+expression+")", &out)
	return out
}

// Until waits until an expression is true, across loads of new pages.
func (t *Tab) Until(expression string) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	for {
		var met bool
		err := chromedp.Run(ctx, chromedp.Evaluate("!!("+expression+")", &met)) // fails while a page gives way to the next
		if met && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			var text string
			_ = chromedp.Run(t.ctx, chromedp.Evaluate(`document.body.innerText.slice(0, 900)`, &text))
			require.FailNow(t.tb, "waiting for "+expression, text)
		case <-time.After(15 * time.Millisecond): // another program: there is no signal to wait for
		}
	}
}

// Complaints are what the browser complained of so far.
func (t *Tab) Complaints() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.complaints...)
}

// Judge looks at the page that is open, narrow and wide, light and dark: it must
// not scroll sideways, axe-core must find nothing (wide and light, narrow and
// dark), and the browser must not complain.
func (t *Tab) Judge(name string) {
	t.tb.Helper()
	axe := t.axe()
	for _, width := range []int64{1280, 390} {
		t.Size(width)
		for _, theme := range []string{"light", "dark"} {
			at := fmt.Sprintf("%s-%d-%s", name, width, theme)
			t.Run(chromedp.Evaluate(`document.documentElement.dataset.theme = "`+theme+`"`, nil))
			var scroll int64
			t.Eval(`document.documentElement.scrollWidth`, &scroll)
			require.LessOrEqual(t.tb, scroll, width, at)
			t.shot(at)
			if axe == "" || (width > 600) == (theme == "dark") {
				continue // what is wrong in one theme and width is rarely right in another, and each look takes a second
			}
			var found string
			t.Eval(axe+`;axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
				.then((r) => JSON.stringify(r.violations.map((v) => v.id + ": " + v.help + " " + v.nodes.map((n) => n.html.slice(0, 160)).join(" | "))))`, &found)
			var violations []string
			require.NoError(t.tb, json.Unmarshal([]byte(found), &violations))
			require.Empty(t.tb, violations, at)
		}
	}
	t.Size(1280)
	require.Empty(t.tb, t.Complaints(), name)
}

// axe is the source of axe-core, "" where it is not installed and nobody insists.
func (t *Tab) axe() string {
	dir, err := os.Getwd()
	require.NoError(t.tb, err)
	for dir != filepath.Dir(dir) {
		raw, err := os.ReadFile(filepath.Join(dir, ".portcullis/axe/node_modules/axe-core/axe.min.js"))
		if err == nil {
			return strings.TrimSpace(string(raw))
		}
		dir = filepath.Dir(dir)
	}
	require.NotEqual(t.tb, "true", os.Getenv("CI"), "axe-core is not installed (scripts/install-axe.sh)")
	return ""
}

func (t *Tab) shot(name string) {
	dir := os.Getenv(ShotsVariable)
	if dir == "" {
		return
	}
	t.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		data, err := page.CaptureScreenshot().WithCaptureBeyondViewport(true).WithFromSurface(true).Do(ctx)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600)
	}))
}
