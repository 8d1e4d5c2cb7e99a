package ui

import (
	"strings"

	"github.com/a-h/templ"
)

// Theme is the choice of colours a person made.
type Theme string

// The themes. ThemeAuto follows the device and is the zero value's meaning.
const (
	ThemeAuto  Theme = "auto"
	ThemeLight Theme = "light"
	ThemeDark  Theme = "dark"
)

// ThemeCookie is the name of the cookie that keeps the theme; its value is read with ParseTheme.
const ThemeCookie = "portcullis_theme"

// ParseTheme reads a theme from a cookie or a form. Anything unknown is ThemeAuto.
func ParseTheme(s string) Theme {
	switch t := Theme(s); t {
	case ThemeLight, ThemeDark:
		return t
	default:
		return ThemeAuto
	}
}

// Brand is how an installation presents itself. The zero value is Portcullis itself.
type Brand struct {
	Title         string // shown beside the logo and in the window's title
	LogoURL       string // image, 24 to 64 px high; empty = our own
	FaviconURL    string // empty = our own
	BackgroundURL string // image behind flow pages; empty = our own pattern
}

func (b Brand) title() string {
	if b.Title == "" {
		return "Portcullis"
	}
	return b.Title
}

// Person is who is signed in.
type Person struct{ Username, Name, Email string }

func (p Person) display() string {
	if strings.TrimSpace(p.Name) == "" {
		return p.Username
	}
	return p.Name
}

// Crumb is one step of the way to a page. The last one is the page itself and has no Href.
type Crumb struct{ Label, Href string }

// NavItem is one entry of the navigation.
type NavItem struct {
	Label, Href string
	Icon        IconName
	Current     bool   // see MarkCurrent
	Badge       string // a count that wants attention, usually empty
}

// NavGroup is a titled group of the navigation. An empty Label makes a group without title.
type NavGroup struct {
	Label string
	Items []NavItem
}

// MarkCurrent returns nav with the one entry marked whose Href is the longest prefix of path, in whole segments.
// An entry that lies above another one, such as the console's first page, is marked only on its own path: it is not where
// a page belongs that no entry names. The given nav is not changed.
func MarkCurrent(nav []NavGroup, path string) []NavGroup {
	path = segments(path)
	best := ""
	for _, g := range nav {
		for _, it := range g.Items {
			h := segments(it.Href)
			if strings.HasPrefix(path, h) && len(h) > len(best) && (path == h || !isAbove(h, nav)) {
				best = h
			}
		}
	}
	out := make([]NavGroup, len(nav))
	for i, g := range nav {
		out[i] = NavGroup{Label: g.Label, Items: append([]NavItem(nil), g.Items...)}
		for j := range out[i].Items {
			out[i].Items[j].Current = best != "" && segments(out[i].Items[j].Href) == best
		}
	}
	return out
}

// segments is a path that ends in a slash, so that prefixes are whole segments.
func segments(path string) string { return strings.TrimSuffix(path, "/") + "/" }

// isAbove says whether another entry lies below the path.
func isAbove(path string, nav []NavGroup) bool {
	for _, g := range nav {
		for _, it := range g.Items {
			if h := segments(it.Href); h != path && strings.HasPrefix(h, path) {
				return true
			}
		}
	}
	return false
}

// Flash is a message about what just happened, shown once on the next page.
type Flash struct {
	Tone  Tone   // ToneOK fades by itself; every other stays until it is closed
	Title string // a few words: "Saved"
	Text  string // one sentence, optional
	Href  string // optional link to what was made or changed
	Link  string // label of Href
	// Action is a button that takes back what was done, optional.
	Action templ.Component
}

// Routes are the addresses the shells link to. Empty ones take the defaults of DefaultRoutes.
type Routes struct {
	Admin    string // console's first page
	Settings string // the person's own settings
	Search   string // GET, parameter q
	Theme    string // POST, fields theme and next
	SignOut  string // GET
	Help     string // optional; no entry when empty
}

// DefaultRoutes are the addresses of a Portcullis server.
var DefaultRoutes = Routes{
	Admin:    "/if/admin/",
	Settings: "/if/user/",
	Search:   "/if/admin/search/",
	Theme:    "/if/theme/",
	SignOut:  "/flows/-/default/invalidation/",
}

func (r Routes) filled() Routes {
	pick := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	pick(&r.Admin, DefaultRoutes.Admin)
	pick(&r.Settings, DefaultRoutes.Settings)
	pick(&r.Search, DefaultRoutes.Search)
	pick(&r.Theme, DefaultRoutes.Theme)
	pick(&r.SignOut, DefaultRoutes.SignOut)
	return r
}
