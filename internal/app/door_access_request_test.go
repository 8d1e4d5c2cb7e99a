package app_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// accessRequest has somebody's request granted.
func (d *doorway) accessRequest(how spoil) error {
	d.Helper()
	ctx, repos := d.Context(), d.repos()
	u := d.now(d.person(how))
	group := &idp.Group{Name: unique("crew")}
	require.NoError(d, repos.Groups.Create(ctx, group))
	row := &idp.AccessRequest{UserID: u.ID, GroupID: group.ID, GroupName: group.Name, Reason: "the door", Duration: time.Minute, Generation: u.SessionGeneration}
	lapse := time.Minute
	if how == expired {
		lapse = -time.Second
	}
	require.NoError(d, repos.AccessRequests.Create(ctx, row, lapse))
	id := row.ID
	switch how {
	case forged:
		id = idp.NewID[idp.AccessRequest]()
	case ended:
		d.one("WITH over AS (UPDATE access_requests SET state = 'ended' WHERE id = '" + id.String() + "' RETURNING 1) SELECT count(*) FROM over")
	default:
		d.common(u, how)
	}
	_, err := d.Elevations.Grant(ctx, idp.SystemActor(), id, "")
	return err
}
