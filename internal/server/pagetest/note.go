package pagetest

import (
	"context"
	"fmt"
	"html"
	"io"

	"github.com/portcullis-idp/portcullis/internal/flow"
)

// note is a kind of stage that shows a sentence and passes when it was read.
var note = flow.Kind{
	Name: "note", Model: "pagetest.note", Verbose: "Note", VerbosePlural: "Notes", Summary: "Shows a sentence.",
	Settings: func() any { return &struct{}{} },
	Build:    func(any) (flow.Stage, error) { return noteStage{}, nil },
	View: func(_ flow.Challenge, p flow.Page) flow.View {
		return noteView{p}
	},
}

type noteStage struct{}

type noteChallenge struct{ flow.UserInfo }

func (noteChallenge) Component() string { return "note" }

func (noteStage) Enter(context.Context, *flow.Run) (flow.Step, error) {
	return flow.Ask{Challenge: noteChallenge{UserInfo: flow.NewUserInfo("ada")}}, nil
}

func (noteStage) Submit(context.Context, *flow.Run, flow.Input) (flow.Step, error) {
	return flow.Next{}, nil
}

type noteView struct{ page flow.Page }

// Render implements flow.View.
func (v noteView) Render(_ context.Context, w io.Writer) error {
	_, err := fmt.Fprintf(w, `<form method="post" action="%s"><p>Read this.</p><button>Continue</button></form>`, html.EscapeString(v.page.Action))
	return err
}
