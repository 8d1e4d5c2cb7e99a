package admin_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

func TestSnap(t *testing.T) {
	list := os.Getenv("SNAP")
	if list == "" {
		t.Skip()
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	f, _ := os.Open(list)
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		p := strings.SplitN(sc.Text(), "|", 5) // name|path|as|js|variants
		if len(p) < 2 {
			continue
		}
		as, js, variants := "", "", "1280l"
		if len(p) > 2 {
			as = p[2]
		}
		if len(p) > 3 {
			js = p[3]
		}
		if len(p) > 4 && p[4] != "" {
			variants = p[4]
		}
		for _, v := range strings.Split(variants, ",") {
			w := int64(1280)
			if strings.HasPrefix(v, "390") {
				w = 390
			}
			theme := "light"
			if strings.HasSuffix(v, "d") {
				theme = "dark"
			}
			var png []byte
			acts := chromedp.Tasks{
				emulation.SetDeviceMetricsOverride(w, 900, 1, w == 390),
				network.SetCookie("portcullis_theme", theme).WithURL("http://127.0.0.1:9777/"),
				network.SetCookie("plain", as).WithURL("http://127.0.0.1:9777/"),
				chromedp.Navigate("http://127.0.0.1:9777" + p[1]), chromedp.Sleep(250 * time.Millisecond),
			}
			if as == "" {
				acts[2] = network.DeleteCookies("plain").WithURL("http://127.0.0.1:9777/")
			}
			var over string
			if js != "" {
				var x any
				acts = append(acts, chromedp.Evaluate(js, &x), chromedp.Sleep(600*time.Millisecond))
			}
			acts = append(acts, chromedp.Evaluate(`String(document.documentElement.scrollWidth) + " url " + location.pathname + location.search`, &over), chromedp.FullScreenshot(&png, 100))
			c, stop := context.WithTimeout(ctx, 20*time.Second)
			if err := chromedp.Run(c, acts); err != nil {
				fmt.Println(p[0], v, err)
			}
			_ = stop
			os.WriteFile("/tmp/shot/out/"+p[0]+"-"+v+".png", png, 0o600)
			fmt.Println(p[0], v, over)
		}
	}
}
