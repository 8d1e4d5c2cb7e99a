package redirect

import (
	"context"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The modes.
const (
	ModeStatic = "static"
	ModeFlow   = "flow"
)

// Settings configure the stage.
type Settings struct {
	KeepContext  bool        `json:"keep_context" help:"In flow mode: the other flow goes on with what this one knows."`
	Mode         string      `json:"mode" enum:"static,flow" labels:"An address,Another flow" help:"Where to: an address, or another flow."`
	TargetStatic string      `json:"target_static" help:"In static mode: the address, relative (/if/user/) or with http(s)."`
	TargetFlow   *idp.FlowID `json:"target_flow" ref:"flow" help:"In flow mode: the other flow."`
}

// Kind describes the stage.
func Kind() flow.Kind {
	return flow.Kind{
		Name: "redirect", Model: "authentik_stages_redirect.redirectstage", Form: "ak-stage-redirect-form",
		Verbose: "Redirect Stage", VerbosePlural: "Redirect Stages",
		Summary:  "Ends the flow and sends the browser to an address or into another flow.",
		Settings: func() any { return &Settings{KeepContext: true, Mode: ModeFlow} },
		Build:    build,
		Headless: true,
	}
}

func build(settings any) (flow.Stage, error) {
	s := *settings.(*Settings)
	var faults idp.Faults
	switch {
	case s.Mode == ModeStatic && s.TargetStatic == "":
		faults.Add("target_static", "Target URL should be present when mode is Static.")
	case s.Mode == ModeStatic && !flow.Relative(s.TargetStatic) && !flow.External(s.TargetStatic):
		faults.Add("target_static", "Not a valid address; expected one that begins with a single slash, http:// or https://.")
	case s.Mode == ModeFlow && s.TargetFlow == nil:
		faults.Add("target_flow", "Target Flow should be present when mode is Flow.")
	}
	return stage{s}, faults.Err()
}

type stage struct{ settings Settings }

// KeyTarget leads elsewhere than the settings: an address, or ak-flow:// and the
// slug of another flow. Policies set it.
const KeyTarget flow.Key[string] = "redirect_stage_target"

// flowScheme begins a target that is another flow.
const flowScheme = "ak-flow://"

// Enter implements flow.Stage.
func (s stage) Enter(_ context.Context, run *flow.Run) (flow.Step, error) {
	if target, set := KeyTarget.In(run.Vars); set {
		KeyTarget.Drop(run.Vars) // it is for this stage, not for one of the flow it leads to
		if slug, isFlow := strings.CutPrefix(target, flowScheme); isFlow {
			return flow.Redirect{Slug: slug, KeepContext: s.settings.KeepContext}, nil
		}
		return flow.Redirect{URL: target}, nil
	}
	if s.settings.Mode == ModeStatic {
		return flow.Redirect{URL: s.settings.TargetStatic}, nil
	}
	return flow.Redirect{Flow: s.settings.TargetFlow, KeepContext: s.settings.KeepContext}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	return s.Enter(ctx, run)
}
