package policies

import (
	"context"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Post writes what is to be sent and takes it; mail.Service does.
type Post interface {
	// Ready reports whether the installation has a mail server.
	Ready() bool
	// Own reports whether an email stage has a mail server of its own.
	Own(stage *idp.Stage) (bool, error)
	// Fill fills in the draft's template for somebody, as HTML and as text. What
	// is wrong with the template or its context is CodeInvalid.
	Fill(d idp.Draft, to idp.Addressee) (html, text string, err error)
}

// noServer is why mail without a server is not sent.
const noServer = "the installation has no mail server"

// Prepare implements policy.Effects.
func (e Effects) Prepare(ctx context.Context, d idp.Draft) (messages []idp.Message, unsent string, err error) {
	stage, err := e.through(ctx, d.Stage)
	if err != nil || len(d.To) == 0 {
		return nil, "", err
	}
	if stage == (idp.StageID{}) && !e.ready() {
		unsent = noServer
	}
	out := idp.Message{Subject: d.Subject, Stage: stage, Policy: d.Policy}
	if len(d.CC)+len(d.BCC) > 0 { // one mail, and everybody gets a copy
		if err = e.fill(&out, d, d.To[0]); err != nil {
			return nil, "", err
		}
		out.Number, out.Named, out.CC = uuid.New(), addressesOf(d.To), addressesOf(d.CC)
	}
	for _, list := range [][]idp.Addressee{d.To, d.CC, d.BCC} {
		for _, to := range list {
			m := out
			m.To, m.User = to.Address, to.User
			if m.Number == uuid.Nil {
				m.Number = uuid.New()
				if err = e.fill(&m, d, to); err != nil {
					return nil, "", err
				}
			}
			messages = append(messages, m)
		}
	}
	return messages, unsent, nil
}

func (e Effects) fill(m *idp.Message, d idp.Draft, to idp.Addressee) (err error) {
	m.Text = d.Body
	if d.Template == "" {
		return nil
	}
	if e.Post == nil {
		return idp.Invalid("template", `"template": there are no mail templates here`)
	}
	m.HTML, m.Text, err = e.Post.Fill(d, to)
	return err
}

// through is the email stage of the name; the zero one when the installation's
// server takes the mail.
func (e Effects) through(ctx context.Context, name string) (none idp.StageID, err error) {
	if name == "" || e.Post == nil {
		return none, nil
	}
	kind := "email"
	page, err := e.Store.Repos().Stages.Find(ctx, idp.StageFilter{Kind: &kind, Name: &name, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return none, err
	}
	if len(page.Items) == 0 {
		return none, idp.Invalid("stage", `"stage": there is no email stage of the name %.100q`, name)
	}
	stage := page.Items[0]
	own, err := e.Post.Own(&stage)
	if err != nil || !own {
		return none, err
	}
	return stage.ID, nil
}

func (e Effects) ready() bool { return e.Post != nil && e.Post.Ready() }

func addressesOf(list []idp.Addressee) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.Address
	}
	return out
}
