package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	texttemplate "text/template"
)

//go:embed template/email
var shipped embed.FS

// Templates are the texts of mails: those that come with the product, and those
// of a directory, which come first. They are read when they are used, so that a
// change needs no restart.
type Templates struct {
	dir string // "" = none
}

// NewTemplates returns the templates of the directory and the product's own.
func NewTemplates(dir string) *Templates { return &Templates{dir: dir} }

// Data is what a template is filled in with.
type Data struct {
	Subject string
	URL     string // where the mail leads, with a link's key
	Expires string // until when the link works, such as "30 minutes"; "" = no link
	Once    bool   // its first use ends the link
	User    Person
	Brand   Brand
}

// Person is whom a mail is for.
type Person struct{ Username, Name, Email string }

// Brand is who the mail is from.
type Brand struct {
	Title string
	Logo  string // absolute URL of an image; "" = none
}

// Choice is a template that an email stage can name.
type Choice struct{ Name, Description string }

// described are the product's own templates.
var described = map[string]string{
	"email/password_reset.html":       "Password Reset",
	"email/account_confirmation.html": "Account Confirmation",
	"email/setup.html":                "Account Set-up",
}

// maxTemplate bounds a template's file, in bytes.
const maxTemplate = 1 << 20

// List returns every template that a stage can name, in the order of their
// names.
func (t *Templates) List() ([]Choice, error) {
	found := maps.Clone(described)
	if t.dir != "" {
		err := fs.WalkDir(os.DirFS(t.dir), ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(name) != ".html" || strings.HasPrefix(path.Base(name), ".") {
				return err
			}
			if found[name] == "" {
				found[name] = "Custom Template"
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("listing the mail templates: %w", err)
		}
	}
	out := make([]Choice, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, Choice{Name: name, Description: found[name]})
	}
	return out, nil
}

// Notices lists every template that a mail about an event can be filled in from: the
// usual one, and those of the directory. Those of links need what events have not.
func (t *Templates) Notices() ([]string, error) {
	all, err := t.List()
	if err != nil {
		return nil, err
	}
	out := []string{noticeTemplate}
	for _, c := range all {
		if described[c.Name] == "" && c.Name != noticeTemplate {
			out = append(out, c.Name)
		}
	}
	return out, nil
}

// Has reports whether there is a template of that name.
func (t *Templates) Has(name string) bool {
	_, err := t.read(name)
	return err == nil
}

// Fill returns a template filled in, as HTML and as plain text. The text comes
// from the file beside it that ends in .txt; without one it is short and has the
// link.
func (t *Templates) Fill(name string, d Data) (html, text string, err error) {
	return t.fill(name, d, "{{.Subject}}\n\n{{.URL}}\n")
}

// fill is Fill for any data; otherwise is the text of templates that have none.
func (t *Templates) fill(name string, d any, otherwise string) (html, text string, err error) {
	source, err := t.read(name)
	if err != nil {
		return "", "", err
	}
	parsed, err := htmltemplate.New(name).Option("missingkey=error").Parse(source)
	if err != nil {
		return "", "", fmt.Errorf("reading mail template: %w", err)
	}
	var out bounded
	if err := parsed.Execute(&out, d); err != nil {
		return "", "", fmt.Errorf("filling in mail template: %w", err)
	}
	html = out.String()
	plain, err := t.read(strings.TrimSuffix(name, ".html") + ".txt")
	if errors.Is(err, fs.ErrNotExist) {
		plain, err = otherwise, nil
	}
	if err != nil {
		return "", "", err
	}
	asText, err := texttemplate.New(name).Option("missingkey=error").Parse(plain)
	if err != nil {
		return "", "", fmt.Errorf("reading mail template: %w", err)
	}
	out.Reset()
	if err := asText.Execute(&out, d); err != nil {
		return "", "", fmt.Errorf("filling in mail template: %w", err)
	}
	return html, out.String(), nil
}

// maxFilled bounds a template that was filled in, in bytes.
const maxFilled = 128 << 10

// bounded takes no more than that.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxFilled {
		return 0, fmt.Errorf("it becomes more than %d kB", maxFilled>>10)
	}
	return b.Buffer.Write(p)
}

// read returns a template's source. Names lead nowhere but into the directory
// and the product's own files, whatever links there are.
func (t *Templates) read(name string) (string, error) {
	if !fs.ValidPath(name) || path.Ext(name) != ".html" && path.Ext(name) != ".txt" {
		return "", fmt.Errorf("mail template %q: %w", name, fs.ErrNotExist)
	}
	if t.dir != "" {
		source, err := t.own(name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return source, err
		}
	}
	source, err := shipped.ReadFile("template/" + name)
	if err != nil {
		return "", fmt.Errorf("mail template %q: %w", name, fs.ErrNotExist)
	}
	return string(source), nil
}

func (t *Templates) own(name string) (string, error) {
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return "", fmt.Errorf("opening the directory of mail templates: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return "", fmt.Errorf("mail template %q: %w", name, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxTemplate {
		return "", fmt.Errorf("mail template %q is not a regular file of at most %d bytes", name, maxTemplate)
	}
	source, err := root.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("mail template %q: %w", name, err)
	}
	return string(source), nil
}
