package api

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// LockPagination says which part of the list an answer holds. With a cursor
// nothing is counted: the numbers are null then.
type LockPagination struct {
	Next       *int   `json:"next"`
	Previous   *int   `json:"previous"`
	Count      *int   `json:"count"`
	Current    *int   `json:"current"`
	TotalPages *int   `json:"total_pages"`
	StartIndex *int   `json:"start_index"`
	EndIndex   *int   `json:"end_index"`
	NextCursor string `json:"next_cursor" doc:"For the parameter cursor; empty = this is the end."`
}

// LockPage is a part of the list of locks.
type LockPage struct {
	Pagination   LockPagination `json:"pagination"`
	Results      []Lock         `json:"results"`
	Autocomplete map[string]any `json:"autocomplete"`
}

func (a *API) listLocks(c *call) (any, error) {
	p, page, err := paging(c.query, lockOrdering)
	if err != nil {
		return nil, err
	}
	f := idp.LockFilter{Paging: p}
	if active := c.query.text("active"); active == nil || *active != everyLock {
		inForce := c.query.is("active", true)
		f.InForce = &inForce
	}
	for _, kind := range idp.LockKinds() {
		v := c.query.text(kind.String())
		if v == nil && kind == idp.LockServer {
			v = c.query.text("node")
		}
		if v != nil {
			f.Target = append(f.Target, idp.LockKey{Kind: kind, Value: *v})
		}
	}
	if c.r.URL.Query().Has("cursor") {
		return a.lockStretch(c, f)
	}
	found, err := a.Locks.Find(c, c.actor, f)
	if err != nil {
		return nil, err
	}
	whole, err := paginate(lockViews(found.Items), found.Total, page, p.Limit)
	if err != nil {
		return nil, err
	}
	n := whole.Pagination
	out := LockPage{Results: whole.Results, Autocomplete: whole.Autocomplete, Pagination: LockPagination{Next: &n.Next, Previous: &n.Previous,
		Count: &n.Count, Current: &n.Current, TotalPages: &n.TotalPages, StartIndex: &n.StartIndex, EndIndex: &n.EndIndex}}
	if last := len(found.Items) - 1; n.Next > 0 && len(p.Order) == 0 && last >= 0 {
		out.Pagination.NextCursor = lockCursor(&found.Items[last])
	}
	return out, nil
}

// lockStretch lists what comes behind a cursor.
func (a *API) lockStretch(c *call, f idp.LockFilter) (any, error) {
	if len(f.Order) > 0 || len(c.query["page"]) > 0 {
		return nil, idp.Invalid("cursor", "A cursor goes through the list as it is ordered by itself: set neither ordering nor page.")
	}
	if text := c.query.text("cursor"); text != nil {
		mark, err := readLockCursor(*text)
		if err != nil {
			return nil, err
		}
		f.Before = mark
	}
	f.Uncounted = true
	found, err := a.Locks.Find(c, c.actor, f)
	if err != nil {
		return nil, err
	}
	out := LockPage{Results: lockViews(found.Items), Autocomplete: map[string]any{}}
	if n := len(found.Items); n > 0 && n >= f.Limit { // perhaps nothing comes any more
		out.Pagination.NextCursor = lockCursor(&found.Items[n-1])
	}
	return out, nil
}

func lockCursor(l *idp.Lock) string {
	return base64.RawURLEncoding.EncodeToString([]byte(l.CreatedAt.UTC().Format(time.RFC3339Nano) + " " + l.ID.String()))
}

func readLockCursor(text string) (*idp.LockMark, error) {
	wrong := idp.Invalid("cursor", "“%s” is not a cursor: take pagination.next_cursor of an earlier answer.", limit(text, 50))
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, wrong
	}
	at, name, _ := strings.Cut(string(raw), " ")
	created, err := time.Parse(time.RFC3339Nano, at)
	if err != nil || created.Year() < 1 || created.Year() > 9999 {
		return nil, wrong
	}
	id, err := idp.ParseID[idp.Lock](name)
	if err != nil {
		return nil, wrong
	}
	return &idp.LockMark{CreatedAt: created, ID: id}, nil
}
