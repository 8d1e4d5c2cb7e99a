package cli

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Requests are the requests for access of an installation; see elevate.Service.
type Requests interface {
	// EachRequest calls each with those that are asked for: what waits first.
	EachRequest(ctx context.Context, q RequestQuery, each func(*idp.AccessRequest)) error
	AskFor(ctx context.Context, d RequestDraft) (*idp.AccessRequest, error)
	DecideRequest(ctx context.Context, id idp.AccessRequestID, approve bool, note string) (*idp.AccessRequest, error)
	EndRequest(ctx context.Context, id idp.AccessRequestID) (*idp.AccessRequest, error)
}

// RequestQuery selects requests.
type RequestQuery struct {
	State  idp.AccessRequestState // "" = all
	Search string
}

// RequestDraft is a request to be made.
type RequestDraft struct {
	User     string // "" = who asks
	Group    string // its name
	Duration time.Duration
	Reason   string
}

// requestOrder is that of lists.
var requestOrder = []string{"state", "-created"}

// EachRequest implements Requests.
func (d *Direct) EachRequest(ctx context.Context, q RequestQuery, each func(*idp.AccessRequest)) error {
	f := idp.AccessRequestFilter{Paging: idp.Paging{Limit: stretch, Search: q.Search, Order: requestOrder}}
	if q.State != "" {
		f.State = &q.State
	}
	for {
		page, err := d.Elevations.Find(ctx, shell, f)
		if err != nil {
			return err
		}
		for i := range page.Items {
			each(&page.Items[i])
		}
		if f.Offset += len(page.Items); len(page.Items) < f.Limit {
			return nil
		}
	}
}

// AskFor implements Requests.
func (d *Direct) AskFor(ctx context.Context, draft RequestDraft) (*idp.AccessRequest, error) {
	out := elevate.Draft{Duration: draft.Duration, Reason: draft.Reason}
	if draft.User != "" {
		u, err := d.GetUser(ctx, draft.User)
		if err != nil {
			return nil, err
		}
		out.User = &u.ID
	}
	var err error
	if out.Group, err = d.Elevations.Named(ctx, shell, draft.Group); err != nil {
		return nil, err
	}
	return d.Elevations.Ask(ctx, shell, out)
}

// DecideRequest implements Requests.
func (d *Direct) DecideRequest(ctx context.Context, id idp.AccessRequestID, approve bool, note string) (*idp.AccessRequest, error) {
	if approve {
		return d.Elevations.Grant(ctx, shell, id, note)
	}
	return d.Elevations.Deny(ctx, shell, id, note)
}

// EndRequest implements Requests.
func (d *Direct) EndRequest(ctx context.Context, id idp.AccessRequestID) (*idp.AccessRequest, error) {
	return d.Elevations.End(ctx, shell, id)
}
