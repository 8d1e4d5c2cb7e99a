package page

import (
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// standings is how each standing of a stage looks.
var standings = map[flow.Standing]ui.Tone{
	flow.StandingPassed: ui.ToneOK, flow.StandingCurrent: ui.ToneInfo,
	flow.StandingLeftOut: ui.ToneWarn, flow.StandingPlanned: ui.ToneNeutral, flow.StandingEnded: ui.ToneNeutral,
}

// verdictText sums a verdict up in a few words.
func verdictText(v *flow.Verdict) string {
	switch {
	case v.Fault != "":
		return "No answer"
	case len(v.Policies) == 0 && v.Passing:
		return "No policies"
	case v.Passing:
		return "Let in"
	}
	return "Kept out"
}

func verdictTone(v *flow.Verdict) ui.Tone {
	switch {
	case v.Fault != "":
		return ui.ToneBad
	case v.Passing:
		return ui.ToneOK
	}
	return ui.ToneWarn
}

// traceName is what a binding of policies is called.
func traceName(t idp.PolicyTrace) string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Kind == "group":
		return "Membership of a group"
	case t.Kind == "user":
		return "A certain user"
	}
	return "A binding of nothing"
}

func traceText(t idp.PolicyTrace) string {
	out := "does not pass"
	if t.Passing {
		out = "passes"
	}
	if t.Fault != "" {
		out = "gave no answer, counts as " + map[bool]string{true: "passing", false: "not passing"}[t.Passing]
	}
	if t.Negated {
		out += ", negated"
	}
	return out + " · " + took(t.Took)
}

func took(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
}

// stageHref is the stage's page in the console.
func stageHref(s flow.InspectedStage) string {
	return AdminPath + "stages/" + s.Binding.StageID.String() + "/"
}

// overText says how the run ended.
func overText(i *flow.Inspection) string {
	if i.Next == "" {
		return "The run is over."
	}
	return "The run is over. The browser goes to " + i.Next + "."
}
