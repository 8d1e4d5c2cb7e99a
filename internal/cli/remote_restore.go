package cli

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const lockdownsPath = "/lockdowns/"

// LastLockdown implements Restores.
func (r *remote) LastLockdown(ctx context.Context, username string) (idp.LockdownID, error) {
	u, err := r.GetUser(ctx, username)
	if err != nil {
		return idp.LockdownID{}, err
	}
	var answer struct {
		Results []struct {
			PK idp.LockdownID `json:"pk"`
		} `json:"results"`
	}
	query := url.Values{"user": {u.ID.String()}, "ordering": {"-started_at"}, "page_size": {"1"}}
	if err := r.call(ctx, http.MethodGet, lockdownsPath, query, nil, &answer); err != nil {
		return idp.LockdownID{}, err
	}
	if len(answer.Results) == 0 {
		return idp.LockdownID{}, neverLocked(username)
	}
	return answer.Results[0].PK, nil
}

// RestoreList implements Restores.
func (r *remote) RestoreList(ctx context.Context, id idp.LockdownID, since *time.Time) (*RestoreList, error) {
	query := url.Values{}
	if since != nil {
		query.Set("since", since.Format(time.RFC3339Nano))
	}
	var list RestoreList
	err := r.call(ctx, http.MethodGet, lockdownsPath+id.String()+"/restore/", query, nil, &list)
	return &list, err
}

// TakeRestoreStep implements Restores.
func (r *remote) TakeRestoreStep(ctx context.Context, id idp.LockdownID, o RestoreOrder) (string, error) {
	path := o.Act
	if o.Act == "factor" {
		path = "factors/" + o.Factor + "/remove"
	}
	body := map[string]any{}
	maps.Copy(body, o.Body)
	if o.Since != nil {
		body["since"] = o.Since.Format(time.RFC3339Nano)
	}
	var answer struct {
		Link string `json:"link"`
	}
	err := r.call(ctx, http.MethodPost, lockdownsPath+id.String()+"/restore/"+path+"/", nil, body, &answer)
	return answer.Link, err
}
