package flow

import (
	"context"
	"io"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Stage is one kind of step, built from its settings. It holds no state of a
// run; its effects are idempotent, because a request may be sent twice.
type Stage interface {
	// Enter is called when the browser arrives at the stage, and again every
	// time the page is loaded.
	Enter(ctx context.Context, run *Run) (Step, error)
	// Submit is called with the answer to the challenge that Enter asked. An
	// *idp.Error with CodeInvalid shows the challenge again with the messages
	// beside the fields.
	Submit(ctx context.Context, run *Run, in Input) (Step, error)
}

// Step is what a stage wants to happen. The set is closed: Next, Ask, Deny,
// Redirect.
type Step interface{ step() }

// Next means the stage is passed.
type Next struct{}

// Ask shows a challenge.
type Ask struct{ Challenge Challenge }

// Deny ends the run, or restarts it where the binding says so. Reason is safe
// to show.
type Deny struct{ Reason string }

// Redirect ends the run and sends the browser elsewhere. Exactly one of URL and
// Flow is set.
type Redirect struct {
	// URL is relative, or an absolute http(s) one that an operator configured;
	// never what a visitor sent.
	URL string
	// Flow is another flow to open in the same browser, with is_redirected set.
	Flow *idp.FlowID
	// Slug names the other flow instead of Flow.
	Slug string
	// KeepContext hands this run's context to the other flow.
	KeepContext bool
}

func (Next) step()     {}
func (Ask) step()      {}
func (Deny) step()     {}
func (Redirect) step() {}

// Challenge is what a stage asks of a person or a program. The same value is
// rendered to JSON (its exported fields, with `component` added) and to HTML.
type Challenge interface {
	// Component is the name on the wire, such as ak-stage-password.
	Component() string
}

// View draws a challenge as HTML; a templ component satisfies it.
type View interface {
	Render(ctx context.Context, w io.Writer) error
}

// Kind describes a kind of stage. Everything that lists, documents, stores,
// draws or tests stages is derived from it.
type Kind struct {
	Name          string // identification
	Model         string // authentik_stages_identification.identificationstage
	Form          string // ak-stage-identification-form
	Verbose       string // Identification Stage
	VerbosePlural string
	Summary       string // one sentence for people
	// Settings returns a pointer to the settings struct filled with defaults.
	// Keys are snake_case JSON names; a `help` tag explains each field.
	Settings func() any
	// Build makes the stage from a pointer to decoded settings. The error is
	// an *idp.Error with CodeInvalid and one message per wrong field.
	Build func(settings any) (Stage, error)
	// Examples are challenges for the storybook, the golden files and the docs.
	Examples []Challenge
	// View draws one of the kind's challenges; nil when it never asks.
	View func(Challenge, Page) View
	// Headless reports that the stage never shows anything.
	Headless bool
	// Acts reports that arriving at the stage may change something, although it
	// can also ask: a page that a program opens must not lead straight into it.
	Acts bool
	// Check judges what only the database can tell of decoded settings. It is
	// asked when settings are written, never when they are used; nil = nothing.
	Check func(ctx context.Context, repos idp.Repos, settings any) error
	// Facts adds what policies and expressions see of the kind's own keys, as
	// plain data; nil = the keys as they are. It is asked in every flow,
	// whether or not the flow has a stage of the kind.
	Facts func(ctx context.Context, run *Run, facts map[string]any) error
}

// Page is what a view needs beside the challenge.
type Page struct {
	Info      Info
	Action    string                  // where the form posts to
	Errors    map[string][]FieldError // by field; idp.NonField for the whole form
	Submitted Input                   // what was sent, without secrets, to fill the form again
	// Hidden are the form's hidden fields: they tell a form of this step from
	// one that the back button brought up.
	Hidden []Hidden
}

// Frame is what the page around a challenge's view shows.
type Frame struct {
	Person string // whom the challenge is about; "" = nobody
	Over   string // where to start over as somebody else; "" = no use
	Links  []Link // ways out, such as recovery
	Danger bool   // the step destroys something
	Wide   bool   // long texts or lists
	Told   bool   // nothing is asked: there is nothing to leave by cancelling
}

// Link is an address with its label.
type Link struct{ Label, Href string }

// Framed is a challenge that has something to say about the page around it.
type Framed interface{ Frame() Frame }

// Hidden is a field of a form that nobody sees.
type Hidden struct{ Name, Value string }

// FieldError is one message of response_errors.
type FieldError struct {
	String string `json:"string"`
	Code   string `json:"code"`
}

// Info is flow_info on the wire.
type Info struct {
	Title                string            `json:"title"`
	Background           string            `json:"background"`
	BackgroundThemedURLs map[string]string `json:"background_themed_urls"`
	CancelURL            string            `json:"cancel_url"`
	Layout               string            `json:"layout"`
}
