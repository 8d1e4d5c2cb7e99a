package admin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The acts on several users at once.
const (
	actActivate   = "activate"
	actDeactivate = "deactivate"
	actLockdown   = "lockdown"
)

// maxBulk is how many users one act may touch.
const maxBulk = lockdown.MaxUsers

// bulkView is the question before an act on several users.
type bulkView struct {
	Page    ui.PageProps
	Text    string
	Total   []string // what ends, counted over all
	Table   ui.TableProps
	Note    templ.Component
	Confirm ui.ConfirmProps
	Reason  string // why nothing can be done
}

// bulk answers a choice of users with a question that names them and what will
// end, and the answer to the question with the act itself. The question carries
// the users one by one: what is done is what was read.
func (c *Console) bulk(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	act := form.Text("act")
	if act != actActivate && act != actDeactivate && act != actLockdown {
		return idp.Invalid("act", "“%.40s” is nothing that can be done with users.", act)
	}
	back := usersBack(form)
	ids, err := c.chosen(r, form)
	if err != nil {
		return page.Refused(w, r, err, back)
	}
	if len(ids) == 0 {
		web.Flash(r.Context(), web.ToneInfo, "Nobody was selected. Tick the users first.")
		return web.Redirect(w, r, back)
	}
	if act == actLockdown {
		err = web.Check(r, idp.VerbCreate, idp.ResourceLockdown)
	} else if act == actDeactivate || !web.May(r, idp.VerbUpdate, idp.ResourceLockdown) {
		err = web.Check(r, idp.VerbUpdate, idp.ResourceUser)
	}
	if err != nil {
		return err
	}
	if !(len(ids) == 1 && web.Actor(r).Is(ids[0])) {
		if err := web.Fresh(r); err != nil {
			return err
		}
	}
	targets, err := c.targets(r, ids)
	if err != nil {
		return page.Refused(w, r, err, back)
	}
	// A lockdown's flow is a question itself: it names the users, counts what
	// ends and asks for the reason. Another one comes first only where it has
	// to say who is left out, or that it is about oneself too.
	if !form.Bool("confirmed") && (act != actLockdown || remarkable(web.Actor(r), targets)) {
		return c.askBulk(w, r, act, targets, back)
	}
	if act == actLockdown {
		to, err := c.flow.Begin(w, r, ids, back)
		if err != nil {
			return page.Refused(w, r, err, back)
		}
		return web.Redirect(w, r, to)
	}
	return c.switchAll(w, r, act, ids, back)
}

// chosen are the ticked users, or all that the list's filters match.
func (c *Console) chosen(r *http.Request, form web.Form) ([]idp.UserID, error) {
	if !form.Bool("all_matching") || form.Bool("confirmed") {
		ids, err := form.Users("users")
		if err != nil {
			return nil, err
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		if len(ids) > maxBulk {
			return nil, tooMany(len(ids))
		}
		return ids, nil
	}
	filter, err := userFilter(form)
	if err != nil {
		return nil, err
	}
	filter.Paging = idp.Paging{Limit: maxBulk, Search: form.Trimmed("search"), Order: []string{"username"}}
	found, err := c.store.Repos().Users.Find(r.Context(), filter)
	if err != nil {
		return nil, fmt.Errorf("finding all matching users: %w", err)
	}
	if found.Total > maxBulk {
		return nil, tooMany(found.Total)
	}
	ids := make([]idp.UserID, 0, len(found.Items))
	for i := range found.Items {
		ids = append(ids, found.Items[i].ID)
	}
	return ids, nil
}

func tooMany(n int) error {
	return idp.Invalid("users", "%s are selected; one act may touch %s. Narrow the list with a search or a filter.",
		ui.Count(n, "user"), ui.Number(maxBulk))
}

// usersBack is the list with the filters it was left with.
func usersBack(form web.Form) string {
	kept := web.Form{}
	for _, name := range append([]string{"search"}, userFilters...) {
		if v := form.Texts(name); len(v) > 0 {
			kept[name] = v
		}
	}
	return page.List{Path: usersPath, Query: kept}.Href()
}

// remarkable reports whether somebody among the targets cannot be locked down,
// or is the actor.
func remarkable(actor idp.Actor, targets []lockdown.Target) bool {
	return slices.ContainsFunc(targets, func(t lockdown.Target) bool { return t.Refusal != "" || actor.Is(t.User.ID) })
}

func (c *Console) askBulk(w http.ResponseWriter, r *http.Request, act string, targets []lockdown.Target, back string) error {
	v := c.question(r, act, targets, back)
	v.Page.Path = back
	return page.Render(w, r, bulkPage(v))
}

// question builds the page that asks before an act on several users.
func (c *Console) question(r *http.Request, act string, targets []lockdown.Target, back string) bulkView {
	n, self := len(targets), false
	v := bulkView{Confirm: ui.ConfirmProps{Action: usersPath + "bulk/", Back: back, Danger: act != actActivate,
		Hidden: []ui.Pair{{Name: "act", Value: act}}}}
	total, able := idp.Holdings{Tokens: map[idp.TokenIntent]int{}}, 0
	rows := make([]ui.Row, 0, n)
	for _, t := range targets {
		fate, changes := bulkFate(act, t)
		self = self || changes && web.Actor(r).Is(t.User.ID)
		if changes {
			able++
			addHoldings(&total, t.Holdings)
		}
		v.Confirm.Hidden = append(v.Confirm.Hidden, ui.Pair{Name: "users", Value: t.User.ID.String()})
		rows = append(rows, ui.Row{ID: t.User.ID.String(), Label: t.User.DisplayName(), Muted: !changes,
			Cells: []templ.Component{ui.PersonCell(t.User.Name, t.User.Username, userPath(t.User.ID)), fate}})
	}
	v.Table = ui.TableProps{ID: "targets", Caption: "Selected users", Rows: rows,
		Columns: []ui.Column{{Label: "User"}, {Label: "Effect"}}}
	people := ui.Count(n, "user")
	if n == 1 {
		people = targets[0].User.DisplayName()
	}
	switch act {
	case actLockdown:
		v.Confirm.Title, v.Confirm.Submit = "Lock down "+people+"?", "Continue"
		v.Text = "Next you are asked for the reason; nothing is locked before that. A lockdown switches the account off, makes its password useless and ends everything below at once."
		if self {
			v.Note = ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "Your own account is among them",
				Text: "It is locked last. Your session ends with it, and you will not see the results."})
		}
	case actDeactivate:
		v.Confirm.Title, v.Confirm.Submit = "Deactivate "+people+"?", "Deactivate "+people
		v.Text = "They cannot sign in until somebody activates them again. Everything below ends at once and does not come back with activation."
	default:
		v.Confirm.Title, v.Confirm.Submit = "Activate "+people+"?", "Activate "+people
		v.Text = "They can sign in again. What ended before stays ended; after a lockdown a new password is needed, too."
	}
	if act != actActivate {
		v.Total = page.Ends(total)
	}
	if able == 0 {
		v.Reason = nothingToDo(act)
	}
	v.Page = page.Console(r, ui.PageProps{Title: v.Confirm.Title, Narrow: true,
		Crumbs: []ui.Crumb{{Label: "Users", Href: back}, {Label: v.Confirm.Title}}})
	return v
}

func nothingToDo(act string) string {
	return map[string]string{actLockdown: "None of the selected users can be locked down.",
		actDeactivate: "None of the selected users can be deactivated.",
		actActivate:   "All selected users are active already."}[act]
}

// bulkFate says what happens to one user, and whether anything does.
func bulkFate(act string, t lockdown.Target) (templ.Component, bool) {
	switch {
	case act == actLockdown && t.Refusal != "":
		return ui.Join(ui.Tag(ui.ToneWarn, "Skipped"), ui.Muted(t.Refusal)), false
	case act == actDeactivate && !t.User.IsActive:
		return ui.Muted("Inactive already"), false
	case act == actDeactivate && t.User.IsAnonymous():
		return ui.Join(ui.Tag(ui.ToneWarn, "Skipped"), ui.Muted("The anonymous user stays as it is.")), false
	case act == actActivate && t.User.IsActive:
		return ui.Muted("Active already"), false
	case act == actActivate:
		return ui.Text("May sign in again"), true
	}
	ends := page.EndsAt(t.Holdings, t.Applications)
	switch {
	case len(ends) == 0 && !t.User.IsActive:
		return ui.Muted("Inactive already, holds no session or token"), true
	case len(ends) == 0:
		return ui.Muted("Holds no session or token"), true
	}
	return ui.Text(strings.Join(ends, " · ")), true
}

func addHoldings(sum *idp.Holdings, h idp.Holdings) {
	sum.Sessions += h.Sessions
	sum.Consents += h.Consents
	sum.Invitations += h.Invitations
	sum.Grants += h.Grants
	sum.Applications += h.Applications
	for intent, n := range h.Tokens {
		sum.Tokens[intent] += n
	}
}

// switchAll activates or deactivates the users one by one; what fails for one
// does not stop the rest. The message says what became of whom.
func (c *Console) switchAll(w http.ResponseWriter, r *http.Request, act string, ids []idp.UserID, back string) error {
	ctx, actor := r.Context(), web.Actor(r)
	done, already := 0, 0
	var refused []string
	for _, id := range ids {
		u, err := c.store.Repos().Users.Get(ctx, id)
		if err == nil && u.IsActive == (act == actActivate) {
			already++
			continue
		}
		if err == nil && actor.Is(id) {
			err = idp.Invalid("", "You cannot deactivate your own account here.")
		}
		if err == nil && act == actActivate {
			err = c.lockdowns.Activate(ctx, actor, id)
		} else if err == nil {
			err = c.lockdowns.Deactivate(ctx, actor, id)
		}
		if err == nil {
			done++
			continue
		}
		var e *idp.Error
		if !errors.As(err, &e) || e.Code == idp.CodeInternal || e.Code == idp.CodeUnavailable || e.Code == idp.CodeStepUp {
			return err
		}
		name := "User " + id.String()
		if u != nil {
			name = u.DisplayName()
		}
		refused = append(refused, name+": "+e.Message)
	}
	tellSwitched(r, act, done, already, refused)
	return web.Redirect(w, r, back)
}

func tellSwitched(r *http.Request, act string, done, already int, refused []string) {
	past, state := "activated", "active"
	if act == actDeactivate {
		past, state = "deactivated", "inactive"
	}
	if done > 0 {
		web.Flash(r.Context(), web.ToneSuccess, ui.Count(done, "user")+" "+past+".")
	}
	if already > 0 {
		web.Flash(r.Context(), web.ToneInfo, ui.Count(already, "user")+" "+state+" already.")
	}
	const most = 5
	for i, reason := range refused {
		if i == most {
			web.Flash(r.Context(), web.ToneDanger, fmt.Sprintf("%s more could not be %s.", ui.Count(len(refused)-most, "user"), past))
			break
		}
		web.Flash(r.Context(), web.ToneDanger, reason)
	}
}
