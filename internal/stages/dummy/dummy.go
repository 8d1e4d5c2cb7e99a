package dummy

import (
	"context"
	"errors"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Settings configure the stage.
type Settings struct {
	ThrowError bool `json:"throw_error" help:"Fail instead, to see what people see when a stage breaks."`
}

// Repos reads what the stage looks up.
type Repos interface{ Repos() idp.Repos }

// Kind describes the stage.
func Kind(store Repos) flow.Kind {
	return flow.Kind{
		Name: "dummy", Model: "authentik_stages_dummy.dummystage", Form: "ak-stage-dummy-form",
		Verbose: "Dummy Stage", VerbosePlural: "Dummy Stages",
		Summary:  "Shows its name and a button, for trying a flow out.",
		Settings: func() any { return &Settings{} },
		Build:    func(settings any) (flow.Stage, error) { return stage{*settings.(*Settings), store}, nil },
		Examples: []flow.Challenge{Challenge{Name: "A step that is not there yet"}},
		View:     func(c flow.Challenge, p flow.Page) flow.View { return view(c.(Challenge), p) },
	}
}

// Challenge shows the stage's name.
type Challenge struct {
	Name string `json:"name"`
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-dummy" }

// errTold is the failure that throw_error asks for.
var errTold = errors.New("the dummy stage is told to fail")

type stage struct {
	settings Settings
	store    Repos
}

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	if s.settings.ThrowError {
		return nil, errTold
	}
	own, err := s.store.Repos().Stages.Get(ctx, run.Binding.StageID)
	if err != nil {
		return nil, err
	}
	return flow.Ask{Challenge: Challenge{Name: own.Name}}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(context.Context, *flow.Run, flow.Input) (flow.Step, error) {
	return flow.Next{}, nil
}
