package blueprintpage_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// clean reads a page that must keep to what every page keeps to.
func (w *world) clean(path string) *pagetest.Page {
	w.t.Helper()
	p := w.Browser.Get(path)
	require.Equal(w.t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
	require.Empty(w.t, p.Faults(), path)
	return p
}

func address(b *idp.Blueprint) string { return at + b.ID.String() + "/" }

func TestTheListSaysHowEachIs(t *testing.T) {
	t.Parallel()
	w := open(t)
	require.Contains(t, w.clean(at).Main(), "No blueprints yet")
	w.ship("default/colour.yaml", text("colour", "Colour"))
	w.ship("default/wrong.yaml", wrong)
	off := w.keep("mine", text("shape", "Shape"))
	p := w.clean(at)
	for _, want := range []string{"colour", "Applied", "default/colour.yaml", "Shipped", "wrong", "Failed", "never", "mine", "Own content"} {
		require.Contains(t, p.Rows(), want)
	}
	require.Equal(t, http.StatusSeeOther, w.Post(address(off)+"disable/").Status)
	require.Contains(t, w.clean(at).Rows(), "Disabled")
	require.NotContains(t, w.clean(at+"?status=error").Rows(), "colour")
	require.Contains(t, w.clean(at+"?search=nobody").Main(), "No blueprints match")
	require.Equal(t, http.StatusBadRequest, w.Browser.Get(at+"?status=fine").Status)
}

func TestABlueprintShowsItsContentAndWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.ship("default/wrong.yaml", wrong)
	p := w.clean(address(w.named("wrong")))
	require.Contains(t, p.Main(), "2 problems")
	require.Contains(t, p.Main(), "line 11, column 13:")
	require.Contains(t, p.Body, `class="source-line bad" id="line-11"`)
	require.Contains(t, p.Body, `class="source-line bad" id="line-13"`)
	require.Contains(t, p.Body, `class="source-line" id="line-12"`)
	require.Contains(t, p.Body, `href="#line-11"`)
	plan := w.clean(address(w.named("wrong")) + "plan/")
	require.Contains(t, plan.Main(), "cannot be applied")
	require.Contains(t, plan.Body, `href="`+address(w.named("wrong"))+`#line-11"`)

	delete(w.files, "default/wrong.yaml")
	w.ship("default/other.yaml", text("other", "Other"))
	gone := w.clean(address(w.named("wrong")))
	require.Contains(t, gone.Main(), "The file cannot be read")
	require.Contains(t, gone.Main(), "File is gone")
	require.Equal(t, http.StatusNotFound, w.Browser.Get(at+idp.NewID[idp.Blueprint]().String()+"/").Status)
	require.Equal(t, http.StatusNotFound, w.Browser.Get(at+"nonsense/").Status)
}

func TestAPlanSaysFieldByFieldWhatWouldChange(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.ship("default/colour.yaml", text("colour", "Colour"))
	b := w.named("colour")
	require.Contains(t, w.clean(address(b)+"plan/").Main(), "Nothing would change")
	w.files["default/colour.yaml"].Data = []byte(text("colour", "Farbe"))
	p := w.clean(address(b) + "plan/")
	for _, want := range []string{"Change", "Prompt", "label", "Colour", "Farbe", "Nothing changes: 3 entries"} {
		require.Contains(t, p.Main(), want)
	}
	require.Equal(t, "Colour", w.label("colour"), "a plan does nothing")

	done := w.Post(address(b) + "apply/").Follow()
	require.Contains(t, done.Text(), "was applied: 1 changed, 3 unchanged")
	require.Equal(t, "Farbe", w.label("colour"))
	w.files["default/colour.yaml"].Data = []byte(wrong)
	require.Contains(t, w.Post(address(b)+"apply/").Follow().Text(), "could not be applied. Nothing was changed.")
}

func TestMakingAndChangingOne(t *testing.T) {
	t.Parallel()
	w := open(t)
	form := w.clean(at + "new/")
	content := text("colour", "Colour")
	fields := func(p *pagetest.Page, changes ...string) []string {
		return p.Fields(append([]string{"name", "mine", "content", content}, changes...)...)
	}
	checked := w.Post(at+"new/", append(fields(form), "act", "check")...)
	require.Equal(t, http.StatusOK, checked.Status)
	require.Empty(t, checked.Faults())
	require.Contains(t, checked.Main(), "Nothing is wrong with it")
	require.Contains(t, checked.Main(), "To create")
	require.Empty(t, w.label("colour"))

	bad := w.Post(at+"new/", fields(form, "content", wrong)...)
	require.Equal(t, http.StatusBadRequest, bad.Status)
	require.Empty(t, bad.Faults())
	require.Contains(t, bad.Main(), "line 11, column 13:")
	require.Contains(t, bad.Body, `data-line="11 13"`)
	require.Contains(t, bad.Body, `id="line-11" class="bad"`)
	for field, c := range map[string]struct{ value, says string }{
		"name": {"", "blank"}, "content": {" ", "Write a blueprint"}, "context": {"[]", "Expected a JSON object"},
	} {
		p := w.Post(at+"new/", fields(form, field, c.value)...)
		require.Equal(t, http.StatusBadRequest, p.Status, field)
		require.Contains(t, p.Main(), c.says, field)
		require.Empty(t, p.Faults(), field)
	}

	made := w.Post(at+"new/", fields(form, "content", strings.ReplaceAll(content, "\n", "\r\n"))...).Follow()
	require.Contains(t, made.Text(), "was saved and applied")
	require.Equal(t, "Colour", w.label("colour"))
	b := w.named("mine")
	require.Equal(t, content, b.Content, "lines end as in files")

	edit := w.clean(address(b) + "edit/")
	saved := w.Post(address(b)+"edit/", fields(edit, "content", text("colour", "Farbe"))...)
	require.Equal(t, address(b), saved.Location)
	require.Equal(t, "Farbe", w.label("colour"))
	late := w.Post(address(b)+"edit/", fields(edit, "name", "late")...)
	require.Equal(t, http.StatusConflict, late.Status)
	require.Contains(t, late.Main(), "Somebody changed this meanwhile")
	require.Empty(t, late.Faults())

	require.Contains(t, w.Browser.Get(address(b)+"delete/").Main(), "What it made is kept")
	require.Equal(t, at, w.Post(address(b)+"delete/", "confirmed", "1").Location)
	require.Equal(t, "Farbe", w.label("colour"))
}

func TestKeepingAFile(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.ship("example/colour.yaml", strings.Replace(text("colour", "Colour"), "entries:", "  labels: {blueprints.goauthentik.io/instantiate: \"false\"}\nentries:", 1))
	form := w.clean(at + "new/?source=file")
	require.Contains(t, form.Body, "example/colour.yaml — colour")
	none := w.Post(at+"new/", form.Fields("name", "mine")...)
	require.Contains(t, none.Main(), "Choose a file.")
	made := w.Post(at+"new/", append(form.Fields("name", "mine"), "path", "example/colour.yaml")...)
	require.Equal(t, http.StatusSeeOther, made.Status, made.Main())
	require.Equal(t, "Colour", w.label("colour"))
	b := w.named("mine")
	off := w.Post(address(b) + "disable/").Follow()
	require.Contains(t, off.Text(), "is not applied any more")
	require.Contains(t, w.Post(address(b)+"disable/").Follow().Text(), "Somebody did that meanwhile")
	require.Contains(t, w.Post(address(b)+"apply/").Follow().Text(), "This blueprint is disabled")
	require.Contains(t, w.Post(address(b)+"enable/").Follow().Text(), "is enabled and applied")
}

func TestImporting(t *testing.T) {
	t.Parallel()
	w := open(t)
	form := w.clean(at + "import/")
	require.Contains(t, form.Main(), "You see what it would change first")
	empty := w.Post(at+"import/", "act", "plan", "content", "")
	require.Contains(t, empty.Main(), "Choose a file, or paste a document.")
	bad := w.Post(at+"import/", "act", "plan", "content", wrong)
	require.Equal(t, http.StatusBadRequest, bad.Status)
	require.Empty(t, bad.Faults())
	require.Contains(t, bad.Main(), "line 13, column")
	require.Contains(t, bad.Main(), "Not offered")

	body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.yaml\"\r\nContent-Type: application/yaml\r\n\r\n" + text("colour", "Colour") +
		"\r\n--b\r\nContent-Disposition: form-data; name=\"act\"\r\n\r\nplan\r\n--b--\r\n"
	plan := w.PostBody(at+"import/", "multipart/form-data; boundary=b", body)
	require.Equal(t, http.StatusOK, plan.Status, plan.Main())
	require.Empty(t, plan.Faults())
	require.Contains(t, plan.Main(), "Apply these changes?")
	require.Empty(t, w.label("colour"))
	hidden := plan.Hidden()
	require.Contains(t, w.Post(at+"import/", append(hidden, "act", "edit")...).Body, "field_key: colour")
	done := w.Post(at+"import/", append(hidden, "act", "apply")...)
	require.Equal(t, at, done.Location)
	require.Contains(t, done.Follow().Text(), "The document was applied: 4 created")
	require.Equal(t, "Colour", w.label("colour"))

	skipped := w.Post(at+"import/", "act", "plan", "content", "version: 1\nentries:\n  - {model: authentik_nothing.thing, identifiers: {name: x}}\n", "skip_unsupported", "true")
	require.Equal(t, http.StatusOK, skipped.Status)
	require.Contains(t, skipped.Main(), "Left out")
	require.Contains(t, w.PostBody(at+"import/", "multipart/form-data; boundary=b",
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\xff\xfe\r\n--b--\r\n").Main(), "not a text file")
}

// Nobody but an administrator reaches any of the pages.
func TestWhoeverIsNoAdministratorIsRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	b := w.keep("mine", text("colour", "Colour"))
	person := w.As(w.Site.User("person"))
	for _, route := range w.Routes(at) {
		method, path, _ := strings.Cut(route, " ")
		path = strings.ReplaceAll(path, "{blueprint}", b.ID.String())
		if method == http.MethodGet {
			require.Equal(t, http.StatusForbidden, person.Get(path).Status, route)
			require.Equal(t, http.StatusSeeOther, w.Stranger().Get(path).Status, route)
			continue
		}
		require.Equal(t, http.StatusForbidden, person.Post(path, "confirmed", "1", "act", "apply", "content", wrong).Status, route)
	}
	require.True(t, w.named("mine").Enabled)
}
