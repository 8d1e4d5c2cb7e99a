package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// eventCountLimit is how far the events of a list are counted: counting all of some
// millions takes longer than anybody waits for a page.
const eventCountLimit = 1000

// eventBranches turns what has several values into alternatives with one each, which
// exclude one another. An index that begins with the value returns each in the order of
// the list, so a page reads as many rows as it shows; of several values at once, all
// would be read and sorted. That is done for one part of the filter, the one that is
// likely to leave the fewest events; other parts become conditions.
func eventBranches(w *where, f idp.EventFilter) (branches []string) {
	actions, ids := distinct(f.Actions), distinct(f.ActionIDs)
	split := func(condition func(key, value string) string, name string, values []string) {
		for i, value := range values {
			key := fmt.Sprint(name, "_", i)
			w.name(key, value)
			branches = append(branches, condition(key, value))
		}
	}
	keys := modelKeys(f)
	if len(keys) > 0 {
		split(func(key, value string) string {
			return eventOfModel + textIs("e.context -> 'model' ->> 'pk'", key, value)
		}, "model_pks", keys)
	}
	switch {
	case len(keys) > 0:
	case len(ids) > 0:
		split(func(key, _ string) string { return "e.context ? 'action_id' AND e.context ->> 'action_id' = @" + key }, "action_ids", ids)
	case f.UserID == nil && len(actions) > 0:
		split(func(key, _ string) string { return "e.action = @" + key }, "actions", actions)
		actions = nil
	case f.UserID != nil:
		w.name("user_pk", *f.UserID)
		branches = []string{eventUserPK + " = @user_pk", eventActorPK + " AND " + eventUserPK + " IS DISTINCT FROM @user_pk"}
	}
	if f.ActionIDs != nil && len(ids) == 0 || f.Actions != nil && len(f.Actions) == 0 {
		w.add("false") // one of none
	}
	if len(actions) == 1 {
		w.with("e.action = @action", "action", actions[0])
	} else if len(actions) > 1 {
		w.with("e.action = ANY(@actions)", "actions", actions)
	}
	if f.UserID != nil && len(keys)+len(ids) > 0 {
		w.with("("+eventUserPK+" = @user_pk OR "+eventActorPK+")", "user_pk", *f.UserID)
	}
	if len(ids) > 0 && len(keys) > 0 {
		w.with("e.context ? 'action_id' AND e.context ->> 'action_id' = ANY(@action_ids)", "action_ids", ids)
	}
	return branches
}

// modelKeys are the forms that the key of a model may have: it may be a number or a
// UUID, and a UUID is found in either form that it may be asked for.
func modelKeys(f idp.EventFilter) []string {
	if f.ModelPK == nil {
		return nil
	}
	keys := []string{*f.ModelPK}
	if id, err := uuid.Parse(*f.ModelPK); err == nil {
		keys = append(keys, id.String(), strings.ReplaceAll(id.String(), "-", ""))
	}
	return distinct(keys)
}

func distinct[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// list reads a page, and how long the list is up to eventCountLimit.
func (r events) list(ctx context.Context, w where, branches []string, f idp.EventFilter) (page idp.Page[idp.Event], err error) {
	order, err := eventListing.order(f.Order)
	if err != nil {
		return page, err
	}
	limit, offset := f.Limit, max(f.Offset, 0)
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	args := pgx.NamedArgs{"limit": limit + 1, "offset": offset, "most": offset + limit + 1} // one more says whether there is more
	maps.Copy(args, w.args)
	rows, err := r.q.Query(ctx, fmt.Sprintf("SELECT %s FROM (SELECT e.* FROM %s%s LIMIT @limit OFFSET @offset) e%s",
		eventColumns, eventSources("e.*", w, branches, order, "@most"), order, order), planned(r.q, args)...)
	if err != nil {
		return page, wrap(err, "event", "listing events")
	}
	if page.Items, err = pgx.CollectRows(rows, pgx.RowToStructByNameLax[idp.Event]); err != nil {
		return page, wrap(err, "event", "listing events")
	}
	page.Total = offset + len(page.Items)
	switch more := len(page.Items) > limit; {
	case more:
		page.Items = page.Items[:limit]
	case offset == 0 || len(page.Items) > 0:
		return page, nil
	}
	if f.Uncounted {
		page.Total = -1
		return page, nil
	}
	return page, r.count(ctx, &page, w, branches)
}

// count counts a list of which page.Total are known to be there, or are asked for.
func (r events) count(ctx context.Context, page *idp.Page[idp.Event], w where, branches []string) error {
	order, err := eventListing.order(nil) // the list's own is dear for some
	if err != nil {
		return err
	}
	args := pgx.NamedArgs{"most": eventCountLimit + 1}
	maps.Copy(args, w.args)
	n := 0
	err = r.q.QueryRow(ctx, "SELECT count(*) FROM "+eventSources("e.id", w, branches, order, "@most"), planned(r.q, args)...).Scan(&n)
	if err != nil {
		return wrap(err, "event", "counting events")
	}
	if page.AtLeast = n > eventCountLimit; !page.AtLeast {
		page.Total = n
	} else if len(page.Items) == 0 { // the page asked for lies behind the end, wherever that is
		page.Total, page.AtLeast = eventCountLimit, false
	} else {
		page.Total = max(page.Total, eventCountLimit)
	}
	return nil
}

// planned has the statement planned for the values that are asked for: of what is rare
// and of what is common the best plans differ by seconds. In a transaction it may have to
// be sent with others, which cannot ask for that.
func planned(q querier, args pgx.NamedArgs) []any {
	if _, in := q.(*transaction); in {
		return []any{args}
	}
	return []any{pgx.QueryExecModeDescribeExec, args}
}

// eventSources are the first events of each branch in the order of the list.
func eventSources(columns string, w where, branches []string, order, most string) string {
	if len(branches) == 0 {
		branches = []string{""}
	}
	sources := make([]string, len(branches))
	for i, b := range branches {
		one := where{conditions: slices.Clone(w.conditions)}
		if b != "" {
			one.add(b)
		}
		sources[i] = fmt.Sprintf("(SELECT %s FROM events e%s%s LIMIT %s)", columns, one.String(), order, most)
	}
	if len(sources) == 1 {
		return sources[0] + " e"
	}
	return "(" + strings.Join(sources, " UNION ALL ") + ") e"
}
