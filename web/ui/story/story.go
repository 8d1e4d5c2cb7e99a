package story

import (
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/web/ui"
)

// Story is one example of a component or of a page.
type Story struct {
	Name  string // what it shows, unique: it makes the address, see Slug
	Group string // "Components", "States" or "Pages"
	// Component is a fragment, or a whole document when Page is set.
	Component templ.Component
	Page      bool
}

// Slug is the story's name as part of an address.
func (s Story) Slug() string {
	out := make([]rune, 0, len(s.Name))
	for _, r := range s.Name {
		switch {
		case r >= 'A' && r <= 'Z':
			out = append(out, r+'a'-'A')
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			out = append(out, r)
		case len(out) > 0 && out[len(out)-1] != '-':
			out = append(out, '-')
		}
	}
	return string(out)
}

// Document is the story as a whole page. The theme is used for fragments; pages follow the device.
func (s Story) Document(theme ui.Theme) templ.Component {
	if s.Page {
		return s.Component
	}
	return fragment(s, theme)
}

// now is the moment at which all stories play, so that they always look the same.
var now = time.Date(2026, time.March, 14, 9, 26, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// Stories returns every story, in the order of the storybook.
func Stories() []Story {
	return append(append(components(), states()...), pages()...)
}

// Find returns the story with the slug.
func Find(slug string) (Story, bool) {
	for _, s := range Stories() {
		if s.Slug() == slug {
			return s, true
		}
	}
	return Story{}, false
}

func components() []Story {
	c := func(name string, component templ.Component) Story {
		return Story{Name: name, Group: "Components", Component: component}
	}
	return []Story{
		c("Icons", icons()),
		c("Buttons", buttons()),
		c("Tags and states", tags()),
		c("Alerts", alerts()),
		c("Fields", fields()),
		c("Form", form()),
		c("Expression editor", editors()),
		c("Several in order", pickers()),
		c("Ways to go on", choices()),
		c("Table", usersTable(people(), true)),
		c("Cards and facts", cards()),
		c("Counts and chart", counts()),
		c("Timeline", timeline()),
		c("Results", results()),
		c("Code", code()),
		c("Texts and times", texts()),
		c("Dialog", dialog()),
		c("Menus", menus()),
		c("Bell", bells()),
		c("Danger zone", dangerZone()),
	}
}

func states() []Story {
	s := func(name string, component templ.Component) Story {
		return Story{Name: name, Group: "States", Component: component}
	}
	return []Story{
		s("Nothing yet", nothingYet()),
		s("Nothing found", usersTable(nil, true)),
		s("No permission", noPermission()),
		s("Failed half way", results()),
		s("Account states", accountStates()),
		s("Stale view", staleView()),
	}
}

func pages() []Story {
	p := func(name string, component templ.Component) Story {
		return Story{Name: name, Group: "Pages", Component: component, Page: true}
	}
	return []Story{
		p("Overview", overviewPage()),
		p("Users", usersPage()),
		p("User", userPage(false)),
		p("User locked down", userPage(true)),
		p("New user", newUserPage()),
		p("Event", eventPage()),
		p("Brand", brandPage()),
		p("No locks yet", emptyPage()),
		p("Page not found in the console", missingPage()),
		p("Sign in", signInPage("")),
		p("Sign in failed", signInPage("Failed to authenticate.")),
		p("Sign in, content left", layoutPage("content_left")), p("Sign in, content right", layoutPage("content_right")),
		p("Sign in, sidebar left", layoutPage("sidebar_left")), p("Sign in, sidebar right", layoutPage("sidebar_right")),
		p("Sign in, sidebar left, framed", layoutPage("sidebar_left_frame_background")),
		p("Sign in, sidebar right, framed", layoutPage("sidebar_right_frame_background")),
		p("Password", passwordPage()),
		p("Lockdown warning", lockdownPage()),
		p("Lockdown results", lockdownResultsPage()),
		p("Locked", lockedPage()),
		p("Confirm without script", confirmPage()),
		p("Settings", settingsPage()),
		p("Settings sessions", settingsSessionsPage()),
		p("Error", errorPage()),
	}
}
