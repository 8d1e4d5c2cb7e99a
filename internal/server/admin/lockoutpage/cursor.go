package lockoutpage

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// usual is the order in which a page begins behind the last lockout of the page
// before it: however many there are, finding it costs the same. In other orders pages
// are counted.
const usual = "-locked_at"

// maxTrail is how many pages back one can go step by step.
const maxTrail = 40

// listing is one page of a list of lockouts as its address asks for it.
type listing struct {
	page.List
	before *idp.Lockout
	trail  []string // the marks of the pages before this one
}

func readListing(r *http.Request, size int) (listing, error) {
	list, err := page.ReadList(r, usual)
	l := listing{List: list}
	if err != nil {
		return l, err
	}
	l.Size, l.Query = size, maps.Clone(l.Query)
	delete(l.Query, page.UnlockedField) // it was about the page before
	if raw := list.Query.Text("before"); raw != "" {
		if l.before, err = parseMark(raw); err != nil {
			return l, err
		}
	}
	if raw := list.Query.Text("trail"); raw != "" {
		l.trail = strings.Split(raw, ".")
		for _, mark := range l.trail {
			if _, err := parseMark(mark); err != nil || len(l.trail) > maxTrail {
				return l, idp.Invalid("trail", "This address is not one of a page of lockouts.")
			}
		}
	}
	if l.before != nil && l.Ordering != usual {
		return l, idp.Invalid("before", "A place in the list counts in its usual order only: newest first.")
	}
	return l, nil
}

// mark is a place in the list, as addresses carry it.
func mark(l *idp.Lockout) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(l.LockedAt.UnixMicro()))
	id := [16]byte(l.ID)
	return base64.RawURLEncoding.EncodeToString(append(raw, id[:]...))
}

func parseMark(text string) (*idp.Lockout, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 24 {
		return nil, idp.Invalid("before", "“%.40s” is no place in the list of lockouts.", text)
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return nil, idp.Invalid("before", "“%.40s” is no place in the list of lockouts.", text)
	}
	return &idp.Lockout{LockedAt: at, ID: idp.LockoutID(raw[8:])}, nil
}

// filter is what to load: one more than is shown, to know whether more follow.
func (l listing) filter(active bool) (idp.LockoutFilter, error) {
	f := idp.LockoutFilter{Active: &active, Before: l.before, Uncounted: true, Paging: idp.Paging{Limit: l.Size + 1, Search: l.Search()}}
	if l.Ordering != usual {
		f.Order, f.Offset = []string{l.Ordering}, (l.Page-1)*l.Size
	}
	var err error
	f.Accounts, err = ofAccounts(l.Query.Trimmed("of"))
	return f, err
}

// ofAccounts reads the filter for accounts or for names that nobody has; nil = both.
func ofAccounts(choice string) (*bool, error) {
	yes, no := true, false
	switch choice {
	case "":
		return nil, nil
	case "accounts":
		return &yes, nil
	case "unknown":
		return &no, nil
	}
	return nil, idp.Invalid("of", "“%.40s” is nothing to filter by: expected accounts or unknown.", choice)
}

// paging is the foot of the list; total is how many there are, less than 0 = nobody
// counted. items is shortened to what is shown.
func (l listing) paging(items *[]idp.Lockout, noun string, total int) *ui.Paging {
	p := &ui.Paging{Total: total, Noun: noun}
	more := len(*items) > l.Size
	if more {
		*items = (*items)[:l.Size]
	}
	first := 0
	if l.Ordering == usual {
		first = l.marks(p, *items, more)
	} else {
		first = (l.Page - 1) * l.Size
		if l.Page > 1 {
			p.PrevHref = l.Href("page", pageNumber(l.Page-1))
		}
		if more {
			p.NextHref = l.Href("page", pageNumber(l.Page+1))
		}
	}
	p.From, p.To = first+1, first+len(*items)
	if !more && first == 0 {
		p.Total = len(*items)
	}
	if p.Total < p.To {
		p.Total = -1
	}
	return p
}

// marks links the page before and the one behind. It returns how many come before
// this one.
func (l listing) marks(p *ui.Paging, items []idp.Lockout, more bool) int {
	before := len(l.trail) * l.Size
	if l.before != nil {
		before += l.Size
		p.PrevHref = l.Href("before", "", "trail", "")
		if back := l.trail; len(back) > 0 {
			p.PrevHref = l.Href("before", back[len(back)-1], "trail", strings.Join(back[:len(back)-1], "."))
		}
	}
	if more {
		trail := l.trail
		if l.before != nil {
			trail = append(slices.Clone(trail), l.Query.Text("before"))
		}
		if len(trail) > maxTrail {
			trail = trail[1:]
		}
		p.NextHref = l.Href("before", mark(&items[len(items)-1]), "trail", strings.Join(trail, "."))
	}
	return before
}

func pageNumber(n int) string {
	if n == 1 {
		return ""
	}
	return strconv.Itoa(n)
}

// here is the address of this page of the list.
func (l listing) here() string {
	return l.Href("before", l.Query.Text("before"), "trail", l.Query.Text("trail"), "page", pageNumber(l.Page))
}

// column is the head of a column that sorts. Another order begins at its first page.
func (l listing) column(label, key string) ui.Column {
	return ui.SortedColumn(label, key, l.Ordering, func(o string) string {
		if o == usual {
			o = ""
		}
		return l.Href("ordering", o, "before", "", "trail", "")
	})
}
