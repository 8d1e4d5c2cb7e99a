package webhook

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxRead    = 4 << 10 // bytes of an answer's body that are read
	maxShown   = 3 << 10 // bytes of it that are shown: with what went wrong it fits into a delivery
	maxFault   = 512     // bytes of what went wrong
	tailAtMost = 2 * time.Second
)

// read is an answer for people, such as "200 OK: thanks", and closes it. The status is
// what counts, so nobody waits long for the rest; cancel ends the request.
func read(res *http.Response, cancel func()) string {
	stop := time.AfterFunc(tailAtMost, cancel)
	defer stop.Stop()
	defer res.Body.Close()
	raw, _ := io.ReadAll(io.LimitReader(res.Body, maxRead))
	out := strings.TrimSpace(strconv.Itoa(res.StatusCode) + " " + http.StatusText(res.StatusCode))
	for i := 0; i < utf8.UTFMax && len(raw) == maxRead; i++ { // a character that was cut
		if r, size := utf8.DecodeLastRune(raw); r != utf8.RuneError || size != 1 {
			break
		}
		raw = raw[:len(raw)-1]
	}
	if said := oneLine(string(raw), maxShown); said != "" {
		out += ": " + said
	}
	return out
}

// oneLine is a text from elsewhere that can be shown in one line, of no more than so
// many bytes: control characters as their pictures, those that change how the rest is
// read as replacement characters.
func oneLine(s string, most int) string {
	var out strings.Builder
	for i, word := range strings.Fields(strings.ToValidUTF8(s, "\uFFFD")) {
		if i > 0 {
			out.WriteByte(' ')
		}
		for _, r := range word {
			switch {
			case r < ' ':
				r += '\u2400'
			case r == 0x7f:
				r = '\u2421'
			case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
				r = '\uFFFD'
			}
			if out.Len()+utf8.RuneLen(r) > most-len("…") {
				return out.String() + "…"
			}
			out.WriteRune(r)
		}
	}
	return out.String()
}
