package webhook

import (
	"strings"
	"unicode/utf16"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/notify"
)

// slackMessage is what incoming webhooks of Slack, Mattermost and Discord (with /slack
// behind its address) take alike.
type slackMessage struct {
	Username    string            `json:"username"`
	Attachments []slackAttachment `json:"attachments"`
}

type slackAttachment struct {
	Fallback  string       `json:"fallback"` // for lists and push messages
	Color     string       `json:"color"`
	Title     string       `json:"title"`
	TitleLink string       `json:"title_link,omitempty"`
	Text      string       `json:"text"`
	Fields    []slackField `json:"fields"`
	Footer    string       `json:"footer"`
}

type slackField struct {
	Title string `json:"title"`
	Value string `json:"value"`
	Short bool   `json:"short"`
}

// Bounds in UTF-16 units, as sent: Discord refuses a whole message for one title of more
// than 256, one value of more than 1024, or more than 6000 altogether.
const (
	maxTitle = 250
	maxText  = 1500
	maxValue = 300
)

// severities are how a message of a severity begins and its colour.
var severities = map[idp.Severity]struct{ word, color string }{
	idp.SeverityNotice:  {"Notice", "#2c4fd4"},
	idp.SeverityWarning: {"Warning", "#b45309"},
	idp.SeverityAlert:   {"Alert", "#c62828"},
}

// slack is a message for people in a chat.
func (s *Sender) slack(m *notify.Message) slackMessage {
	severity, ok := severities[m.Severity]
	if !ok {
		severity = severities[idp.SeverityNotice]
	}
	a := slackAttachment{Color: severity.color, Title: chat(severity.word+": "+m.Rule, maxTitle), Text: chat(m.Body, maxText),
		Fallback: chat(severity.word+": "+m.Body, maxText), Footer: "Portcullis " + s.Version, Fields: []slackField{}}
	if path := m.EventPath(); path != "" {
		a.TitleLink = strings.TrimRight(s.Base(), "/") + path
	}
	e := notify.Summarize(m.Event)
	add := func(title, value string, short bool) {
		if value != "" {
			a.Fields = append(a.Fields, slackField{title, chat(value, maxValue), short})
		}
	}
	add("Action", e.Action, true)
	add("User", e.Actor, true)
	add("Account", e.Account, true)
	add("Address", e.Address, true)
	add("Place", e.Place, true)
	add("Time", e.When, true)
	if m.User != nil {
		add("For", m.User.Username, true)
	}
	add("Client", e.Client, false)
	return slackMessage{Username: "Portcullis", Attachments: []slackAttachment{a}}
}

// everybody are the words that call all members of a channel after an @.
var everybody = []string{"channel", "here", "all", "everyone"}

// chat is a text in which nothing is a command to a chat program: whoever fails to sign
// in chooses the name that is told of. Slack's own marks are escaped as it asks for;
// what calls everybody, and what makes a link of other words in Markdown, is taken
// apart by a space that has no width.
func chat(s string, most int) string {
	const apart = "\u200b"
	var out strings.Builder
	used := 0
	rest := oneLine(s, 4*most)
	for i, r := range rest {
		piece := string(r)
		switch r {
		case '&':
			piece = "&amp;"
		case '<':
			piece = "&lt;"
		case '>':
			piece = "&gt;"
		case '@':
			after := strings.ToLower(rest[i+1:])
			for _, word := range everybody {
				if strings.HasPrefix(after, word) {
					piece = "@" + apart
				}
			}
		case ']':
			if strings.HasPrefix(rest[i+1:], "(") {
				piece = "]" + apart
			}
		}
		size := len(utf16.Encode([]rune(piece)))
		if used+size > most-1 {
			return out.String() + "…"
		}
		used += size
		out.WriteString(piece)
	}
	return out.String()
}
