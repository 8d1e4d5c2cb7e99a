package lockoutpage

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const (
	// effectID is the part of the page that follows what is typed.
	effectID = "effect"
	// formReset is the form that the buttons of single settings belong to.
	formReset = "reset-one"
	// remembered is how many changes of settings are looked through for the last of
	// each, and told how many of them.
	remembered, told = 100, 8
)

type settingsView struct {
	Page    ui.PageProps
	Fields  []settingField
	Seen    string
	Faults  page.Faults
	Names   []string // of the fields
	Effect  effectView
	Moments []ui.Moment
	History bool // it may be shown
	Now     time.Time
	Unsent  string
	Keep    *keepView // nil = it is not on the page
}

type settingField struct {
	Field ui.FieldProps
	Reset templ.Component // nil = it is the default
	Last  string          // who changed it last; "" = nobody did, or it may not be shown
	At    time.Time
}

// effectView says what the values that are typed come to.
type effectView struct {
	Sentences []string
	Faulty    string // what is wrong with them; "" = nothing
}

func (p *Pages) settings(w http.ResponseWriter, r *http.Request) error {
	values, err := p.d.Lockouts.Values(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	return p.renderSettings(w, r, values, typedOf(values), page.Faults{}, keepFault{})
}

// typedOf are the values as a form has them, by key.
func typedOf(values []lockout.Value) map[string]string {
	out := map[string]string{}
	for _, v := range values {
		out[v.Key] = v.Value
	}
	return out
}

func (p *Pages) renderSettings(w http.ResponseWriter, r *http.Request, values []lockout.Value, typed map[string]string, faults page.Faults, wrong keepFault) error {
	v := settingsView{Seen: page.Seen(typedOf(values)), Faults: faults, Effect: effectOf(typed), Now: now(), History: web.May(r, idp.VerbList, idp.ResourceEvent)}
	last := map[string]*idp.Event{}
	if v.History {
		events, err := p.changes(r)
		if err != nil {
			return err
		}
		for i := range events {
			e := &events[i]
			if key, _ := e.Context["key"].(string); last[key] == nil {
				last[key] = e
			}
			if i < told {
				d := page.DescribeEvent(e)
				v.Moments = append(v.Moments, ui.Moment{At: e.CreatedAt, Icon: d.Icon, Tone: d.Tone, Title: ui.Text(d.Sentence)})
			}
		}
	}
	may := web.May(r, idp.VerbUpdate, idp.ResourceSetting)
	for _, it := range values {
		f := settingField{Field: fieldOf(it, typed[it.Key], faults.Of(it.Key))}
		if it.Set && may {
			f.Reset = resetButton(it)
		}
		if e := last[it.Key]; e != nil {
			d := page.DescribeEvent(e)
			f.Last, f.At = "Set by "+or(d.By, or(d.User, "the system")), e.CreatedAt
		}
		v.Fields, v.Names = append(v.Fields, f), append(v.Names, it.Key)
	}
	if p.d.Unsent != nil {
		v.Unsent = p.d.Unsent()
	}
	var err error
	if v.Keep, err = p.keepView(r, wrong); err != nil {
		return err
	}
	v.Page = page.Console(r, ui.PageProps{Title: "Security settings", Subtitle: "When guessing at passwords leads to a lockout, and for how long. In force on every server as soon as it is saved."})
	return page.RenderStatus(w, r, wrong.status(faults), settingsPage(v))
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// changes are the last changes of settings, newest first.
func (p *Pages) changes(r *http.Request) ([]idp.Event, error) {
	id := lockout.ActionSetting
	found, err := p.d.Store.Repos().Events.Find(r.Context(), idp.EventFilter{ActionID: &id, Uncounted: true, Paging: idp.Paging{Limit: remembered}})
	if err != nil {
		return nil, fmt.Errorf("reading who changed settings: %w", err)
	}
	return found.Items, nil
}

func fieldOf(v lockout.Value, typed, fault string) ui.FieldProps {
	f := ui.FieldProps{Name: v.Key, Label: v.Title, Hint: v.Help, Error: fault, NoOptional: true, Value: typed, Autocomplete: "off"}
	if v.Bool {
		f.Type, f.Value, f.Checked = ui.FieldSwitch, "true", typed == "true"
		return f
	}
	f.Type, f.InputMode, f.Min, f.Max, f.Step, f.Required = ui.FieldNumber, "numeric", strconv.Itoa(v.Min), strconv.Itoa(v.Max), "1", true
	if v.Unit != "" {
		f.Label += " in " + v.Unit
	}
	f.Hint = strings.TrimSuffix(f.Hint, ".") + ". From " + strconv.Itoa(v.Min) + " to " + strconv.Itoa(v.Max) + "."
	if v.Zero {
		f.Min = "0"
	}
	return f
}

func resetButton(v lockout.Value) templ.Component {
	return ui.Button(ui.ButtonProps{Label: "Reset to " + worded(v.Setting, v.Default), Icon: ui.IconRotateCcw, Kind: ui.Ghost, Small: true, Form: formReset,
		Name: "reset", Value: v.Key, Attrs: templ.Attributes{"aria-label": "Reset to " + worded(v.Setting, v.Default) + ": " + v.Title}})
}

// worded is a value as people say it.
func worded(s lockout.Setting, value string) string {
	switch {
	case s.Bool && value == "true":
		return "on"
	case s.Bool:
		return "off"
	case s.Unit == "seconds":
		if n, err := strconv.Atoi(value); err == nil {
			return span(time.Duration(n) * time.Second)
		}
	case s.Unit == "days":
		if n, err := strconv.Atoi(value); err == nil {
			return span(time.Duration(n) * 24 * time.Hour)
		}
	}
	return value
}

// readTyped are the values that were sent. A switch that is off sends nothing.
func readTyped(form web.Form) map[string]string {
	out := map[string]string{}
	for _, s := range lockout.Settings() {
		out[s.Key] = form.Trimmed(s.Key)
		if s.Bool {
			out[s.Key] = strconv.FormatBool(form.Bool(s.Key))
		}
	}
	return out
}

func effectOf(typed map[string]string) effectView {
	l, faults := lockout.Judge(typed)
	if len(faults) > 0 {
		for _, s := range lockout.Settings() {
			if texts := faults[s.Key]; len(texts) > 0 {
				return effectView{Faulty: s.Title + ": " + strings.Join(texts, " ")}
			}
		}
	}
	return effectView{Sentences: sentences(l)}
}

// effect answers while the form is typed in.
func (p *Pages) effect(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	if r.Header.Get("X-Partial") == "" {
		return web.Redirect(w, r, settingsPath)
	}
	return page.Render(w, r, effectPart(effectOf(readTyped(form))))
}

func (p *Pages) change(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	actor := web.Actor(r)
	values, err := p.d.Lockouts.Values(r.Context(), actor)
	if err != nil {
		return err
	}
	if key := form.Text("reset"); key != "" {
		return p.reset(w, r, key)
	}
	typed, changed := readTyped(form), map[string]*string{}
	for _, v := range values {
		if value := typed[v.Key]; value != v.Value {
			changed[v.Key] = &value
		}
	}
	if err = page.Unchanged(form, typedOf(values)); err == nil && len(changed) > 0 {
		err = p.d.Lockouts.Set(r.Context(), actor, changed)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.renderSettings(w, r, values, typed, faults, keepFault{})
	}
	if err != nil {
		return err
	}
	if len(changed) == 0 {
		return page.Already(w, r, "Nothing was changed.", settingsPath)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The settings were saved. They are in force on every server now.")
	return web.Redirect(w, r, settingsPath)
}

// reset takes back what was set.
func (p *Pages) reset(w http.ResponseWriter, r *http.Request, key string) error {
	s := lockout.Find(key)
	if s == nil {
		return idp.Invalid("reset", "“%.60s” is not a setting.", key)
	}
	if err := p.d.Lockouts.Set(r.Context(), web.Actor(r), map[string]*string{key: nil}); err != nil {
		return page.Refused(w, r, err, settingsPath)
	}
	web.Flash(r.Context(), web.ToneSuccess, s.Title+" is back at its default: "+worded(*s, s.Default)+".")
	return web.Redirect(w, r, settingsPath)
}
