package page

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// PageSize is how many rows a list shows at once.
const PageSize = 20

// maxPage keeps the offset well inside an integer.
const maxPage = 1_000_000

// List is one page of a list as the address asks for it: filters, order, page.
type List struct {
	Path     string
	Query    web.Form
	Ordering string
	Page     int // counted from 1
	Size     int
}

// ReadList reads a list's address. ordering is the order when none is asked
// for. Unknown orders are refused by whoever runs the query.
func ReadList(r *http.Request, ordering string) (List, error) {
	q := web.Query(r)
	page, err := q.Int("page", 1)
	if err != nil || page < 1 || page > maxPage {
		return List{}, idp.Invalid("page", "“%.20s” is not the number of a page.", q.Text("page"))
	}
	if o := q.Trimmed("ordering"); o != "" {
		ordering = o
	}
	return List{Path: r.URL.Path, Query: q, Ordering: ordering, Page: page, Size: PageSize}, nil
}

// Search is what the search field holds.
func (l List) Search() string { return l.Query.Trimmed("search") }

// Paging is the part of the list to load.
func (l List) Paging() idp.Paging {
	p := idp.Paging{Limit: l.Size, Offset: (l.Page - 1) * l.Size, Search: l.Search()}
	if l.Ordering != "" {
		p.Order = []string{l.Ordering}
	}
	return p
}

// Href is the list's address with some parameters changed; an empty value
// removes one. Unless it is among them, the page goes back to the first.
func (l List) Href(changes ...string) string {
	q := url.Values{}
	for k, v := range l.Query {
		if k != "page" && len(v) > 0 && v[0] != "" {
			q[k] = v
		}
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if changes[i+1] == "" {
			q.Del(changes[i])
		} else {
			q.Set(changes[i], changes[i+1])
		}
	}
	if len(q) == 0 {
		return l.Path
	}
	return l.Path + "?" + q.Encode()
}

// Filtered reports whether any of the filters (or the search) is in force.
func (l List) Filtered(filters ...string) bool {
	for _, f := range append(filters, "search") {
		if l.Query.Trimmed(f) != "" {
			return true
		}
	}
	return false
}

// Reset is the address without filters, "" when none is in force.
func (l List) Reset(filters ...string) string {
	if !l.Filtered(filters...) {
		return ""
	}
	return List{Path: l.Path, Query: web.Form{"ordering": l.Query["ordering"]}}.Href()
}

// Column is the head of a column that sorts by key.
func (l List) Column(label, key string) ui.Column {
	return ui.SortedColumn(label, key, l.Ordering, func(o string) string { return l.Href("ordering", o) })
}

// Pages is the foot of the list.
func (l List) Pages(total int, noun string) *ui.Paging {
	return ui.NumberedPages(l.Page, l.Size, total, noun, func(p int) string {
		if p == 1 {
			return l.Href()
		}
		return l.Href("page", strconv.Itoa(p))
	})
}

// Beyond returns the address of the last page when this one lies behind it (the
// list became shorter meanwhile), "" otherwise.
func (l List) Beyond(total int) string {
	last := max((total+l.Size-1)/l.Size, 1)
	switch {
	case l.Page <= last:
		return ""
	case last == 1:
		return l.Href()
	}
	return l.Href("page", strconv.Itoa(last))
}

// Kept are the parameters to send along with a filter form: the order, and what
// the form itself does not show.
func (l List) Kept(more ...string) []ui.Pair {
	var out []ui.Pair
	for _, name := range append([]string{"ordering"}, more...) {
		if v := l.Query.Trimmed(name); v != "" {
			out = append(out, ui.Pair{Name: name, Value: v})
		}
	}
	return out
}

// Choice is a select of a filter: the first option stands for "any".
func (l List) Choice(name, label, any string, options ...ui.Option) ui.FieldProps {
	f := ui.FieldProps{Name: name, Label: label, Type: ui.FieldSelect, Value: l.Query.Trimmed(name)}
	f.Options = append([]ui.Option{{Value: "", Label: any}}, options...)
	return f
}
