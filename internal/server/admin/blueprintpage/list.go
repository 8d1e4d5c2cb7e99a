package blueprintpage

import (
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// state is a status as people read it.
type state struct {
	tone  ui.Tone
	icon  ui.IconName
	label string
	text  string
}

var states = map[idp.BlueprintStatus]state{
	idp.BlueprintSuccessful: {ui.ToneOK, ui.IconCircleCheck, "Applied", "What it says is what was applied last."},
	idp.BlueprintWarning:    {ui.ToneWarn, ui.IconTriangleAlert, "Applied with warnings", "It was applied, except for what is listed below."},
	idp.BlueprintError:      {ui.ToneBad, ui.IconOctagonAlert, "Failed", "The last attempt changed nothing, because of what is listed below."},
	idp.BlueprintOrphaned:   {ui.ToneWarn, ui.IconTriangleAlert, "File is gone", "Its file is not there any more. What it made is kept."},
	idp.BlueprintUnknown:    {ui.ToneNeutral, ui.IconClock, "Not applied", "It was not applied yet, or was changed since."},
}

// statusTag says how a blueprint is; one that is switched off says that first.
func statusTag(b *idp.Blueprint) templ.Component {
	s := states[b.Status]
	tag := ui.TagIcon(s.tone, s.icon, s.label)
	if b.Enabled {
		return tag
	}
	return ui.Join(ui.TagIcon(ui.ToneNeutral, ui.IconBan, "Disabled"), tag)
}

// origin says where a blueprint comes from.
func origin(b *idp.Blueprint) templ.Component {
	switch {
	case b.Path == "":
		return ui.Muted("Own content")
	case b.Shipped:
		return ui.Join(ui.Mono(b.Path), ui.Tag(ui.ToneNeutral, "Shipped"))
	}
	return ui.Mono(b.Path)
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	filter := idp.BlueprintFilter{Paging: list.Paging()}
	if status := idp.BlueprintStatus(list.Query.Trimmed("status")); status != "" {
		if _, known := states[status]; !known {
			return idp.Invalid("status", "“%.20s” is not a status of a blueprint.", status)
		}
		filter.Status = &status
	}
	found, err := p.library.Find(r.Context(), web.Actor(r), filter)
	if err != nil {
		return err
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	create := ui.ButtonProps{Label: "New blueprint", Kind: ui.Primary, Icon: ui.IconPlus, Href: newPath}
	bring := ui.ButtonProps{Label: "Import once", Icon: ui.IconUpload, Href: importPath}
	t := ui.TableProps{ID: "blueprints", Caption: "Blueprints", Paging: list.Pages(found.Total, "blueprint"),
		Columns: []ui.Column{list.Column("Name", "name"), list.Column("Status", "status"), list.Column("Source", "path"),
			list.Column("Last applied", "last_applied")},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconFileCode, Title: "No blueprints yet", Action: ui.Button(create),
			Text: "A blueprint describes flows, stages, policies and people in a file, and keeps them so."})}
	if list.Filtered("status") {
		t.Empty = ui.NothingFound("blueprint", listPath)
	}
	if found.Total > list.Size || list.Filtered("status") || found.Total > 5 {
		t.Filter = ui.FilterBar(ui.FilterProps{Action: listPath, Query: list.Search(), Placeholder: "Search blueprints", Reset: list.Reset("status"),
			Hidden: list.Kept(), Swap: "blueprints", Fields: []ui.FieldProps{list.Choice("status", "Status", "Any status", statusOptions()...)}})
	}
	for i := range found.Items {
		t.Rows = append(t.Rows, row(&found.Items[i]))
	}
	view := page.Console(r, ui.PageProps{Title: "Blueprints", Actions: buttons(ui.Button(bring), ui.Button(create)),
		Subtitle: "Files and texts that describe the configuration, and keep it so."})
	return page.Render(w, r, listPage(view, t))
}

func row(b *idp.Blueprint) ui.Row {
	applied := page.When(b.AppliedAt, now())
	out := ui.Row{ID: b.ID.String(), Label: b.Name, Muted: !b.Enabled,
		Cells:   []templ.Component{ui.Two(b.Name, "", path(b.ID)), statusTag(b), origin(b), applied},
		Actions: []ui.MenuItem{{Label: "What would change", Icon: ui.IconEye, Href: path(b.ID) + "plan/"}}}
	if b.Enabled {
		out.Actions = append(out.Actions, ui.MenuItem{Label: "Apply now", Icon: ui.IconPlay, Post: path(b.ID) + "apply/"},
			ui.MenuItem{Label: "Disable", Icon: ui.IconBan, Post: path(b.ID) + "disable/", Divider: true})
	} else {
		out.Actions = append(out.Actions, ui.MenuItem{Label: "Enable and apply", Icon: ui.IconPlay, Post: path(b.ID) + "enable/"})
	}
	return out
}

func statusOptions() []ui.Option {
	var out []ui.Option
	for _, s := range []idp.BlueprintStatus{idp.BlueprintSuccessful, idp.BlueprintWarning, idp.BlueprintError, idp.BlueprintOrphaned, idp.BlueprintUnknown} {
		out = append(out, ui.Option{Value: string(s), Label: states[s].label})
	}
	return out
}
