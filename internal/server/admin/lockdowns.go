package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/admin/restorepage"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (c *Console) lockdownList(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "-started_at")
	if err != nil {
		return err
	}
	filter := idp.LockdownFilter{Paging: list.Paging()}
	yes, no := true, false
	switch s := list.Query.Trimmed("status"); s {
	case "":
	case "open":
		filter.Open = &yes
	case "restored":
		filter.Open = &no
	default:
		return idp.Invalid("status", "“%.40s” is not a status: expected open or restored.", s)
	}
	if batch := list.Query.Trimmed("batch"); batch != "" {
		id, err := idp.ParseID[idp.Lockdown](batch)
		if err != nil {
			return idp.Invalid("batch", "“%.40s” is not the id of an act.", batch)
		}
		plain := id.UUID()
		filter.BatchID = &plain
	}
	found, err := c.lockdowns.Find(r.Context(), web.Actor(r), filter)
	if err != nil {
		return fmt.Errorf("listing lockdowns: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := lockdownTable(found.Items, now())
	t.Columns[0] = list.Column("User", "username")
	t.Columns[len(t.Columns)-1] = list.Column("When", "started_at")
	t.Paging = list.Pages(found.Total, "lockdown")
	t.Filter = ui.FilterBar(ui.FilterProps{Action: lockdownsPath, Query: list.Search(), Placeholder: "Search user, actor, reason",
		Reset: list.Reset("status", "batch"), Hidden: list.Kept("batch"), Swap: "lockdowns",
		Fields: []ui.FieldProps{list.Choice("status", "Status", "Any status", ui.Option{Value: "open", Label: "Not restored"}, ui.Option{Value: "restored", Label: "Restored"})}})
	if len(t.Rows) == 0 {
		if list.Filtered("status", "batch") {
			t.Empty = ui.NothingFound("lockdown", lockdownsPath)
		} else {
			t.Filter = nil
		}
	}
	p := page.Console(r, ui.PageProps{Title: "Lockdowns", Subtitle: "Accounts that were contained: by whom, why, and what ended.", Banner: c.flowBanner(r)})
	return page.Render(w, r, lockdownsPage(p, t))
}

func lockdownTable(items []idp.Lockdown, at time.Time) ui.TableProps {
	t := ui.TableProps{ID: "lockdowns", Caption: "Lockdowns",
		Columns: []ui.Column{{Label: "User"}, {Label: "Reason"}, {Label: "Done by"}, {Label: "Status"}, {Label: "Ended", Optional: true}, {Label: "When"}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconGate, Title: "No account was ever locked down",
			Text:   "When an account is compromised, open its page and press Account Lockdown. What you do is recorded here.",
			Action: ui.Button(ui.ButtonProps{Label: "To the users", Href: usersPath})})}
	for i := range items {
		l := &items[i]
		t.Rows = append(t.Rows, ui.Row{ID: l.ID.String(), Label: lockdownTitle(l), Cells: []templ.Component{
			ui.Two(l.Username, "", lockdownPath(l.ID)), ui.Maybe(clip(l.Reason, 120)), doneBy(l), lockdownState(l),
			ui.Muted(endedShort(l.Ended)), ui.Time(l.StartedAt, at)}})
	}
	return t
}

func doneBy(l *idp.Lockdown) templ.Component {
	if l.SelfService {
		return ui.Muted("Their own account")
	}
	return ui.Text(actorName(l))
}

// actorName is who did it, in words.
func actorName(l *idp.Lockdown) string {
	if l.ActorID == nil && l.ActorName == idp.SystemName {
		return "The system"
	}
	return l.ActorName
}

func lockdownState(l *idp.Lockdown) templ.Component {
	if l.RestoredAt != nil {
		return ui.StateTag(ui.StateRestored)
	}
	return ui.StateTag(ui.StateLockedDown)
}

func lockdownTitle(l *idp.Lockdown) string {
	if l.SelfService {
		return l.Username + " locked their own account"
	}
	return actorName(l) + " locked down " + l.Username
}

func endedShort(h idp.Holdings) string {
	count := ui.Count
	if h.AtLeast {
		count = page.Ended
	}
	out := count(h.Sessions, "session") + ", " + count(h.TokenTotal(), "token")
	for _, more := range []struct {
		n    int
		noun string
	}{{h.Consents, "consent"}, {h.Invitations, "invitation"}, {h.Grants, "grant"}} {
		if more.n > 0 {
			out += ", " + ui.Count(more.n, more.noun)
		}
	}
	return out
}

type lockdownView struct {
	Page    ui.PageProps
	Record  *idp.Lockdown
	Facts   []ui.Item
	Ended   []ui.StatProps
	Parts   []ui.Result
	Moments []ui.Moment
	Now     time.Time

	// Told is what applications were told; nil = nothing was to be told.
	Told *toldView
}

// toldView is what applications were told, and what is left there.
type toldView struct {
	Tone    ui.Tone
	Summary string
	Table   ui.TableProps
}

// toldOf reads what applications were told in a lockdown.
func (c *Console) toldOf(r *http.Request, filter idp.LogoutNoticeFilter) (*toldView, error) {
	filter.Paging = idp.Paging{Limit: lockdown.MaxApplications, Order: []string{"application"}}
	found, err := c.store.Repos().LogoutNotices.Find(r.Context(), filter)
	if err != nil || len(found.Items) == 0 {
		return nil, err
	}
	v := &toldView{Table: page.NoticeTable(found.Items, now())}
	v.Tone, v.Summary = page.NoticeSummary(found.Items, now())
	return v, nil
}

// tellAgain has an application told once more.
func (c *Console) tellAgain(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.LogoutNotice](r, "notice", "logout notice")
	if err != nil {
		return err
	}
	n, err := c.logouts.Again(r.Context(), web.Actor(r), id)
	if idp.Is(err, idp.CodeConflict) {
		if n, err = c.logouts.Get(r.Context(), web.Actor(r), id); err == nil {
			return page.Already(w, r, n.ApplicationName+" is being told already.", noticeHome(n))
		}
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, n.ApplicationName+" is told again.")
	return web.Redirect(w, r, noticeHome(n))
}

// noticeHome is the page that shows a notice.
func noticeHome(n *idp.LogoutNotice) string {
	switch {
	case n.LockdownID != nil:
		return lockdownPath(*n.LockdownID)
	case n.UserID != nil:
		return userPath(*n.UserID)
	}
	return lockdownsPath
}

func (c *Console) lockdown(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.Lockdown](r, "lockdown", "lockdown")
	if err != nil {
		return err
	}
	l, err := c.lockdowns.Get(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	batch, err := c.lockdowns.Find(r.Context(), web.Actor(r), idp.LockdownFilter{BatchID: &l.BatchID, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return fmt.Errorf("counting the batch of lockdown %s: %w", id, err)
	}
	gone, err := c.gone(r, l)
	if err != nil {
		return err
	}
	v := lockdownView{Record: l, Now: now(), Facts: lockdownFacts(l, batch.Total, gone), Ended: endedStats(l.Ended), Parts: switchResults(l.Switches), Moments: lockdownMoments(l)}
	if v.Told, err = c.toldOf(r, idp.LogoutNoticeFilter{LockdownID: &l.ID}); err != nil {
		return fmt.Errorf("reading what applications were told in lockdown %s: %w", id, err)
	}
	if v.Told != nil { // signed in to, also where nothing was granted that still counted
		v.Ended[len(v.Ended)-1].Value = ui.Number(max(l.Ended.Applications, len(v.Told.Table.Rows)))
	}
	p := ui.PageProps{Title: lockdownTitle(l), Tags: lockdownState(l),
		Crumbs: []ui.Crumb{{Label: "Lockdowns", Href: lockdownsPath}, {Label: l.Username}}}
	acts, err := c.store.Repos().Restores.Acts(r.Context(), l.ID)
	if err != nil {
		return fmt.Errorf("reading the steps of the restore of lockdown %s: %w", id, err)
	}
	v.Moments = slices.Concat(restorepage.Moments(acts), v.Moments)
	slices.SortStableFunc(v.Moments, func(a, b ui.Moment) int { return b.At.Compare(a.At) })
	if l.UserID != nil && !gone {
		p.Actions = ui.Join(ui.Button(ui.ButtonProps{Label: restoreLabel(l), Icon: ui.IconRotateCcw, Href: page.RestorePath(l.ID)}),
			ui.Button(ui.ButtonProps{Label: "Open the user", Icon: ui.IconUser, Href: userPath(*l.UserID)}))
	}
	v.Page = page.Console(r, p)
	return page.Render(w, r, recordPage(v))
}

// gone reports whether the user of a record was deleted since.
func (c *Console) gone(r *http.Request, l *idp.Lockdown) (bool, error) {
	if l.UserID == nil {
		return true, nil
	}
	_, err := c.store.Repos().Users.Get(r.Context(), *l.UserID)
	if idp.Is(err, idp.CodeNotFound) {
		return true, nil
	}
	return false, err
}

func lockdownFacts(l *idp.Lockdown, batch int, gone bool) []ui.Item {
	user := templ.Component(ui.Join(ui.Text(l.Username), ui.Muted("(deleted since)")))
	if !gone {
		user = ui.Anchor(l.Username, userPath(*l.UserID))
	}
	by := templ.Component(ui.Text(actorName(l)))
	switch {
	case l.SelfService:
		by = ui.Text("The owner of the account")
	case l.ActorID != nil:
		by = ui.Anchor(l.ActorName, userPath(*l.ActorID))
	}
	items := []ui.Item{{Label: "User", Value: user}, {Label: "Done by", Value: by}, {Label: "Reason", Value: ui.Maybe(l.Reason)},
		{Label: "Begun", Value: ui.TimeFull(l.StartedAt, now())},
		{Label: "Was active before", Value: ui.YesNo(l.WasActive)}, {Label: "Had a password", Value: ui.YesNo(l.HadPassword)}}
	if l.RestoredAt != nil {
		items = append(items, ui.Item{Label: "Restored", Value: ui.TimeFull(*l.RestoredAt, now())},
			ui.Item{Label: "Restored by", Value: ui.Maybe(l.RestoredByName)})
	} else {
		items = append(items, ui.Item{Label: "Restored", Value: ui.Muted("not yet")})
	}
	if l.SuspectedAt != nil {
		items = append(items, ui.Item{Label: "Suspected since", Value: ui.TimeFull(*l.SuspectedAt, now())})
	}
	if l.ClosedAt != nil {
		items = append(items, ui.Item{Label: "Record closed", Value: ui.TimeFull(*l.ClosedAt, now())}, ui.Item{Label: "Closed by", Value: ui.Maybe(l.ClosedByName)})
	}
	if batch > 1 {
		items = append(items, ui.Item{Label: "Part of", Value: ui.Anchor("one act on "+ui.Count(batch, "user"), lockdownsPath+"?batch="+l.BatchID.String())})
	}
	return append(items, ui.Item{Label: "Record ID", Value: ui.CopyID(l.ID.String())})
}

func endedStats(h idp.Holdings) []ui.StatProps {
	number := ui.Number
	if h.AtLeast { // the rest is being counted
		number = func(n int) string {
			if n > idp.CountLimit {
				return ui.Number(n-1) + "+"
			}
			return ui.Number(n)
		}
	}
	var kinds []string
	for _, intent := range idp.TokenIntents() {
		if n := h.Tokens[intent]; n > 0 {
			kinds = append(kinds, number(n)+" "+strings.ToLower(page.Intent(intent)))
		}
	}
	return []ui.StatProps{{Label: "Sessions", Value: number(h.Sessions), Icon: ui.IconLaptop},
		{Label: "Tokens", Value: number(h.TokenTotal()), Icon: ui.IconKeyRound, Note: strings.Join(kinds, ", ")},
		{Label: "Consents", Value: ui.Number(h.Consents), Icon: ui.IconUserCheck},
		{Label: "Invitations", Value: ui.Number(h.Invitations), Icon: ui.IconMail},
		{Label: "Grants", Value: ui.Number(h.Grants), Icon: ui.IconTicket},
		{Label: "Applications", Value: ui.Number(h.Applications), Icon: ui.IconLayoutGrid}}
}

func switchResults(s idp.Switches) []ui.Result {
	one := func(on bool, done, left string) ui.Result {
		if on {
			return ui.Result{Title: done, Outcome: ui.OutcomeDone}
		}
		return ui.Result{Title: left, Outcome: ui.OutcomePending, Label: "Not asked for"}
	}
	return []ui.Result{
		one(s.DeactivateUser, "Account deactivated", "Account left active"),
		one(s.SetUnusablePassword, "Password made unusable", "Password kept"),
		one(s.DeleteSessions, "Every session ended", "Sessions kept"),
		one(s.RevokeTokens, "Every token and grant revoked", "Tokens and grants kept"),
	}
}

// restoreLabel leads to the restore of a record.
func restoreLabel(l *idp.Lockdown) string {
	if l.ClosedAt != nil {
		return "See the restore"
	}
	return "Restore…"
}

func lockdownMoments(l *idp.Lockdown) []ui.Moment {
	var out []ui.Moment
	if l.RestoredAt != nil {
		out = append(out, ui.Moment{At: *l.RestoredAt, Icon: ui.IconRotateCcw, Tone: ui.ToneOK, Title: ui.Text("Restored by " + l.RestoredByName)})
	}
	return append(out, ui.Moment{At: l.StartedAt, Icon: ui.IconGate, Tone: ui.ToneBad, Title: ui.Text(lockdownTitle(l)), Text: l.Reason})
}
