package lockpage

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// maxItems is how many items one pass makes locks of: each is looked at before
// it is made.
const maxItems = 50

// How several items become locks.
const (
	joinEach     = "each"     // a lock for each: OR
	joinTogether = "together" // one lock that asks for all of them: AND
)

// wish is what somebody wants to lock, as it travels from step to step: in the
// address while items are picked, in hidden fields from then on.
type wish struct {
	Items   []item
	Join    string // joinEach or joinTogether
	Message string
	TTL     string // a duration as typed; "" = none
	Until   string // a time as the browser's field has it, in UTC; "" = none
	IDs     []idp.LockID
	Faults  idp.Faults // of items
}

// readWish reads what was sent. Items that are no items become faults: of the
// field they were typed in, or else of "item".
func readWish(form web.Form) wish {
	w := wish{Join: form.Trimmed("join"), Message: form.Trimmed("message"), TTL: form.Trimmed("ttl"), Until: form.Trimmed("until")}
	if w.Join != joinTogether {
		w.Join = joinEach
	}
	for _, text := range form.Texts("item") {
		w.add("item", text)
	}
	if kind, typed := form.Trimmed("kind"), form.Text("typed"); kind != "" && strings.TrimSpace(typed) != "" {
		for _, line := range strings.FieldsFunc(typed, func(c rune) bool { return c == '\n' || c == '\r' }) {
			if line = strings.TrimSpace(line); line != "" {
				w.add("typed", kind+":"+line)
			}
		}
	}
	if len(w.Items) > maxItems {
		w.Faults.Add("item", "These are %d items. Lock %d at most at once: a group or a role covers many people with one lock.", len(w.Items), maxItems)
		w.Items = w.Items[:maxItems]
	}
	for _, text := range form.Texts("id") {
		id, err := idp.ParseID[idp.Lock](text)
		if err != nil {
			w.Faults.Add("item", "“%.40s” is not the name of a lock.", text)
			continue
		}
		w.IDs = append(w.IDs, id)
	}
	return w
}

func (w *wish) add(field, text string) {
	it, err := parseItem(text)
	if err != nil {
		w.Faults.Add(field, "%s", reason(err))
		return
	}
	for _, known := range w.Items {
		if idp.LockKey(known).Canonical() == idp.LockKey(it).Canonical() {
			return
		}
	}
	w.Items = append(w.Items, it)
}

// reason is an error in words.
func reason(err error) string {
	if faults, ok := page.FaultsOf(err); ok {
		return faults.Text()
	}
	return err.Error()
}

// of returns the items of a kind, or with not those of all others.
func (w wish) of(k idp.LockKind, not bool) []item {
	return slices.DeleteFunc(slices.Clone(w.Items), func(i item) bool { return (i.Kind == k) == not })
}

// fields carry the wish along. Items are given apart: some pages show them.
func (w wish) fields(items []item) []ui.Pair {
	var out []ui.Pair
	for _, it := range items {
		out = append(out, ui.Pair{Name: "item", Value: it.String()})
	}
	for _, f := range []ui.Pair{{Name: "message", Value: w.Message}, {Name: "ttl", Value: w.TTL}, {Name: "until", Value: w.Until}} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	if w.Join == joinTogether {
		out = append(out, ui.Pair{Name: "join", Value: w.Join})
	}
	return out
}

// targets are what becomes of the items: the target of each lock.
func (w wish) targets() ([]idp.LockTarget, error) {
	if len(w.Items) == 0 {
		return nil, idp.Invalid("item", lock.EmptyTarget)
	}
	var out []idp.LockTarget
	if w.Join == joinEach || len(w.Items) == 1 {
		for _, it := range w.Items {
			out = append(out, idp.LockTarget{idp.LockKey(it)})
		}
		return out, nil
	}
	named := map[string]string{}
	for _, it := range w.Items {
		if _, twice := named[it.Kind.String()]; twice {
			noun := kindOf(it.Kind).Noun
			return nil, idp.Invalid("join", "One lock can ask for one %s only, and here are %d: nobody could be all of them at once. Make a lock for each, or leave all but one out.",
				noun, len(w.of(it.Kind, false)))
		}
		named[it.Kind.String()] = it.Value
	}
	target, err := lock.ParseTarget(named)
	return []idp.LockTarget{target}, err
}

// ends reads when the locks end; clock is the database's. Both nil and 0: never.
func ends(ttl, until string, clock time.Time) (at *time.Time, lasts time.Duration, err error) {
	var faults idp.Faults
	switch {
	case ttl != "" && until != "":
		faults.Add("until", "Give a duration or an end, not both.")
	case ttl != "":
		lasts, err = parseTTL(ttl)
		if err != nil {
			faults.Add("ttl", "“%.40s” is not a duration. Write it as 2h45m, 5h or 7d, or leave it empty for a lock that stays until it is lifted.", ttl)
		} else if lasts <= 0 || lasts > maxTTL {
			faults.Add("ttl", "A lock ends later than it begins, and within a hundred years.")
		}
	case until != "":
		t, err := time.Parse("2006-01-02T15:04", until)
		if err != nil {
			t, err = time.Parse("2006-01-02T15:04:05", until) // as some browsers send it
		}
		if err != nil {
			faults.Add("until", "“%.40s” is not a time. Write it as 2026-12-01T22:27, in UTC.", until)
		} else if !t.After(clock) {
			faults.Add("until", "A lock ends later than it begins: %s has passed.", ui.Absolute(t))
		}
		at = &t
	}
	return at, lasts, faults.Err()
}

// maxTTL keeps ends within what a time can hold.
const maxTTL = 100 * 365 * 24 * time.Hour

var errDuration = errors.New("not a duration")

// parseTTL reads a duration as Go writes it, with days and weeks before it.
func parseTTL(text string) (time.Duration, error) {
	rest, total := strings.ReplaceAll(text, " ", ""), time.Duration(0)
	for _, unit := range []struct {
		sign string
		size time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		digits, after, found := strings.Cut(rest, unit.sign)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return 0, errDuration
		}
		if n > uint64(maxTTL/unit.size) {
			return maxTTL + 1, nil
		}
		total, rest = total+time.Duration(n)*unit.size, after
	}
	if rest == "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, errDuration
	}
	return total + d, nil
}

// typedTime is a time as the browser's field has it.
func typedTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04")
}
