package mail

import (
	"errors"
	"io/fs"
	"path"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/email"
)

// Letter is what the template of a policy's mail is filled in with. It has the
// names that Data has, so that one template serves both, and Context besides.
type Letter struct {
	Subject string
	User    Person
	Brand   Brand
	// Context is what the policy gave.
	Context map[string]any
}

// URL is where the mail leads: "url" of the context, an http or https address.
func (l Letter) URL() (string, error) {
	address, ok := l.Context["url"].(string)
	if !ok {
		return "", errors.New(`this template has a link: give its address as "url" in "context"`)
	}
	if !web(address) {
		return "", errors.New(`"url" in "context" must be an address that begins with https:// or http://`)
	}
	return address, nil
}

// Expires is for how long the link works, in words: "expires" of the context.
func (l Letter) Expires() (string, error) {
	words, ok := l.Context["expires"].(string)
	if !ok || words == "" {
		return "", errors.New(`this template says how long its link works: give that as "expires" in "context", such as "30 minutes"`)
	}
	return words, nil
}

// Once reports whether the first use ends the link: "once" of the context.
func (l Letter) Once() bool {
	once, _ := l.Context["once"].(bool)
	return once
}

// Own implements policies.Post.
func (s *Service) Own(stage *idp.Stage) (bool, error) {
	settings, err := email.Read(stage.Settings)
	if err != nil {
		return false, idp.Invalid("stage", `"stage": the settings of stage %q cannot be used: %v`, stage.Name, err)
	}
	return !settings.UseGlobalSettings, nil
}

// Fill implements policies.Post.
func (s *Service) Fill(d idp.Draft, to idp.Addressee) (html, text string, err error) {
	if path.Ext(d.Template) != ".html" {
		return "", "", idp.Invalid("template", `"template": there is no mail template %.100q; its name ends in .html`, d.Template)
	}
	l := Letter{Subject: d.Subject, Brand: Brand{Title: line(d.Brand)}, Context: d.Context,
		User: Person{Username: line(to.Username), Name: line(to.Name), Email: to.Address}}
	if l.Brand.Title == "" {
		l.Brand.Title = "Portcullis"
	}
	for _, name := range []string{to.Username, to.Address} {
		if l.User.Name == "" {
			l.User.Name = line(name)
		}
	}
	if l.Context == nil {
		l.Context = map[string]any{}
	}
	html, text, err = s.Texts.fill(d.Template, l, "")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "", idp.Invalid("template", `"template": there is no mail template %.100q`, d.Template)
	case err != nil:
		return "", "", idp.Invalid("template", `"template": %v`, err)
	}
	if text == "" {
		text = asText(html)
	}
	return printable(html), printable(text), nil
}
