package lockpage

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The steps of making locks. What is picked is in the address; from the details
// on it travels in the form, so that messages stay out of logs.
const (
	stepKind    = "kind"
	stepPick    = "pick"
	stepDetails = "details"
	stepReview  = "review"
	stepCreate  = "create"
)

// begin shows the steps that change nothing and know no message yet.
func (p *Pages) begin(w http.ResponseWriter, r *http.Request) error {
	if err := p.d.Access.Check(web.Actor(r), idp.VerbCreate, idp.Object{Resource: idp.ResourceLock, Some: true}); err != nil {
		return err
	}
	q := web.Query(r)
	it, step, name := readWish(q), q.Trimmed("step"), q.Trimmed("kind")
	if step == "" {
		step = stepKind
		if name != "" {
			step = stepPick
		}
	}
	var k kind
	if name != "" {
		var err error
		if k, err = namedKind("kind", name); err != nil {
			return err
		}
	}
	if len(it.Faults["typed"]) > 0 && k.Kind != 0 {
		return p.pick(w, r, k, it, q.Trimmed("search"))
	}
	switch step {
	case stepKind:
		return p.choose(w, r, it)
	case stepPick:
		if k.Kind == 0 {
			return p.choose(w, r, it)
		}
		return p.pick(w, r, k, it, q.Trimmed("search"))
	case stepDetails:
		if len(it.Items) == 0 && k.Kind != 0 {
			it.Faults.Add("typed", "%s", "Pick or type at least one "+k.Noun+".")
			return p.pick(w, r, k, it, q.Trimmed("search"))
		}
		if len(it.Items) == 0 || len(it.Faults) > 0 {
			return p.choose(w, r, it)
		}
		return p.details(w, r, it, page.Faults{})
	}
	return idp.Invalid("step", "“%.40s” is no step of making a lock.", step)
}

// goOn takes the forms of the later steps.
func (p *Pages) goOn(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	it := readWish(form)
	if len(it.Faults) > 0 || len(it.Items) == 0 {
		return p.choose(w, r, it)
	}
	switch step := form.Trimmed("step"); step {
	case stepDetails:
		return p.details(w, r, it, page.Faults{})
	case "", stepReview:
		return p.review(w, r, it, page.Faults{})
	case stepCreate:
		return p.create(w, r, form, it)
	default:
		return idp.Invalid("step", "“%.40s” is no step of making a lock.", step)
	}
}

type chooseView struct {
	Page    ui.PageProps
	Wish    wish
	Choices []ui.Choice
	Faults  []string
}

// choose asks what sort of thing to lock.
func (p *Pages) choose(w http.ResponseWriter, r *http.Request, it wish) error {
	v := chooseView{Wish: it, Page: wizardFrame(r, "What should be locked?", "")}
	for _, k := range kinds {
		v.Choices = append(v.Choices, ui.Choice{Title: k.Title, Text: k.Text, Icon: k.Icon, Href: it.at("kind", k.Kind.String())})
	}
	faults := page.Faults{}
	if len(it.Faults) > 0 {
		faults, _ = page.FaultsOf(it.Faults.Err())
		v.Faults = faults.Rest()
		for i := range v.Faults {
			v.Faults[i] = strings.TrimPrefix(v.Faults[i], "item: ")
		}
	} else if r.Method == http.MethodPost {
		faults, _ = page.FaultsOf(idp.Invalid("item", "Pick at least one thing to lock."))
		v.Faults = []string{"Pick at least one thing to lock."}
	}
	return page.RenderStatus(w, r, faults.Status(), choosePage(v))
}

type pickView struct {
	Page    ui.PageProps
	Kind    kind
	Wish    wish
	Hidden  []ui.Pair
	Search  string
	Offer   offer
	Options []ui.Option // the picked ones first
	Typed   string
	Fault   string
	Back    string
}

// pick offers things of one kind.
func (p *Pages) pick(w http.ResponseWriter, r *http.Request, k kind, it wish, search string) error {
	v := pickView{Kind: k, Wish: it, Search: search, Hidden: it.fields(it.of(k.Kind, true)), Back: it.at(),
		Page: wizardFrame(r, "Lock which "+k.Noun+"?", k.Text)}
	mine := it.of(k.Kind, false)
	if k.Listed {
		var err error
		if v.Offer, err = p.offer(r, k, search); err != nil {
			return err
		}
	}
	known := map[string]ui.Option{}
	for _, o := range v.Offer.Options {
		known[o.Value] = o
	}
	if k.Listed {
		for _, i := range mine {
			o, listed := known[i.String()]
			if !listed {
				o = ui.Option{Value: i.String(), Label: i.Value}
			}
			o.Selected = true
			v.Options = append(v.Options, o)
		}
		for _, o := range v.Offer.Options {
			if !slices.ContainsFunc(mine, func(i item) bool { return i.String() == o.Value }) {
				v.Options = append(v.Options, o)
			}
		}
	} else {
		var lines []string
		for _, i := range mine {
			lines = append(lines, i.Value)
		}
		v.Typed = strings.Join(lines, "\n")
	}
	faults := page.Faults{}
	if len(it.Faults) > 0 {
		v.Typed = web.Query(r).Text("typed")
		faults, _ = page.FaultsOf(it.Faults.Err())
		v.Fault = faults.Text()
	}
	return page.RenderStatus(w, r, faults.Status(), pickPage(v))
}

// at is where the wizard stands with these items; pairs are added.
func (w wish) at(pairs ...string) string {
	q := url.Values{}
	for _, f := range w.fields(w.Items) {
		q.Add(f.Name, f.Value)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	if len(q) == 0 {
		return newPath
	}
	return newPath + "?" + q.Encode()
}

// without is the wish less one item.
func (w wish) without(i item) wish {
	w.Items = slices.DeleteFunc(slices.Clone(w.Items), func(o item) bool { return o == i })
	return w
}

type detailsView struct {
	Page   ui.PageProps
	Wish   wish
	Faults page.Faults
	Plan   []idp.LockTarget // a lock for each
	Pairs  []ui.Pair        // hidden
	Back   string
}

// detailFields are those the form shows beside its messages.
var detailFields = []string{"join", "message", "ttl", "expires", "until"}

// details asks for the message and the end.
func (p *Pages) details(w http.ResponseWriter, r *http.Request, it wish, faults page.Faults) error {
	v := detailsView{Wish: it, Faults: faults, Back: it.at("step", stepKind), Page: wizardFrame(r, "Why, and until when?", "")}
	for _, i := range it.Items {
		v.Pairs = append(v.Pairs, ui.Pair{Name: "item", Value: i.String()})
	}
	return page.RenderStatus(w, r, faults.Status(), detailsPage(v))
}

func wizardFrame(r *http.Request, title, subtitle string) ui.PageProps {
	return page.Console(r, ui.PageProps{Title: title, Subtitle: subtitle, Narrow: true,
		Crumbs: []ui.Crumb{{Label: "Locks", Href: listPath}, {Label: "New lock"}}})
}
