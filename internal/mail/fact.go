package mail

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Fact is one line of what an event knows.
type Fact struct{ Name, Value string }

const (
	maxFacts     = 25
	maxFact      = 200 // characters
	maxFactDepth = 4
	// maxWalked bounds how many values of an event are looked at.
	maxWalked = 500
)

// told are what a mail says elsewhere, and what is of use to nobody who reads mail.
var told = map[string]bool{"message": true, "geo": true, "http_request.user_agent": true, "http_request.request_id": true, "http_request.args": true}

// factsOf lists an event's context, in the order of the names, and how many facts are
// left out.
func factsOf(context map[string]any) (out []Fact, more int) {
	w := &factWalk{}
	w.object("", context, 1)
	return w.facts, w.more
}

type factWalk struct {
	facts  []Fact
	walked int
	more   int
}

func (w *factWalk) object(prefix string, values map[string]any, depth int) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		name := prefix + key
		if told[name] {
			continue
		}
		if w.walked == maxWalked {
			w.more++
			continue
		}
		w.walked++
		if inner, ok := values[key].(map[string]any); ok && depth < maxFactDepth {
			w.object(name+".", inner, depth+1)
			continue
		}
		w.add(name, values[key])
	}
}

func (w *factWalk) add(name string, value any) {
	said := inWords(value)
	switch {
	case said == "":
	case len(w.facts) == maxFacts:
		w.more++
	default:
		w.facts = append(w.facts, Fact{oneLine(name, maxName), oneLine(said, maxFact)})
	}
}

// inWords is a value as people read it; "" for nothing.
func inWords(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case float64: // what a number becomes in the database
		return strconv.FormatFloat(v, 'f', -1, 64)
	case map[string]any:
		return fmt.Sprintf("%d values", len(v))
	case []any:
		var parts []string
		for _, one := range v {
			if len(parts) == 10 {
				parts = append(parts, "…")
				break
			}
			parts = append(parts, inWords(one))
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(value)
}
