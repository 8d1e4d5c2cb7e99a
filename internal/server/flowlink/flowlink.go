// Package flowlink opens links into flows (recovery, set-up, mailed ones) in a
// browser, for the pages and for the API alike.
//
// Opening does not use a link up: programs that look through mail open links as
// well. Whatever the flow does with it (a new password, a session, an account
// switched on) uses it up. It must not know how links are made, or SQL.
package flowlink

import (
	"bytes"
	"context"
	"errors"
	"net/url"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Param is the part of a flow's query string that carries a link's key.
const Param = "flow_token"

// Tokens honours links; see token.Service.
type Tokens interface {
	// Open returns what is behind a link's key, without using it up. CodeRefused
	// means that the link does not work.
	Open(ctx context.Context, key string) (*token.Opening, error)
}

// Flows begins flows; see flow.Executor.
type Flows interface {
	Begin(ctx context.Context, v flow.Visit, set func(*flow.Run)) (link string, err error)
	Restore(ctx context.Context, v flow.Visit, state []byte, set func(*flow.Run)) (link string, err error)
	Opened(ctx context.Context, v flow.Visit) (flow.Opened, bool, error)
}

// ErrDead is a link that was used, has expired, was replaced or never existed,
// or whose account may not act.
var ErrDead = errors.New("the link does not work")

// Open begins the flow that a link is for, or goes on with it where it was sent
// in the middle of one, about the person the link was made for, and returns the
// page to send the browser to. The key is not part of it: it stays out of the
// history and of what the page refers to. Errors: ErrDead; CodeForbidden when the
// flow is not for whoever asks; one that idp.Locked reports when a lock refuses
// its account for now.
func Open(ctx context.Context, tokens Tokens, flows Flows, v flow.Visit, key string) (to string, err error) {
	o, err := tokens.Open(ctx, key)
	switch {
	case idp.Locked(err):
		return "", err // who holds the link may know why it does not count now
	case idp.Is(err, idp.CodeRefused), err == nil && o.Token.FlowSlug != v.Slug:
		return "", ErrDead
	case err != nil:
		return "", err
	}
	delete(v.Query, Param)
	if o.Link == nil {
		to, err = flows.Begin(ctx, v, func(run *flow.Run) { settle(run, o, key) })
		to = withQuery(to, v.Query)
	} else {
		to, err = flows.Restore(ctx, v, o.Link.State, func(run *flow.Run) { settle(run, o, key) })
	}
	var not *flow.NotApplicable
	if errors.As(err, &not) {
		web.From(ctx).Record.Warn(not.Cause)
		return "", idp.Forbidden("%s", not.Message())
	}
	return to, err
}

// settle makes a run one about the link's own user.
func settle(run *flow.Run, o *token.Opening, key string) {
	run.SetPending(o.User)
	if o.Link != nil {
		// As of when it was asked for: what was ended since ends this, too.
		flow.KeyPending.Put(run.Vars, flow.Pending{User: o.User.ID, Generation: o.Link.SessionGeneration})
	}
	flow.KeyPendingIdentifier.Drop(run.Vars)
	flow.KeyRestored.Put(run.Vars, true)
	flow.KeyLink.Put(run.Vars, o.Token.ID)
	flow.KeyOpened.Put(run.Vars, flow.Opened{User: o.User.ID, Digest: secret.DigestOf(key).Bytes()})
	flow.KeyAuthMethod.Put(run.Vars, "token")
	flow.KeyAuthMethodArgs.Put(run.Vars, map[string]any{"identifier": o.Token.Identifier})
}

func withQuery(path string, query map[string]string) string {
	values := url.Values{}
	for name, value := range query {
		values.Set(name, value)
	}
	if len(values) == 0 || path == "" {
		return path
	}
	return path + "?" + values.Encode()
}

// Enter is Open for a program that sends the link with every request: where the
// browser's run came from this very link, it goes on.
func Enter(ctx context.Context, tokens Tokens, flows Flows, v flow.Visit, key string) error {
	opened, ok, err := flows.Opened(ctx, v)
	if err != nil {
		return err
	}
	if ok && bytes.Equal(opened.Digest, secret.DigestOf(key).Bytes()) {
		return nil
	}
	_, err = Open(ctx, tokens, flows, v, key)
	return err
}

// Locked says of a link that works that a lock refuses it for now; err is of the
// kind that idp.Locked reports.
func Locked(err error) *flow.Answer {
	var e *idp.Error
	errors.As(err, &e)
	return &flow.Answer{
		Info:      flow.Info{Title: "Access is locked", CancelURL: flow.CancelURL, Layout: "stacked"},
		Challenge: flow.AccessDenied{UserInfo: flow.NewUserInfo(""), ErrorMessage: e.Message, Refusal: e},
	}
}

// Dead says the same of every link that does not work.
func Dead() *flow.Answer {
	return &flow.Answer{
		Info: flow.Info{Title: "This link does not work", CancelURL: flow.CancelURL, Layout: "stacked"},
		Challenge: flow.AccessDenied{UserInfo: flow.NewUserInfo(""), ErrorMessage: "It has been used, has expired, or a newer one has taken its place. " +
			"Ask whoever gave it to you for a new one."},
	}
}
