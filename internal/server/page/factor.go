package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// FactorKeeper keeps second factors; factor.Service is one.
type FactorKeeper interface {
	Of(ctx context.Context, actor idp.Actor, user idp.UserID) ([]idp.Factor, error)
	Get(ctx context.Context, actor idp.Actor, id idp.FactorID) (*idp.Factor, error)
	Rename(ctx context.Context, actor idp.Actor, id idp.FactorID, name string) error
	Remove(ctx context.Context, actor idp.Actor, id idp.FactorID) error
}

var _ FactorKeeper = (*factor.Service)(nil)

// Factors is what a FactorTable shows.
type Factors struct {
	Items   []idp.Factor
	Base    string // the list's address; one is removed at Base + id + "/remove/"
	Owner   *idp.User
	Console bool // for administrators: with the UUID that a lock names
	Now     time.Time
	Badges  Badges
}

// factorKinds are the kinds of factors in words.
var factorKinds = map[idp.FactorKind]struct {
	label string
	add   string // the button that leads to one more
	icon  ui.IconName
	stage string // the kind of stage that sets one up
}{
	idp.FactorTOTP:     {"Authenticator app", "Add authenticator app", ui.IconSmartphone, "authenticator_totp"},
	idp.FactorWebAuthn: {"Passkey or security key", "Add passkey", ui.IconFingerprint, "authenticator_webauthn"},
	idp.FactorStatic:   {"Recovery codes", "Get recovery codes", ui.IconTicket, "authenticator_static"},
}

// FactorKind is a kind of second factor in words.
func FactorKind(k idp.FactorKind) string { return factorKinds[k].label }

// FactorTable lists the second factors of an account.
func FactorTable(f Factors) ui.TableProps {
	t := ui.TableProps{ID: "factors", Caption: "Second factors",
		Columns: []ui.Column{{Label: "Factor"}, {Label: "Added"}, {Label: "Last used"}, {Label: "Action", HideHead: true, Numeric: true}}}
	if f.Console {
		t.Columns = []ui.Column{{Label: "Factor"}, {Label: "UUID"}, {Label: "Added"}, {Label: "Last used"}, {Label: "Action", HideHead: true, Numeric: true}}
	}
	for i := range f.Items {
		it := &f.Items[i]
		kind := factorKinds[it.Kind]
		var tag templ.Component
		if l := f.Badges.Factor(it.ID, f.Owner); l != nil {
			tag = LockBadge(l)
		}
		details := kind.label
		if it.Kind == idp.FactorStatic {
			details += " · " + ui.Count(it.CodesLeft, "code") + " left"
		}
		cells := []templ.Component{device(kind.icon, it.Name, "", tag, details)}
		if f.Console {
			cells = append(cells, ui.CopyID(it.ID.String()))
		}
		cells = append(cells, ui.Time(it.CreatedAt, f.Now), When(it.LastUsedAt, f.Now), factorActs(f, it))
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Name, Cells: cells})
	}
	return t
}

func factorActs(f Factors, it *idp.Factor) templ.Component {
	at := f.Base + it.ID.String() + "/"
	parts := []templ.Component{}
	if !f.Console {
		parts = append(parts, ui.Button(ui.ButtonProps{Label: "Rename…", Small: true, Href: at + "rename/", Attrs: templ.Attributes{"aria-label": "Rename " + it.Name}}))
	}
	return rowActs(append(parts,
		ui.Button(ui.ButtonProps{Label: "Lock…", Small: true, Href: LockWizard(idp.LockKey{Kind: idp.LockMFADevice, Value: it.ID.String()}), Attrs: templ.Attributes{"aria-label": "Lock " + it.Name}}),
		ui.Button(ui.ButtonProps{Label: "Remove…", Small: true, Href: at + "remove/", Attrs: templ.Attributes{"aria-label": "Remove " + it.Name}})))
}

// AddFactorButtons lead to the flows in which people set up second factors, as the
// stages name them (configure_flow), and back to an address.
func AddFactorButtons(ctx context.Context, repos idp.Repos, back string) ([]templ.Component, error) {
	var out []templ.Component
	for _, k := range []idp.FactorKind{idp.FactorWebAuthn, idp.FactorTOTP, idp.FactorStatic} {
		kind := factorKinds[k]
		found, err := repos.Stages.Find(ctx, idp.StageFilter{Kind: &kind.stage, Paging: idp.Paging{Limit: 100, Order: []string{"name"}}})
		if err != nil {
			return nil, fmt.Errorf("looking for stages that set up second factors: %w", err)
		}
		for i := range found.Items {
			to, err := configureFlow(ctx, repos, found.Items[i].Settings)
			if err != nil {
				return nil, err
			}
			if to != "" {
				out = append(out, ui.Button(ui.ButtonProps{Label: kind.add, Icon: kind.icon, Small: true, Href: to + "?" + url.Values{"next": {back}}.Encode()}))
				break
			}
		}
	}
	return out, nil
}

// configureFlow is the page of the flow that a stage's settings name, "" = none.
func configureFlow(ctx context.Context, repos idp.Repos, settings json.RawMessage) (string, error) {
	own := struct {
		Flow *idp.FlowID `json:"configure_flow"`
	}{}
	if err := json.Unmarshal(settings, &own); err != nil || own.Flow == nil {
		return "", err
	}
	f, err := repos.Flows.Get(ctx, *own.Flow)
	if idp.Is(err, idp.CodeNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return "/if/flow/" + url.PathEscape(f.Slug) + "/", nil
}

// RemoveFactorQuestion asks before a second factor is removed; left is how many others
// the account has.
func RemoveFactorQuestion(r *http.Request, it *idp.Factor, owner *idp.User, left int, base string) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Remove " + it.Name + "?", Submit: "Remove", Danger: true, Action: base + it.ID.String() + "/remove/", Back: base,
		Text: owner.DisplayName() + " cannot sign in with it any more. Sessions that were begun with it go on."}
	if web.Actor(r).Is(owner.ID) {
		q.Text = "You cannot sign in with it any more. Sessions that were begun with it go on."
	}
	switch {
	case left == 0:
		q.Consequences = []string{"It is the only second factor: without it a password is enough, unless the sign-in flow asks to set up another one"}
	case it.Kind == idp.FactorStatic:
		q.Consequences = []string{ui.Count(it.CodesLeft, "unused code") + " of the set stop working"}
	}
	return q
}

// RemoveFactor asks before a factor is removed, and removes it. Whoever has to prove
// first who they are does so before they are asked.
func RemoveFactor(w http.ResponseWriter, r *http.Request, keeper FactorKeeper, it *idp.Factor, owner *idp.User, base string, ask func(ui.ConfirmProps) error) error {
	yes, err := Confirmed(r)
	if err != nil {
		return err
	}
	if !yes {
		if err := web.Fresh(r); err != nil && r.Method == http.MethodGet {
			return err
		}
		all, err := keeper.Of(r.Context(), web.Actor(r), owner.ID)
		if err != nil {
			return err
		}
		return ask(RemoveFactorQuestion(r, it, owner, len(all)-1, base))
	}
	if err := keeper.Remove(r.Context(), web.Actor(r), it.ID); err != nil {
		return Refused(w, r, err, base)
	}
	web.Flash(r.Context(), web.ToneSuccess, it.Name+" was removed.")
	return web.Redirect(w, r, base)
}
