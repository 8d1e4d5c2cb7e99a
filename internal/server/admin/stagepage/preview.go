package stagepage

import (
	"cmp"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// sample is how a prompt looks.
type sample struct {
	Challenge prompt.Challenge
	Hidden    bool                 // nothing is seen of it
	Wrong     map[string]*ui.Fault // what is wrong with its expressions, by field
}

// sampleOf tries what was typed, with whoever looks at it as the pending user.
func sampleOf(r *http.Request, form promptForm) sample {
	var p idp.Prompt
	_ = form.apply(&p) // the order changes nothing here
	p.Type, p.Label, p.FieldKey = cmp.Or(p.Type, string(prompt.Text)), cmp.Or(p.Label, "No label yet"), cmp.Or(p.FieldKey, "key")
	viewer, info := web.User(r), web.RequestInfo(r)
	req := idp.PolicyRequest{User: viewer, SignedIn: viewer, Path: info.Path, Method: info.Method, ClientIP: info.ClientIP,
		Context: previewContext(viewer)}
	c, errs := prompt.Try(r.Context(), &p, req)
	out := sample{Challenge: c, Hidden: prompt.Type(p.Type) == prompt.Hidden, Wrong: map[string]*ui.Fault{}}
	sources := map[string]string{"placeholder": p.Placeholder, "initial_value": p.InitialValue}
	for field, err := range errs {
		out.Wrong[field] = settingsform.FaultOf(err)
		if instead, certain := policy.Translate(sources[field], false); certain {
			out.Wrong[field] = settingsform.Offer(out.Wrong[field], instead)
		}
	}
	return out
}

// previewContext is what a flow about somebody would know, a lockdown among them.
func previewContext(u *idp.User) map[string]any {
	target := u.Facts()
	target["holdings"] = map[string]any{"sessions": 2, "tokens": 1, "consents": 0, "invitations": 0, "grants": 0, "applications": 0}
	return map[string]any{"pending_user": u.Facts(), "prompt_data": map[string]any{},
		"lockdown_target_user": target, "lockdown_target_users": []any{target}}
}

// previewParts are what changes while somebody types.
const previewParts = "preview field-initial_value-status field-placeholder-status"

func (p *Pages) previewNew(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	if answered, err := previewed(w, r, sent); answered || err != nil {
		return err
	}
	return p.showNewPrompt(w, r, readPromptForm(sent), page.Faults{}, page.BackOf(r, sent))
}

func (p *Pages) previewPrompt(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadPrompt(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	if answered, err := previewed(w, r, sent); answered || err != nil {
		return err
	}
	return p.showEditPrompt(w, r, row, readPromptForm(sent), page.Faults{}, sent)
}

// previewed answers a script with the parts it asks for.
func previewed(w http.ResponseWriter, r *http.Request, sent web.Form) (bool, error) {
	if r.Header.Get("X-Partial") == "" {
		return false, nil
	}
	form := readPromptForm(sent)
	s := sampleOf(r, form)
	return true, page.Render(w, r, previewPart(s, form.fields(page.Faults{}, s.Wrong)))
}
