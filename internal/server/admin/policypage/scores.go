package policypage

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (p *Pages) scores(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "score")
	if err != nil {
		return err
	}
	found, err := p.store.Repos().Reputations.Find(r.Context(), idp.ReputationFilter{Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing reputation scores: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := ui.TableProps{ID: "scores", Caption: "Reputation scores", Paging: list.Pages(found.Total, "score"),
		Columns: []ui.Column{list.Column("User", "identifier"), list.Column("Address", "ip"), list.Column("Score", "score"), list.Column("Last attempt", "updated"), {Label: "Forgotten", Optional: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconShieldCheck, Title: "No scores yet",
			Text: "Each failed sign-in lowers the score of its user and address, each successful one raises it. A day after the last attempt a score is forgotten."})}
	if list.Filtered() {
		t.Empty = ui.NothingFound("score", scoresPath)
	}
	if found.Total > 0 || list.Filtered() {
		t.Filter = ui.FilterBar(ui.FilterProps{Action: scoresPath, Query: list.Search(), Placeholder: "Search users and addresses",
			Reset: list.Reset(), Hidden: list.Kept(), Swap: "scores"})
	}
	for i := range found.Items {
		s := &found.Items[i]
		q := scoreQuestion(s)
		t.Rows = append(t.Rows, ui.Row{ID: s.ID.String(), Label: scoreName(s), Cells: []templ.Component{
			scoreUser(s), scoreAddress(s), scoreTag(s.Score), ui.Time(s.UpdatedAt, now()), ui.Time(s.ExpiresAt, now())},
			Actions: []ui.MenuItem{{Label: "Forget score", Icon: ui.IconTrash, Post: q.Action, Confirm: &q, Danger: true}}})
	}
	view := page.Console(r, ui.PageProps{Title: "Reputation scores", Subtitle: "How sign-ins went lately, by user and address. Reputation policies look at them.",
		Crumbs: []ui.Crumb{{Label: "Policies", Href: policiesPath}, {Label: "Reputation scores"}}})
	return page.Render(w, r, listPage(view, t))
}

func scoreName(s *idp.Reputation) string {
	switch {
	case s.Identifier == "":
		return "Attempts without an account from " + s.IP.String()
	case !s.IP.IsValid():
		return s.Identifier
	}
	return s.Identifier + " from " + s.IP.String()
}

func scoreUser(s *idp.Reputation) templ.Component {
	if s.Identifier == "" {
		return ui.Muted("No account was met")
	}
	return ui.Two(s.Identifier, "", "")
}

func scoreAddress(s *idp.Reputation) templ.Component {
	if !s.IP.IsValid() {
		return ui.Muted("Unknown")
	}
	return ui.Mono(s.IP.String())
}

func scoreTag(score int) templ.Component {
	tone := ui.ToneOK
	switch {
	case score <= idp.ReputationLowest:
		tone = ui.ToneBad
	case score < 0:
		tone = ui.ToneWarn
	case score == 0:
		tone = ui.ToneNeutral
	}
	return ui.Tag(tone, strconv.Itoa(score))
}

func scoreQuestion(s *idp.Reputation) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Forget this score?", Text: scoreName(s) + " starts again at zero. Whoever a reputation policy kept out for it may try again.",
		Submit: "Forget score", Danger: true, Action: scoresPath + s.ID.String() + "/delete/", Back: scoresPath}
}

func (p *Pages) deleteScore(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.Reputation](r, "score", "reputation score")
	if err != nil {
		return err
	}
	s, err := p.store.Repos().Reputations.Get(r.Context(), id)
	if err != nil {
		return err
	}
	q := scoreQuestion(s)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, []ui.Crumb{{Label: "Policies", Href: policiesPath}, {Label: "Reputation scores", Href: scoresPath}, {Label: "Forget"}}, q)
	}
	if err := p.configure.DeleteReputation(r.Context(), web.Actor(r), id); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The score of "+scoreName(s)+" was forgotten.")
	return web.Redirect(w, r, scoresPath)
}
