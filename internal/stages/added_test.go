package stages_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func asError(err error, to **idp.Error) bool { return errors.As(err, to) }

func sortStrings(s []string) { slices.Sort(s) }

// What follows is all it takes to add a stage, in the order CONTRIBUTING tells
// it: settings, a challenge, a stage, a kind.

type riddleSettings struct {
	Question string `json:"question" help:"What is asked."`
	Answer   string `json:"answer" help:"What counts as right."`
}

type riddle struct {
	Question string `json:"question"`
}

func (riddle) Component() string { return "ak-stage-riddle" }

type riddleStage struct{ riddleSettings }

func (s riddleStage) Enter(context.Context, *flow.Run) (flow.Step, error) {
	return flow.Ask{Challenge: riddle{s.Question}}, nil
}

func (s riddleStage) Submit(_ context.Context, _ *flow.Run, in flow.Input) (flow.Step, error) {
	answer, err := in.Required("answer")
	if err != nil {
		return nil, err
	}
	if answer != s.Answer {
		return nil, idp.Invalid("answer", "Think again.")
	}
	return flow.Next{}, nil
}

type riddleView struct{ riddle }

func (v riddleView) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "<p>"+v.Question+"</p>")
	return err
}

func riddleKind() flow.Kind {
	return flow.Kind{
		Name: "riddle", Model: "example_stages_riddle.riddlestage", Form: "ak-stage-riddle-form",
		Verbose: "Riddle Stage", VerbosePlural: "Riddle Stages", Summary: "Asks a riddle.",
		Settings: func() any { return &riddleSettings{Question: "How many?"} },
		Build: func(settings any) (flow.Stage, error) {
			s := *settings.(*riddleSettings)
			if s.Answer == "" {
				return nil, idp.Invalid("answer", "A riddle needs an answer.")
			}
			return riddleStage{s}, nil
		},
		Examples: []flow.Challenge{riddle{"How many?"}},
		View:     func(c flow.Challenge, _ flow.Page) flow.View { return riddleView{c.(riddle)} },
	}
}

func TestAddingAStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, riddleKind())
	w.user("ada")
	f := w.flow("riddled")
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "riddle", `{"question": "What closes?", "answer": "a gate"}`)
	w.stage(f, 20, "user_login", `{}`)
	b := w.browser("one")
	require.Equal(t, "What closes?", shows(t, b.post("riddled", flow.Input{"uid_field": "ada"}), "ak-stage-riddle")["question"])
	wrong(t, b.post("riddled", flow.Input{"answer": "a door"}), "answer", "Think again.")
	done(t, b.post("riddled", flow.Input{"answer": "a gate"}), "/")
	require.True(t, b.alive())

	require.Equal(t, "question", riddleKind().Describe()[0].Name)
	_, err := riddleKind().Validate(t.Context(), nil, []byte(`{"qestion": "x"}`))
	require.ErrorContains(t, err, "Known settings: question, answer")
}
