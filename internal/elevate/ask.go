package elevate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	maxReason = 1000 // characters
	// openAtMost is how many requests of one person may be undecided.
	openAtMost = 20
)

// Draft is a request to be made.
type Draft struct {
	// User is whom it is for; nil = who asks. Only the system asks for others.
	User     *idp.UserID
	Group    idp.GroupID
	Duration time.Duration
	Reason   string
}

// Ask makes a request. It is carried, once granted, by the session that the actor asks
// in. Errors: CodeUnsigned, CodeForbidden, CodeRefused; CodeInvalid on user, group,
// duration or reason.
func (s *Service) Ask(ctx context.Context, actor idp.Actor, d Draft) (*idp.AccessRequest, error) {
	var who idp.UserID
	switch {
	case actor.System && d.User == nil:
		return nil, idp.Invalid("user", "Expected whom it is for: the shell is nobody's account.")
	case actor.System:
		who = *d.User
	case actor.User == nil:
		return nil, &idp.Error{Code: idp.CodeUnsigned, Message: "Authentication credentials were not provided."}
	case d.User != nil && *d.User != actor.User.ID:
		return nil, idp.Invalid("user", "People ask for themselves.")
	default:
		who = actor.User.ID
	}
	if err := s.access.Check(actor, idp.VerbCreate, idp.Of(idp.ResourceAccessRequest, who)); err != nil {
		return nil, err
	}
	var made *idp.AccessRequest
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Share(ctx, who)
		if idp.Is(err, idp.CodeNotFound) && actor.System {
			return idp.Invalid("user", "There is no such user.")
		}
		if err != nil {
			return err
		}
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.access.Check(now, idp.VerbCreate, idp.Of(idp.ResourceAccessRequest, who)); err != nil {
			return err
		}
		row := idp.AccessRequest{UserID: u.ID, Username: u.Username, GroupID: d.Group, Reason: strings.TrimSpace(d.Reason), Duration: d.Duration.Truncate(time.Second),
			Generation: u.SessionGeneration}
		if now.Session != nil {
			row.SessionID = &now.Session.ID
		}
		if err := s.access.Admit(ctx, idp.DoorAccessRequest, u, presented(&row, u)); err != nil {
			return err
		}
		if err := judge(ctx, tx, u, &row); err != nil {
			return err
		}
		if err := tx.AccessRequests.Create(ctx, &row, s.lapse()); err != nil {
			return err
		}
		made = &row
		return tell(ctx, tx, now, ActionMade, &row, u)
	})
	if err != nil {
		return nil, fmt.Errorf("asking for access: %w", err)
	}
	return made, nil
}

// presented is what the door of access requests is shown: nothing passes that ended
// the sessions of when it was asked.
func presented(r *idp.AccessRequest, u *idp.User) idp.Credential {
	c := idp.Credential{Family: idp.FamilySession, Generation: r.Generation, Expired: r.State == idp.AccessExpired,
		Ended: r.State == idp.AccessEnded && r.Generation == u.SessionGeneration}
	if !r.ID.IsZero() {
		c.AccessRequests = []idp.AccessRequestID{r.ID}
	}
	if r.SessionID != nil {
		c.Session = *r.SessionID
	}
	return c
}

// noGroup does not tell what there is none of from what may not be asked for.
const noGroup = "Choose one of the groups that can be asked for."

// judge validates a request of u, whose row is shared, and names its group.
func judge(ctx context.Context, tx idp.Repos, u *idp.User, row *idp.AccessRequest) error {
	var faults idp.Faults
	faults.Text("reason", row.Reason, maxReason, false)
	g, err := tx.Groups.Get(ctx, row.GroupID)
	if err != nil && !idp.Is(err, idp.CodeNotFound) {
		return err
	}
	most, ok := time.Duration(0), false
	if err == nil {
		most, ok = Maximum(g.Attributes)
	}
	switch {
	case !ok:
		faults.Add("group", noGroup)
	case slices.Contains(u.AllGroups, g.ID):
		faults.Add("group", "You are a member of %s already.", g.Name)
	}
	switch {
	case row.Duration < Shortest:
		faults.Add("duration", "Ensure this is at least %s.", Shortest)
	case ok && row.Duration > most:
		faults.Add("duration", "%s can be asked for up to %s at a time.", g.Name, Words(most))
	case row.Duration > Longest:
		faults.Add("duration", "Ensure this is at most %s.", Words(Longest))
	}
	if err := faults.Err(); err != nil {
		return err
	}
	row.GroupName = g.Name
	pending := idp.AccessPending
	waiting, err := tx.AccessRequests.Find(ctx, idp.AccessRequestFilter{UserID: &u.ID, State: &pending, Paging: idp.Paging{Limit: openAtMost}})
	if err != nil {
		return err
	}
	for _, other := range waiting.Items {
		if other.GroupID == g.ID {
			return idp.Invalid("group", "%s was asked for already, and nobody has decided yet.", g.Name)
		}
	}
	if waiting.Total >= openAtMost {
		return idp.Invalid("", "%d requests are waiting for a decision. Withdraw one first.", waiting.Total)
	}
	return nil
}

// Words is a duration as people say it, such as "8 hours" or "90 minutes".
func Words(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		if d >= unit.of && d%unit.of == 0 {
			if d == unit.of {
				return "1 " + unit.name
			}
			return fmt.Sprintf("%d %ss", d/unit.of, unit.name)
		}
	}
	return d.String()
}
