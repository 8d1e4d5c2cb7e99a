package useragent

import (
	"regexp"
	"strings"
	"sync"
)

// browsers is read from top to bottom: who pretends to be another comes before
// the one it pretends to be. The version follows the mark and a slash.
var browsers = []struct{ mark, family string }{
	{"EdgiOS", "Edge"},
	{"EdgA", "Edge"},
	{"Edg", "Edge"},
	{"OPiOS", "Opera"},
	{"OPT", "Opera"},
	{"OPR", "Opera"},
	{"Vivaldi", "Vivaldi"},
	{"YaBrowser", "Yandex Browser"},
	{"SamsungBrowser", "Samsung Internet"},
	{"DuckDuckGo", "DuckDuckGo"},
	{"Ddg", "DuckDuckGo"},
	{"FxiOS", "Firefox"},
	{"Focus", "Firefox Focus"},
	{"SeaMonkey", "SeaMonkey"},
	{"PaleMoon", "Pale Moon"},
	{"Waterfox", "Waterfox"},
	{"Firefox", "Firefox"},
	{"CriOS", "Chrome"},
	{"GSA", "Google app"},
	{"Electron", "Electron"},
	{"HeadlessChrome", "Headless Chrome"},
	{"Epiphany", "GNOME Web"},
	{"Chromium", "Chromium"},
	{"Chrome", "Chrome"},
}

// programs speak for themselves at the start of the header.
var programs = []struct{ mark, family string }{
	{"portcullis", "Portcullis CLI"},
	{"curl", "curl"},
	{"Wget", "Wget"},
	{"HTTPie", "HTTPie"},
	{"Go-http-client", "Go program"},
	{"python-requests", "Python program"},
	{"python-httpx", "Python program"},
	{"Python-urllib", "Python program"},
	{"aiohttp", "Python program"},
	{"okhttp", "OkHttp"},
	{"Apache-HttpClient", "Java program"},
	{"Java", "Java program"},
	{"axios", "axios"},
	{"node-fetch", "Node program"},
	{"node", "Node program"},
	{"undici", "Node program"},
	{"PostmanRuntime", "Postman"},
	{"insomnia", "Insomnia"},
	{"Terraform", "Terraform"},
	{"OpenAPI-Generator", "API client"},
	{"kube-probe", "Kubernetes probe"},
	{"Prometheus", "Prometheus"},
}

// The patterns are compiled when the first list of sessions needs them.
var (
	version = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(\d{1,6})(?:[._](\d{1,6}))?(?:[._](\d{1,6}))?(?:[._](\d{1,6}))?`)
	})
	robot = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\b([a-z][\w-]{0,30}(?:bot|crawler|spider))\b(?:/([\d.]{1,20}))?`)
	})
	iosVersion = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:CPU (?:iPhone )?OS|iPhone OS) (\d+(?:_\d+){0,2})`)
	})
	macVersion  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Mac OS X (\d+(?:[._]\d+){0,2})`) })
	ntVersion   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Windows NT (\d+\.\d+)`) })
	androidPart = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`Android(?: (\d+(?:\.\d+){0,2}))?(?:; ([^;)]{1,60}))?`)
	})
	chromeOS = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`CrOS \S+ ([\d.]+)`) })
)

func versioned(family, v string) Product {
	p := Product{Family: family}
	if m := version().FindStringSubmatch(v); m != nil {
		p.Major, p.Minor, p.Patch, p.PatchMinor = m[1], m[2], m[3], m[4]
	}
	return p
}

// after finds mark as a whole product token ("Edg/126.0") and returns what
// follows the slash.
func after(s, mark string) (string, bool) {
	for from := 0; ; {
		i := strings.Index(s[from:], mark+"/")
		if i < 0 {
			return "", false
		}
		i += from
		if i == 0 || strings.IndexByte(" ;(", s[i-1]) >= 0 {
			return s[i+len(mark)+1:], true
		}
		from = i + 1
	}
}

func program(s string) (Product, bool) {
	for _, p := range programs {
		if len(s) < len(p.mark) || !strings.EqualFold(s[:len(p.mark)], p.mark) {
			continue
		}
		rest := s[len(p.mark):]
		// The number of a Go program is that of HTTP, not its own.
		if rest == "" || rest[0] == ' ' || rest[0] == '/' && p.mark == "Go-http-client" {
			return Product{Family: p.family}, true
		}
		if rest[0] == '/' {
			return versioned(p.family, rest[1:]), true
		}
	}
	if m := robot().FindStringSubmatch(s); m != nil {
		return versioned(m[1], m[2]), true
	}
	return Product{}, false
}

func browser(s string) Product {
	for _, b := range browsers {
		if v, ok := after(s, b.mark); ok {
			return versioned(b.family, v)
		}
	}
	// Safari names its version apart; other programs on WebKit carry no
	// "Version" beside "Safari".
	if v, ok := after(s, "Version"); ok && strings.Contains(s, "Safari/") {
		return versioned("Safari", v)
	}
	if strings.Contains(s, "Trident/") || strings.Contains(s, "MSIE ") {
		return Product{Family: "Internet Explorer"}
	}
	if strings.Contains(s, "AppleWebKit/") && (strings.Contains(s, "iPhone") || strings.Contains(s, "iPad")) {
		return Product{Family: "In-app browser"}
	}
	return Product{Family: Other}
}

// firstToken is the name a header starts with: what an unknown program calls
// itself.
func firstToken(s string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(s), "/")
	name, _, _ = strings.Cut(name, " ")
	if name == "" || name == "Mozilla" || len(name) > 40 {
		return Other
	}
	for _, r := range name {
		if r < ' ' || r == '<' || r == '>' {
			return Other
		}
	}
	return name
}
