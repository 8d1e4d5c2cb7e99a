package lockpage

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// listing is one page of a list of locks as its address asks for it. Where it
// begins is the mark of the lock before it: however many locks there are, finding
// the next page costs the same.
type listing struct {
	page.List
	before *idp.LockMark
	// trail are the marks of the pages before this one, for the way back.
	trail []string
}

// maxTrail is how many pages back one can go step by step.
const maxTrail = 40

func readListing(r *http.Request) (listing, error) {
	list, err := page.ReadList(r, "")
	l := listing{List: list}
	if err != nil {
		return l, err
	}
	l.Query = maps.Clone(l.Query)
	delete(l.Query, liftedField) // it was about the page before
	if raw := list.Query.Text("before"); raw != "" {
		if l.before, err = parseMark(raw); err != nil {
			return l, err
		}
	}
	if raw := list.Query.Text("trail"); raw != "" {
		l.trail = strings.Split(raw, ".")
		for _, mark := range l.trail {
			if _, err := parseMark(mark); err != nil || len(l.trail) > maxTrail {
				return l, idp.Invalid("trail", "This address is not one of a page of locks.")
			}
		}
	}
	return l, nil
}

// mark is a place in the list, as addresses carry it.
func mark(l *idp.Lock) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(l.CreatedAt.UnixMicro()))
	id := [16]byte(l.ID)
	return base64.RawURLEncoding.EncodeToString(append(raw, id[:]...))
}

func parseMark(text string) (*idp.LockMark, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 24 {
		return nil, idp.Invalid("before", "“%.40s” is no place in the list of locks.", text)
	}
	return &idp.LockMark{CreatedAt: time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC(), ID: idp.LockID(raw[8:])}, nil
}

// filter is what to load: one more than is shown, to know whether more follow.
func (l listing) filter(inForce bool) (idp.LockFilter, error) {
	f := idp.LockFilter{InForce: &inForce, Before: l.before, Uncounted: true, Paging: idp.Paging{Limit: l.Size + 1, Search: l.Search()}}
	if name := l.Query.Trimmed("kind"); name != "" {
		k, err := namedKind("kind", name)
		if err != nil {
			return f, err
		}
		f.Kind = k.Kind
	}
	// "user: alice", as the list shows it, is looked up and not searched for.
	if name, value, both := strings.Cut(f.Search, ":"); both {
		if k, known := idp.ParseLockKind(strings.TrimSpace(name)); known {
			if target, err := lock.ParseTarget(map[string]string{k.String(): strings.TrimSpace(value)}); err == nil {
				f.Target, f.Search = target, ""
			}
		}
	}
	return f, nil
}

// paging is the foot of the list. items is shortened to what is shown.
func (l listing) paging(items *[]idp.Lock) *ui.Paging {
	p := &ui.Paging{Total: -1, Noun: "lock"}
	first := len(l.trail) * l.Size
	if l.before != nil {
		first += l.Size
		back := l.trail
		p.PrevHref = l.Href("before", "", "trail", "")
		if len(back) > 0 {
			p.PrevHref = l.Href("before", back[len(back)-1], "trail", strings.Join(back[:len(back)-1], "."))
		}
	}
	if more := len(*items) > l.Size; more {
		*items = (*items)[:l.Size]
		trail := l.trail
		if l.before != nil {
			trail = append(slices.Clone(trail), l.Query.Text("before"))
		}
		if len(trail) > maxTrail {
			trail = trail[1:]
		}
		p.NextHref = l.Href("before", mark(&(*items)[l.Size-1]), "trail", strings.Join(trail, "."))
	} else if l.before == nil {
		p.Total = len(*items)
	}
	p.From, p.To = first+1, first+len(*items)
	return p
}

// here is the address of this page of the list.
func (l listing) here() string {
	return l.Href("before", l.Query.Text("before"), "trail", l.Query.Text("trail"))
}

func (l listing) bar(id string) templ.Component {
	var options []ui.Option
	for _, k := range kinds {
		options = append(options, ui.Option{Value: k.Kind.String(), Label: k.Title})
	}
	fresh := l.List
	fresh.Query = web.Form{"search": l.Query["search"], "kind": l.Query["kind"]}
	return ui.FilterBar(ui.FilterProps{Action: l.Path, Query: l.Search(), Placeholder: "Search item, message, who locked", Swap: id,
		Reset: fresh.Reset("kind"), Fields: []ui.FieldProps{l.Choice("kind", "Kind", "Any kind", options...)}})
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	found, l, err := p.find(r, true)
	if err != nil {
		return err
	}
	t := ui.TableProps{ID: "locks", Caption: "Locks in force", Paging: l.paging(&found), Filter: l.bar("locks"),
		Columns: []ui.Column{{Label: "Locked items"}, {Label: "Locked by"}, {Label: "Start"}, {Label: "Expiration"}, {Label: "Message"}, {Label: "Action", HideHead: true, Numeric: true}}}
	can, here := p.may(web.Actor(r), idp.VerbDelete), page.Back(l.here())
	for i := range found {
		it := &found[i]
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Target.String(), Cells: []templ.Component{
			targetLink(it), by(it.CreatedBy), ui.Time(it.CreatedAt, now()), expiry(it), message(it.Message), liftButton(it, can, here)}})
	}
	frame := p.frame(r, "In force", p.undo(r))
	if len(t.Rows) == 0 {
		t.Empty = ui.NothingFound("lock", listPath)
		if !l.Filtered("kind") && l.before == nil {
			t.Filter, t.Paging = nil, nil
			t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconLock, Title: "No locks in force", Action: p.newButton(r),
				Text: "A lock refuses whoever matches it, everywhere and at once, until it expires or somebody lifts it. It ends nothing for good."})
		}
	}
	return page.Render(w, r, listPage(frame, t))
}

func (p *Pages) history(w http.ResponseWriter, r *http.Request) error {
	found, l, err := p.find(r, false)
	if err != nil {
		return err
	}
	t := ui.TableProps{ID: "locks", Caption: "Locks of the past", Paging: l.paging(&found), Filter: l.bar("locks"),
		Columns: []ui.Column{{Label: "Locked items"}, {Label: "Locked by"}, {Label: "Start"}, {Label: "Ended"}, {Label: "Message"}, {Label: "Action", HideHead: true, Numeric: true}}}
	can := p.may(web.Actor(r), idp.VerbCreate)
	for i := range found {
		it := &found[i]
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Target.String(), Cells: []templ.Component{
			targetLink(it), by(it.CreatedBy), ui.Time(it.CreatedAt, now()), ended(it), message(it.Message), againButton(it, can, true)}})
	}
	if len(t.Rows) == 0 {
		t.Empty = ui.NothingFound("lock", historyPath)
		if !l.Filtered("kind") && l.before == nil {
			t.Filter, t.Paging = nil, nil
			t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconHistory, Title: "No lock has ended yet",
				Text: "Locks that were lifted or have expired are kept here for a while, with who lifted them."})
		}
	}
	return page.Render(w, r, listPage(p.frame(r, "History", nil), t))
}

func (p *Pages) find(r *http.Request, inForce bool) ([]idp.Lock, listing, error) {
	l, err := readListing(r)
	if err != nil {
		return nil, l, err
	}
	f, err := l.filter(inForce)
	if err != nil {
		return nil, l, err
	}
	if v := p.d.Locks.View(); inForce && f.Kind != 0 && v != nil && !v.Names(f.Kind) && p.may(web.Actor(r), idp.VerbList) {
		return nil, l, nil // known by heart: there is none, however many locks there are
	}
	found, err := p.d.Locks.Find(r.Context(), web.Actor(r), f)
	return found.Items, l, err
}

// frame is what stands around both lists.
func (p *Pages) frame(r *http.Request, tab string, banner templ.Component) ui.PageProps {
	tabs := []ui.Tab{{Label: "In force", Href: listPath}, {Label: "History", Href: historyPath}}
	if v := p.d.Locks.View(); v != nil && v.Len() > 0 {
		tabs[0].Count = ui.Number(v.Len())
	}
	for i := range tabs {
		tabs[i].Current = tabs[i].Label == tab
	}
	return page.Console(r, ui.PageProps{Title: "Locks", Subtitle: "Standing rules: whoever matches one is refused while it is in force.",
		Actions: p.newButton(r), Tabs: tabs, Banner: banner})
}

func (p *Pages) newButton(r *http.Request) templ.Component {
	if !p.may(web.Actor(r), idp.VerbCreate) {
		return nil
	}
	return ui.Button(ui.ButtonProps{Label: "New lock", Kind: ui.Primary, Icon: ui.IconPlus, Href: newPath})
}

// prefilled is where the wizard stands with the items of a lock and its message.
func prefilled(l *idp.Lock) string {
	q := url.Values{"step": {stepDetails}}
	for _, key := range l.Target {
		q.Add("item", item(key).String())
	}
	if len(l.Target) > 1 {
		q.Set("join", joinTogether)
	}
	if l.Message != "" {
		q.Set("message", l.Message)
	}
	return newPath + "?" + q.Encode()
}
