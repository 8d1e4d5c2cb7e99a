package ui

import (
	"fmt"
	"testing"

	"github.com/a-h/templ"
	"github.com/stretchr/testify/require"
)

func TestNumberedPages(t *testing.T) {
	t.Parallel()
	href := func(p int) string { return fmt.Sprint("?page=", p) }
	numbers := func(p *Paging) (out []int) {
		for _, l := range p.Pages {
			out = append(out, l.Number)
		}
		return out
	}
	for _, c := range []struct {
		page, size, total int
		numbers           []int
		words             string
		prev, next        string
	}{
		{1, 20, 0, nil, "No users", "", ""},
		{1, 20, 1, nil, "1 user", "", ""},
		{1, 20, 20, nil, "20 users", "", ""},
		{1, 20, 21, []int{1, 2}, "1–20 of 21 users", "", "?page=2"},
		{2, 20, 21, []int{1, 2}, "21–21 of 21 users", "?page=1", ""},
		{4, 20, 140, []int{1, 2, 3, 4, 5, 6, 7}, "61–80 of 140 users", "?page=3", "?page=5"},
		{1, 20, 1204, []int{1, 2, 0, 61}, "1–20 of 1,204 users", "", "?page=2"},
		{30, 20, 1204, []int{1, 0, 29, 30, 31, 0, 61}, "581–600 of 1,204 users", "?page=29", "?page=31"},
		{99, 20, 1204, []int{1, 0, 60, 61}, "1,201–1,204 of 1,204 users", "?page=60", ""},
		{-3, 0, 2, []int{1, 2}, "1–1 of 2 users", "", "?page=2"},
	} {
		p := NumberedPages(c.page, c.size, c.total, "user", href)
		require.Equal(t, c.numbers, numbers(p), c)
		require.Equal(t, c.words, p.words(), c)
		require.Equal(t, c.prev, p.PrevHref, c)
		require.Equal(t, c.next, p.NextHref, c)
	}
	require.Equal(t, "21–40", Paging{From: 21, To: 40, Total: -1}.words(), "total unknown")
}

func TestSortedColumn(t *testing.T) {
	t.Parallel()
	href := func(o string) string { return "?ordering=" + o }
	require.Equal(t, Column{Label: "Name", Sort: Ascending, SortHref: "?ordering=-name"}, SortedColumn("Name", "name", "name", href))
	require.Equal(t, Column{Label: "Name", Sort: Descending, SortHref: "?ordering=name"}, SortedColumn("Name", "name", "-name", href))
	require.Equal(t, Column{Label: "Name", SortHref: "?ordering=name"}, SortedColumn("Name", "name", "email", href))
}

func TestTableSelectsThroughAForm(t *testing.T) {
	t.Parallel()
	html := render(t, Table(TableProps{
		Caption: "Users", Columns: []Column{SortedColumn("Name", "name", "-name", func(o string) string { return "?ordering=" + o }), {Label: "Groups"}},
		Rows: []Row{
			{ID: "12", Label: "ada", Cells: []templ.Component{Text("Ada"), Tags(nil)}},
			{ID: "13", Label: "me", Cells: []templ.Component{Text("Me")}, Fixed: "this is your own account"},
		},
		Select: &Selection{Form: "bulk", Action: "/bulk", Field: "users", Noun: "user", Matching: 40, Actions: []ButtonProps{{Label: "Deactivate", Name: "act", Value: "deactivate"}}},
	}))
	require.Contains(t, html, `<input type="checkbox" form="bulk" name="users" value="12" aria-label="Select ada">`)
	require.Contains(t, html, `disabled aria-label="me cannot be selected: this is your own account"`)
	require.NotContains(t, html, `value="13"`)
	require.Contains(t, html, `aria-sort="descending"`)
	require.Contains(t, html, `<caption class="sr">Users</caption>`)
	require.Contains(t, html, `data-label="Groups"`, "the card of a row names its facts")
	require.Contains(t, html, `name="all_matching"`)
	require.Contains(t, html, "All 40 users that match")
	require.Contains(t, html, `name="act" value="deactivate" form="bulk"`)
}

func TestTableWithoutRowsShowsWhatToDo(t *testing.T) {
	t.Parallel()
	html := render(t, Table(TableProps{Caption: "Users", Columns: []Column{{Label: "Name"}}, Empty: NothingFound("user", "/users/"), Paging: NumberedPages(1, 20, 0, "user", nil)}))
	require.NotContains(t, html, "<table")
	require.NotContains(t, html, `aria-label="Pages"`)
	require.Contains(t, html, "No users match")
	require.Contains(t, html, `href="/users/"`)
}
