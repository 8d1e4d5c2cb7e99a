package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const requestsPath = "/access_requests/"

// sentRequest is a request for access as it comes.
type sentRequest struct {
	UUID      idp.AccessRequestID
	User      idp.UserID
	Username  string
	Group     *idp.GroupID
	GroupName string `json:"group_name"`
	Reason    string
	Duration  int
	State     idp.AccessRequestState
	Created   time.Time
	Expires   time.Time
	Decided   *time.Time
	DecidedBy string `json:"decided_by"`
	Note      string
}

func (s *sentRequest) request() *idp.AccessRequest {
	r := &idp.AccessRequest{ID: s.UUID, UserID: s.User, Username: s.Username, GroupName: s.GroupName, Reason: s.Reason,
		Duration: time.Duration(s.Duration) * time.Second, State: s.State, CreatedAt: s.Created, ExpiresAt: s.Expires,
		DecidedAt: s.Decided, DecidedBy: s.DecidedBy, Note: s.Note}
	if s.Group != nil {
		r.GroupID = *s.Group
	}
	return r
}

// EachRequest implements Requests.
func (r *remote) EachRequest(ctx context.Context, q RequestQuery, each func(*idp.AccessRequest)) error {
	query := url.Values{"ordering": {strings.Join(requestOrder, ",")}}
	if q.State != "" {
		query.Set("state", string(q.State))
	}
	if q.Search != "" {
		query.Set("search", q.Search)
	}
	return pages(ctx, r, requestsPath, query, func(some []sentRequest) {
		for i := range some {
			each(some[i].request())
		}
	})
}

// AskFor implements Requests.
func (r *remote) AskFor(ctx context.Context, d RequestDraft) (*idp.AccessRequest, error) {
	if d.User != "" {
		return nil, idp.Invalid("user", "Over a server, people ask for themselves: leave --user out.")
	}
	var groups []struct {
		PK   idp.GroupID
		Name string
	}
	if err := r.call(ctx, http.MethodGet, requestsPath+"groups/", nil, nil, &groups); err != nil {
		return nil, err
	}
	for _, g := range groups {
		if g.Name == d.Group {
			return r.onRequest(ctx, requestsPath, map[string]any{"group": g.PK, "duration": int64(d.Duration / time.Second), "reason": d.Reason})
		}
	}
	return nil, idp.Invalid("group", "There is no group %q that can be asked for.", d.Group)
}

// DecideRequest implements Requests.
func (r *remote) DecideRequest(ctx context.Context, id idp.AccessRequestID, approve bool, note string) (*idp.AccessRequest, error) {
	what := "deny/"
	if approve {
		what = "grant/"
	}
	return r.onRequest(ctx, requestsPath+id.String()+"/"+what, map[string]any{"note": note})
}

// EndRequest implements Requests.
func (r *remote) EndRequest(ctx context.Context, id idp.AccessRequestID) (*idp.AccessRequest, error) {
	return r.onRequest(ctx, requestsPath+id.String()+"/end/", nil)
}

func (r *remote) onRequest(ctx context.Context, path string, body any) (*idp.AccessRequest, error) {
	var answer sentRequest
	if err := r.call(ctx, http.MethodPost, path, nil, body, &answer); err != nil {
		return nil, err
	}
	return answer.request(), nil
}
