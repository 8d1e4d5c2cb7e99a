package story_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/web/static"
	"github.com/portcullis-idp/portcullis/web/ui"
	"github.com/portcullis-idp/portcullis/web/ui/story"
)

// policyHeader is what the server of the product sends: the components must live under it.
const policyHeader = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// site serves the stories and keeps what is posted to it.
type site struct {
	*httptest.Server
	posts chan url.Values
}

func newSite(t *testing.T) *site {
	s := &site{posts: make(chan url.Values, 8)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+static.Root, func(w http.ResponseWriter, r *http.Request) {
		f, ok := static.Open(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", f.ContentType)
		_, _ = w.Write(f.Content)
	})
	mux.HandleFunc("GET /s/{slug}", func(w http.ResponseWriter, r *http.Request) {
		st, ok := story.Find(r.PathValue("slug"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", policyHeader)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = st.Document(ui.ThemeAuto).Render(r.Context(), w)
	})
	// The users list of the stories: with a search it finds nobody.
	mux.HandleFunc("GET /if/admin/users/", func(w http.ResponseWriter, r *http.Request) {
		slug := "users"
		if r.FormValue("search") != "" {
			slug = "nothing-found"
		}
		st, _ := story.Find(slug)
		_ = st.Document(ui.ThemeAuto).Render(r.Context(), w)
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.posts <- r.PostForm
		w.WriteHeader(http.StatusNoContent)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// posted waits for the next form.
func (s *site) posted(t *testing.T) url.Values {
	t.Helper()
	select {
	case v := <-s.posts:
		return v
	case <-time.After(20 * time.Second):
		require.Fail(t, "nothing was posted")
		return nil
	}
}

// quiet asserts that nothing was posted up to now: a request made after it arrives first.
func (s *site) quiet(t *testing.T, ctx context.Context) {
	t.Helper()
	do(t, ctx, chromedp.Evaluate(`fetch("/x", {method: "POST", body: new URLSearchParams({marker: "1"})}).then(() => true)`, nil, wait))
	require.Equal(t, url.Values{"marker": {"1"}}, s.posted(t))
}

func wait(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	require.NoError(t, chromedp.Run(ctx, actions...))
}

// js evaluates an expression in the page.
func js[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	var v T
	do(t, ctx, chromedp.Evaluate(expression, &v, wait))
	return v
}

// eventually waits until an expression is true, polled by the page itself.
func eventually(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	require.NoError(t, chromedp.Run(ctx, chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(20*time.Second))), expression)
}

// browser starts Chromium, or skips the test where there is none and nobody insists.
func browser(t *testing.T) context.Context {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		require.NotEqual(t, "true", os.Getenv("CI"), "no Chromium found")
		t.Skip("no Chromium found")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(stop)
	do(t, ctx, log.Enable(), emulation.SetFocusEmulationEnabled(true))
	return ctx
}

// tab opens a fresh page of the browser at a story.
func tab(t *testing.T, parent context.Context, address string) context.Context {
	ctx, stop := chromedp.NewContext(parent)
	t.Cleanup(stop)
	do(t, ctx, log.Enable(), emulation.SetFocusEmulationEnabled(true), emulation.SetDeviceMetricsOverride(1280, 900, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.Navigate(address))
	return ctx
}

func TestInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := browser(t)
	t.Run("stories fit and obey the policy", func(t *testing.T) { storiesFit(t, tab(t, ctx, "about:blank"), s) })
	t.Run("selecting rows", func(t *testing.T) { selecting(t, tab(t, ctx, s.URL+"/s/users"), s) })
	t.Run("asking before an act", func(t *testing.T) { asking(t, tab(t, ctx, s.URL+"/s/buttons"), s) })
	t.Run("choosing a theme", func(t *testing.T) { theming(t, tab(t, ctx, s.URL+"/s/users"), s) })
	t.Run("filtering in place", func(t *testing.T) { filtering(t, tab(t, ctx, s.URL+"/s/users")) })
	t.Run("walking a menu", func(t *testing.T) { walking(t, tab(t, ctx, s.URL+"/s/menus")) })
	t.Run("showing a password", func(t *testing.T) { revealing(t, tab(t, ctx, s.URL+"/s/sign-in")) })
	t.Run("opening the drawer", func(t *testing.T) { drawer(t, tab(t, ctx, s.URL+"/s/users")) })
	t.Run("answering a dialog", func(t *testing.T) { dialogue(t, tab(t, ctx, s.URL+"/s/dialog")) })
}

// storiesFit: no story scrolls sideways at the width of a phone or of a desk, and none makes the browser complain.
func storiesFit(t *testing.T, ctx context.Context, s *site) {
	var mu sync.Mutex
	var complaints []string
	chromedp.ListenTarget(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
				complaints = append(complaints, e.Entry.Text+" "+e.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Error())
		}
	})
	for _, st := range story.Stories() {
		do(t, ctx, chromedp.Navigate(s.URL+"/s/"+st.Slug()))
		for _, width := range []int64{320, 390, 820, 1280} {
			do(t, ctx, emulation.SetDeviceMetricsOverride(width, 844, 1, width < 600))
			require.LessOrEqual(t, js[int64](t, ctx, `document.documentElement.scrollWidth`), width, "%s at %d px", st.Slug(), width)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	require.Empty(t, complaints)
}

func selecting(t *testing.T, ctx context.Context, s *site) {
	require.False(t, js[bool](t, ctx, `document.querySelector(".bulk").checkVisibility()`), "nothing selected, nothing to do")
	do(t, ctx, chromedp.Click(`tbody tr:nth-child(2) .pick input`, chromedp.ByQuery))
	eventually(t, ctx, `document.querySelector("[data-count]").textContent === "1 user selected"`)
	require.True(t, js[bool](t, ctx, `document.querySelector("[data-select-all]").indeterminate`))
	do(t, ctx, chromedp.Click(`[data-select-all]`, chromedp.ByQuery))
	eventually(t, ctx, `document.querySelector("[data-count]").textContent === "8 users selected"`) // one of the nine is fixed
	do(t, ctx, chromedp.Click(`.bulk button[type=reset]`, chromedp.ByQuery))
	eventually(t, ctx, `!document.querySelector("[data-select-all]").checked && !document.querySelector(".bulk").checkVisibility()`)
	do(t, ctx, chromedp.Click(`tbody tr:nth-child(1) .pick input`, chromedp.ByQuery), chromedp.Click(`tbody tr:nth-child(3) .pick input`, chromedp.ByQuery),
		chromedp.Click(`.bulk button[value=lockdown]`, chromedp.ByQuery))
	require.Equal(t, url.Values{"users": {"12", "23"}, "act": {"lockdown"}}, s.posted(t))
}

func asking(t *testing.T, ctx context.Context, s *site) {
	open := `confirm-form button.btn`
	do(t, ctx, chromedp.Click(open, chromedp.ByQuery), chromedp.WaitVisible(`dialog[open]`, chromedp.ByQuery))
	require.Equal(t, "Cancel", js[string](t, ctx, `document.activeElement.textContent.trim()`), "the safe way out has the focus")
	do(t, ctx, chromedp.KeyEvent(kb.Escape), chromedp.WaitNotPresent(`dialog[open]`, chromedp.ByQuery))
	s.quiet(t, ctx)
	do(t, ctx, chromedp.Click(open, chromedp.ByQuery), chromedp.Click(`dialog[open] [data-close]`, chromedp.ByQuery), chromedp.WaitNotPresent(`dialog[open]`, chromedp.ByQuery))
	s.quiet(t, ctx)
	do(t, ctx, chromedp.Click(open, chromedp.ByQuery), chromedp.Click(`dialog[open] [data-confirm]`, chromedp.ByQuery))
	require.Equal(t, url.Values{"confirmed": {"1"}}, s.posted(t))
	// An act without a question, clicked twice, is sent once.
	require.True(t, js[bool](t, ctx, `new Promise((done) => {
		const b = document.querySelector(".row > form button");
		b.click();
		setTimeout(() => { b.click(); setTimeout(done, 0, true) }, 50);
	})`))
	require.Equal(t, url.Values{}, s.posted(t))
	s.quiet(t, ctx)
}

func theming(t *testing.T, ctx context.Context, s *site) {
	do(t, ctx, chromedp.Click(`[popovertarget=theme-menu]`, chromedp.ByQuery), chromedp.Click(`#theme-menu [value=dark]`, chromedp.ByQuery))
	eventually(t, ctx, `document.documentElement.dataset.theme === "dark"`)
	require.Equal(t, url.Values{"theme": {"dark"}, "next": {"/if/admin/users/"}}, s.posted(t))
	require.Equal(t, "true", js[string](t, ctx, `document.querySelector("#theme-menu [value=dark]").getAttribute("aria-pressed")`))
	require.False(t, js[bool](t, ctx, `document.querySelector("#theme-menu").matches(":popover-open")`))
	require.True(t, strings.HasSuffix(js[string](t, ctx, `location.pathname`), "/s/users"), "the page stays")
}

func filtering(t *testing.T, ctx context.Context) {
	require.True(t, js[bool](t, ctx, `document.querySelectorAll("tbody tr").length === 9`))
	do(t, ctx, chromedp.Evaluate(`window.stayed = true`, nil), chromedp.SendKeys(`.filter-search input`, "zuse", chromedp.ByQuery))
	eventually(t, ctx, `document.querySelector("#users .empty-title")?.textContent === "No users match"`)
	require.True(t, js[bool](t, ctx, `window.stayed === true`), "only the table was replaced")
	require.Equal(t, "?search=zuse", js[string](t, ctx, `location.search`), "the address can be shared")
	require.Equal(t, "search", js[string](t, ctx, `document.activeElement.name`), "typing goes on")
	require.Equal(t, "No users match", js[string](t, ctx, `document.querySelector("#say").textContent`), "and it is announced")
}

func walking(t *testing.T, ctx context.Context) {
	focus := func() string {
		return js[string](t, ctx, `document.activeElement.textContent.trim()`)
	}
	do(t, ctx, chromedp.Focus(`[popovertarget=example-menu]`, chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	eventually(t, ctx, `document.querySelector("#example-menu").matches(":popover-open")`)
	for _, step := range []struct{ key, want string }{
		{kb.ArrowDown, "Edit"}, {kb.ArrowDown, "Set password"}, {kb.ArrowDown, "Account Lockdown"}, {kb.ArrowDown, "Delete"},
		{kb.ArrowDown, "Edit"}, {kb.ArrowUp, "Delete"},
	} {
		do(t, ctx, chromedp.KeyEvent(step.key))
		require.Equal(t, step.want, focus(), "what is not possible is passed over")
	}
	do(t, ctx, chromedp.KeyEvent(kb.Escape))
	eventually(t, ctx, `!document.querySelector("#example-menu").matches(":popover-open")`)
	require.Equal(t, "More", focus(), "the focus returns to the button")
}

func revealing(t *testing.T, ctx context.Context) {
	kind := `document.querySelector("[name=password]").type`
	do(t, ctx, chromedp.Click(`[data-reveal]`, chromedp.ByQuery))
	require.Equal(t, "text", js[string](t, ctx, kind))
	do(t, ctx, chromedp.Click(`[data-reveal]`, chromedp.ByQuery))
	require.Equal(t, "password", js[string](t, ctx, kind))
	require.Equal(t, "uid_field", js[string](t, ctx, `document.querySelector("[autofocus]").name`))
}

func drawer(t *testing.T, ctx context.Context) {
	shown := `document.querySelector("#sidebar").checkVisibility()`
	require.True(t, js[bool](t, ctx, shown))
	do(t, ctx, emulation.SetDeviceMetricsOverride(390, 844, 1, true))
	eventually(t, ctx, "!"+shown)
	do(t, ctx, chromedp.Click(`.drawer-button`, chromedp.ByQuery))
	eventually(t, ctx, shown)
	do(t, ctx, chromedp.KeyEvent(kb.Escape))
	eventually(t, ctx, "!"+shown)
}

func dialogue(t *testing.T, ctx context.Context) {
	eventually(t, ctx, `document.querySelector("#new-group").open`)
	require.Equal(t, "name", js[string](t, ctx, `document.activeElement.name`), "the first wrong field has the focus")
	do(t, ctx, chromedp.KeyEvent(kb.Escape), chromedp.WaitNotPresent(`dialog[open]`, chromedp.ByQuery),
		chromedp.Click(`[data-dialog=new-group]`, chromedp.ByQuery), chromedp.WaitVisible(`dialog[open]`, chromedp.ByQuery))
	require.Equal(t, "/s/dialog", js[string](t, ctx, `location.pathname`), "the link is for browsers without script")
}
