package restorepage

import (
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/restore"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Deps are what the page needs.
type Deps struct {
	Restores *restore.Service
	// PublicURL turns the path of a recovery link into one that can be sent;
	// "" = the host of the request.
	PublicURL string
}

// Pages answers the pages about restores.
type Pages struct{ d Deps }

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is not signed in is
// sent to sign in; whoever may not restore is refused by the use case.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		const at = "lockdowns/{lockdown}/restore/"
		m.Get(at, p.show)
		for act, do := range p.acts() {
			m.Post(at+act+"/", p.step(act, do))
		}
		m.Post(at+"link/", p.link)
	})
}

// Path is the address of the restore of a lockdown.
func Path(id idp.LockdownID) string { return page.RestorePath(id) }

// act is one step as a form asks for it; said is what the person reads when it was done.
type act func(r *http.Request, t restore.Terms, f web.Form) (said string, err error)

func (p *Pages) acts() map[string]act {
	s := p.d.Restores
	return map[string]act{
		"activate": func(r *http.Request, t restore.Terms, _ web.Form) (string, error) {
			return "The account was activated. Nothing that was ended works again.", s.Activate(r.Context(), web.Actor(r), t)
		},
		"password": func(r *http.Request, t restore.Terms, f web.Form) (string, error) {
			if f.Text("password") != f.Text("repeat") {
				return "", idp.Invalid("repeat", "The two passwords differ.")
			}
			return "The password was set. Tell it to the person on a safe way.", s.SetPassword(r.Context(), web.Actor(r), t, f.Text("password"))
		},
		"mail": func(r *http.Request, t restore.Terms, _ web.Form) (string, error) {
			return "A recovery link is on its way.", s.MailLink(r.Context(), web.Actor(r), t, web.Brand(r))
		},
		"factor": func(r *http.Request, t restore.Terms, f web.Form) (string, error) {
			id, err := idp.ParseID[idp.Factor](f.Text("factor"))
			if err != nil {
				return "", idp.Invalid("factor", "“%.40s” is not a second factor.", f.Text("factor"))
			}
			return "The second factor was removed.", s.RemoveFactor(r.Context(), web.Actor(r), t, id)
		},
		"review": func(r *http.Request, t restore.Terms, f web.Form) (string, error) {
			return "Noted as reviewed.", s.Review(r.Context(), web.Actor(r), t, idp.RestoreStep(f.Text("step")))
		},
		"revert": func(r *http.Request, t restore.Terms, f web.Form) (string, error) {
			id, err := idp.ParseID[idp.Event](f.Text("event"))
			if err != nil {
				return "", idp.Invalid("event", "“%.40s” is not an event.", f.Text("event"))
			}
			return "Reverted.", s.Revert(r.Context(), web.Actor(r), t, id)
		},
		"revert-all": func(r *http.Request, t restore.Terms, _ web.Form) (string, error) {
			n, err := s.RevertAll(r.Context(), web.Actor(r), t)
			if n == 0 {
				return "There was nothing left to revert.", err
			}
			return ui.Count(n, "change") + " reverted.", err
		},
		"renew": func(r *http.Request, t restore.Terms, f web.Form) (string, error) {
			return "It is asked for at the next sign-in.", s.Renew(r.Context(), web.Actor(r), t, f.Bool("password"), f.Bool("factor"))
		},
		"tell": func(r *http.Request, t restore.Terms, f web.Form) (string, error) {
			return "A mail is on its way.", s.Tell(r.Context(), web.Actor(r), t, f.Bool("link"), web.Brand(r))
		},
		"skip": func(r *http.Request, t restore.Terms, f web.Form) (string, error) {
			return "The step was left out.", s.Skip(r.Context(), web.Actor(r), t, idp.RestoreStep(f.Text("step")), f.Text("reason"))
		},
		"close": func(r *http.Request, t restore.Terms, f web.Form) (string, error) {
			return "The record is closed.", s.Close(r.Context(), web.Actor(r), t, f.Text("reason"))
		},
	}
}

// terms reads what every form sends: which record it is about, and the moment that the
// person was looking at.
func terms(r *http.Request) (restore.Terms, web.Form, error) {
	id, err := web.IDParam[idp.Lockdown](r, "lockdown", "lockdown")
	if err != nil {
		return restore.Terms{}, nil, err
	}
	f, err := web.DecodeForm(r)
	if err != nil {
		return restore.Terms{}, nil, err
	}
	since, err := moment(f.Trimmed("since"))
	return restore.Terms{Lockdown: id, Since: since}, f, err
}

// local is a moment as fields for dates write it; they are in UTC here.
const local = "2006-01-02T15:04"

// moment reads a suspected moment; "" = none.
func moment(s string) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	for _, layout := range []string{local, local + ":05", time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			at = at.UTC()
			return &at, nil
		}
	}
	return nil, idp.Invalid("since", "“%.40s” is no moment: expected a date and a time, such as 2026-03-01T09:30.", s)
}

// back is the page that a form came from.
func back(t restore.Terms, f web.Form) string {
	at := Path(t.Lockdown)
	if since := f.Trimmed("since"); since != "" {
		at += "?" + url.Values{"since": {since}}.Encode()
	}
	return at
}

// step answers the form of a step. What is wrong with something that was typed is said
// beside it.
func (p *Pages) step(name string, do act) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		t, f, err := terms(r)
		if t.Lockdown.IsZero() || f == nil {
			return err
		}
		said := ""
		if err == nil {
			said, err = do(r, t, f)
		}
		if faults, ok := page.FaultsOf(err); ok && (name == "password" || name == "skip" || name == "close") && t.Since == nil == (f.Trimmed("since") == "") {
			return p.render(w, r, t.Lockdown, t.Since, asked{form: name, step: f.Text("step"), values: f, faults: faults})
		}
		if err != nil {
			return page.Refused(w, r, err, back(t, f))
		}
		web.Flash(r.Context(), web.ToneSuccess, said)
		return web.Redirect(w, r, back(t, f))
	}
}

// link makes a recovery link and shows it once, in the answer itself.
func (p *Pages) link(w http.ResponseWriter, r *http.Request) error {
	t, f, err := terms(r)
	if t.Lockdown.IsZero() || f == nil {
		return err
	}
	path := ""
	if err == nil {
		path, err = p.d.Restores.RecoveryLink(r.Context(), web.Actor(r), t, web.Brand(r))
	}
	if err != nil {
		return page.Refused(w, r, err, back(t, f))
	}
	c, err := p.d.Restores.Checklist(r.Context(), web.Actor(r), t.Lockdown, nil)
	if err != nil {
		return err
	}
	shell := page.Console(r, ui.PageProps{Title: "Recovery link", Narrow: true, Subtitle: "For " + name(c) + ". It is shown once, here and now.",
		Crumbs: append(crumbs(c), ui.Crumb{Label: "Recovery link"})})
	shell.Path = Path(t.Lockdown)
	return page.Render(w, r, linkPage(shell, name(c), page.Absolute(r, p.d.PublicURL, path), back(t, f)))
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.Lockdown](r, "lockdown", "lockdown")
	if err != nil {
		return err
	}
	since, err := moment(web.Query(r).Trimmed("since"))
	if err != nil {
		return err
	}
	return p.render(w, r, id, since, asked{})
}

func (p *Pages) render(w http.ResponseWriter, r *http.Request, id idp.LockdownID, since *time.Time, a asked) error {
	c, err := p.d.Restores.Checklist(r.Context(), web.Actor(r), id, since)
	if err != nil {
		return err
	}
	v := viewOf(c, a)
	if since != nil {
		v.since = []ui.Pair{{Name: "since", Value: since.Format(time.RFC3339)}}
	}
	props := ui.PageProps{Title: "Restore " + name(c), Crumbs: crumbs(c), Subtitle: v.progress(), Tags: v.tag()}
	if c.User != nil {
		props.Actions = ui.Join(ui.Button(ui.ButtonProps{Label: "Open the user", Icon: ui.IconUser, Href: page.UserPath(c.User.ID)}),
			ui.Button(ui.ButtonProps{Label: "Open the record", Icon: ui.IconFileText, Href: page.LockdownsPath + c.Lockdown.ID.String() + "/"}))
	}
	v.page = page.Console(r, props)
	return page.RenderStatus(w, r, a.faults.Status(), restorePage(v))
}
