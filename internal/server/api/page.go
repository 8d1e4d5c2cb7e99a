package api

import (
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The sizes of a page: without `page_size`, and at most.
const (
	defaultPageSize = 20
	maxPageSize     = 1000
)

// Pagination says which part of a list an answer holds. Pages count from 1;
// 0 = there is none.
type Pagination struct {
	Next       int `json:"next"`
	Previous   int `json:"previous"`
	Count      int `json:"count"`
	Current    int `json:"current"`
	TotalPages int `json:"total_pages"`
	StartIndex int `json:"start_index"`
	EndIndex   int `json:"end_index"`
}

// Paginated is the answer of every list.
type Paginated[T any] struct {
	Pagination   Pagination     `json:"pagination"`
	Results      []T            `json:"results"`
	Autocomplete map[string]any `json:"autocomplete"`
}

// pageParams are the query parameters of every list.
func pageParams(ordering []string) []param {
	var choices []string
	for _, o := range ordering {
		choices = append(choices, o, "-"+o)
	}
	return []param{
		{name: "page", kind: integer, help: "A page number within the paginated result set."},
		{name: "page_size", kind: integer, help: "Number of results to return per page."},
		{name: "search", kind: text, help: "A search term."},
		{name: "ordering", kind: text, help: "Which field to use when ordering the results: " + strings.Join(choices, ", ") + "."},
	}
}

// paging reads which part of the list is wanted.
func paging(q query, ordering []string) (p idp.Paging, page int, err error) {
	var faults idp.Faults
	page, size := 1, defaultPageSize
	if n := q.ints("page"); len(n) > 0 {
		page = n[0]
	}
	if n := q.ints("page_size"); len(n) > 0 {
		size = min(n[0], maxPageSize)
	}
	if page < 1 {
		faults.Add("page", "Ensure this value is greater than or equal to 1.")
	}
	if size < 1 {
		faults.Add("page_size", "Ensure this value is greater than or equal to 1.")
	}
	if page > (1<<31-1)/maxPageSize {
		faults.Add("page", "Invalid page.")
	}
	p = idp.Paging{Limit: size, Offset: (page - 1) * size}
	if s := q.text("search"); s != nil {
		p.Search = limitBytes(*s, 500)
	}
	if o := q.text("ordering"); o != nil {
		for _, one := range strings.Split(*o, ",") {
			one = strings.TrimSpace(one)
			if !offered(ordering, strings.TrimPrefix(one, "-")) {
				faults.Add("ordering", "%q is not one of the available choices.", limit(one, 50))
				continue
			}
			p.Order = append(p.Order, one)
		}
	}
	return p, page, faults.Err()
}

func offered(list []string, one string) bool {
	for _, o := range list {
		if o == one {
			return true
		}
	}
	return false
}

func limitBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// paginate wraps one page of a list. A page behind the last one does not exist.
func paginate[T any](items []T, total, page, size int) (*Paginated[T], error) {
	pages := max(1, (total+size-1)/size)
	if page > pages {
		return nil, &idp.Error{Code: idp.CodeNotFound, Message: "Invalid page."}
	}
	if items == nil {
		items = []T{}
	}
	out := &Paginated[T]{Results: items, Autocomplete: map[string]any{}}
	out.Pagination = Pagination{Count: total, Current: page, TotalPages: pages, EndIndex: min(page*size, total)}
	if total > 0 {
		out.Pagination.StartIndex = (page-1)*size + 1
	}
	if page < pages {
		out.Pagination.Next = page + 1
	}
	if page > 1 {
		out.Pagination.Previous = page - 1
	}
	return out, nil
}
