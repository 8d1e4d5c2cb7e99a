package lockpage

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// planned is a lock that is about to be made.
type planned struct {
	ID     idp.LockID
	Target idp.LockTarget
	Text   string // what whoever is refused will read
	Hits   *lock.Preview
	Fault  string // why it would be refused
}

type reviewView struct {
	Page      ui.PageProps
	Wish      wish
	Plan      []planned
	Pairs     []ui.Pair
	Ends      string
	You, Last bool
	Errors    []string
	Submit    string
}

// plan is what the wish comes to, and when it ends. Faults are those of the
// details.
func (p *Pages) plan(r *http.Request, it wish) (plan []planned, at *time.Time, lasts time.Duration, err error) {
	clock, err := p.d.Store.Now(r.Context())
	if err != nil {
		return nil, nil, 0, fmt.Errorf("asking for the time: %w", err)
	}
	targets, err := it.targets()
	if err != nil {
		return nil, nil, 0, err
	}
	if at, lasts, err = ends(it.TTL, it.Until, clock); err != nil {
		return nil, nil, 0, err
	}
	if n := len([]rune(it.Message)); n > maxMessage {
		return nil, nil, 0, idp.Invalid("message", "Ensure this field has no more than %d characters (it has %d).", maxMessage, n)
	}
	for i, target := range targets {
		one := planned{ID: idp.NewID[idp.Lock](), Target: target, Text: (&idp.Lock{Target: target, Message: it.Message}).Text()}
		if i < len(it.IDs) {
			one.ID = it.IDs[i] // the same form sent twice makes the same locks
		}
		plan = append(plan, one)
	}
	return plan, at, lasts, nil
}

// maxMessage is the length of the longest message, in characters; the use case
// holds it.
const maxMessage = 1000

// review shows whom the locks would hit now, and asks.
func (p *Pages) review(w http.ResponseWriter, r *http.Request, it wish, faults page.Faults) error {
	plan, at, lasts, err := p.plan(r, it)
	if wrong, ok := page.FaultsOf(err); ok {
		return p.details(w, r, it, wrong)
	}
	if err != nil {
		return err
	}
	v := reviewView{Wish: it, Errors: faults.Rest(), Ends: "They stay until somebody lifts them."}
	one := len(plan) == 1
	if one {
		v.Ends = "It stays until somebody lifts it."
	}
	switch {
	case at != nil:
		v.Ends = "Until " + ui.Absolute(*at) + ", unless lifted before."
	case lasts > 0:
		v.Ends = "For " + it.TTL + " from the moment you confirm, unless lifted before."
	}
	for i := range plan {
		if err := p.look(r, &plan[i]); err != nil {
			return err
		}
		if hits := plan[i].Hits; hits != nil {
			v.You, v.Last = v.You || hits.You, v.Last || hits.LastAdmin
		}
	}
	v.Plan, v.Pairs = plan, it.carried(plan)
	v.Submit = fmt.Sprintf("Create %s", ui.Count(len(plan), "lock"))
	if one {
		v.Submit = "Create lock"
	}
	v.Page = wizardFrame(r, "Whom does this hit?", "Nothing is locked yet.")
	return page.RenderStatus(w, r, faults.Status(), reviewPage(v))
}

// look previews one lock.
func (p *Pages) look(r *http.Request, one *planned) error {
	hits, err := p.d.Locks.Preview(r.Context(), web.Actor(r), one.Target.Map())
	if faults, ok := page.FaultsOf(err); ok {
		one.Fault = faults.Text()
		return nil
	}
	one.Hits = hits
	return err
}

// carried are the hidden fields of the last step, with the names the locks will
// have.
func (w wish) carried(plan []planned) []ui.Pair {
	out := w.fields(w.Items)
	for _, one := range plan {
		out = append(out, ui.Pair{Name: "id", Value: one.ID.String()})
	}
	return out
}

// outcome is what became of one planned lock.
type outcome struct {
	planned
	Made *idp.Lock // nil = not made
}

// create makes the locks, each by itself: what cannot be made does not keep the
// others from being in force.
func (p *Pages) create(w http.ResponseWriter, r *http.Request, form web.Form, it wish) error {
	plan, at, lasts, err := p.plan(r, it)
	if wrong, ok := page.FaultsOf(err); ok {
		return p.details(w, r, it, wrong)
	}
	if err != nil {
		return err
	}
	if !form.Bool("me_too") {
		for i := range plan {
			if err := p.look(r, &plan[i]); err != nil {
				return err
			}
			if hits := plan[i].Hits; hits != nil && hits.You {
				faults, _ := page.FaultsOf(idp.Invalid("", "This would shut you out, too. Tick the box below if that is what you want."))
				return p.review(w, r, it, faults)
			}
		}
	}
	var done []outcome
	var warnings []string
	failed := 0
	for _, one := range plan {
		made, more, err := p.make(r, one, lock.Draft{ID: one.ID, Target: one.Target.Map(), Message: it.Message, Expires: at, TTL: lasts,
			ForceLastAdmin: form.Bool("force_last_admin")})
		if faults, ok := page.FaultsOf(err); ok {
			one.Fault = faults.Text()
			failed++
		} else if err != nil {
			return err
		}
		done, warnings = append(done, outcome{one, made}), append(warnings, more...)
	}
	if failed > 0 && len(plan) == 1 {
		faults, _ := page.FaultsOf(idp.Invalid("", "%s", done[0].Fault))
		return p.review(w, r, it, faults)
	}
	if failed > 0 {
		return p.partly(w, r, it, done, failed)
	}
	for _, text := range warnings {
		web.Flash(r.Context(), web.ToneWarning, text)
	}
	if len(done) == 1 {
		web.Flash(r.Context(), web.ToneSuccess, "The lock on "+plain(done[0].Target)+" is in force.")
		return web.Redirect(w, r, page.LockPath(done[0].ID))
	}
	web.Flash(r.Context(), web.ToneSuccess, ui.Count(len(done), "lock")+" are in force.")
	return web.Redirect(w, r, listPath)
}

// make makes one lock. One that was made already by the same form counts as made.
func (p *Pages) make(r *http.Request, one planned, d lock.Draft) (*idp.Lock, []string, error) {
	made, warnings, err := p.d.Locks.Create(r.Context(), web.Actor(r), d)
	if !idp.Is(err, idp.CodeConflict) {
		return made, warnings, err
	}
	there, lookup := p.d.Locks.Get(r.Context(), web.Actor(r), one.ID)
	if lookup != nil || !slices.Equal(there.Target, one.Target) || !there.InForce {
		return nil, nil, err
	}
	return there, nil, nil
}

type partlyView struct {
	Page    ui.PageProps
	Results []ui.Result
	Wish    wish
	Pairs   []ui.Pair
	Failed  int
	Alert   ui.AlertProps
}

// partly says which locks were made, and offers to try the others again.
func (p *Pages) partly(w http.ResponseWriter, r *http.Request, it wish, done []outcome, failed int) error {
	v := partlyView{Wish: it, Failed: failed, Page: wizardFrame(r, "Not every lock was made", "")}
	v.Wish.Items, v.Wish.IDs = nil, nil
	var again []planned
	for _, one := range done {
		res := ui.Result{Title: plain(one.Target), Outcome: ui.OutcomeDone, Label: "In force", Href: page.LockPath(one.ID)}
		if one.Made == nil {
			res = ui.Result{Title: plain(one.Target), Outcome: ui.OutcomeFailed, Label: "Not made", Message: one.Fault}
			for _, key := range one.Target {
				v.Wish.Items = append(v.Wish.Items, item(key))
			}
			again = append(again, one.planned)
		}
		v.Results = append(v.Results, res)
	}
	v.Pairs = v.Wish.carried(again)
	v.Alert = ui.AlertProps{Tone: ui.ToneWarn, Live: true, Title: fmt.Sprintf("%d of %s in force", len(done)-failed, ui.Count(len(done), "lock")+" are"),
		Text: "Those that were made stay. You can try the others again, or change them first."}
	return page.RenderStatus(w, r, http.StatusConflict, partlyPage(v))
}

// plain is a target in a sentence.
func plain(target idp.LockTarget) string {
	var parts []string
	for _, key := range target {
		parts = append(parts, item(key).Plain())
	}
	return strings.Join(parts, " and ")
}
