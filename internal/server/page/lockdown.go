package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/contain"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// NoLockdownFlow is why no account can be locked down while the brand has no
// flow for it.
const NoLockdownFlow = contain.Missing

// LockdownFlow starts the brand's lockdown flow from a page.
type LockdownFlow struct{ contain.Flow }

// Begin plans the flow as contain.Flow does. back, when not "", is where the
// browser goes when the flow is done.
func (l LockdownFlow) Begin(w http.ResponseWriter, r *http.Request, users []idp.UserID, back string) (string, error) {
	link, err := l.Flow.Begin(w, r, users)
	if err != nil {
		return "", err
	}
	return withNext(link, back), nil
}

// withNext adds where to go afterwards to the address of a flow.
func withNext(path, next string) string {
	if next == "" {
		return path
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + url.Values{"next": {next}}.Encode()
}

// Ended says how many an act ended that counts them up to idp.CountLimit: "3
// sessions", "more than 1,000 sessions".
func Ended(n int, noun string) string {
	if n > idp.CountLimit {
		return "more than " + ui.Count(n-1, noun)
	}
	return ui.Count(n, noun)
}

// HaveEnded is Ended as a sentence: "More than 1,000 sessions ended."
func HaveEnded(n int, noun string) string {
	text := Ended(n, noun) + " ended."
	return strings.ToUpper(text[:1]) + text[1:]
}

// Ends says, counted, what a lockdown ends: "3 sessions end".
func Ends(h idp.Holdings) []string {
	var out []string
	add := func(n int, noun, one, many string) {
		switch {
		case n > idp.CountLimit && h.AtLeast:
			out = append(out, Ended(n, noun)+" "+many)
		case n == 1:
			out = append(out, ui.Count(n, noun)+" "+one)
		case n > 1:
			out = append(out, ui.Count(n, noun)+" "+many)
		}
	}
	add(h.Sessions, "session", "ends", "end")
	add(h.TokenTotal(), "token", "stops working", "stop working")
	add(h.Consents, "consent", "ends", "end")
	add(h.Invitations, "invitation", "stops working", "stop working")
	add(h.Grants, "grant", "ends", "end")
	add(h.Applications, "application", "loses access", "lose access")
	return out
}
