package flow

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Opened says whose link opened a run, and which.
type Opened struct {
	User idp.UserID `json:"user"`
	// Digest is the SHA-256 of the link's key: a program that sends its link with
	// every request goes on with the run that the link began.
	Digest []byte `json:"digest"`
}

// KeyOpened is the link that opened the run. It stays after the link is used up.
const KeyOpened Key[Opened] = "opened_by"

// OpenedFor reports whether the run came from a link made for its pending user:
// whoever opened it reads that person's mail, or was given the link.
func (r *Run) OpenedFor(u *idp.User) bool {
	restored, _ := KeyRestored.In(r.Vars)
	opened, ok := KeyOpened.In(r.Vars)
	return ok && restored && u != nil && opened.User == u.ID
}

// carried are the values of a run's context that a link carries into another
// browser, besides prompt_data. Whatever else stages keep there may be a secret
// of this browser, or a proof that it gave; a stage whose key must be carried adds
// it here.
var carried = map[string]bool{
	string(KeyRedirect): true, string(KeyRedirected): true, string(KeyRecoveryURL): true, string(KeyDenyMessage): true,
	"application": true, "is_sso": true, "groups": true, "user_path": true, "user_type": true,
	"invitation": true, "invitation_in_effect": true,
}

// saved is what a link goes on with.
type saved struct {
	Plan  []idp.FlowBindingID `json:"plan"`
	Vars  Vars                `json:"vars,omitempty"`
	Query map[string]string   `json:"query,omitempty"`
}

// maxSaved is the largest that a link carries, in bytes: anybody may ask for
// links, and they are kept for a while.
const maxSaved = 64 << 10

// Save returns what a link needs to go on with the run from the present stage in
// another browser: the stages still to come, the query string, and of the context
// what is carried, with data as prompt_data. Who it is about is the link's own.
func (r *Run) Save(data map[string]any) (json.RawMessage, error) {
	s := saved{Vars: Vars{}, Query: r.Query}
	if r.at != nil {
		for _, b := range r.at.rest {
			s.Plan = append(s.Plan, b.row.ID)
		}
	}
	for key, raw := range r.Vars {
		if carried[key] {
			s.Vars[key] = raw
		}
	}
	if len(data) > 0 {
		KeyPromptData.Put(s.Vars, data)
	}
	raw, err := json.Marshal(s)
	if err == nil && len(raw) > maxSaved {
		err = &idp.Error{Code: idp.CodeTooLarge, Message: "What was sent is too large for this flow."}
	}
	return raw, err
}

// AsksNext reports whether the stage that follows the present one asks something
// before it does anything, or nothing follows. Policies are asked as they would
// be now.
func (r *Run) AsksNext(ctx context.Context) bool {
	if r.at == nil {
		return false
	}
	said, vars := len(r.Effects.Messages), r.Vars.Clone()
	defer func() { r.Effects.Messages, r.Vars = r.Effects.Messages[:said], vars }() // each policy speaks and sets when its stage is entered
	for _, b := range r.at.rest[1:] {
		if b.row.ReEvaluatePolicies {
			result, err := r.at.evaluate(ctx, b.row.ID.UUID(), b.row.PolicyMode, whenReached)
			if err != nil {
				return false // whoever enters the stage is told
			}
			if !result.Passing {
				continue
			}
		}
		return b.fault == nil && !b.kind.Headless && !b.kind.Acts
	}
	return true
}

// Restore is Begin for a link that goes on where a run was saved, in whichever
// browser. Where the browser has a run of the flow about the same person, its
// context is laid over what was saved: whoever opens the link where they began
// loses nothing. set says who the run is about; it has the last word. The error
// is a *NotApplicable when the flow is not for whoever asks, or is no longer what
// it was when the run was saved.
func (x *Executor) Restore(ctx context.Context, v Visit, state []byte, set func(*Run)) (link string, err error) {
	var s saved
	if err := json.Unmarshal(state, &s); err != nil {
		return "", fmt.Errorf("reading what a link into flow %s goes on with: %w", v.Slug, err)
	}
	if s.Plan == nil {
		return x.Begin(ctx, v, set)
	}
	if len(v.Browser) == 0 {
		return "", idp.Invalid("", "This flow runs in a browser, and the request did not come from one.")
	}
	release, err := x.turns.take(ctx, v.key())
	if err != nil {
		return "", err
	}
	defer release()
	p, err := x.load(ctx, v)
	if err != nil {
		return "", err
	}
	if s.Vars != nil {
		p.run.Vars = s.Vars
	}
	for name, value := range p.run.Query {
		if s.Query == nil {
			s.Query = map[string]string{}
		}
		s.Query[name] = value
	}
	p.run.Query = bounded(s.Query)
	set(p.run)
	if err := p.overlay(ctx, set); err != nil {
		return "", err
	}
	if err := p.replan(ctx, s.Plan); err != nil {
		return "", err
	}
	p.moved = true
	if err := p.store(ctx); err != nil {
		return "", fmt.Errorf("going on with flow %s: %w", v.Slug, err)
	}
	return address(p.run.Flow.Slug, p.run.Query), nil
}

// overlay lays the context of the browser's own run over the restored one, if
// both are about the same person. Nothing that says who it is, or what was
// proved, is taken from there.
func (p *passage) overlay(ctx context.Context, set func(*Run)) error {
	s, err := p.x.under(ctx, p.visit.Browser, p.run.Flow.ID)
	if err != nil || s == nil || s.User != p.actor() {
		return err
	}
	theirs, ok := KeyPending.In(s.Vars)
	if ours, known := KeyPending.In(p.run.Vars); !ok || !known || theirs != ours {
		return nil
	}
	for key, raw := range s.Vars {
		if carried[key] || key == string(KeyPromptData) {
			p.run.Vars[key] = raw
		}
	}
	set(p.run)
	return nil
}

// under is the stored run of a browser and a flow, nil for none that is under
// way.
func (x *Executor) under(ctx context.Context, browser []byte, flow idp.FlowID) (*state, error) {
	row, err := x.store.Repos().Runs.Find(ctx, browser, flow)
	if err != nil || row == nil {
		return nil, err
	}
	var s state
	if json.Unmarshal(row.State, &s) != nil || s.Done != "" {
		return nil, nil
	}
	return &s, nil
}

// replan makes the saved plan the present one, if the flow is still for whoever
// asks and has all of its stages.
func (p *passage) replan(ctx context.Context, plan []idp.FlowBindingID) error {
	if !p.meets() {
		return &NotApplicable{Flow: p.run.Flow, SignIn: p.wantsSignIn()}
	}
	if err := p.applicable(ctx); err != nil {
		return err
	}
	rest, whole := p.pick(plan)
	if !whole || len(rest) == 0 {
		return &NotApplicable{Flow: p.run.Flow, Messages: []string{"This flow has changed since the link was made. Start again."}}
	}
	p.rest, p.left, p.planned = rest, nil, nil
	return nil
}

// Opened returns the link that began the run which the browser has of the flow.
// The error is CodeNotFound when there is no such flow.
func (x *Executor) Opened(ctx context.Context, v Visit) (o Opened, ok bool, err error) {
	f, err := x.store.Repos().Flows.GetBySlug(ctx, v.Slug)
	if err != nil {
		return o, false, err
	}
	s, err := x.under(ctx, v.Browser, f.ID)
	if err != nil || s == nil {
		return o, false, err
	}
	o, ok = KeyOpened.In(s.Vars)
	return o, ok, nil
}
