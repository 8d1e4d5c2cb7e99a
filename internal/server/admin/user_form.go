package admin

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// userForm holds what was typed, so that a faulty form comes back as it was.
type userForm struct {
	Username, Name, Email, Path, Type, Attributes string
	Groups                                        []string
	Active                                        bool
}

var userFields = []string{"username", "name", "email", "path", "type", "attributes", "groups", "is_active"}

func readUserForm(form web.Form) userForm {
	return userForm{Username: form.Trimmed("username"), Name: form.Trimmed("name"), Email: form.Trimmed("email"),
		Path: form.Trimmed("path"), Type: form.Text("type"), Attributes: form.Trimmed("attributes"),
		Groups: form.Texts("groups"), Active: form.Bool("is_active")}
}

func formOf(u *idp.User) userForm {
	f := userForm{Username: u.Username, Name: u.Name, Email: u.Email, Path: u.Path, Type: string(u.Type),
		Attributes: attributesText(u.Attributes), Active: u.IsActive}
	for _, g := range u.Groups {
		f.Groups = append(f.Groups, g.String())
	}
	return f
}

// attributesText is JSON as people edit it; "" for none.
func attributesText(a idp.Attributes) string {
	if len(a) == 0 {
		return ""
	}
	raw, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return "" // attributes came from JSON
	}
	return string(raw)
}

// attributes reads what people typed.
func attributes(text string) (idp.Attributes, error) {
	if strings.TrimSpace(text) == "" {
		return idp.Attributes{}, nil
	}
	var a idp.Attributes
	if err := json.Unmarshal([]byte(text), &a); err != nil || a == nil {
		return nil, idp.Invalid("attributes", `Expected a JSON object, such as {"department": "Research"}.`)
	}
	return a, nil
}

// parsed reads what needs reading; its faults stand beside the fields.
func (f userForm) parsed() (attrs idp.Attributes, groups []idp.GroupID, err error) {
	var faults idp.Faults
	attrs, err = attributes(f.Attributes)
	if err != nil {
		faults.Add("attributes", "%s", err.(*idp.Error).Message) //nolint:errorlint // made above
	}
	groups, err = groupIDs("groups", f.Groups)
	if err != nil {
		faults.Add("groups", "Choose groups of the list.")
	}
	if !knownType(idp.UserType(f.Type)) {
		faults.Add("type", "Choose a type of the list.")
	}
	return attrs, groups, faults.Err()
}

func groupIDs(field string, values []string) ([]idp.GroupID, error) {
	out := make([]idp.GroupID, 0, len(values))
	for _, v := range values {
		if v == "" {
			continue
		}
		id, err := idp.ParseID[idp.Group](v)
		if err != nil {
			return nil, idp.Invalid(field, "“%.40s” is not the id of a group.", v)
		}
		out = append(out, id)
	}
	return out, nil
}

type userFormView struct {
	Page    ui.PageProps
	Form    userForm
	Faults  page.Faults
	Groups  []ui.Option
	Action  string
	Submit  string
	Cancel  string
	Seen    string // marks the state the form was filled from
	New     bool
	Builtin bool // the account of nobody: name and type are fixed
}

func (c *Console) showUserForm(w http.ResponseWriter, r *http.Request, v userFormView) error {
	groups, err := c.allGroups(r)
	if err != nil {
		return err
	}
	v.Groups = groupOptions(groups)
	for i := range v.Groups {
		for _, id := range v.Form.Groups {
			v.Groups[i].Selected = v.Groups[i].Selected || id == v.Groups[i].Value
		}
		if groups[i].IsSuperuser {
			v.Groups[i].Hint = "Members are superusers: they may do everything."
		}
	}
	v.Page.Narrow = true
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), userFormPage(v))
}

func (c *Console) newUser(w http.ResponseWriter, r *http.Request) error {
	return c.newUserForm(w, r, userForm{Type: string(idp.UserInternal), Path: idp.DefaultUserPath, Active: true}, page.Faults{})
}

func (c *Console) newUserForm(w http.ResponseWriter, r *http.Request, form userForm, faults page.Faults) error {
	return c.showUserForm(w, r, userFormView{Form: form, Faults: faults, New: true, Action: usersPath + "new/",
		Submit: "Create user", Cancel: usersPath,
		Page: ui.PageProps{Title: "New user", Crumbs: []ui.Crumb{{Label: "Users", Href: usersPath}, {Label: "New user"}},
			Subtitle: "There is no password at first: set one afterwards, or create a recovery link."}})
}

func (c *Console) createUser(w http.ResponseWriter, r *http.Request) error {
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readUserForm(raw)
	u, err := c.create(r, form)
	if faults, ok := page.FaultsOf(err); ok {
		return c.newUserForm(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, u.DisplayName()+" was created. Set a password or create a recovery link next.")
	return web.Redirect(w, r, userPath(u.ID))
}

func (c *Console) create(r *http.Request, form userForm) (*idp.User, error) {
	attrs, groups, err := form.parsed()
	if err != nil {
		return nil, err
	}
	return c.accounts.Create(r.Context(), web.Actor(r), account.NewUser{Username: form.Username, Name: form.Name,
		Email: form.Email, Path: form.Path, Type: idp.UserType(form.Type), IsActive: &form.Active, Attributes: attrs, Groups: groups})
}

func (c *Console) editUser(w http.ResponseWriter, r *http.Request) error {
	id, err := web.UserParam(r, "user")
	if err != nil {
		return err
	}
	u, err := c.store.Repos().Users.Get(r.Context(), id)
	if err != nil {
		return err
	}
	return c.editUserForm(w, r, u, formOf(u), page.Faults{})
}

func (c *Console) editUserForm(w http.ResponseWriter, r *http.Request, u *idp.User, form userForm, faults page.Faults) error {
	at := userPath(u.ID)
	return c.showUserForm(w, r, userFormView{Form: form, Faults: faults, Action: at + "edit/", Submit: "Save changes", Cancel: at,
		Seen: page.Seen(formOf(u)), Builtin: u.IsAnonymous(),
		Page: ui.PageProps{Title: "Edit " + u.DisplayName(), Crumbs: userCrumbs(u, "Edit")}})
}

func (c *Console) updateUser(w http.ResponseWriter, r *http.Request) error {
	id, err := web.UserParam(r, "user")
	if err != nil {
		return err
	}
	u, err := c.store.Repos().Users.Get(r.Context(), id)
	if err != nil {
		return err
	}
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readUserForm(raw)
	if u.IsAnonymous() {
		form.Username, form.Type = u.Username, string(u.Type)
	}
	changed := u
	if err = page.Unchanged(raw, formOf(u)); err == nil {
		changed, err = c.update(r, u, form)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return c.editUserForm(w, r, u, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, changed.DisplayName()+" was saved.")
	return web.Redirect(w, r, userPath(id))
}

// update sends what differs from what is stored: what another administrator
// changed meanwhile in other fields stays.
func (c *Console) update(r *http.Request, u *idp.User, form userForm) (*idp.User, error) {
	attrs, groups, err := form.parsed()
	if err != nil {
		return nil, err
	}
	was := formOf(u)
	patch := account.Patch{}
	for _, f := range []struct {
		was, is string
		to      **string
	}{{was.Username, form.Username, &patch.Username}, {was.Name, form.Name, &patch.Name},
		{was.Email, form.Email, &patch.Email}, {was.Path, form.Path, &patch.Path}} {
		if f.was != f.is {
			*f.to = &f.is
		}
	}
	if was.Type != form.Type {
		t := idp.UserType(form.Type)
		patch.Type = &t
	}
	if was.Attributes != form.Attributes {
		patch.Attributes = &attrs
	}
	if !sameSet(was.Groups, form.Groups) {
		patch.Groups = &groups
	}
	return c.accounts.Update(r.Context(), web.Actor(r), u.ID, patch)
}

func sameSet(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	in := map[string]bool{}
	for _, s := range a {
		in[s] = true
	}
	for _, s := range b {
		if !in[s] {
			return false
		}
	}
	return true
}
