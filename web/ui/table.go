package ui

import (
	"context"
	"strings"

	"github.com/a-h/templ"
)

// Sort is the order of a column.
type Sort string

// The orders, named as aria-sort has them.
const (
	Unsorted   Sort = ""
	Ascending  Sort = "ascending"
	Descending Sort = "descending"
)

// Column is the head of a column.
type Column struct {
	Label    string
	SortHref string // makes the head a link that sorts by it
	Sort     Sort
	Numeric  bool // aligned at the end
	HideHead bool // the label is only spoken
	Optional bool // left out on narrow screens
}

// SortedColumn is a Column that sorts by key. Ordering is the present order in the form of the API ("name", "-name"); href
// makes an address from a new one.
func SortedColumn(label, key, ordering string, href func(ordering string) string) Column {
	c := Column{Label: label}
	switch ordering {
	case key:
		c.Sort, c.SortHref = Ascending, href("-"+key)
	case "-" + key:
		c.Sort, c.SortHref = Descending, href(key)
	default:
		c.SortHref = href(key)
	}
	return c
}

// Row is one line of a table.
type Row struct {
	ID      string // value of its checkbox
	Label   string // names the row for its checkbox and its menu
	Cells   []templ.Component
	Actions []MenuItem
	Fixed   string // why it cannot be selected; empty = it can
	Muted   bool   // not in use any more
}

// Selection makes rows selectable and offers what to do with the selected ones.
type Selection struct {
	Form    string // id of the form, the only one of its kind on the page
	Action  string // where it posts; a button may name another with FormAction
	Field   string // name of the checkboxes
	Noun    string // "user"
	Actions []ButtonProps
	Hidden  []Pair // sent along, such as the filters that Matching counts
	// Matching is how many fit the filters on all pages; when it is more than the rows shown, "all_matching" can be ticked.
	Matching int
}

// Paging says where in a list we are. Set either Pages (see NumberedPages) or only the way back and forth.
type Paging struct {
	From, To, Total    int // first and last shown, counted from 1; Total < 0 = unknown
	Noun               string
	PrevHref, NextHref string
	Pages              []PageLink
}

// PageLink is one page of a numbered paging; Number 0 stands for left-out pages.
type PageLink struct {
	Number  int
	Href    string
	Current bool
}

// NumberedPages makes the Paging of page (counted from 1) of a list.
func NumberedPages(page, size, total int, noun string, href func(page int) string) *Paging {
	size = max(size, 1)
	last := max((total+size-1)/size, 1)
	page = min(max(page, 1), last)
	p := &Paging{From: min((page-1)*size+1, total), To: min(page*size, total), Total: total, Noun: noun}
	if page > 1 {
		p.PrevHref = href(page - 1)
	}
	if page < last {
		p.NextHref = href(page + 1)
	}
	if last == 1 {
		return p
	}
	for n := 1; n <= last; n++ {
		switch near := n >= page-1 && n <= page+1; {
		case near, n == 1, n == last, last <= 7:
			p.Pages = append(p.Pages, PageLink{Number: n, Href: href(n), Current: n == page})
		case p.Pages[len(p.Pages)-1].Number != 0:
			p.Pages = append(p.Pages, PageLink{})
		}
	}
	return p
}

// range_ is the words for what is shown.
func (p Paging) words() string {
	noun := p.Noun
	if noun == "" {
		noun = "item"
	}
	switch {
	case p.Total == 0 || p.To < p.From:
		return "No " + plural(noun)
	case p.Total < 0:
		return Number(p.From) + "–" + Number(p.To)
	case p.From == 1 && p.To == p.Total:
		return Count(p.Total, noun)
	default:
		return Number(p.From) + "–" + Number(p.To) + " of " + Count(p.Total, noun)
	}
}

// TableProps describes a table in a card of its own.
type TableProps struct {
	ID      string // needed for data-swap and for menus: the only one of its kind on the page
	Caption string // what the table holds, spoken
	Title   string // shown as the head of the card, optional
	Text    string
	Actions templ.Component // right of the title
	Filter  templ.Component // a FilterBar
	Columns []Column
	Rows    []Row
	Select  *Selection
	Empty   templ.Component // instead of the table when there are no rows
	Paging  *Paging
	Bare    bool // no card around it: it stands in one
}

func (p TableProps) id() string {
	if p.ID != "" {
		return p.ID
	}
	return "table-" + slug(p.Caption)
}

// offered leaves out what may not be done with the rows.
func (p TableProps) offered(ctx context.Context) TableProps {
	p.Select = p.Select.offered(ctx)
	rows := make([]Row, len(p.Rows))
	for i, r := range p.Rows {
		r.Actions = offeredItems(ctx, r.Actions)
		rows[i] = r
	}
	p.Rows = rows
	return p
}

func (p TableProps) hasActions() bool {
	for _, r := range p.Rows {
		if len(r.Actions) > 0 {
			return true
		}
	}
	return false
}

func (p TableProps) rowMenu(r Row) string {
	return p.id() + "-menu-" + slug(r.ID+" "+strings.ToLower(r.Label))
}
