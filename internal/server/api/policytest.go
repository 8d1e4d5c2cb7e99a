package api

import (
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

type policyTestBody struct {
	User    Optional[idp.UserID]     `json:"user" api:"required" help:"Whom the question is about."`
	Context Optional[map[string]any] `json:"context" api:"null" help:"What the flow would know: context in expressions."`
}

// PolicyTestResult is what became of trying a policy.
type PolicyTestResult struct {
	Passing     bool       `json:"passing"`
	Messages    []string   `json:"messages"`
	LogMessages []LogEvent `json:"log_messages"`
}

// LogEvent is one line of what happened.
type LogEvent struct {
	Timestamp  time.Time      `json:"timestamp"`
	LogLevel   policy.Level   `json:"log_level" enum:"critical,exception,error,warn,warning,info,debug,notset"`
	Logger     string         `json:"logger"`
	Event      string         `json:"event"`
	Attributes map[string]any `json:"attributes"`
}

// testPolicy evaluates a policy as it is stored, for a user and a context. What
// goes wrong in it is its answer, not a fault of the request.
func (a *API) testPolicy(c *call) (any, error) {
	p, err := a.findPolicy(c, idp.VerbRead, "")
	if err != nil {
		return nil, err
	}
	var b policyTestBody
	if err := decodeBody(c.r, &b, whole); err != nil {
		return nil, err
	}
	if err := a.Access.Check(c.actor, idp.VerbRead, idp.Of(idp.ResourceUser, b.User.Value)); err != nil {
		return nil, err
	}
	u, err := a.Store.Repos().Users.Get(c, b.User.Value)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.Invalid("user", "Invalid pk \"%d\" - object does not exist.", b.User.Value)
	}
	if err != nil {
		return nil, err
	}
	req := idp.PolicyRequest{User: u, SignedIn: c.actor.User, Context: b.Context.Or(map[string]any{}), ClientIP: c.actor.ClientIP(), Debug: true}
	if r := c.actor.Request; r != nil {
		req.Path, req.Method, req.Query = r.Path, r.Method, r.Query
	}
	t := a.Policies.Try(c, p, req)
	if err := c.Err(); err != nil {
		return nil, err // nobody waits any more
	}
	out := PolicyTestResult{Passing: t.Passing, Messages: t.Messages, LogMessages: []LogEvent{}}
	if out.Messages == nil {
		out.Messages = []string{}
	}
	for _, n := range t.Notes {
		out.LogMessages = append(out.LogMessages, LogEvent{Timestamp: n.At, LogLevel: n.Level, Logger: "policy", Event: n.Text, Attributes: n.Facts})
	}
	return out, nil
}
