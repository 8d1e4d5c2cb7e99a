// Package ui holds the components all pages are made of. A page passes small structs and never writes classes for what a
// component exists for. It must not know the domain, the server or the database; it may know only templ and the names of
// assets in web/static.
//
// Three rules for whoever writes a page:
//
//   - No style attributes, no inline script, no event handlers: the content security policy drops them.
//   - Every page works without script. What changes something is a form that posts; lists are filtered by address.
//   - Red (ToneBad, Danger, Warning) is for what is destroyed, refused or failed. One Primary button per page.
//
// # Shells
//
// A page is a shell with children. PageProps carries what the shell shows; the server fills Brand, User, Nav, Theme, Path
// and Flashes for every page, the page itself the rest:
//
//	@ui.Admin(ui.PageProps{Title: "Users", Subtitle: "…", Actions: newUser(), Nav: ui.MarkCurrent(nav, path), …}) {
//		@ui.Table(…)
//	}
//	@ui.Settings(ui.PageProps{Title: "Details", …}) { … }           // the person's own pages
//	@ui.Flow(ui.FlowProps{Title: "Sign in", …}) { @ui.Form(…) { … } } // one card, one question
//	@ui.ErrorPage(ui.ErrorProps{Status: 404, Title: "There is no such user", RequestID: id})
//	@ui.Admin(ui.PageProps{HideHead: true, …}) { @ui.ErrorBody(…) }   // an error inside a shell
//	@ui.ConfirmPage(ui.ConfirmProps{…}, brand, theme)                 // the question, without script
//
// The theme's form posts "theme" and "next" to Routes.Theme; the server sets ThemeCookie and redirects to next.
// Global search is a GET with "q" to Routes.Search.
//
// # Content
//
//	@ui.Card(ui.CardProps{Title: "Details", Actions: edit}) { … }   // Flush: true for lists that touch the edge
//	@ui.KeyValue([]ui.Item{{Label: "E-mail", Value: ui.Maybe(u.Email)}})
//	@ui.Stats([]ui.StatProps{{Label: "Sessions", Value: ui.Number(n), Icon: ui.IconLaptop, Href: "…"}})
//	@ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "…", Text: "…", Action: button, Body: html})
//	@ui.Empty(ui.EmptyProps{Icon: ui.IconKeyRound, Title: "No tokens yet", Text: "…", Action: create})
//	@ui.NothingFound("user", "/if/admin/users/")   @ui.NoPermission("brands")
//	@ui.Timeline([]ui.Moment{…}, now)   @ui.ResultList([]ui.Result{…})   @ui.BarChart(ui.ChartProps{…})
//	@ui.DangerZone("Danger zone", []ui.DangerRow{{Title: "…", Text: "…", Action: ui.Action(…)}})
//	@ui.JSON("Event context", json.RawMessage(raw))   @ui.Code("Expression", text)
//	@ui.Tabs("User", []ui.Tab{…})   @ui.Breadcrumbs(crumbs)   @ui.Flashes(flashes)
//
// Small things, made to be cells of tables and values of lists:
//
//	ui.Text(s)  ui.Maybe(s)  ui.None()  ui.Muted(s)  ui.Mono(s)  ui.Anchor(label, href)  ui.Two(main, sub, href)
//	ui.PersonCell(name, username, href)  ui.Avatar(name, username)  ui.AvatarLarge(name, username)
//	ui.Tag(tone, label)  ui.TagIcon(tone, icon, label)  ui.Tags(labels)  ui.StateTag(ui.StateLockedDown)  ui.YesNo(b)
//	ui.Time(at, now)  ui.TimeFull(at, now)  ui.CopyID(id)  ui.Secret("Token", key)  ui.Join(a, b)  ui.Icon(ui.IconGate)
//
// Relative, Absolute, Count and Number are the same words as plain strings.
//
// # Acts
//
//	@ui.Button(ui.ButtonProps{Label: "New user", Icon: ui.IconPlus, Kind: ui.Primary, Href: "…"})        // a link
//	@ui.Button(ui.ButtonProps{Label: "Account Lockdown", Reason: "No lockdown flow configured."})         // not now, and why
//	@ui.Action(ui.ActionProps{Action: "…/deactivate", Button: ui.ButtonProps{…}, Confirm: &ui.ConfirmProps{…}})
//	@ui.Menu("user-menu", ui.ButtonProps{Label: "More", Icon: ui.IconChevronDown}, []ui.MenuItem{{Label: "Edit", Href: "…"}})
//	@ui.Dialog(ui.DialogProps{ID: "new-group", Title: "New group"}) { @ui.Form(ui.FormProps{InDialog: true, …}) { … } }
//
// An Action or MenuItem with Confirm posts the field "confirmed" once the person agreed. A post without it comes from a
// browser without script: the server answers with ConfirmPage, which posts the same with "confirmed".
//
// # Forms
//
//	@ui.Form(ui.FormProps{Action: "…", Submit: "Save changes", Cancel: "…", Errors: general}) {
//		@ui.FormSection("Who it is", "") {
//			@ui.Field(ui.FieldProps{Name: "username", Label: "Username", Required: true, Value: v, Error: errs["username"]})
//			@ui.Field(ui.FieldProps{Name: "type", Label: "Type", Type: ui.FieldRadio, Options: []ui.Option{…}, Value: v})
//		}
//	}
//
// A checkbox or switch sends "true" (or Value) when it is on and nothing when it is off. Flow pages use Form with Full.
//
// # Lists
//
//	@ui.Table(ui.TableProps{
//		ID: "users", Caption: "Users",
//		Filter:  ui.FilterBar(ui.FilterProps{Action: "/if/admin/users/", Placeholder: "Search users", Query: q, Swap: "users", …}),
//		Columns: []ui.Column{ui.SortedColumn("Name", "name", ordering, hrefOfOrdering), {Label: "Groups"}},
//		Rows:    []ui.Row{{ID: "12", Label: "ada", Cells: []templ.Component{ui.PersonCell(…), ui.Tags(groups)}, Actions: menu}},
//		Select:  &ui.Selection{Form: "users-bulk", Action: "…", Field: "users", Noun: "user", Matching: total, Actions: buttons},
//		Empty:   ui.NothingFound("user", "/if/admin/users/"),
//		Paging:  ui.NumberedPages(page, size, total, "user", hrefOfPage),
//	})
//
// The search field is sent as "search". The selected rows are sent under Selection.Field, and "all_matching" as "true" when
// everything that fits the filters is meant. With Swap, typing and choosing replace the table without a new page; the server
// sends the whole page either way (the header X-Partial names the wanted id, if it wants to save itself work).
//
// # Layout
//
// Between components, pages use these classes and no others: stack (a column; "stack large" for more air), row, "row spread",
// columns (equal, as many as fit), split (a main column and one of 340 px beside it), muted, small, mono, strong, sr (spoken
// only), scripted (shown only where scripts run). What only one page needs goes to web/static/css/90-pages.css.
//
// Generated files (*_templ.go) are made by "go tool templ generate -path web" and committed. Package story shows everything.
package ui
