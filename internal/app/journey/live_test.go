package journey

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
)

// What happens appears on open pages, without moving what is read; and they say
// when the session has ended.
func liveEvents(t *testing.T, s *site) {
	boss := s.administrator(t, "lena.live", "Lena Live")
	b := s.signedIn(t, boss, "/if/admin/")
	sign := func(words string) string {
		return `document.querySelector(".live-sign:not([hidden])")?.textContent === ` + quoted(words)
	}
	b.until(sign("Live"))
	change := func(name string) {
		s.api(t, http.StatusOK, http.MethodPatch, "core/users/"+strconv.Itoa(boss.PK)+"/", map[string]any{"name": name})
	}
	// Other journeys of this site make events all the time, which come above, and the list
	// keeps few: whatever is added is looked at.
	b.eval(`new MutationObserver(all => { for (const { addedNodes } of all) for (const e of addedNodes)
		if (e.matches?.(".fresh") && e.textContent.includes("lena.live")) window.lenaSeen = true;
	}).observe(document.body, { childList: true, subtree: true })`, nil)
	change("Lena Once")
	b.until(`window.lenaSeen`)
	b.checked("overview-live")

	b.open("/if/admin/events/")
	b.until(sign("Live"))
	top := `document.querySelector("#events tbody tr")`
	var before, after float64
	b.eval(top+`.getBoundingClientRect().top`, &before)
	change("Lena Twice")
	b.until(`/^\d+ new events?$/.test(document.querySelector(".live-new .btn")?.textContent)`)
	b.eval(top+`.getBoundingClientRect().top`, &after)
	if before != after {
		t.Errorf("what is read moved from %v to %v", before, after)
	}
	b.checked("events-live")
	// Other journeys of this site make events all the time: there may be a new offer at once.
	b.eval(`document.querySelector(".live-new").dataset.taken = "yes"`, nil)
	b.run(chromedp.Click(".live-new .btn", chromedp.ByQuery))
	b.until(`!document.querySelector("[data-taken]") && document.activeElement.matches(".table-scroll") && ` + sign("Live"))

	sessions := s.api(t, http.StatusOK, http.MethodGet, "core/authenticated_sessions/?user__username=lena.live", nil)
	for _, one := range sessions["results"].([]any) {
		s.api(t, http.StatusNoContent, http.MethodDelete, "core/authenticated_sessions/"+one.(map[string]any)["uuid"].(string)+"/", nil)
	}
	b.sees("Your session has ended. Sign in again.", "Not live")
	b.checked("events-ended")
	b.follow("Sign in")
	b.at("/if/flow/")
}
