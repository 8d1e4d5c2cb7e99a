package lockoutpage

import (
	"net/http"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// keepField is the field of how many days events are kept.
const keepField = audit.RetentionKey

// keepView is how long events are kept, on the page of the settings.
type keepView struct {
	Field  ui.FieldProps
	Says   string
	Seen   string
	Faults page.Faults
}

// keepFault is what is wrong with what was typed there; the zero value = nothing.
type keepFault struct {
	typed  string
	faults page.Faults
}

// status is that of the page: of whichever form has faults.
func (k keepFault) status(others page.Faults) int {
	if s := k.faults.Status(); s != http.StatusOK {
		return s
	}
	return others.Status()
}

func (p *Pages) keepView(r *http.Request, wrong keepFault) (*keepView, error) {
	if p.d.Audit == nil {
		return nil, nil
	}
	now, err := p.d.Audit.Retention(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	v := &keepView{Seen: page.Seen(now), Faults: wrong.faults}
	typed := strconv.Itoa(int(now.Retention))
	if wrong.typed != "" {
		typed = wrong.typed
	}
	v.Field = ui.FieldProps{Name: keepField, Label: "Keep events for so many days", Type: ui.FieldNumber, InputMode: "numeric", Min: "0", Max: "36500", Step: "1",
		Required: true, NoOptional: true, Value: typed, Autocomplete: "off", Error: wrong.faults.Of(keepField), Hint: "At least 7; 0 keeps them for ever. 365 unless somebody sets it."}
	if v.Says = "Events are removed, the oldest first, when they are " + strconv.Itoa(int(now.Retention)) + " days old. What was removed cannot be brought back: export it first. That it was removed is on record, and the chain over the log goes on to be verified."; now.Retention == 0 {
		v.Says = "Events are kept for ever."
	}
	return v, nil
}

// keep changes how long events are kept.
func (p *Pages) keep(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	actor, typed := web.Actor(r), form.Trimmed(keepField)
	now, err := p.d.Audit.Retention(r.Context(), actor)
	if err != nil {
		return err
	}
	value := "days=" + typed
	if err = page.Unchanged(form, now); err == nil {
		err = p.d.Audit.SetRetention(r.Context(), actor, &value)
	}
	if faults, ok := page.FaultsOf(err); ok {
		values, err := p.d.Lockouts.Values(r.Context(), actor)
		if err != nil {
			return err
		}
		return p.renderSettings(w, r, values, typedOf(values), page.Faults{}, keepFault{typed: typed, faults: faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "How long events are kept was saved. It counts on every server now.")
	return web.Redirect(w, r, settingsPath)
}
